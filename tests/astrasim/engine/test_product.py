"""Networks of several dimensions with contention, which ASTRA-sim refuses: laws, and times worked out by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from products import FULLY_CONNECTED, RING, SWITCH, product
from versim import Degradation
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, Status, SystemConfig, simulate
from versim_astrasim.engine.variant import Variant

MIB = 1 << 20
GIB = 1 << 30
ENDPOINT_NS = 10
LOCAL_BYTES_PER_S = 1600e9


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
        product((inner, outer), (8, 8), bandwidth, latency),
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
    sized = product((inner, SWITCH), (8, 8))
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
        sized = product((FULLY_CONNECTED, SWITCH), (8, 8), oversubscription=(1.0, factor))
        return finish(simulate(traces, sized, system("ring", 2), groups=taking_part))

    assert ends_ns(together, groups, 1.0) == ends_ns(alone, {1: groups[1]}, 1.0)
    shared, lonely = ends_ns(together, groups, 8.0), ends_ns(alone, {1: groups[1]}, 8.0)
    # Four links in a row instead of two; together, eight messages queue for the shared ones.
    assert lonely < shared < 8 * lonely


def test_a_message_across_both_dimensions_takes_the_outer_one_first() -> None:
    """From (0, 0) to (2, 1) of a 4-ring of 4-rings: one hop across, two inside, one link after the other."""
    bandwidth, latency = (100.0, 25.0), (100.0, 1000.0)
    traces = messages([(0, 6)], MIB, 16)
    outcome = simulate(traces, product((RING, RING), (4, 4), bandwidth, latency), system("ring", 2))
    assert outcome.links.name == ("d1 0→4", "d0 4→5", "d0 5→6")
    hops = [hop_ns(MIB, 25.0, 1000.0), hop_ns(MIB, 100.0, 100.0), hop_ns(MIB, 100.0, 100.0)]
    assert finish(outcome) == 1000 + sum(hops)


shapes = st.lists(
    st.tuples(st.sampled_from([RING, FULLY_CONNECTED, SWITCH]), st.integers(2, 4)), min_size=1, max_size=3
)


@given(shape=shapes, data=st.data())
def test_every_way_is_one_wire_after_the_other(shape: list[tuple[str, int]], data: st.DataObject) -> None:
    """Between any two ranks; as many back; no device is passed twice, and no two wires have one name."""
    topology, sizes = zip(*shape, strict=True)
    ways = product(topology, sizes, oversubscription=data.draw(factors(len(sizes)))).ways
    assert ways is not None
    source, destination = data.draw(st.permutations(range(math.prod(sizes))))[:2]
    wires = list(ways.wires(source, destination))
    assert (wires[0][0], wires[-1][1]) == (source, destination)
    assert all(before[1] == after[0] for before, after in pairwise(wires))
    devices = [source, *(there for _, there, _ in wires)]
    assert len(set(devices)) == len(devices)
    assert len({ways.name(here, there) for here, there, _ in wires}) == len(wires)
    assert len(list(ways.wires(destination, source))) == len(wires)


@given(shape=shapes, data=st.data())
def test_a_wire_has_one_name_and_one_pair_of_devices(shape: list[tuple[str, int]], data: st.DataObject) -> None:
    """What two messages share is one server: the fabric's names and the engine's devices tell the same wires apart."""
    topology, sizes = zip(*shape, strict=True)
    ways = product(topology, sizes, oversubscription=data.draw(factors(len(sizes)))).ways
    assert ways is not None
    ranks = range(math.prod(sizes))
    found = {
        (here, there)
        for source in ranks
        for target in ranks
        if source != target
        for here, there, _ in ways.wires(source, target)
    }
    assert len({ways.name(*ends) for ends in found}) == len(found)


@settings(max_examples=50)
@given(shape=shapes, data=st.data())
def test_a_degraded_card_delays_a_message_by_what_its_links_lose(
    shape: list[tuple[str, int]], data: st.DataObject
) -> None:
    """To the nanosecond, once for every link of the card on its way; and what it does not cross is as before."""
    topology, sizes = zip(*shape, strict=True)
    ranks = math.prod(sizes)
    source, destination = data.draw(st.permutations(range(ranks)))[:2]
    dimension, card = data.draw(st.integers(0, len(sizes) - 1)), data.draw(st.integers(0, ranks - 1))
    slow = Degradation(dimension=dimension, ranks=(card,), bandwidth_factor=0.1, added_latency_s=1e-7)
    traces = messages([(source, destination)], MIB, ranks)
    network = product(topology, sizes, degraded=(slow,))
    outcome = simulate(traces, network, system("ring", len(sizes)))
    whole = finish(simulate(traces, product(topology, sizes), system("ring", len(sizes))))
    hit = [name for name in outcome.links.name if name.startswith(f"d{dimension} ") and str(card) in ends(name)]
    assert finish(outcome) == whole + len(hit) * (hop_ns(MIB, 5.0, 600.0) - hop_ns(MIB, 50.0, 500.0))


def ends(name: str) -> list[str]:
    """What a link joins."""
    return name.split(" ", 1)[1].split("→")


@pytest.mark.parametrize(
    ("topology", "down", "pair", "links"),
    [
        # Of a ring of 4, the long way round; of the ring next to it, nothing.
        ((RING, RING), Degradation(dimension=0, link=(0, 1), down=True), (0, 1), {"d0 0→3", "d0 3→2", "d0 2→1"}),
        # Rank 0's card is down: out over rank 1's, whose place in the other node it comes back from.
        (
            (FULLY_CONNECTED, SWITCH),
            Degradation(dimension=1, ranks=(0,), down=True),
            (0, 4),
            {"d0 0→1", "d1 1→switch", "d1 switch→5", "d0 5→4"},
        ),
    ],
)
def test_what_is_down_is_gone_round(
    topology: tuple[str, str], down: Degradation, pair: tuple[int, int], links: set[str]
) -> None:
    """As the fabric says, for everybody."""
    outcome = simulate(messages([pair], MIB, 8), product(topology, (4, 2), degraded=(down,)), system("ring", 2))
    assert outcome.status is Status.COMPLETED
    assert set(outcome.links.name) == links


def test_ranks_without_a_way_between_them_are_named() -> None:
    """A run in which somebody waits for a message that cannot come ends with what cuts them off."""
    down = Degradation(dimension=0, ranks=(3,), down=True)
    outcome = simulate(messages([(0, 3)], MIB, 4), product((SWITCH,), (4,), degraded=(down,)), system("ring", 1))
    assert outcome.status is Status.ABORTED
    assert "ranks 0 and 3 are cut off from one another" in outcome.diagnosis[0].text


def factors(dimensions: int) -> st.SearchStrategy[tuple[float, ...]]:
    """Oversubscriptions."""
    return st.tuples(*[st.sampled_from([1.0, 2.0, 4.0])] * dimensions)


def test_extended_networks_are_given_their_ways() -> None:
    """Nothing else says what lies between two ranks; and ASTRA-sim's own networks have ways of their own."""
    with pytest.raises(ValueError, match="are given the ways"):
        NetworkConfig(
            topology=(RING, RING),
            npus_count=(2, 2),
            bandwidth_gib_per_s=(1.0, 1.0),
            latency_ns=(1.0, 1.0),
            variant=Variant.EXTENDED,
        )
