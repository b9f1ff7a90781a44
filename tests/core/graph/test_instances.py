"""Instances, rank classes and the unrolled form: one node for many ranks, and the many again."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    NONE,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Mesh,
    Op,
    RankClasses,
    instances_of,
    participants_of,
)
from versim.graph import distinct_communications, topological_order

WORK = [(Fixed(1e-6), 1)]
Named = tuple[int, int]
"""A row of a graph on a rank."""


def _pipeline(dp: int, stages: int = 4, microbatches: int = 3) -> ExecutionGraph:
    """Forward only, gradients over dp at the end."""
    builder = GraphBuilder(Mesh.of(dp=dp, pp=stages))
    last: dict[int, int] = {}
    for microbatch, stage in itertools.product(range(microbatches), range(stages)):
        after = [last[stage]] if stage in last else []
        if stage:
            source, target = {"pp": stage - 1}, {"pp": stage}
            ends = builder.transfer("activation", 64, source=source, target=target, after=[last[stage - 1]])
            after.append(ends[1])
        last[stage] = builder.compute("layer", WORK, on={"pp": stage}, after=after, microbatch=microbatch)
    if dp > 1:
        builder.collective("gradients", "all_reduce", 64, axes=("dp",), after=sorted(last.values()))
    return builder.build()


def _dependencies_by_rank(graph: ExecutionGraph) -> set[tuple[Named, Named]]:
    """What the definition says: the instance on rank r waits for the instances on rank r."""
    ranks = [set(graph.mesh.ranks(graph.placements[place]).tolist()) for place in graph.placement.tolist()]
    return {
        ((node, rank), (on, rank))
        for node in range(graph.node_count)
        for on in graph.dependencies(node).tolist()
        for rank in ranks[node] & ranks[on]
    }


@given(graph=graphs(most_nodes=8))
def test_instances_per_rank_are_what_the_definition_says(graph: ExecutionGraph) -> None:
    """Every node on each of its ranks once, waiting for what it waits for on that rank."""
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    named = list(zip(instances.node.tolist(), instances.rank_class.tolist(), strict=True))
    expected = [
        (node, rank)
        for node in range(graph.node_count)
        for rank in graph.mesh.ranks(graph.placements[graph.placement[node]]).tolist()
    ]
    assert named == expected
    start = instances.dependency_start
    found = {
        (named[row], named[on])
        for row in range(instances.count)
        for on in instances.dependency[start[row] : start[row + 1]].tolist()
    }
    assert found == _dependencies_by_rank(graph)


@given(graph=graphs(most_nodes=8))
def test_meetings_per_rank_are_the_communicator_groups(graph: ExecutionGraph) -> None:
    """Parts wait for the ranks of their own group, no others."""
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    start, rows = instances.parts()
    found: dict[int, list[tuple[int, ...]]] = {}
    for meeting, match in enumerate(instances.meeting_match.tolist()):
        members = rows[start[meeting] : start[meeting + 1]]
        found.setdefault(match, []).append(tuple(sorted(instances.rank_class[members].tolist())))
    for match in range(graph.communication_count):
        assert sorted(found[match]) == sorted(tuple(sorted(group)) for group in graph.communication(match).groups)
    assert (participants_of(graph) == [len(graph.communication(m).groups[0]) for m in found]).all()


@given(graph=graphs(most_nodes=8))
def test_ranks_of_one_class_stand_in_the_same_places(graph: ExecutionGraph) -> None:
    """That is what makes them exchangeable; and their number on every axis is what the placements single out."""
    classes = RankClasses.of(graph)
    of_rank, representatives = classes.of_rank(), classes.representatives()
    assert (of_rank[representatives] == np.arange(classes.count)).all()
    for placement in graph.placements:
        ranks = graph.mesh.ranks(placement)
        assert sorted(set(of_rank[ranks].tolist())) == classes.on(placement).tolist()
        inside = np.isin(np.arange(graph.mesh.world_size), ranks)
        assert (inside == inside[representatives][of_rank]).all()


@given(graph=graphs(most_nodes=8))
def test_the_unrolled_form_has_one_row_per_node_and_rank(graph: ExecutionGraph) -> None:
    """Simulators that read per-rank traces see exactly the instances."""
    unrolled = graph.unrolled()
    per_rank = instances_of(graph, RankClasses.single(graph.mesh))
    assert unrolled.mesh == Mesh.of(rank=graph.mesh.world_size)
    assert unrolled.node_count == per_rank.count
    ranks = [unrolled.mesh.ranks(unrolled.placements[place]).tolist() for place in unrolled.placement.tolist()]
    assert ranks == [[rank] for rank in per_rank.rank_class.tolist()]
    assert (unrolled.op == graph.op[per_rank.node]).all()
    assert [unrolled.node_name(row) for row in range(unrolled.node_count)] == [
        graph.node_name(node) for node in per_rank.node.tolist()
    ]


@given(graph=graphs(most_nodes=8))
def test_unrolling_keeps_every_communication(graph: ExecutionGraph) -> None:
    """As many copies as there are groups, each with the same bytes among the same ranks."""
    unrolled = graph.unrolled()

    def communications(of: ExecutionGraph) -> list[tuple[Kind, int, str, tuple[int, ...]]]:
        made = [of.communication(match) for match in range(of.communication_count)]
        return sorted((c.kind, c.size_bytes, c.algorithm, group) for c in made for group in c.groups)

    assert communications(unrolled) == communications(graph)


@given(graph=graphs(most_nodes=6))
def test_unrolling_twice_changes_nothing(graph: ExecutionGraph) -> None:
    """The unrolled form is a graph like any other."""
    once = graph.unrolled()
    twice = once.unrolled()
    assert twice.node_count == once.node_count
    assert (twice.dependency == once.dependency).all()
    assert (twice.match == once.match).all()
    assert twice.mesh == once.mesh


@given(graph=graphs(most_nodes=6))
def test_attributes_travel_with_what_they_belong_to(graph: ExecutionGraph) -> None:
    """Every instance of a node and every copy of a communication has its attributes."""
    rows = np.arange(graph.node_count, dtype=np.int64)
    matches = np.arange(graph.communication_count, dtype=np.int64)
    given_ = attrs.evolve(graph, node_attributes={"row": rows}, communication_attributes={"match": matches})
    unrolled = given_.unrolled()
    assert (unrolled.op == graph.op[unrolled.node_attributes["row"]]).all()
    assert (unrolled.size_bytes == graph.size_bytes[unrolled.communication_attributes["match"]]).all()


@given(dp=st.integers(2, 64))
def test_replicas_cost_nothing(dp: int) -> None:
    """Neither nodes nor rank classes nor instances grow with data parallelism."""
    few, many = _pipeline(2), _pipeline(dp)
    assert many.node_count == few.node_count
    assert many.dependency.tolist() == few.dependency.tolist()
    assert instances_of(many).count == instances_of(few).count
    assert RankClasses.of(many).count == 4


def test_an_explicit_group_makes_every_rank_its_own_class() -> None:
    """Its order singles its members out."""
    builder = GraphBuilder(Mesh.of(rank=4))
    builder.compute("a", WORK)
    builder.collective("b", "all_reduce", 8, ranks=(2, 0, 1, 3), after=[0])
    assert RankClasses.of(builder.build()).count == 4


def test_an_explicit_group_keeps_its_order_when_unrolled() -> None:
    """It is the order of the ring."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    first = builder.compute("a", WORK)
    builder.collective("b", "all_reduce", 8, ranks=(2, 0, 3, 1), after=[first])
    assert builder.build().unrolled().communication(0).groups == ((2, 0, 3, 1),)


