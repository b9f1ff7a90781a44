"""What must hold of any network: symmetry, independence, and that company never makes a message faster."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, RankTrace, Status, SystemConfig, simulate

TOPOLOGIES = st.sampled_from(["Ring", "FullyConnected", "Switch"])

Message = tuple[int, int, int, int]
"""Microseconds of compute before it, source, destination, bytes."""


def network(topology: str, ranks: int) -> NetworkConfig:
    """A congestion-aware network."""
    return NetworkConfig.from_mapping(
        {"topology": [topology], "npus_count": [ranks], "bandwidth": [25.0], "latency": [300.0]}
    )


def run(topology: str, ranks: int, messages: list[Message]) -> tuple[tuple[int | None, ...], dict[int, int]]:
    """Finish ticks by rank, and when each message arrived, by its place in the list."""
    nodes: list[list[dict[str, Any]]] = [[] for _ in range(ranks)]
    for tag, (micros, source, destination, size_bytes) in enumerate(messages):
        wait, message = 2 * tag, 2 * tag + 1
        peers = {"comm_src": source, "comm_dst": destination, "comm_size": size_bytes, "comm_tag": tag}
        nodes[source].append({"id": wait, "type": "COMP_NODE", "duration_micros": micros})
        nodes[source].append({"id": message, "type": "COMM_SEND_NODE", "ctrl_deps": [wait], "attr": peers})
        nodes[destination].append({"id": message, "type": "COMM_RECV_NODE", "attr": peers})
    for rank, own in enumerate(nodes):
        if not own:
            own.append({"id": 0, "type": "COMP_NODE", "duration_micros": 1 + rank % 2})
    outcome = simulate(
        [RankTrace.from_nodes(own) for own in nodes], network(topology, ranks), SystemConfig.from_mapping({})
    )
    assert outcome.status is Status.COMPLETED
    assert outcome.spans is not None
    spans = zip(outcome.spans.rank.tolist(), outcome.spans.node_id.tolist(), outcome.spans.end_ns.tolist(), strict=True)
    arrivals = {
        (node_id - 1) // 2: end
        for rank, node_id, end in spans
        if node_id % 2 and messages[(node_id - 1) // 2][1] == rank
    }
    return outcome.finish_ns, arrivals


def disjoint_sources(ranks: int) -> st.SearchStrategy[list[Message]]:
    """At most one message per source, each after another time of compute, so that no two start in one tick."""

    def messages(seeds: list[tuple[int, int]]) -> list[Message]:
        return [
            (1 + 7 * place, place, (place + 1 + offset % (ranks - 1)) % ranks, size_bytes)
            for place, (offset, size_bytes) in enumerate(seeds)
        ]

    seeds = st.lists(st.tuples(st.integers(0, 97), st.integers(100, 400_000)), min_size=1, max_size=ranks)
    return seeds.map(messages)


@given(topology=TOPOLOGIES, data=st.data())
def test_company_never_makes_a_message_faster(topology: str, data: st.DataObject) -> None:
    """A message that shares links with others arrives no earlier than alone."""
    ranks = data.draw(st.integers(3, 7))
    messages = data.draw(disjoint_sources(ranks))
    _, together = run(topology, ranks, messages)
    for place, message in enumerate(messages):
        _, alone = run(topology, ranks, [message])
        assert together[place] >= alone[0]


@given(data=st.data(), shift=st.integers(1, 6))
def test_turning_a_ring_turns_the_answer(data: st.DataObject, shift: int) -> None:
    """Ranks of a ring are alike; without ties, relabelling them by a rotation permutes what comes out."""
    ranks = data.draw(st.sampled_from([3, 5, 7]))  # with an even number the two ways round can tie
    messages = data.draw(disjoint_sources(ranks))
    turned = [
        (micros, (source + shift) % ranks, (destination + shift) % ranks, size_bytes)
        for micros, source, destination, size_bytes in messages
    ]
    _, arrivals = run("Ring", ranks, messages)
    _, turned_arrivals = run("Ring", ranks, turned)
    assert arrivals == turned_arrivals


@given(
    first=st.lists(st.sampled_from(["ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER"]), min_size=1, max_size=3),
    second=st.lists(st.sampled_from(["ALL_REDUCE", "ALL_TO_ALL"]), min_size=1, max_size=3),
    size_bytes=st.integers(1000, 500_000),
    algorithm=st.sampled_from(["ring", "direct", "halvingDoubling"]),
    exactness=st.sampled_from(["plain", "auto"]),
)
def test_a_group_on_other_links_changes_nothing(
    first: list[str], second: list[str], size_bytes: int, algorithm: str, exactness: Any
) -> None:
    """Two groups of a fully connected network share no link, so neither notices the other."""
    if algorithm == "halvingDoubling":
        second = ["ALL_REDUCE" for _ in second]
    groups = {1: (0, 1, 2, 3), 2: (4, 5, 6, 7)}
    system = SystemConfig.from_mapping(
        {
            **{f"{kind}-implementation": [algorithm] for kind in ("all-reduce", "all-gather", "reduce-scatter")},
            "all-to-all-implementation": ["direct" if algorithm == "halvingDoubling" else algorithm],
            "preferred-dataset-splits": 2,
            "active-chunks-per-dimension": 2,
        }
    )

    def trace(kinds: list[str], group: str) -> RankTrace:
        return RankTrace.from_nodes(
            [
                {
                    "id": node_id,
                    "type": "COMM_COLL_NODE",
                    "ctrl_deps": [node_id - 1] if node_id else [],
                    "attr": {"comm_type": kind, "comm_size": size_bytes, "pg_name": group},
                }
                for node_id, kind in enumerate(kinds)
            ]
        )

    idle = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 1}])
    mine, others = [trace(first, "1")] * 4, [trace(second, "2")] * 4
    machine = network("FullyConnected", 8)
    alone = simulate([*mine, *[idle] * 4], machine, system, groups=groups, exactness=exactness)
    together = simulate([*mine, *others], machine, system, groups=groups, exactness=exactness)
    assert alone.finish_ns[:4] == together.finish_ns[:4]
    assert together.status is Status.COMPLETED


@given(
    ranks=st.integers(2, 6),
    micros=st.lists(st.integers(0, 50), min_size=1, max_size=12),
    data=st.data(),
)
def test_compute_runs_one_at_a_time_and_exposes_nothing(ranks: int, micros: list[int], data: st.DataObject) -> None:
    """A rank without communication finishes after the sum of its compute; the GPU slot is never idle nor shared."""
    nodes: list[dict[str, Any]] = []
    for node_id, duration in enumerate(micros):
        deps = data.draw(st.lists(st.integers(0, node_id - 1), max_size=3)) if node_id else []
        nodes.append({"id": node_id, "type": "COMP_NODE", "duration_micros": duration, "data_deps": deps})
    outcome = simulate([RankTrace.from_nodes(nodes)] * ranks, network("Switch", ranks), SystemConfig.from_mapping({}))
    total_ns = sum(duration * 1000 or 1 for duration in micros)
    assert outcome.finish_ns == (total_ns,) * ranks
    assert {statistics.exposed_comm_ns for statistics in outcome.statistics} == {0}
    assert {statistics.gpu_ns for statistics in outcome.statistics} == {total_ns}
    spans = outcome.spans
    assert spans is not None
    assert bool((spans.ready_ns <= spans.start_ns).all())


@given(topology=TOPOLOGIES, ranks=st.integers(3, 6), size_bytes=st.integers(1000, 300_000), active=st.integers(1, 3))
def test_links_carry_what_is_sent(topology: str, ranks: int, size_bytes: int, active: int) -> None:
    """Every byte is counted on every link it crosses, and no link is busy for longer than the run."""
    system = SystemConfig.from_mapping(
        {
            "all-gather-implementation": ["direct"],
            "preferred-dataset-splits": 1,
            "active-chunks-per-dimension": active,
        }
    )
    trace = RankTrace.from_nodes(
        [{"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": "ALL_GATHER", "comm_size": size_bytes}}]
    )
    outcome = simulate([trace] * ranks, network(topology, ranks), system)
    assert outcome.message_count == ranks * (ranks - 1)
    hops = {
        "Ring": sum(min(step, ranks - step) for step in range(1, ranks)),
        "FullyConnected": ranks - 1,
        "Switch": 2 * (ranks - 1),
    }[topology]
    assert int(outcome.links.bytes_carried.sum()) == ranks * hops * size_bytes
    assert int(outcome.links.messages.sum()) == ranks * hops
    makespan_ns = outcome.makespan_ns
    assert makespan_ns is not None
    assert int(outcome.links.busy_ns.max()) <= makespan_ns
    assert bool((outcome.links.queueing_ns >= 0).all())
