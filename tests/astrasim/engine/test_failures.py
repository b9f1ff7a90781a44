"""Every way in which the original fails has its status, and the diagnosis names ranks and nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from versim import SimulationError
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, RemoteMemoryConfig, Status, SystemConfig, simulate

Make = Callable[..., Any]


@pytest.fixture
def run(network: Make, system: Make) -> Callable[..., Outcome]:
    """Simulates on a ring of four, every rank the same trace unless a list is given."""

    def simulate_four(traces: RankTrace | list[RankTrace], **options: Any) -> Outcome:
        four = traces if isinstance(traces, list) else [traces] * 4
        settings: SystemConfig = options.pop("settings", None) or system()
        machine: NetworkConfig = options.pop("machine", None) or network()
        return simulate(four, machine, settings, **options)

    return simulate_four


def texts(outcome: Outcome, rank: int | None = None) -> str:
    """The findings, optionally of one rank only."""
    return "\n".join(finding.text for finding in outcome.diagnosis if rank is None or finding.rank == rank)


def test_a_receive_without_a_send_leaves_its_rank_unfinished(
    run: Make, trace: Make, compute: Make, receive: Make
) -> None:
    """The finding says which message never came, from whom."""
    idle = trace(compute(0, 1))
    outcome = run([idle, trace(receive(7, 0, 1000, tag=3)), idle, idle])
    assert outcome.status is Status.UNFINISHED
    assert outcome.unfinished_ranks == (1,)
    assert outcome.finish_ns == (1000, None, 1000, 1000)
    (finding,) = outcome.diagnosis
    assert (finding.rank, finding.node_id) == (1, 7)
    assert "no message of 1000 bytes with tag 3 came from rank 0" in finding.text


def test_a_size_that_differs_never_matches(run: Make, trace: Make, compute: Make, send: Make, receive: Make) -> None:
    """The send completes, the receive does not."""
    idle = trace(compute(0, 1))
    outcome = run([trace(send(0, 1, 1000)), trace(receive(0, 0, 999)), idle, idle])
    assert outcome.finish_ns == (518, None, 1000, 1000)


def test_different_orders_of_collectives_deadlock(run: Make, trace: Make, collective: Make) -> None:
    """Jobs pair up by counter, not by node; sizes that differ then never match."""
    one = trace(collective(0, "ALL_REDUCE", 1 << 20), collective(1, "ALL_REDUCE", 2 << 20, 0))
    other = trace(collective(0, "ALL_REDUCE", 2 << 20), collective(1, "ALL_REDUCE", 1 << 20, 0))
    outcome = run([one, other, one, other])
    assert outcome.status is Status.UNFINISHED
    assert outcome.unfinished_ranks == (0, 1, 2, 3)
    assert "its partners did not exchange the messages" in texts(outcome, 2)


def test_unbalanced_groups_break_the_next_world_collective(run: Make, trace: Make, collective: Make) -> None:
    """Group jobs advance the world's job counter of their members, so tags of the next world collective differ."""
    member = trace(collective(0, "ALL_REDUCE", 4096, group="1"), collective(1, "ALL_REDUCE", 4096, 0))
    other = trace(collective(1, "ALL_REDUCE", 4096))
    outcome = run([member, member, other, other], groups={1: (0, 1)})
    assert outcome.status is Status.UNFINISHED
    assert outcome.unfinished_ranks == (0, 1, 2, 3)


def test_a_successor_of_a_skipped_node_may_never_run(run: Make, trace: Make, compute: Make) -> None:
    """Skipped nodes finish without a scan of their own."""
    outcome = run(trace({"id": 0, "type": "INVALID_NODE"}, compute(2, 3, 0)))
    assert outcome.status is Status.UNFINISHED
    assert "is ready, but nothing completes any more" in texts(outcome, 0)


def test_no_active_chunks_hang_every_collective(run: Make, trace: Make, collective: Make, system: Make) -> None:
    """Zero chunks at a time is legal and never gets anywhere."""
    outcome = run(trace(collective(0, "ALL_REDUCE", 1000)), settings=system(active_chunks_per_dimension=0))
    assert outcome.status is Status.UNFINISHED


def test_a_group_of_one_hangs(run: Make, trace: Make, compute: Make, collective: Make) -> None:
    """No dimension takes part, so the collective never ends."""
    idle = trace(compute(0, 5))
    outcome = run([trace(collective(0, "ALL_REDUCE", 1000, group="1")), idle, idle, idle], groups={1: (0,)})
    assert outcome.unfinished_ranks == (0,)
    assert "no dimension takes part" in texts(outcome, 0)