def test_parts_of_one_meeting_may_be_of_different_classes() -> None:
    """The first stage loads data before the all-reduce over both replicas, the others do not."""
    builder = GraphBuilder(Mesh.of(dp=3))
    load = builder.compute("load", WORK, on={"dp": 0})
    builder.collective("reduce", "all_reduce", 8, axes=("dp",), after=[load])
    instances = instances_of(builder.build())
    assert instances.classes.count == 2
    assert instances.meeting.tolist() == [NONE, 0, 0]
    assert instances.dependency_start.tolist() == [0, 0, 1, 1]


def test_a_topological_order_tells_apart_what_cannot_be_ordered() -> None:
    """What is on a cycle or behind it is left over."""
    start = np.array([0, 0, 1, 2, 3, 4], dtype=np.int64)
    dependency = np.array([0, 3, 2, 3], dtype=np.int32)
    assert topological_order(start, dependency) == ([0, 1], [2, 3, 4])


@pytest.mark.parametrize("row", [0, 3])
def test_labels_survive_unrolling(row: int) -> None:
    """Breakdowns by layer and microbatch work on traces as well."""
    graph = _pipeline(2)
    unrolled = graph.unrolled()
    rows = np.flatnonzero(instances_of(graph, RankClasses.single(graph.mesh)).node == row)
    assert {int(unrolled.microbatch[r]) for r in rows} == {int(graph.microbatch[row])}
    assert {int(unrolled.phase[r]) for r in rows} == {int(graph.phase[row])}
    assert Op(int(unrolled.op[rows[0]])) is Op(int(graph.op[row]))


def test_a_graph_without_dependencies_has_instances() -> None:
    """A single collective is a graph, too."""
    builder = GraphBuilder(Mesh.of(dp=2))
    builder.collective("alone", "all_reduce", 8, axes=["dp"])
    instances = instances_of(builder.build())
    assert instances.count == 1
    assert len(instances.dependency) == 0


def test_communications_of_the_largest_size_are_told_apart() -> None:
    """A size of 2**63 − 1 wrapped when it was counted on from, and every simulator broke."""
    builder = GraphBuilder(Mesh.of(dp=2))
    for name, size_bytes in (("a", 2**63 - 1), ("b", 1), ("c", 2**63 - 1)):
        builder.collective(name, "all_reduce", size_bytes, axes=["dp"])
    first, sets = distinct_communications(builder.build())
    assert (first.tolist(), sets.tolist()) == ([0, 1], [0, 1, 0])
