"""Groups that lie differently become communications of their own, and nothing else changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import graphs
from versim import (
    Dimension,
    ExecutionGraph,
    Fixed,
    Folded,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    Topology,
)
from versim.fabric import Fabric
from versim.graph import told_apart
from versim.graph.validate import faults_of

LINK = Link(bandwidth_bytes_per_s=1e9, latency_s=0)


def _by_rank(graph: ExecutionGraph) -> Counter[tuple[object, ...]]:
    """Every node on each of its ranks, with the group it meets and what it waits for there."""
    unrolled = graph.unrolled()
    said = []
    for row in range(unrolled.node_count):
        node = unrolled.node(row)
        (rank,) = unrolled.mesh.ranks(node.placement).tolist()
        group = () if node.match is None else unrolled.communication(node.match).groups[0]
        size = 0 if node.match is None else int(unrolled.size_bytes[node.match])
        said.append((rank, node.name, node.op, group, size, unrolled.work[row]))
    return Counter(
        (*said[row], *sorted(said[on] for on in unrolled.dependencies(row).tolist())) for row in range(len(said))
    )


def _arbitrary(seed: int) -> Callable[[NDArray[np.int64]], Sequence[bytes]]:
    """A network in which groups lie in one of two ways, at random."""
    return lambda groups: [bytes([hash((seed, *group)) % 2]) for group in groups.tolist()]


@given(graph=graphs(most_nodes=8), seed=st.integers(0, 1000))
def test_every_rank_does_and_waits_for_what_it_did(graph: ExecutionGraph, seed: int) -> None:
    """Whatever the network; the graph stays sound, and all groups of a communication lie alike."""
    signatures = _arbitrary(seed)
    apart = told_apart(graph, signatures)
    assert faults_of(apart) == []
    assert _by_rank(apart) == _by_rank(graph)
    for match in range(apart.communication_count):
        groups = apart.communication(match).groups
        if apart.scopes[apart.scope[match]].axes:
            assert len(set(signatures(np.array(groups)))) == 1


def test_a_graph_whose_groups_lie_alike_is_left_alone() -> None:
    """On a switch all do."""
    builder = GraphBuilder(Mesh.of(a=3, b=2))
    builder.collective("sum", Kind.ALL_REDUCE, 64, axes=["b"])
    graph = builder.build()
    switch = Fabric([Dimension(topology=Topology.SWITCH, size=6, link=LINK)])
    assert told_apart(graph, switch.signatures) is graph


def test_pairs_within_and_across_nodes_are_told_apart() -> None:
    """Three pairs on nodes of three ranks: the middle one crosses."""
    builder = GraphBuilder(Mesh.of(a=3, b=2))
    builder.collective("sum", Kind.ALL_REDUCE, 64, axes=["b"])
    two_level = Fabric([Dimension(topology=Topology.RING, size=size, link=LINK) for size in (3, 2)])
    apart = told_apart(builder.build(), two_level.signatures)
    groups = [apart.communication(match).groups for match in range(apart.communication_count)]
    assert sorted(groups) == [((0, 1), (4, 5)), ((2, 3),)]


def test_messages_are_told_apart_at_both_ends() -> None:
    """A stage of three ranks sends to the next: one pair stays inside a node of four."""
    builder = GraphBuilder(Mesh.of(pp=2, dp=4))
    builder.transfer("activation", 64, source={"pp": 0}, target={"pp": 1})
    fabric = Fabric([Dimension(topology=Topology.SWITCH, size=size, link=LINK) for size in (4, 2)])
    graph = builder.build()
    assert told_apart(graph, fabric.signatures) is graph
    ring = Fabric([Dimension(topology=Topology.RING, size=8, link=LINK)])
    assert told_apart(graph, ring.signatures) is graph
    three = Fabric([Dimension(topology=Topology.SWITCH, size=2, link=LINK) for _ in range(3)])
    assert told_apart(graph, three.signatures) is graph
    builder = GraphBuilder(Mesh.of(dp=3, pp=2))
    builder.transfer("activation", 64, source={"pp": 0}, target={"pp": 1})
    fabric = Fabric([Dimension(topology=Topology.SWITCH, size=size, link=LINK) for size in (3, 2)])
    apart = told_apart(builder.build(), fabric.signatures)
    assert faults_of(apart) == []
    pairs = [apart.communication(match).groups for match in range(apart.communication_count)]
    assert sorted(pairs) == [((0, 1), (4, 5)), ((2, 3),)]


@pytest.mark.parametrize("axis", ["tp", "tp+cp"])
def test_compute_is_told_apart_by_the_communication_in_it(axis: str) -> None:
    """A layer of which some tensor-parallel groups cross nodes takes longer on their ranks."""
    mesh = Mesh.of(dp=3, cp=1, tp=2)
    builder = GraphBuilder(mesh)
    layer = builder.compute("layer", [(Folded(Kind.ALL_REDUCE, 64, axis, 2), 2), (Fixed(1.0), 1)])
    builder.compute("next", [(Fixed(1.0), 1)], after=[layer])
    fabric = Fabric([Dimension(topology=Topology.SWITCH, size=size, link=LINK) for size in (3, 2)])
    apart = told_apart(builder.build(), fabric.signatures)
    layers = [apart.node(row) for row in range(apart.node_count) if apart.node_name(row) == "layer"]
    assert [mesh.ranks(node.placement).tolist() for node in layers] == [[0, 1, 4, 5], [2, 3]]
    assert apart.node_count == 3
    assert apart.node(2).dependencies == (0, 1)
