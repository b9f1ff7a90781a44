"""Physics that must hold whatever the algorithm: scaling with bandwidth, symmetry, and what contention costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, Status, SystemConfig, simulate

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
ONE_BYTE_PER_NS = 1e9 / 2**30
TOPOLOGIES = st.sampled_from(["Ring", "FullyConnected", "Switch"])
exactnesses = st.sampled_from(["auto", "plain"])


def run(
    topology: str,
    traces: list[RankTrace],
    *,
    bytes_per_ns: float = 1.0,
    latency: float = 100.0,
    algorithm: str = "ring",
    exactness: Any = "auto",
    groups: Mapping[int, tuple[int, ...]] | None = None,
    **keys: Any,
) -> Outcome:
    """Simulate on one dimension; reductions are free unless a key says otherwise."""
    network = NetworkConfig.from_mapping(
        {
            "topology": [topology],
            "npus_count": [len(traces)],
            "bandwidth": [bytes_per_ns * ONE_BYTE_PER_NS],
            "latency": [latency],
        }
    )
    mapping: dict[str, Any] = {f"{kind}-implementation": [algorithm] for kind in KINDS}
    mapping |= {"endpoint-delay": 10, "preferred-dataset-splits": 1} | keys
    return simulate(traces, network, SystemConfig.from_mapping(mapping), exactness=exactness, groups=groups)


def collective(kind: str, size_bytes: int, group: str = "") -> RankTrace:
    """A trace of one collective."""
    attributes = {"comm_type": kind, "comm_size": size_bytes, "pg_name": group}
    return RankTrace.from_nodes([{"id": 0, "type": "COMM_COLL_NODE", "attr": attributes}])


@given(
    topology=TOPOLOGIES,
    algorithm=st.sampled_from(["ring", "direct", "direct2", "halvingDoubling"]),
    kind=st.sampled_from(["ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER"]),
    doublings=st.integers(2, 3),
    units=st.integers(1, 400),
    factor=st.sampled_from([2, 4, 8]),
    exactness=exactnesses,
)
def test_a_collective_without_latency_takes_half_the_time_on_twice_the_bandwidth(
    topology: str, algorithm: str, kind: str, doublings: int, units: int, factor: int, exactness: str
) -> None:
    """All but endpoint steps: k bytes at B take what factor·k bytes at factor·B take, whatever waits for what.

    Sizes are such that nothing is truncated on either side, so that the law is exact.
    """
    ranks = 1 << doublings
    traces = [collective(kind, units * 64 * ranks)] * ranks
    more = [collective(kind, units * 64 * ranks * factor)] * ranks
    slow = run(topology, traces, algorithm=algorithm, latency=0, exactness=exactness)
    fast = run(topology, more, algorithm=algorithm, latency=0, bytes_per_ns=factor, exactness=exactness)
    assert slow.status is Status.COMPLETED
    assert slow.finish_ns == fast.finish_ns
    assert slow.finish_order == fast.finish_order


@given(
    topology=TOPOLOGIES,
    ranks=st.integers(3, 6),
    units=st.integers(1, 1000),
    fraction=st.sampled_from([1, 2, 4, 5, 10]),
    exactness=exactnesses,
)
def test_the_serialization_part_is_inverse_to_the_bandwidth(
    topology: str, ranks: int, units: int, fraction: int, exactness: str
) -> None:
    """A ring all-gather is E + (n-1)·(hops·(L + m/B) + E): only the middle part moves with B, and by 1/B."""
    size_bytes = units * 100
    traces = [collective("ALL_GATHER", size_bytes)] * ranks
    hops = 2 if topology == "Switch" else 1
    finish = run(topology, traces, bytes_per_ns=1 / fraction, exactness=exactness).finish_ns
    fixed_ns = 10 + (ranks - 1) * (hops * 100 + 10)
    assert finish == (fixed_ns + (ranks - 1) * hops * size_bytes * fraction,) * ranks


@given(
    algorithm=st.sampled_from(["ring", "direct", "direct2"]),
    kind=st.sampled_from(["ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL"]),
    ranks=st.integers(3, 6),
    size_bytes=st.integers(100, 100_000),
    order=st.permutations(range(6)),
    starts=st.permutations(range(6)),
    exactness=exactnesses,
)
def test_ranks_of_a_full_mesh_may_be_renamed(
    algorithm: str,
    kind: str,
    ranks: int,
    size_bytes: int,
    order: list[int],
    starts: list[int],
    exactness: str,
) -> None:
    """Any renaming of a fully connected network is a symmetry; with the group's list renamed too, so is the answer.

    Each pair of ranks has links of its own and no link is shared, so no tie between ranks changes anything.
    """
    names = [rank for rank in order if rank < ranks]

    def finish(renamed: list[int]) -> list[int | None]:
        traces = [RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])] * (ranks + 1)
        for place, name in enumerate(renamed):
            wait = {"id": 0, "type": "COMP_NODE", "duration_micros": 1 + 3 * starts[place]}
            attributes = {"comm_type": kind, "comm_size": size_bytes, "pg_name": "1"}
            node = {"id": 1, "type": "COMM_COLL_NODE", "ctrl_deps": [0], "attr": attributes}
            traces[name] = RankTrace.from_nodes([wait, node])
        outcome = run("FullyConnected", traces, algorithm=algorithm, groups={1: tuple(renamed)}, exactness=exactness)
        assert outcome.status is Status.COMPLETED
        return [outcome.finish_ns[name] for name in renamed]

    assert finish(list(range(ranks))) == finish(names)


@given(
    kind=st.sampled_from(["ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL"]),
    size_bytes=st.integers(1000, 200_000),
    micros=st.integers(1, 300),
    other_bytes=st.integers(1, 300_000),
    topology=st.sampled_from(["FullyConnected", "Switch"]),
    exactness=exactnesses,
)
def test_messages_on_other_links_change_nothing(
    kind: str, size_bytes: int, micros: int, other_bytes: int, topology: str, exactness: str
) -> None:
    """Ranks 0 to 2 communicate; what 3 sends to 4 at any time crosses none of their links."""
    members = [collective(kind, size_bytes, "1")] * 3
    idle = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])
    ends = {"comm_src": 3, "comm_dst": 4, "comm_size": other_bytes, "comm_tag": 1}
    sender = RankTrace.from_nodes(
        [
            {"id": 0, "type": "COMP_NODE", "duration_micros": micros},
            {"id": 1, "type": "COMM_SEND_NODE", "ctrl_deps": [0], "attr": ends},
        ]
    )
    receiver = RankTrace.from_nodes([{"id": 1, "type": "COMM_RECV_NODE", "attr": ends}])
    groups = {1: (0, 1, 2)}
    alone = run(topology, [*members, idle, idle], groups=groups, exactness=exactness)
    together = run(topology, [*members, sender, receiver], groups=groups, exactness=exactness)
    assert together.status is Status.COMPLETED
    assert alone.finish_ns[:3] == together.finish_ns[:3]


def test_these_laws_can_fail() -> None:
    """On links that are shared another's message does change the answer, and more bytes per ns do."""
    members = [collective("ALL_GATHER", 100_000, "1")] * 3
    ends = {"comm_src": 3, "comm_dst": 1, "comm_size": 300_000, "comm_tag": 1}
    sender = RankTrace.from_nodes([{"id": 1, "type": "COMM_SEND_NODE", "attr": ends}])
    idle = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])
    groups = {1: (0, 1, 2)}
    alone = run("Switch", [*members, idle, idle], groups=groups).finish_ns
    together = run("Switch", [*members, sender, idle], groups=groups).finish_ns
    assert alone[1] is not None
    assert together[1] is not None
    assert together[1] > alone[1]
    slow, fast = (run("Ring", [collective("ALL_GATHER", 999)] * 3, bytes_per_ns=b).finish_ns for b in (1.0, 2.0))
    assert slow != fast