def test_an_error_in_a_rank_batch_loses_only_that_callback(run: Make, trace: Make, compute: Make) -> None:
    """A missing attribute after the start is logged; the rank hangs, the others go on."""
    good = trace(compute(0, 5))
    bad = trace(compute(0, 5), {"id": 1, "type": "COMM_SEND_NODE", "ctrl_deps": [0], "attr": {"comm_dst": 1}})
    outcome = run([good, bad, good, good])
    assert outcome.finish_ns == (5000, None, 5000, 5000)
    assert "has no attribute comm_size" in texts(outcome, 1)
    assert {finding.node_id for finding in outcome.diagnosis} == {1}


def test_the_same_error_at_the_start_aborts(run: Make, trace: Make) -> None:
    """Nothing catches it there."""
    outcome = run(trace({"id": 4, "type": "COMM_SEND_NODE", "attr": {"comm_dst": 1}}))
    assert outcome.status is Status.ABORTED
    assert outcome.diagnosis[0].rank == 0
    assert outcome.diagnosis[0].node_id == 4


def test_a_wrong_attribute_type_is_an_outcome(run: Make, trace: Make, collective: Make) -> None:
    """A text where a number is needed aborts when the node runs, not when it is read."""
    node = collective(0, "ALL_REDUCE", 1000)
    node["attr"]["comm_size"] = "1 KB"
    outcome = run(trace(node))
    assert outcome.status is Status.ABORTED
    assert "comm_size is '1 KB', not an integer" in texts(outcome)


ABORTS: list[tuple[str, list[dict[str, Any]], dict[str, Any], str]] = [
    ("no nodes", [], {}, "no nodes"),
    (
        "a circle",
        [
            {"id": 0, "type": "COMP_NODE", "ctrl_deps": [1]},
            {"id": 1, "type": "COMP_NODE", "ctrl_deps": [0]},
        ],
        {},
        "every node of the trace has a predecessor",
    ),
    (
        "a missing node",
        [{"id": 0, "type": "COMP_NODE"}, {"id": 1, "type": "COMP_NODE", "ctrl_deps": [7]}],
        {},
        "node 7",
    ),
    ("metadata", [{"id": 0, "type": "METADATA_NODE"}], {}, "no statistics"),
    ("no splits", [], {"preferred_dataset_splits": None}, "division by zero"),
    ("two algorithms for one dimension", [], {"algorithm": ["ring", "ring"]}, "2 algorithms for 1 dimension"),
    ("no endpoint delay at the start", [], {"endpoint_delay": 0}, "due at 0 ns"),
    ("barrier", [{"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": "BARRIER", "comm_size": 8}}], {}, "BARRIER"),
    (
        "a message to oneself",
        [
            {"id": 0, "type": "COMM_RECV_NODE", "attr": {"comm_src": 9, "comm_size": 1, "comm_tag": 1}},
            {"id": 1, "type": "COMM_SEND_NODE", "attr": {"comm_dst": 0, "comm_size": 1, "comm_tag": 1}},
        ],
        {},
        "to itself",
    ),
    (
        "a message to nobody",
        [{"id": 1, "type": "COMM_SEND_NODE", "attr": {"comm_dst": 4, "comm_size": 1, "comm_tag": 1}}],
        {},
        "there are only 4 ranks",
    ),
    (
        "a message of nothing",
        [{"id": 1, "type": "COMM_SEND_NODE", "attr": {"comm_dst": 1, "comm_size": 0, "comm_tag": 1}}],
        {},
        "no bytes",
    ),
]


@pytest.mark.parametrize(("nodes", "keys", "text"), [case[1:] for case in ABORTS], ids=[case[0] for case in ABORTS])
def test_aborts(
    run: Make,
    system: Make,
    trace: Make,
    collective: Make,
    nodes: list[dict[str, Any]],
    keys: dict[str, Any],
    text: str,
) -> None:
    """Assertions and uncaught errors of the original."""
    program = trace(*nodes) if nodes or not keys else trace(collective(0, "ALL_REDUCE", 1000))
    outcome = run(program, settings=system(**keys))
    assert outcome.status is Status.ABORTED
    assert text in texts(outcome)
    assert outcome.makespan_ns is None


