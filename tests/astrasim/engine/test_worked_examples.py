"""Runs small enough to follow by hand, and single collectives measured on the real program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from versim_astrasim.engine import NetworkConfig, RankTrace, simulate

MIB = 1 << 20


@pytest.mark.parametrize(
    ("comm_type", "npus", "expected_ns"),
    [
        ("ALL_REDUCE", 4, 43000),
        ("ALL_REDUCE", 8, 64440),
        ("ALL_REDUCE", 16, 99640),
        ("REDUCE_SCATTER", 4, 22240),
        ("ALL_TO_ALL", 4, 41560),
        ("ALL_GATHER", 4, 64744),
    ],
)
@pytest.mark.parametrize("exactness", ["plain", "auto"])
def test_one_mebibyte_on_a_ring(
    network: Callable[..., NetworkConfig],
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
    comm_type: str,
    npus: int,
    expected_ns: int,
    exactness: Any,
) -> None:
    """Four chunks one after another, each E + k(hop + E) + r·red: the shipped example and its relatives."""
    traces = [trace(collective(0, comm_type, MIB))] * npus
    outcome = simulate(traces, network(npus=npus), system(), exactness=exactness)
    assert outcome.finish_ns == (expected_ns,) * npus
    assert outcome.statistics[0].comm_ns == expected_ns


def test_two_chunks_at_once_share_the_link(
    network: Callable[..., NetworkConfig],
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
) -> None:
    """With two active chunks the links are never idle; ranks finish in the order 1, 2, 3, 0."""
    outcome = simulate([trace(collective(0, "ALL_REDUCE", MIB))] * 4, network(), system(active_chunks_per_dimension=2))
    assert outcome.finish_ns == (29800,) * 4
    assert outcome.finish_order == (1, 2, 3, 0)


@pytest.mark.parametrize(
    ("topology", "finish_ns"),
    [("FullyConnected", (10156, 17312, 30000, 1000)), ("Switch", (15312, 27624, 30000, 1000))],
)
def test_a_chain_of_messages_through_the_slots(
    network: Callable[..., NetworkConfig],
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    compute: Callable[..., dict[str, Any]],
    send: Callable[..., dict[str, Any]],
    receive: Callable[..., dict[str, Any]],
    topology: str,
    finish_ns: tuple[int, ...],
) -> None:
    """A send keeps its slot until the message has arrived; a late receive completes at its posting tick."""
    traces = [
        trace(compute(0, 5), send(1, 1, 250000, 0, tag=3)),
        trace(receive(0, 0, 250000, tag=3), compute(1, 2, 0), send(2, 2, 250000, 1)),
        trace(compute(0, 30), receive(1, 1, 250000, 0)),
        trace(compute(0, 1)),
    ]
    outcome = simulate(traces, network(topology), system())
    assert outcome.finish_ns == finish_ns
    assert outcome.statistics[2].comm_ns == 0


@pytest.mark.parametrize(
    ("topology", "finish_ns", "exposed_ns", "comm_ns"),
    [("Switch", 91216, 71216, 74216), ("Ring", 68772, 48772, 51772)],
)
def test_groups_share_the_slots_with_the_world(
    network: Callable[..., NetworkConfig],
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    compute: Callable[..., dict[str, Any]],
    collective: Callable[..., dict[str, Any]],
    topology: str,
    finish_ns: int,
    exposed_ns: int,
    comm_ns: int,
) -> None:
    """Groups pay an endpoint delay of 10 ns whatever is configured; the world pays what is."""
    groups = {1: (0, 1), 2: (2, 3), 3: (0, 2), 4: (1, 3)}

    def of(rank: int) -> RankTrace:
        first = "1" if rank < 2 else "2"
        second = "3" if rank % 2 == 0 else "4"
        return trace(
            compute(0, 10),
            collective(1, "ALL_GATHER", 65536, 0, group=first),
            compute(2, 7, 1),
            collective(3, "REDUCE_SCATTER", 262144, 2, group=first),
            collective(4, "ALL_REDUCE", 524288, 2, group=second),
            compute(5, 3),
            collective(6, "ALL_REDUCE", 100000, 3, 4, 5),
        )

    outcome = simulate([of(rank) for rank in range(4)], network(topology), system(endpoint_delay=25), groups=groups)
    assert outcome.finish_ns == (finish_ns,) * 4
    for statistics in outcome.statistics:
        assert statistics.exposed_comm_ns == exposed_ns
        assert statistics.comm_ns == comm_ns
        assert statistics.gpu_ns == 20000
        assert statistics.overlap_ns == 3000


MEASURED = [
    ("Ring", 8, 50, 500, "ALL_GATHER", MIB, "ring", (4, 1, 10, 1600), {}, 151016, (4, 5, 6, 7, 0, 1, 2, 3)),
    ("Ring", 8, 50, 500, "REDUCE_SCATTER", MIB, "ring", (4, 1, 10, 1600), {}, 33080, (4, 5, 6, 7, 0, 1, 2, 3)),
    ("Ring", 8, 37.3, 123.7, "ALL_GATHER", 1000003, "ring", (5, 3, 17, 1600), {}, 209864, (1, 2, 3, 4, 5, 6, 7, 0)),
    ("Ring", 8, 37.3, 123.7, "ALL_TO_ALL", 1000003, "direct", (5, 1, 17, 1600), {}, 39120, (4, 5, 6, 7, 0, 1, 2, 3)),
    ("Ring", 8, 37.3, 123.7, "ALL_TO_ALL", 1000003, "direct", (5, 3, 17, 1600), {}, 37597, (1, 2, 3, 4, 5, 6, 7, 0)),
    ("Ring", 5, 50, 500, "ALL_TO_ALL", 777777, "direct2", (4, 1, 10, 1600), {}, 22130, (0, 1, 2, 3, 4)),
    ("FullyConnected", 8, 50, 500, "ALL_REDUCE", MIB, "direct", (4, 1, 10, 1600), {}, 9240, tuple(range(8))),
    ("FullyConnected", 6, 50, 500, "ALL_GATHER", 777777, "direct3", (4, 1, 10, 1600), {}, 41360, (1, 2, 3, 4, 5, 0)),
    ("Switch", 8, 400, 936.25, "ALL_REDUCE", MIB, "ring", (4, 2, 10, 3350), {}, 57426, (4, 5, 6, 7, 0, 1, 2, 3)),
    ("Switch", 8, 50, 500, "ALL_REDUCE", 1000003, "direct", (4, 2, 10, 3.3), {}, 108915, (5, 6, 7, 0, 1, 2, 3, 4)),
    ("Switch", 8, 50, 500, "ALL_REDUCE", 1000003, "halvingDoubling", (4, 2, 10, 3.3), {}, 322770, tuple(range(8))),
    ("Ring", 8, 50, 500, "ALL_REDUCE", 1, "ring", (7, 2, 10, 1600), {}, 28600, tuple(range(8))),
    (
        "Ring",
        4,
        50,
        500,
        "ALL_TO_ALL",
        1000000,
        "ring",
        (8, 4, 10, 1600),
        {"num_queues_per_dim": 4},
        14488,
        (1, 3, 2, 0),
    ),
    ("Switch", 8, 50, 500, "REDUCE_SCATTER", 1000000, "direct", (4, 1, 10, 1600), {"rendezvous": True}, 28148, None),
]


@pytest.mark.parametrize("case", MEASURED, ids=lambda case: "-".join(map(str, case[:7])))
def test_measured_ticks_and_order(
    network: Callable[..., NetworkConfig],
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
    case: tuple[Any, ...],
) -> None:
    """Single collectives: when they end, and in which order ranks print it."""
    topology, npus, bandwidth, latency, comm_type, size_bytes, algorithm, settings, options, finish_ns, order = case
    splits, active, endpoint, memory = settings
    outcome = simulate(
        [trace(collective(0, comm_type, size_bytes))] * npus,
        network(topology, npus, bandwidth, latency),
        system(
            algorithm,
            options,
            preferred_dataset_splits=splits,
            active_chunks_per_dimension=active,
            endpoint_delay=endpoint,
            local_mem_bw=memory,
        ),
    )
    assert outcome.finish_ns == (finish_ns,) * npus
    if order is not None:
        assert outcome.finish_order == order


def test_tree_ranks_finish_at_different_ticks(
    network: Callable[..., NetworkConfig],
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
) -> None:
    """Inner ranks and roots end when they post their last sends (measured: golden/astrasim/single_collective)."""
    outcome = simulate(
        [trace(collective(0, "ALL_REDUCE", 1000003))] * 8,
        network("Switch", 8),
        system("doubleBinaryTree", active_chunks_per_dimension=2, local_mem_bw=3.3),
    )
    assert outcome.finish_ns == (3617151, 3606829, 3621807, 3369236, 3621807, 3611485, 3626463, 3131643)


@pytest.mark.parametrize(
    ("algorithms", "comm_type", "optimization", "queues", "finish_ns", "order"),
    [
        (["ring", "ring"], "ALL_REDUCE", "localBWAware", 1, 13902, None),
        (["ring", "ring"], "ALL_REDUCE", "localBWAware", 2, 21897, None),
        (["ring", "ring"], "ALL_REDUCE", "baseline", 1, 28472, (2, 3, 0, 1, 6, 7, 4, 5)),
        (["ring", "direct"], "ALL_GATHER", "localBWAware", 1, 44042, (4, 5, 6, 7, 0, 1, 2, 3)),
    ],
)
def test_two_dimensions_without_congestion(
    system: Callable[..., Any],
    trace: Callable[..., RankTrace],
    collective: Callable[..., dict[str, Any]],
    algorithms: list[str],
    comm_type: str,
    optimization: str,
    queues: int,
    finish_ns: int,
    order: tuple[int, ...] | None,
) -> None:
    """A ring of 4 and a switch of 2: phases per dimension, halves of the lanes, descending all-gathers."""
    unaware = NetworkConfig.from_mapping(
        {"topology": ["Ring", "Switch"], "npus_count": [4, 2], "bandwidth": [100, 33], "latency": [100, 355.5]},
        congestion_aware=False,
    )
    settings = system(
        algorithms,
        {"num_queues_per_dim": queues},
        preferred_dataset_splits=6,
        active_chunks_per_dimension=2,
        collective_optimization=optimization,
    )
    outcome = simulate([trace(collective(0, comm_type, 1000003))] * 8, unaware, settings)
    assert outcome.finish_ns == (finish_ns,) * 8
    if order is not None:
        assert outcome.finish_order == order
