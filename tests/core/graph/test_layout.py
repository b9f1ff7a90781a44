"""How mesh axes are laid over endpoints."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from versim import NONE, ExecutionGraph, Fixed, GraphBuilder, Mesh, VersimError, laid_out

MESH = Mesh.of(dp=3, pp=2, tp=2)


def step() -> ExecutionGraph:
    """Compute, collectives along axes, a message between stages and an explicit group."""
    builder = GraphBuilder(MESH)
    first = builder.compute("first", [(Fixed(1.0), 1.0)], on={"pp": 0})
    builder.transfer("hand over", 7, source={"pp": 0}, target={"pp": 1}, after=[first])
    builder.collective("tensor", "all_reduce", 64, axes=("tp",))
    builder.collective("data", "all_gather", 96, axes=("dp", "tp"), on={"dp": (0, 2)})
    for rank in (0, 3, 8):
        place = dict(zip(MESH.names, MESH.coordinates(rank), strict=True))
        builder.collective("some", "all_reduce", 8, ranks=(8, 0, 3), on=place, match="some")
    return builder.build()


def renumbered(mesh: Mesh, rank: int) -> int:
    """The rank of another mesh that has the coordinates of one of ``MESH``."""
    place = dict(zip(MESH.names, MESH.coordinates(rank), strict=True))
    return mesh.rank(place[name] for name in mesh.names)


@pytest.mark.parametrize("order", list(itertools.permutations(MESH.names)))
def test_a_layout_numbers_ranks_anew_and_changes_nothing_else(order: tuple[str, ...]) -> None:
    """Every node stands on the same coordinates and meets the same partners, in any order of axes."""
    graph = step()
    laid = laid_out(graph, order)
    assert laid.mesh.names == tuple(reversed(order))
    for row in range(graph.node_count):
        before = graph.mesh.ranks(graph.placements[graph.placement[row]]).tolist()
        after = laid.mesh.ranks(laid.placements[laid.placement[row]]).tolist()
        assert sorted(renumbered(laid.mesh, rank) for rank in before) == after
    for match in range(graph.communication_count):
        before_groups = graph.communication(match).groups
        moved = {frozenset(renumbered(laid.mesh, rank) for rank in group) for group in before_groups}
        assert {frozenset(group) for group in laid.communication(match).groups} == moved
    # An explicit group keeps its order: a ring goes on round the same members.
    assert laid.communication(3).groups[0] == tuple(renumbered(laid.mesh, rank) for rank in (8, 0, 3))
    assert np.array_equal(laid.match == NONE, graph.match == NONE)


def test_named_layouts_are_the_frameworks() -> None:
    """Megatron-LM lays tensor parallelism closest together and pipeline stages farthest apart; DeepFlow data."""
    graph = step()
    assert laid_out(graph, "megatron").mesh.names == ("pp", "dp", "tp")
    assert laid_out(graph, "deepflow").mesh.names == ("dp", "pp", "tp")
    assert laid_out(graph, "deepflow") is graph


def test_axes_that_are_not_named_follow_in_the_graphs_own_order() -> None:
    """A producer's own axes need no layout of their own."""
    assert laid_out(step(), ["pp"]).mesh.names == ("dp", "tp", "pp")


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("megatorn", "no layout named 'megatorn'.*megatron"),
        (["tp", "cp"], r"the mesh \(dp=3, pp=2, tp=2\) has no axis 'cp'"),
        (["tp", "tp"], "names an axis twice"),
    ],
)
def test_a_layout_of_something_else_is_refused(layout: str | list[str], message: str) -> None:
    """A mistyped axis would be passed over in silence."""
    with pytest.raises(VersimError, match=message):
        laid_out(step(), layout)