def test_a_ring_of_two_ranks_aborts_only_with_congestion(
    run: Make, network: Make, trace: Make, collective: Make
) -> None:
    """It declares each of its links twice."""
    both = [trace(collective(0, "ALL_REDUCE", 1000))] * 2
    assert run(both, machine=network(npus=2)).status is Status.ABORTED
    unaware = NetworkConfig.from_mapping(
        {"topology": ["Ring"], "npus_count": [2], "bandwidth": [50], "latency": [500]}, congestion_aware=False
    )
    assert run(both, machine=unaware).status is Status.COMPLETED


def test_a_tree_over_an_odd_number_of_ranks_aborts(
    run: Make, network: Make, system: Make, trace: Make, collective: Make
) -> None:
    """Some ranks have no place in it."""
    five = [trace(collective(0, "ALL_REDUCE", 1000))] * 5
    outcome = run(five, machine=network("Switch", 5), settings=system("doubleBinaryTree"))
    assert outcome.status is Status.ABORTED
    assert outcome.diagnosis[0].rank == 4


REFUSALS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("an unknown group", {"comm_type": "ALL_REDUCE", "comm_size": 8, "pg_name": "9"}, {}, "group 9"),
    (
        "all-to-all by halving",
        {"comm_type": "ALL_TO_ALL", "comm_size": 8},
        {"algorithm": "halvingDoubling"},
        "all-to-all",
    ),
    ("dimensions as text", {"comm_type": "ALL_REDUCE", "comm_size": 8, "involved_dim": "all"}, {}, "involved_dim"),
]


@pytest.mark.parametrize(("attributes", "keys", "text"), [case[1:] for case in REFUSALS], ids=[c[0] for c in REFUSALS])
def test_refusals(
    run: Make, system: Make, trace: Make, attributes: dict[str, Any], keys: dict[str, Any], text: str
) -> None:
    """The original exits with a message."""
    outcome = run(trace({"id": 3, "type": "COMM_COLL_NODE", "attr": attributes}), settings=system(**keys))
    assert outcome.status is Status.REFUSED
    assert text in texts(outcome)
    assert (outcome.diagnosis[0].rank, outcome.diagnosis[0].node_id) == (0, 3)


def test_memory_nodes_need_remote_memory(run: Make, trace: Make) -> None:
    """Without any the original exits; with some they take latency and transfer."""
    load = trace({"id": 0, "type": "MEM_LOAD_NODE", "attr": {"tensor_size": 1000}})
    assert run(load).status is Status.REFUSED
    memory = RemoteMemoryConfig.from_mapping(
        {"memory-type": "PER_NPU_MEMORY_EXPANSION", "remote-mem-latency": 100, "remote-mem-bw": 10}
    )
    outcome = run(load, memory=memory)
    assert outcome.finish_ns == (200,) * 4
    assert outcome.statistics[0].statistics_failed


@pytest.mark.parametrize("size_bytes", [1, 3])
def test_an_all_gather_smaller_than_its_splits_never_ends(
    run: Make, trace: Make, collective: Make, size_bytes: int
) -> None:
    """Its chunks have no bytes, so the loop that cuts them off goes on forever."""
    outcome = run(trace(collective(5, "ALL_GATHER", size_bytes)))
    assert outcome.status is Status.LOOPS
    assert outcome.diagnosis[0].node_id == 5


@pytest.mark.parametrize(
    ("active_chunks", "status"),
    [(1, Status.LOOPS), (2, Status.ABORTED)],
)
def test_what_a_chunk_without_bytes_posts_at_once_ends_the_endless_loop(
    run: Make, trace: Make, collective: Make, network: Make, system: Make, active_chunks: int, status: Status
) -> None:
    """Rank 0 is a leaf of the first tree and the root of the second: only the root posts a receive at once.

    Measured on ASTRA-sim 518bd51; the receive is of no bytes.
    """
    settings = system("doubleBinaryTree", active_chunks_per_dimension=active_chunks)
    outcome = run(trace(collective(5, "ALL_GATHER", 3)), settings=settings, machine=network("Switch"))
    assert outcome.status is status


def test_a_group_of_one_hangs_before_it_can_loop(run: Make, trace: Make, collective: Make) -> None:
    """Nobody takes part, so no chunk is cut off; measured on ASTRA-sim 518bd51."""
    alone = trace(collective(0, "ALL_GATHER", 3, group="7"))
    others = [trace({"id": 0, "type": "COMP_NODE"})] * 3
    assert run([alone, *others], groups={7: (0,)}).unfinished_ranks == (0,)


