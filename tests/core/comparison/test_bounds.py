"""What the middle of a network has to carry bounds every simulator of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import attrs
import numpy as np
import pytest
from fakes import pinned_of, predicted
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    System,
    Topology,
    compare_predictions,
)
from versim.comparison.bounds import bisection_bound_ps
from versim.schedules import collective_rounds

LINK = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)
KINDS = [Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL]


def system(*dimensions: tuple[str, int], **more: Link) -> System:
    """Links of 1 byte per ns."""
    made = tuple(Dimension(topology=topology, size=size, link=LINK) for topology, size in dimensions)
    return System(dimensions=made, device=Device(name="none"), axis_links=more)


def one(kind: str, size_bytes: int, ranks: int) -> ExecutionGraph:
    """A single collective over all ranks."""
    builder = GraphBuilder(Mesh.of(rank=ranks))
    builder.collective("it", kind, size_bytes, axes=["rank"])
    return builder.build()


@pytest.mark.parametrize(
    ("kind", "topology", "expected_ns"),
    [
        ("all_reduce", "ring", (8_000_000 - 14) / 2),
        ("all_gather", "ring", (4 * 1_000_000 - 14) / 2),
        ("reduce_scatter", "switch", (4 * 1_000_000 - 14) / 4),
        ("all_to_all", "fully_connected", (4 * 4 * 1_000_000 - 14) / 16),
        ("broadcast", "ring", (8_000_000 / 2 - 14) / 2),
    ],
)
def test_a_collective_over_eight_ranks(kind: str, topology: str, expected_ns: float) -> None:
    """8 MB: two links across a ring, sixteen across a fully connected network, four up a switch; 14 rounds."""
    assert bisection_bound_ps(one(kind, 8_000_000, 8), system((topology, 8))) == expected_ns * 1000


def test_messages_count_in_their_direction() -> None:
    """Three up and one down: the busier direction decides."""
    builder = GraphBuilder(Mesh.of(rank=4))
    for number, (source, target) in enumerate([(0, 2), (1, 3), (0, 3), (3, 0), (0, 1)]):
        builder.transfer(str(number), 1000, source={"rank": source}, target={"rank": target})
    assert bisection_bound_ps(builder.build(), system(("ring", 4))) == (3 * 1000 - 4) * 1000 / 2


def test_the_dimension_that_takes_longest_decides() -> None:
    """All ranks, two to a node: eight nodes of a ring carry 16 MB over two links a line, a pair over one each."""
    graph = one("all_reduce", 16_000_000, 16)
    pairs, nodes = ("ring", 2), ("ring", 8)
    assert bisection_bound_ps(graph, system(pairs, nodes)) == (16_000_000 - 30) * 1000 / (2 * 2)
    slow = attrs.evolve(system(pairs, nodes).dimensions[0], link=attrs.evolve(LINK, bandwidth_bytes_per_s=1e8))
    deep = attrs.evolve(system(pairs, nodes), dimensions=(slow, system(nodes).dimensions[0]))
    assert bisection_bound_ps(graph, deep) == (160_000_000 - 30) * 1000 / 8


def test_a_link_of_an_axis_may_be_another_network() -> None:
    """Traffic along the axis may go over it, beside the rest: both carry."""
    fast = attrs.evolve(LINK, bandwidth_bytes_per_s=3e9)
    graph = one("all_reduce", 8_000_000, 8)
    assert bisection_bound_ps(graph, system(("ring", 8), rank=fast)) == 8_000_000 * 1000 / (2 + 2 * 3) - 14 * 1000 / 2


def test_one_rank_has_no_middle() -> None:
    """Nothing is sent there, either."""
    builder = GraphBuilder(Mesh.of(rank=1))
    builder.compute("alone", [])
    assert bisection_bound_ps(builder.build(), system(("ring", 1), ("switch", 1))) is None


dimensions = st.tuples(st.sampled_from(list(Topology)), st.integers(1, 5))
networks = st.lists(dimensions, min_size=1, max_size=3).filter(lambda d: 2 <= math.prod(size for _, size in d) <= 40)


def links_of(network: list[tuple[Topology, int]]) -> Iterator[tuple[tuple[object, ...], tuple[object, ...]]]:
    """Every directed link, one by one; the ends are coordinates, or switches."""
    for here in itertools.product(*(range(size) for _, size in network)):
        for number, (topology, size) in enumerate(network):
            line = [(*here[:number], other, *here[number + 1 :]) for other in range(size)]
            if topology is Topology.SWITCH:
                hub = ("switch", number, *here[:number], *here[number + 1 :])
                yield from [(here, hub), (hub, here)] if size > 1 else []
            elif topology is Topology.FULLY_CONNECTED:
                yield from [(here, other) for other in line if other != here]
            elif size > 1:
                yield from [(here, line[(here[number] + step) % size]) for step in ((1, -1) if size > 2 else (1,))]


def carried_across(network: list[tuple[Topology, int]], number: int) -> int:
    """Links from the lower half of a dimension to the upper one, counted; a switch stands where it hinders most."""
    half = network[number][1] // 2
    across = 0
    through: dict[tuple[object, ...], list[int]] = {}
    for source, target in links_of(network):
        if source[0] == "switch" or target[0] == "switch":
            hub, end = (source, target) if source[0] == "switch" else (target, source)
            if hub[1] == number:
                up = through.setdefault(hub, [0, 0])
                up[0] += end is source and source[number] < half  # type: ignore[operator]
                up[1] += end is target and target[number] >= half  # type: ignore[operator]
        else:
            across += source[number] < half <= target[number]  # type: ignore[operator]
    return across + sum(min(counts) for counts in through.values())


@settings(max_examples=200)
@given(network=networks, data=st.data())
def test_it_is_what_counting_links_one_by_one_gives(network: list[tuple[Topology, int]], data: st.DataObject) -> None:
    """Messages between any ranks of any network, each cut of it counted by brute force."""
    coordinates = [tuple(reversed(c)) for c in itertools.product(*(range(size) for _, size in reversed(network)))]
    builder = GraphBuilder(Mesh.of(rank=len(coordinates)))
    pairs = st.tuples(*[st.integers(0, len(coordinates) - 1)] * 2).filter(lambda pair: pair[0] != pair[1])
    drawn = data.draw(st.lists(pairs, min_size=1, max_size=12))
    for name, (source, target) in enumerate(drawn):
        builder.transfer(str(name), 1_000_000, source={"rank": source}, target={"rank": target})
    expected = Fraction(0)
    for number, (_, size) in enumerate(network):
        if size > 1:
            sides = [(coordinates[s][number] < size // 2, coordinates[t][number] < size // 2) for s, t in drawn]
            up, down = sides.count((True, False)), sides.count((False, True))
            taken_ns = max(up, down) * 1_000_000 - (up + down)
            expected = max(expected, Fraction(taken_ns * 1000, carried_across(network, number)))
    assert bisection_bound_ps(builder.build(), system(*network)) == math.floor(expected)


@given(kind=st.sampled_from(KINDS), algorithm=st.sampled_from(["ring", "direct"]), network=networks, data=st.data())
def test_no_algorithm_moves_less_across_a_cut(
    kind: Kind, algorithm: str, network: list[tuple[Topology, int]], data: st.DataObject
) -> None:
    """The bytes that real schedules send across the middle of any dimension are never fewer."""
    ranks = math.prod(size for _, size in network)
    size_bytes = data.draw(st.integers(1, 1000)) * ranks
    coordinates = [tuple(reversed(c)) for c in itertools.product(*(range(size) for _, size in reversed(network)))]
    taken = Fraction(0)
    for number, (_, size) in enumerate(network):
        crossing = [0, 0]
        for transfers in collective_rounds(algorithm, kind, size_bytes, ranks):
            for transfer in transfers:
                below = [coordinates[rank][number] < size // 2 for rank in (transfer.source, transfer.target)]
                if below[0] != below[1]:
                    crossing[below[0]] += transfer.size_bytes
        if size > 1:
            taken = max(taken, Fraction(max(crossing) * 1000, carried_across(network, number)))
    bound_ps = bisection_bound_ps(one(kind, size_bytes, ranks), system(*network))
    assert bound_ps is not None
    assert bound_ps <= taken


@given(graph=graphs(), communication_ps=st.integers(0, 10))
def test_a_prediction_below_the_bound_is_flagged(graph: ExecutionGraph, communication_ps: int) -> None:
    """Communication in no time breaks the bound wherever there is one."""
    world = graph.mesh.world_size
    slow = attrs.evolve(LINK, bandwidth_bytes_per_s=1e-3)
    on = System(dimensions=(Dimension(topology=Topology.RING, size=world, link=slow),), device=Device(name="none"))
    pinned = pinned_of(graph).on(on)
    (result,) = compare_predictions(pinned, [predicted(pinned, np.int64(communication_ps))], "fake").results
    (check,) = [check for check in result.checks if check.name == "bisection"]
    bound_ps = bisection_bound_ps(graph, on)
    assert result.prediction.makespan_ps is not None
    assert check.passed is (None if bound_ps is None else result.prediction.makespan_ps >= bound_ps)
    assert ("do not share links" in check.detail) == (check.passed is False)
