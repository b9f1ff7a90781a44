"""The engine's building blocks on their own: ticks, links, matching, orders of iteration."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import versim_astrasim.engine
from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, RankTrace, Status, SystemConfig, simulate
from versim_astrasim.engine.algorithms.names import Algorithm, parse
from versim_astrasim.engine.event_queue import EventQueue, RankCalendar, as_uint64
from versim_astrasim.engine.failures import Abort, CallbackError
from versim_astrasim.engine.hash_set import OrderedHashSet
from versim_astrasim.engine.networks import CongestionAwareNetwork
from versim_astrasim.engine.statistics import union_ns
from versim_astrasim.engine.structures import TreePair
from versim_astrasim.engine.topologies import RingLinks, ring_hops


def test_the_example_in_the_documentation_runs() -> None:
    """The package's docstring shows its use and the figure it gives."""
    assert doctest.testmod(versim_astrasim.engine).failed == 0


def test_a_rank_acts_once_per_tick_where_it_was_first_deferred() -> None:
    """Rank 0 was deferred first, so all of its actions precede rank 1's, including one deferred last."""
    queue = EventQueue()
    ranks = [RankCalendar(queue), RankCalendar(queue)]
    log: list[str] = []
    ranks[0][5].append(lambda: log.append("0a"))
    ranks[1][5].append(lambda: log.append("1a"))

    def defer_more() -> None:
        log.append("0b")
        ranks[0][5].append(lambda: log.append("0c"))

    ranks[0][5].append(defer_more)
    queue[5].append(lambda: log.append("network"))
    queue.run()
    assert log == ["0a", "0b", "0c", "1a", "network"]


def test_an_error_in_a_batch_is_logged_and_elsewhere_aborts() -> None:
    """The original catches errors only where it works off a rank's calendar."""

    def fail() -> None:
        raise CallbackError("bad", 0, 1)

    queue = EventQueue()
    calendar = RankCalendar(queue)
    log: list[int] = []
    calendar[1].append(fail)
    calendar[1].append(lambda: log.append(1))
    queue.run()
    assert log == [1]
    assert [error.reason for error in calendar.errors] == ["bad"]
    queue[2].append(fail)
    with pytest.raises(Abort, match="bad"):
        queue.run()


def test_nothing_may_be_due_at_the_start() -> None:
    """The original's clock must move before anything happens."""
    queue = EventQueue()
    queue[0].append(lambda: None)
    with pytest.raises(Abort, match="0 ns"):
        queue.run()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.9, 0), (1e18, 10**18), (2.0**63, 2**63), (math.inf, 0), (2.0**64, 0), (math.nan, 2**63), (-1.0, 2**64 - 1)],
)
def test_doubles_become_integers_as_in_machine_code(value: float, expected: int) -> None:
    """Out-of-range conversions decide what compute without operations or without a device does."""
    assert as_uint64(value) == expected


def test_messages_of_one_channel_wait_for_the_link() -> None:
    """Serialization blocks the link, latency does not."""
    queue = EventQueue()
    config = NetworkConfig.from_mapping(
        {"topology": ["FullyConnected"], "npus_count": [2], "bandwidth": [1e9 / 2**30], "latency": [500]}
    )
    network = CongestionAwareNetwork(config, queue)
    channel = network.channel(0, 0, 1, 100)
    arrivals: list[int] = []
    for _ in range(3):
        channel.receive(lambda: arrivals.append(queue.now))
        channel.send()
    queue.run()
    assert arrivals == [600, 700, 800]
    (link,) = network.links()
    assert (link.bytes_carried, link.busy_ns, link.queueing_ns, link.messages) == (300, 300, 300, 3)


def test_a_late_receive_completes_when_posted() -> None:
    """Its action runs at the end of the posting tick."""
    queue = EventQueue()
    config = NetworkConfig.from_mapping(
        {"topology": ["FullyConnected"], "npus_count": [2], "bandwidth": [1.0], "latency": [5]}
    )
    network = CongestionAwareNetwork(config, queue)
    log: list[tuple[str, int]] = []
    network.channel(0, 0, 1, 8).send(lambda: log.append(("sent", queue.now)))

    def post() -> None:
        network.channel(0, 0, 1, 8).receive(lambda: log.append(("received", queue.now)))
        queue[queue.now].append(lambda: log.append(("after", queue.now)))

    queue[50].append(post)
    queue.run()
    assert log == [("sent", 12), ("received", 50), ("after", 50)]