def test_an_empty_list_of_dimensions_aborts(run: Make, trace: Make, collective: Make) -> None:
    """The original looks at its first entry; measured on ASTRA-sim 518bd51 (SIGSEGV)."""
    node = collective(0, "ALL_REDUCE", 1000)
    node["attr"]["involved_dim"] = []
    outcome = run(trace(node))
    assert outcome.status is Status.ABORTED
    assert "involved_dim is an empty list" in texts(outcome)


@pytest.mark.parametrize(
    ("delay_ns", "at_the_start", "later"),
    [
        (-1, Status.UNFINISHED, Status.ABORTED),
        (-1024, Status.UNFINISHED, Status.ABORTED),
        (-2048, Status.ABORTED, Status.ABORTED),
        (-2049, Status.UNFINISHED, Status.ABORTED),
        (-4096, Status.ABORTED, Status.ABORTED),
        (-10000, Status.UNFINISHED, Status.UNFINISHED),
        (-(2**31), Status.ABORTED, Status.UNFINISHED),
    ],
)
def test_a_negative_endpoint_delay_never_comes_or_aborts(
    run: Make,
    trace: Make,
    collective: Make,
    compute: Make,
    system: Make,
    delay_ns: int,
    at_the_start: Status,
    later: Status,
) -> None:
    """It is nearly 2^64 ns, an event for a tick that ranks read as a double, with 2048 ns between neighbours.

    Where the two are equal the step is taken, and the message's arrival does not fit into 64 bits; where they are not,
    nothing is found to do. At 5000 ns a delay that passes 2^64 aborts at once. Measured on ASTRA-sim 518bd51.
    """
    settings = system(endpoint_delay=delay_ns)
    for name in ("ALL_REDUCE", "ALL_GATHER"):
        assert run(trace(collective(0, name, 100000)), settings=settings).status is at_the_start
    after = trace(compute(0, 5), collective(1, "ALL_REDUCE", 100000, 0))
    assert run(after, settings=settings).status is later


def test_without_an_optimization_one_dimension_is_as_with_the_baseline(
    run: Make, trace: Make, collective: Make, system: Make
) -> None:
    """Which lanes an all-reduce takes depends on it; measured on ASTRA-sim 518bd51 in 67 cases."""
    queues: dict[str, Any] = {"options": {"num_queues_per_dim": 3}, "active_chunks_per_dimension": 3}
    node = trace(collective(0, "ALL_REDUCE", 1000003))
    unset, baseline, other = (
        run(node, settings=system(collective_optimization=value, **queues)).finish_ns
        for value in (None, "baseline", "localBWAware")
    )
    assert unset == baseline != other


def test_a_message_to_oneself_over_several_dimensions_is_refused(trace: Make, send: Make, system: Make) -> None:
    """In one dimension it aborts; over several, the original finds none that differs and exits (518bd51)."""
    plane = NetworkConfig.from_mapping(
        {"topology": ["Ring", "Switch"], "npus_count": [2, 2], "bandwidth": [50, 50], "latency": [1, 1]},
        congestion_aware=False,
    )
    compute = trace({"id": 0, "type": "COMP_NODE"})
    outcome = simulate([trace(send(0, 0, 8)), compute, compute, compute], plane, system())
    assert outcome.status is Status.REFUSED


def test_ticks_beyond_2_53_are_read_as_doubles(
    trace: Make, compute: Make, send: Make, receive: Make, system: Make
) -> None:
    """At 1 byte per second 10^8 bytes take 10^17 ns over each of two hops; measured on ASTRA-sim 518bd51."""
    slow = NetworkConfig.from_mapping(
        {"topology": ["Switch"], "npus_count": [2], "bandwidth": [1 / 2**30], "latency": [0]}
    )
    sent = [trace(compute(0, 1), send(1, 1, 10**8, 0)), trace(receive(0, 0, 10**8))]
    outcome = simulate(sent, slow, system())
    # From 1000 ns on; doubles there are 32 ns apart.
    assert outcome.finish_ns == (200_000_000_000_000_992,) * 2