@given(
    bandwidth=st.floats(0.5, 1000.0),
    latency=st.floats(0.0, 5000.0),
    size_bytes=st.integers(100, 10**9),
    hops=st.integers(1, 4),
)
def test_one_message_takes_what_the_formulas_say(bandwidth: float, latency: float, size_bytes: int, hops: int) -> None:
    """Congestion-aware, each hop is floor(L + m/B); unaware, all hops together are floor(hops·L + m/B)."""
    ends = {"comm_src": 0, "comm_dst": hops, "comm_size": size_bytes, "comm_tag": 1}
    traces = [RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE"}])] * 9
    wait = {"id": 0, "type": "COMP_NODE", "duration_micros": 1}
    traces[0] = RankTrace.from_nodes([wait, {"id": 1, "type": "COMM_SEND_NODE", "ctrl_deps": [0], "attr": ends}])
    traces[hops] = RankTrace.from_nodes([{"id": 1, "type": "COMM_RECV_NODE", "attr": ends}])
    occupied_ns = size_bytes / (bandwidth * 2**30 / 1e9)
    for aware, expected in (
        (True, hops * math.floor(latency + occupied_ns)),
        (False, math.floor(hops * latency + occupied_ns)),
    ):
        network = NetworkConfig.from_mapping(
            {"topology": ["Ring"], "npus_count": [9], "bandwidth": [bandwidth], "latency": [latency]},
            congestion_aware=aware,
        )
        outcome = simulate(traces, network, SystemConfig.from_mapping({}))
        assert outcome.finish_ns[hops] == 1000 + expected
