"""Networks of several dimensions with contention, which ASTRA-sim refuses: laws, and times worked out by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, Status, SystemConfig, simulate
from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.product import Degradation, DimensionProduct
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.wiring import Wire

MIB = 1 << 20
GIB = 1 << 30
RING, FULLY_CONNECTED, SWITCH = "Ring", "FullyConnected", "Switch"
ENDPOINT_NS = 10
LOCAL_BYTES_PER_S = 1600e9


def network(
    topology: tuple[str, ...],
    sizes: tuple[int, ...],
    bandwidth: tuple[float, ...] = (),
    latency: tuple[float, ...] = (),
    oversubscription: tuple[float, ...] = (),
    degraded: tuple[Degradation, ...] = (),
) -> NetworkConfig:
    """A network of several dimensions; links of 50 GiB/s and 500 ns unless said."""
    return NetworkConfig(
        topology=topology,
        npus_count=sizes,
        bandwidth_gib_per_s=bandwidth or (50.0,) * len(sizes),
        latency_ns=latency or (500.0,) * len(sizes),
        oversubscription=oversubscription,
        degraded=degraded,
        variant=Variant.EXTENDED,
    )


def system(algorithm: str, dimensions: int) -> SystemConfig:
    """One chunk, one algorithm everywhere."""
    kinds = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
    return SystemConfig.from_mapping(
        {
            **{f"{kind}-implementation": [algorithm] * dimensions for kind in kinds},
            "preferred-dataset-splits": 1,
            "local-mem-bw": 1600,
            "endpoint-delay": ENDPOINT_NS,
            "active-chunks-per-dimension": 1,
            "collective-optimization": "localBWAware",
        }
    )


def collective(comm_type: str, size_bytes: int, group: str = "") -> RankTrace:
    """A trace of one collective."""
    attributes = {"comm_type": comm_type, "comm_size": size_bytes} | ({"pg_name": group} if group else {})
    return RankTrace.from_nodes([{"id": 0, "type": "COMM_COLL_NODE", "attr": attributes}])


def compute() -> RankTrace:
    """A trace that sends nothing."""
    return RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 1}])


def messages(pairs: list[tuple[int, int]], size_bytes: int, ranks: int) -> list[RankTrace]:
    """Traces in which messages all leave after 1 us."""
    nodes: list[list[dict[str, object]]] = [
        [{"id": 0, "type": "COMP_NODE", "duration_micros": 1}] for _ in range(ranks)
    ]
    for tag, (source, destination) in enumerate(pairs):
        message = {"comm_size": size_bytes, "comm_tag": tag, "comm_src": source, "comm_dst": destination}
        for rank, kind in ((source, "COMM_SEND_NODE"), (destination, "COMM_RECV_NODE")):
            nodes[rank].append({"id": len(nodes[rank]), "type": kind, "ctrl_deps": [0], "attr": message})
    return [RankTrace.from_nodes(of_rank) for of_rank in nodes]


def finish(outcome: Outcome) -> int:
    """When the last rank ends."""
    assert outcome.status is Status.COMPLETED, outcome.diagnosis
    assert outcome.makespan_ns is not None
    return outcome.makespan_ns


def hop_ns(size_bytes: int, bandwidth_gib_per_s: float, latency_ns: float) -> int:
    """Latency and serialization of one link."""
    return int(latency_ns + size_bytes / (bandwidth_gib_per_s * GIB / 1e9))


def reduction_ns(size_bytes: int) -> int:
    """Two reads and a write of local memory."""
    return 3 * int(size_bytes / LOCAL_BYTES_PER_S * 1e9)


@pytest.mark.parametrize("inner", [RING, FULLY_CONNECTED, SWITCH])
@pytest.mark.parametrize("outer", [RING, FULLY_CONNECTED, SWITCH])
@pytest.mark.parametrize("size_bytes", [64 * MIB, 64 * 12_345])
def test_a_two_level_all_reduce_is_the_hierarchical_closed_form(inner: str, outer: str, size_bytes: int) -> None:
    """8 nodes of 8: scatter inside, all-reduce a shard across, gather inside; nobody waits for a link.

    Per phase one endpoint delay E and one exchange after the other: 7 (H + E + R) to scatter, 7 (H + E) to gather,
    both to all-reduce, of messages of 1/8 inside and 1/64 across; H is doubled behind a switch.
    """
    bandwidth, latency = (450.0, 50.0), (300.0, 2000.0)
    outcome = simulate(
        [collective("ALL_REDUCE", size_bytes)] * 64,
        network((inner, outer), (8, 8), bandwidth, latency),
        system("ring", 2),
    )
    inside_bytes, across_bytes = size_bytes // 8, size_bytes // 64
    inside_ns = hop_ns(inside_bytes, bandwidth[0], latency[0]) * (2 if inner == SWITCH else 1)
    across_ns = hop_ns(across_bytes, bandwidth[1], latency[1]) * (2 if outer == SWITCH else 1)
    scatter_ns = ENDPOINT_NS + 7 * (inside_ns + ENDPOINT_NS + reduction_ns(inside_bytes))
    reduce_ns = ENDPOINT_NS + 7 * (across_ns + ENDPOINT_NS + reduction_ns(across_bytes)) + 7 * (across_ns + ENDPOINT_NS)
    gather_ns = ENDPOINT_NS + 7 * (inside_ns + ENDPOINT_NS)
    assert set(outcome.finish_ns) == {scatter_ns + reduce_ns + gather_ns}


@pytest.mark.parametrize("inner", [RING, FULLY_CONNECTED, SWITCH])
def test_tensor_groups_in_different_nodes_do_not_disturb_one_another(inner: str) -> None:
    """One node at work ends when all eight do, whose links are their own."""
    groups = {node + 1: tuple(range(8 * node, 8 * node + 8)) for node in range(8)}
    sized = network((inner, SWITCH), (8, 8))
    together = [collective("ALL_REDUCE", 16 * MIB, str(rank // 8 + 1)) for rank in range(64)]
    alone = [trace if rank < 8 else compute() for rank, trace in enumerate(together)]
    first = finish(simulate(alone, sized, system("ring", 2), groups={1: groups[1]}))
    assert set(simulate(together, sized, system("ring", 2), groups=groups).finish_ns) == {first}


def test_data_groups_across_nodes_share_nothing_but_an_oversubscribed_switch() -> None:
    """Each rank has its own link to the outer switch; at 8 to 1 the eight ranks of a node share what one had."""
    groups = {place + 1: tuple(range(place, 64, 8)) for place in range(8)}
    together = [collective("ALL_REDUCE", 16 * MIB, str(rank % 8 + 1)) for rank in range(64)]
    alone = [trace if rank % 8 == 0 else compute() for rank, trace in enumerate(together)]

    def ends_ns(traces: list[RankTrace], taking_part: dict[int, tuple[int, ...]], factor: float) -> int:
        sized = network((FULLY_CONNECTED, SWITCH), (8, 8), oversubscription=(1.0, factor))
        return finish(simulate(traces, sized, system("ring", 2), groups=taking_part))

    assert ends_ns(together, groups, 1.0) == ends_ns(alone, {1: groups[1]}, 1.0)
    shared, lonely = ends_ns(together, groups, 8.0), ends_ns(alone, {1: groups[1]}, 8.0)
    # Four links in a row instead of two; together, eight messages queue for the shared ones.
    assert lonely < shared < 8 * lonely


def test_a_message_across_both_dimensions_takes_the_outer_one_first() -> None:
    """From (0, 0) to (2, 1) of a 4-ring of 4-rings: one hop across, two inside, one link after the other."""
    bandwidth, latency = (100.0, 25.0), (100.0, 1000.0)
    traces = messages([(0, 6)], MIB, 16)
    outcome = simulate(traces, network((RING, RING), (4, 4), bandwidth, latency), system("ring", 2))
    assert outcome.links.name == ("0->4", "4->5", "5->6")
    hops = [hop_ns(MIB, 25.0, 1000.0), hop_ns(MIB, 100.0, 100.0), hop_ns(MIB, 100.0, 100.0)]
    assert finish(outcome) == 1000 + sum(hops)


shapes = st.lists(
    st.tuples(st.sampled_from([RING, FULLY_CONNECTED, SWITCH]), st.integers(2, 4)), min_size=1, max_size=3
)


@given(shape=shapes, data=st.data())
def test_every_way_goes_over_wires(shape: list[tuple[str, int]], data: st.DataObject) -> None:
    """Between any two ranks, one wire after the other; the same number back; none is used twice."""
    topology, sizes = zip(*shape, strict=True)
    wiring = DimensionProduct(network(topology, sizes, oversubscription=data.draw(factors(len(sizes)))))
    source, destination = data.draw(st.permutations(range(math.prod(sizes))))[:2]
    path = wiring.path(source, destination)
    assert (path[0], path[-1]) == (source, destination)
    assert len(set(path)) == len(path)
    assert all(wiring.wire(here, there) is not None for here, there in pairwise(path))
    assert len(wiring.path(destination, source)) == len(path)


def factors(dimensions: int) -> st.SearchStrategy[tuple[float, ...]]:
    """Oversubscriptions."""
    return st.tuples(*[st.sampled_from([1.0, 2.0, 4.0])] * dimensions)


@settings(max_examples=50)
@given(shape=shapes, data=st.data())
def test_a_slower_or_cut_link_only_delays(shape: list[tuple[str, int]], data: st.DataObject) -> None:
    """A single message with a degraded wire on its way ends no earlier; a cut one is gone round, or is an error."""
    topology, sizes = zip(*shape, strict=True)
    ranks = math.prod(sizes)
    source, destination = data.draw(st.permutations(range(ranks)))[:2]
    traces = messages([(source, destination)], MIB, ranks)
    whole = finish(simulate(traces, network(topology, sizes), system("ring", len(sizes))))
    path = DimensionProduct(network(topology, sizes)).path(source, destination)
    here, there = data.draw(st.sampled_from(list(pairwise(path))))
    slow = network(topology, sizes, degraded=(Degradation(here, there, 0.1, 100.0),))
    hop, slow_hop = hop_ns(MIB, 50.0, 500.0), hop_ns(MIB, 5.0, 600.0)
    assert finish(simulate(traces, slow, system("ring", len(sizes)))) == whole - hop + slow_hop
    cut = network(topology, sizes, degraded=(Degradation(here, there, 0.0),))
    wiring = DimensionProduct(cut)
    try:
        detour = wiring.path(source, destination)
    except Abort:
        ended = simulate(traces, cut, system("ring", len(sizes)))
        assert ended.status is Status.ABORTED
        assert f"no way from rank {source} to rank {destination}" in ended.diagnosis[0].text
        return
    assert (here, there) not in pairwise(detour)
    assert finish(simulate(traces, cut, system("ring", len(sizes)))) == 1000 + (len(detour) - 1) * hop


def test_a_cut_ring_is_walked_the_other_way_round() -> None:
    """Between 0 and 1 of a ring of 4 the long way is left; of the wire back nothing is missing."""
    wiring = DimensionProduct(network((RING, RING), (4, 2), degraded=(Degradation(0, 1, 0.0),)))
    assert wiring.path(0, 1) == (0, 3, 2, 1)
    assert wiring.path(1, 0) == (1, 0)


def test_a_cut_card_is_gone_round_over_a_neighbour() -> None:
    """Rank 0's uplink to the outer switch (device 4) is down: its messages leave over rank 1's."""
    wiring = DimensionProduct(network((FULLY_CONNECTED, SWITCH), (2, 2), degraded=(Degradation(0, 4, 0.0),)))
    assert wiring.path(0, 2) == (0, 1, 4, 2)
    assert wiring.path(2, 0) == (2, 4, 0)
    assert wiring.wire(0, 4) is None
    assert wiring.wire(4, 0) == Wire(50.0, 500.0)