def test_without_queues_every_collective_hangs(
    run: Make, trace: Make, compute: Make, collective: Make, system: Make
) -> None:
    """Chunks have no lane to be in; compute runs. Measured on ASTRA-sim 518bd51."""
    settings = system(options={"num_queues_per_dim": 0})
    assert run(trace(collective(0, "ALL_REDUCE", 4096)), settings=settings).status is Status.UNFINISHED
    assert run(trace(compute(0, 1)), settings=settings).status is Status.COMPLETED


def test_reducing_at_minus_nothing_takes_for_ever(run: Make, trace: Make, collective: Make, system: Make) -> None:
    """Truncated, plus infinity becomes 0 ns and minus infinity 2^63 ns (measured on ASTRA-sim 518bd51)."""
    node = trace(collective(0, "ALL_REDUCE", 4096))
    assert run(node, settings=system(local_mem_bw=0.0)).status is Status.COMPLETED
    assert run(node, settings=system(local_mem_bw=-0.0)).status is Status.UNFINISHED


def test_nodes_on_a_circle_are_dropped_and_reported(run: Make, trace: Make, compute: Make) -> None:
    """They never run and do not keep the rank from finishing."""
    outcome = run(trace(compute(0, 1), compute(1, 1, 2), compute(2, 1, 1)))
    assert outcome.status is Status.COMPLETED
    assert "2 node(s) never ran" in texts(outcome, 3)


def test_inflated_collectives_are_reported_once(run: Make, trace: Make, collective: Make) -> None:
    """A remainder makes one more full chunk, on every rank; one finding says so."""
    outcome = run(trace(collective(0, "ALL_REDUCE", 1000003)), settings=None)
    (finding,) = outcome.diagnosis
    assert finding.text.startswith("all-reduce of 1000003 bytes runs as 5 chunks of 250000 bytes, 1250000 bytes in all")


def test_a_run_can_be_cut_short(run: Make, trace: Make, collective: Make) -> None:
    """A limit on ticks is the caller's, so exceeding it is an error and not an outcome."""
    with pytest.raises(SimulationError, match="still going after 10 ticks"):
        run(trace(collective(0, "ALL_REDUCE", 1 << 20)), exactness="plain", max_ticks=10)


def test_an_abort_leaves_sound_link_figures(run: Make, trace: Make, compute: Make, send: Make, receive: Make) -> None:
    """Messages that were waiting when the run died have waited until then, not since before time began."""
    sender = trace(send(0, 1, 10_000_000))
    bad = trace(compute(0, 2), {"id": 1, "type": "METADATA_NODE", "ctrl_deps": [0]})
    other = trace(send(0, 1, 1000, tag=1))  # reaches the busy link after 518 ns
    receiver = trace(receive(0, 0, 10_000_000), receive(1, 3, 1000, tag=1))
    outcome = run([sender, receiver, bad, other])
    assert outcome.status is Status.ABORTED
    waited = dict(zip(outcome.links.name, outcome.links.queueing_ns.tolist(), strict=True))
    assert waited["0->1"] == 2000 - 518


def test_a_duration_that_wraps_to_nothing_takes_no_time(run: Make, trace: Make, compute: Make) -> None:
    """2^61 µs are 0 ns in 64 bits: an abort at the very start (measured), and legal later."""
    idle = trace(compute(0, 1))
    assert run([trace(compute(0, 2**61)), idle, idle, idle]).status is Status.ABORTED
    later = run([trace(compute(0, 1), compute(1, 2**61, 0)), idle, idle, idle])
    assert later.finish_ns == (1000, 1000, 1000, 1000)
    assert run([trace(compute(0, 18446744073709556)), idle, idle, idle]).finish_ns[0] == 4384


def test_compute_of_no_operations_has_no_end_that_could_be_told(run: Make, trace: Make, system: Make) -> None:
    """It lasts 2^63 ns, more than 64 bits hold in any unit; spans do not show a number that was cut off."""
    timed = {"num_ops": 0, "tensor_size": 64}
    nodes = trace(
        {"id": 0, "type": "COMP_NODE", "attr": timed},
        {"id": 1, "type": "COMP_NODE", "ctrl_deps": [0], "attr": {"num_ops": 10**9, "tensor_size": 64}},
    )
    outcome = run(nodes, settings=system(roofline_enabled=1, peak_perf=900))
    assert outcome.status is Status.UNFINISHED
    assert outcome.spans.end_ns.tolist() == [-1] * len(outcome.spans)
    assert max(outcome.spans.start_ns.tolist()) == 0
