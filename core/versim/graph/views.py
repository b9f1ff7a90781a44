"""Single nodes and communications as values, for people and messages; never on a hot path."""

from __future__ import annotations

import attrs
import numpy as np

from versim.graph.columns import NONE, ExecutionGraph, Op
from versim.mesh import Placement
from versim.work import Kind, Phase, Work


@attrs.frozen
class Node:
    """One row of an execution graph.

    Attributes:
        index: Its row.
        name: Its name.
        op: What it is.
        placement: Where it stands.
        work: Terms of its work; empty for communication.
        phase: Part of the step.
        layer: Layer, or None.
        microbatch: Microbatch, or None.
        match: The communication it is a part of, or None.
        dependencies: Rows it waits for.
    """

    index: int
    name: str
    op: Op
    placement: Placement
    work: Work
    phase: Phase
    layer: int | None
    microbatch: int | None
    match: int | None
    dependencies: tuple[int, ...]


@attrs.frozen
class Communication:
    """One communication of an execution graph.

    Attributes:
        index: Its number.
        kind: What is done.
        size_bytes: The full tensor.
        axes: The axes it runs along; empty for an explicit group.
        groups: Communicator groups, each a tuple of ranks in group order; for point-to-point (sender, receiver).
        algorithm: The algorithm asked for, "" where free.
        parts: Rows that take part.
    """

    index: int
    kind: Kind
    size_bytes: int
    axes: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    algorithm: str
    parts: tuple[int, ...]


def _optional(value: int) -> int | None:
    return None if value == NONE else value


def node_view(graph: ExecutionGraph, index: int) -> Node:
    """The node in row ``index``."""
    work = int(graph.work[index])
    return Node(
        index=index,
        name=graph.node_name(index),
        op=Op(int(graph.op[index])),
        placement=graph.placements[graph.placement[index]],
        work=() if work == NONE else graph.works[work],
        phase=graph.phase_of(index),
        layer=_optional(int(graph.layer[index])),
        microbatch=_optional(int(graph.microbatch[index])),
        match=_optional(int(graph.match[index])),
        dependencies=tuple(graph.dependencies(index).tolist()),
    )


def communication_view(graph: ExecutionGraph, index: int) -> Communication:
    """Communication ``index`` with its groups written out."""
    start, rows = graph.parts()
    parts = tuple(rows[start[index] : start[index + 1]].tolist())
    scope = graph.scopes[graph.scope[index]]
    return Communication(
        index=index,
        kind=graph.kind_of(index),
        size_bytes=int(graph.size_bytes[index]),
        axes=scope.axes,
        groups=communicator_groups(graph, index, parts),
        algorithm=graph.algorithms[graph.algorithm[index]],
        parts=parts,
    )


def communicator_groups(graph: ExecutionGraph, index: int, parts: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Who meets whom in communication ``index``: groups of ranks, or (sender, receiver) pairs."""
    mesh, scope = graph.mesh, graph.scopes[graph.scope[index]]
    placements = [graph.placements[graph.placement[part]] for part in parts]
    if graph.kind_of(index) == Kind.POINT_TO_POINT:
        ends = {Op(int(graph.op[part])): mesh.ranks(place) for part, place in zip(parts, placements, strict=True)}
        return tuple(zip(ends[Op.SEND].tolist(), ends[Op.RECV].tolist(), strict=True))
    if scope.ranks:
        return (scope.ranks,)
    if len(placements) == 1:
        return tuple(tuple(group.tolist()) for group in mesh.groups(placements[0], scope.axes))
    along = {mesh.axis(name) for name in scope.axes}
    ranks = np.sort(np.concatenate([mesh.ranks(place) for place in placements]))
    off = np.zeros(len(ranks), dtype=np.int64)
    for position, (size, column) in enumerate(zip(mesh.sizes, np.unravel_index(ranks, mesh.sizes), strict=True)):
        if position not in along:
            off = off * size + column
    order = np.argsort(off, kind="stable")
    _, starts = np.unique(off[order], return_index=True)
    return tuple(sorted(tuple(group.tolist()) for group in np.split(ranks[order], starts[1:])))