@given(ranks=st.integers(3, 12), source=st.integers(0, 11), destination=st.integers(0, 11))
def test_ring_routes_are_shortest_and_ties_go_clockwise(ranks: int, source: int, destination: int) -> None:
    """Every route starts at its source, ends at its destination, and is no longer than the other way round."""
    source, destination = source % ranks, destination % ranks
    if source == destination:
        return
    route = RingLinks(ranks, EventQueue()).route(source, destination)
    devices = [tuple(map(int, link.name.split("->"))) for link in route]
    assert devices[0][0] == source
    assert devices[-1][1] == destination
    assert all(first[1] == second[0] for first, second in pairwise(devices))
    assert len(route) == ring_hops(source, destination, ranks)
    if 2 * len(route) == ranks:
        assert devices[0][1] == (source + 1) % ranks


def test_trees_have_a_single_child_at_the_root() -> None:
    """The last rank is the first tree's root, the first rank the second's."""
    pair = TreePair.of(tuple(range(8)))
    assert pair.place(7, 0).children == (3,)
    assert pair.place(3, 0).children == (1, 5)
    assert pair.place(0, 1).children == (4,)
    assert pair.place(0, 0).parent == 1


def test_algorithm_names() -> None:
    """A window is what the first five characters after the name start with."""
    assert parse("direct2xyz").window == 2
    assert parse("oneDirect12").spans_all_ranks
    assert parse("doubleBinaryTree").algorithm is Algorithm.DOUBLE_BINARY_TREE


def test_hash_sets_iterate_by_bucket() -> None:
    """New buckets come to the front; within a bucket the newest is first; growing re-inserts in order."""
    keys = OrderedHashSet([1, 2, 3])
    assert list(keys) == [3, 2, 1]
    keys.add(14)  # same bucket of 13 as 1
    assert list(keys) == [3, 2, 14, 1]
    keys.remove(2)
    assert list(keys) == [3, 14, 1]
    assert 2 not in keys


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60))
def test_hash_sets_hold_what_was_put_in(keys: list[int]) -> None:
    """Whatever the order, nothing is lost or doubled."""
    assert sorted(OrderedHashSet(keys)) == sorted(set(keys))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=20))
def test_the_union_of_intervals_counts_ticks_once(spans: list[tuple[int, int]]) -> None:
    """Class times are lengths of unions."""
    intervals = [(start, start + length) for start, length in spans]
    ticks = {tick for start, end in intervals for tick in range(start, end)}
    assert union_ns(intervals) == len(ticks)


def _exchange(position: int, ranks: int) -> RankTrace:
    """Everyone sends its right neighbour 1000 bytes, computes for a microsecond and is done."""
    right, left = (position + 1) % ranks, (position - 1) % ranks
    message = {"comm_size": 1000, "comm_tag": 7}
    return RankTrace.from_nodes(
        [
            {"id": 0, "type": "COMM_SEND_NODE", "attr": {"comm_dst": right, **message}},
            {"id": 1, "type": "COMM_RECV_NODE", "attr": {"comm_src": left, **message}},
            {"id": 2, "type": "COMP_NODE", "data_deps": [0, 1], "duration_micros": 1},
        ]
    )


@pytest.mark.parametrize(("splits", "status"), [(1, Status.COMPLETED), (4, Status.UNFINISHED)])
def test_trace_described_collectives_are_one_job(
    network: Callable[..., NetworkConfig],
    system: Callable[..., SystemConfig],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
    splits: int,
    status: Status,
) -> None:
    """They ignore the node's size, but still wait for as many jobs as its size would have made."""
    asked: list[str] = []

    def read(path: str) -> RankTrace:
        asked.append(path)
        return _exchange(int(path.split(".")[1]), 4)

    settings = system(preferred_dataset_splits=splits, all_reduce_implementation_custom=["exchange"])
    outcome = simulate(
        [trace(collective(0, "ALL_REDUCE", 1 << 20))] * 4, network("FullyConnected"), settings, read_trace=read
    )
    assert outcome.status is status
    assert sorted(asked) == [f"exchange.{rank}.et" for rank in range(4)]
    if status is Status.COMPLETED:
        assert outcome.finish_ns == (518 + 1000,) * 4


def test_a_trace_described_collective_that_cannot_be_read_is_refused(
    network: Callable[..., NetworkConfig],
    system: Callable[..., SystemConfig],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
) -> None:
    """The original exits; so does a node mapped to a file of its own."""
    outcome = simulate(
        [trace(collective(3, "ALL_REDUCE", 1000))] * 4, network(), system(), per_node_custom={3: "nowhere"}
    )
    assert outcome.status is Status.REFUSED
    assert "nowhere.0.et" in outcome.diagnosis[0].text
