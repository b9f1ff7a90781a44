"""Groups that lie differently become communications of their own.

A communication along an axis stands for all its groups at once. On a network of several dimensions they need not lie
alike: of three pairs, one may cross the nodes and two not. Then one of them says nothing about the others, so the graph
that simulators are given has one communication per way of lying, each on the ranks whose groups lie so; and likewise
one compute node per way of its folded communication. Ranks, groups, bytes, work and order stay what they were.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.distinct import distinct, runs
from versim.graph.columns import NONE, ExecutionGraph, Op, Scope
from versim.graph.forms import of_form
from versim.immutable import unwritable
from versim.mesh import Mesh, Placement
from versim.work import Folded, Kind

Signatures = Callable[[NDArray[np.int64]], Sequence[bytes]]
"""Groups, shape (groups, participants), to what is equal where they lie alike."""

_Box = tuple[Placement, int]
"""Where a part of a node stands, and the number of the way in which its groups lie."""


def told_apart(graph: ExecutionGraph, signatures: Signatures) -> ExecutionGraph:
    """The same step in which all groups of a communication lie alike; the given one where they do already.

    Args:
        graph: The step.
        signatures: Which groups lie alike, e.g. ``system.fabric.signatures``.
    """
    ways = _Ways(graph, signatures)
    boxes = {**ways.of_collectives(), **ways.of_messages(), **ways.of_folded()}
    return _rebuilt(graph, boxes) if boxes else graph


class _Ways:
    """The nodes of a graph that have to be told apart."""

    def __init__(self, graph: ExecutionGraph, signatures: Signatures) -> None:
        self._graph = graph
        self._signatures = signatures
        start, self._rows = graph.parts()
        self._first, self._counts = start[:-1], np.diff(start)

    def of_collectives(self) -> dict[int, list[_Box]]:
        """Boxes of the parts of every collective whose groups lie differently, by row."""
        graph, found = self._graph, {}
        for (scope, *places), columns in of_form(graph, "ways.collectives", self._collectives).items():
            boxes = self._of_parts(graph.scopes[scope], [graph.placements[place] for place in places])
            if boxes is not None:
                for rows, split in zip(columns, boxes, strict=True):
                    found.update(dict.fromkeys(rows.tolist(), split))
        return found

    def _collectives(self) -> dict[tuple[int, ...], list[NDArray[np.int64]]]:
        """Rows of the parts of collectives, by their scope and where their parts stand."""
        graph, found = self._graph, {}
        message = graph.kinds.index(Kind.POINT_TO_POINT) if Kind.POINT_TO_POINT in graph.kinds else NONE
        collectives = np.flatnonzero(graph.kind != message)
        singles = collectives[self._counts[collectives] == 1]
        rows = self._rows[self._first[singles]].astype(np.int64)
        keys = graph.scope[singles].astype(np.int64) * len(graph.placements) + graph.placement[rows]
        for key, mine in _runs(keys, len(graph.scopes) * len(graph.placements)):
            found[divmod(key, len(graph.placements))] = [rows[mine]]
        several: dict[tuple[int, ...], list[list[int]]] = {}
        for match in collectives[self._counts[collectives] > 1].tolist():
            parts = self._rows[self._first[match] : self._first[match] + self._counts[match]].tolist()
            signature = (int(graph.scope[match]), *graph.placement[parts].tolist())
            several.setdefault(signature, []).append(parts)
        return found | {key: list(np.array(parts, dtype=np.int64).T) for key, parts in several.items()}

    def of_messages(self) -> dict[int, list[_Box]]:
        """Boxes of both ends of every message whose pairs of ranks lie differently, by row."""
        graph, found = self._graph, {}
        for codes, ends in of_form(graph, "ways.messages", self._messages).items():
            source, target = (graph.placements[code] for code in codes)
            pairs = _pairs_of(graph.mesh, source, target)
            ways = self._ways_on((source, target), None, pairs)
            if ways is None:
                continue
            for column, place in enumerate((source, target)):
                # Every box is a message of its own: each has one sending and one receiving end.
                boxes = [(box, number) for number, (box, _) in enumerate(self._boxes(place, pairs[:, column], ways))]
                found.update(dict.fromkeys(ends[:, column].tolist(), boxes))
        return found

    def _messages(self) -> dict[tuple[int, int], NDArray[np.int32]]:
        """Rows of both ends of messages, (messages, 2), by where these stand."""
        graph = self._graph
        if Kind.POINT_TO_POINT not in graph.kinds:
            return {}
        matches = np.flatnonzero(graph.kind == graph.kinds.index(Kind.POINT_TO_POINT))
        ends = self._rows[self._first[matches][:, None] + np.arange(2)[None, :]]
        swapped = graph.op[ends[:, 0]] != Op.SEND
        ends[swapped] = ends[swapped][:, ::-1]
        places = graph.placement[ends].astype(np.int64)
        keys = places[:, 0] * len(graph.placements) + places[:, 1]
        runs_of = _runs(keys, len(graph.placements) ** 2)
        return {divmod(key, len(graph.placements)): ends[mine] for key, mine in runs_of}

    def of_folded(self) -> dict[int, list[_Box]]:
        """Boxes of every compute node whose folded communication lies differently among its ranks, by row."""
        graph, found = self._graph, {}
        folding = [
            tuple(dict.fromkeys(term.axis for term, _ in work if isinstance(term, Folded))) for work in graph.works
        ]
        known: dict[tuple[tuple[str, ...], int], list[_Box] | None] = {}
        for (work, code), rows in graph.computing().items():
            axes = folding[work]
            if not axes:
                continue
            if (axes, code) not in known:
                known[axes, code] = self._of_folding(axes, graph.placements[code])
            boxes = known[axes, code]
            if boxes is not None:
                found.update(dict.fromkeys(rows.tolist(), boxes))
        return found

    def _of_parts(self, scope: Scope, places: list[Placement]) -> list[list[_Box]] | None:
        """Per part of a collective its boxes; None where all groups lie alike."""
        if scope.ranks:
            return None
        mesh = self._graph.mesh
        groups = _groups_on(mesh, places, scope.axes)
        ways = self._ways_on(tuple(places), tuple(scope.axes), groups)
        if ways is None:
            return None
        members, of_member = groups.ravel(), np.repeat(ways, groups.shape[1])
        return [list(self._boxes(place, members, of_member)) for place in places]

    def _of_folding(self, axes: tuple[str, ...], place: Placement) -> list[_Box] | None:
        """Boxes of a node with communication folded along some axes; only those that the mesh has."""
        mesh = self._graph.mesh
        ranks = mesh.ranks(place)
        shape = tuple(map(len, mesh.occupied(place)))
        along: set[int] = set()
        grids = []
        for axis in axes:
            names = axis.split("+")
            if not set(names) <= set(mesh.names):
                continue
            groups = _groups_on(mesh, (place,), names)
            ways = self._ways_on((place,), tuple(names), groups) if groups.shape[1] > 1 else None
            if ways is None:
                continue
            along |= {mesh.axis(name) for name in names}
            grids.append(_laid(groups.ravel(), np.repeat(ways, groups.shape[1]), ranks).reshape(shape))
        if not grids:
            return None
        # A box keeps whole groups: what differs along the folded axes themselves is one way.
        off = [position for position in range(len(shape)) if position not in along]
        columns = [
            np.moveaxis(grid, off, range(len(off))).reshape(math.prod(shape[o] for o in off), -1) for grid in grids
        ]
        _, inverse = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)
        number = inverse.ravel()
        if number.max(initial=0) == 0:
            return None
        spread = number.reshape([shape[position] if position in off else 1 for position in range(len(shape))])
        return list(self._boxes(place, ranks, np.broadcast_to(spread, shape).ravel()))

    def _ways_on(
        self, places: tuple[Placement, ...], axes: tuple[str, ...] | None, groups: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """The way in which each group of some placements lies, which many steps on one mesh have in common."""
        mesh = self._graph.mesh
        if mesh.world_size > MOST_REMEMBERED:
            return self._ways(groups)
        key = mesh, places, axes
        known = _remembered_ways(self._signatures)
        if key not in known:
            if len(known) >= MOST_WAYS:
                known.clear()
            ways = self._ways(groups)
            known[key] = None if ways is None else unwritable(ways)
        return known[key]

    def _ways(self, groups: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """The way in which each group lies, numbered by first appearance; None where there is but one."""
        signatures = self._signatures(groups)
        if len(set(signatures)) < 2:
            return None
        numbers: dict[bytes, int] = {}
        return np.array([numbers.setdefault(s, len(numbers)) for s in signatures], dtype=np.int64)

    def _boxes(self, place: Placement, members: NDArray[np.int64], ways: NDArray[np.int64]) -> Iterator[_Box]:
        """A placement as boxes on which the way is one; ``ways`` is of each of ``members``, ranks in any order."""
        mesh = self._graph.mesh
        occupied = mesh.occupied(place)
        grid = _laid(members, ways, mesh.ranks(place)).reshape(tuple(map(len, occupied)))
        for chosen, way in _cut(grid):
            indices = {
                name: [here[i] for i in picks] for name, here, picks in zip(mesh.names, occupied, chosen, strict=True)
            }
            yield mesh.placement(indices), way


def _runs(keys: NDArray[np.int64], limit: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Distinct keys, and the positions at which each stands."""
    values, places = runs(keys, limit)
    yield from zip(values.tolist(), places, strict=True)


def _laid(members: NDArray[np.int64], values: NDArray[np.int64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values of some ranks, in the order of ``ranks``."""
    order = np.argsort(members)
    return np.asarray(values[order[np.searchsorted(members, ranks, sorter=order)]])


def _cut(grid: NDArray[np.int64]) -> Iterator[tuple[tuple[list[int], ...], int]]:
    """A grid of numbers as boxes of one number each: positions along every axis, and the number."""
    if grid.ndim == 0:
        yield (), int(grid)
        return
    alike: dict[bytes, list[int]] = {}
    for position, part in enumerate(grid):
        alike.setdefault(np.ascontiguousarray(part).tobytes(), []).append(position)
    for positions in alike.values():
        for rest, number in _cut(grid[positions[0]]):
            yield (positions, *rest), number


MOST_REMEMBERED = 4096
"""Ranks of a mesh whose groups are remembered: many steps lie on the same."""


def _groups_on(mesh: Mesh, places: Sequence[Placement], axes: Iterable[str]) -> NDArray[np.int64]:
    """The groups that some placements form along axes, see :func:`_groups`."""
    if mesh.world_size > MOST_REMEMBERED:
        return _groups(mesh, np.concatenate([mesh.ranks(place) for place in places]), axes)
    return _remembered_groups(mesh, tuple(places), tuple(axes))


def _pairs_of(mesh: Mesh, source: Placement, target: Placement) -> NDArray[np.int64]:
    """The ranks of two placements side by side; shape (ranks, 2)."""
    return (
        _pairs(mesh, source, target) if mesh.world_size > MOST_REMEMBERED else _remembered_pairs(mesh, source, target)
    )


def _pairs(mesh: Mesh, source: Placement, target: Placement) -> NDArray[np.int64]:
    return np.stack([mesh.ranks(source), mesh.ranks(target)], axis=1)


MOST_WAYS = 8192
"""Placements whose ways are remembered of one network; of most there is but one way, which takes no memory."""


@functools.lru_cache(maxsize=8)
def _remembered_ways(
    signatures: Signatures,  # noqa: ARG001 - whose they are
) -> dict[tuple[Mesh, tuple[Placement, ...], tuple[str, ...] | None], NDArray[np.int64] | None]:
    """Of the networks that were asked about last."""
    return {}


@functools.lru_cache(maxsize=2048)
def _remembered_pairs(mesh: Mesh, source: Placement, target: Placement) -> NDArray[np.int64]:
    return unwritable(_pairs(mesh, source, target))


@functools.lru_cache(maxsize=2048)
def _remembered_groups(mesh: Mesh, places: tuple[Placement, ...], axes: tuple[str, ...]) -> NDArray[np.int64]:
    return unwritable(_groups(mesh, np.concatenate([mesh.ranks(place) for place in places]), axes))


def _groups(mesh: Mesh, ranks: NDArray[np.int64], axes: Iterable[str]) -> NDArray[np.int64]:
    """The groups that some ranks form along axes, each ascending; shape (groups, participants)."""
    along = {mesh.axis(axis) for axis in axes}
    key = np.zeros(len(ranks), dtype=np.int64)
    for position, (size, column) in enumerate(zip(mesh.sizes, np.unravel_index(ranks, mesh.sizes), strict=True)):
        if position not in along:
            key = key * size + column
    order = np.lexsort((ranks, key))
    return ranks[order].reshape(len(np.unique(key)), -1)


def _rebuilt(graph: ExecutionGraph, boxes: dict[int, list[_Box]]) -> ExecutionGraph:
    """A graph in which each row of ``boxes`` is a row per box."""
    counts = np.ones(graph.node_count, dtype=np.int64)
    for row, split in boxes.items():
        counts[row] = len(split)
    source = np.repeat(np.arange(graph.node_count), counts)
    first = np.concatenate([[0], np.cumsum(counts)])
    placements = {place: code for code, place in enumerate(graph.placements)}
    placement, match = graph.placement[source], graph.match[source].copy()
    matches: dict[tuple[int, int], int] = {}
    of_match = list(range(graph.communication_count))
    taken: set[int] = set()
    for row in sorted(boxes):
        for place, (box, way) in enumerate(boxes[row], start=int(first[row])):
            placement[place] = placements.setdefault(box, len(placements))
            whole = int(graph.match[row])
            if whole == NONE:
                continue
            if (whole, way) not in matches:
                # The first way of a communication keeps its number, further ones stand behind all others.
                matches[whole, way] = len(of_match) if whole in taken else whole
                if whole in taken:
                    of_match.append(whole)
                taken.add(whole)
            match[place] = matches[whole, way]
    start, dependency = _dependencies(graph, tuple(placements), placement, first)
    kept = np.array(of_match, dtype=np.int64)
    return attrs.evolve(
        graph,
        op=graph.op[source],
        placement=placement,
        name=graph.name[source],
        work=graph.work[source],
        phase=graph.phase[source],
        layer=graph.layer[source],
        microbatch=graph.microbatch[source],
        match=match,
        dependency_start=start,
        dependency=dependency,
        kind=graph.kind[kept],
        size_bytes=graph.size_bytes[kept],
        scope=graph.scope[kept],
        algorithm=graph.algorithm[kept],
        tag=graph.tag[kept],
        placements=tuple(placements),
        node_attributes={name: column[source] for name, column in graph.node_attributes.items()},
        communication_attributes={name: column[kept] for name, column in graph.communication_attributes.items()},
    )


def _dependencies(
    graph: ExecutionGraph, placements: tuple[Placement, ...], placement: NDArray[np.int32], first: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each new row waits for those rows of what it waited for with which it shares a rank."""
    waiting, on = graph.dependents_of_edges().astype(np.int64), graph.dependency.astype(np.int64)
    counts = np.diff(first)
    pairs = counts[waiting] * counts[on]
    edge = np.repeat(np.arange(len(on)), pairs)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    owner = first[waiting[edge]] + within // counts[on[edge]]
    target = first[on[edge]] + within % counts[on[edge]]
    keys = placement[owner].astype(np.int64) * len(placements) + placement[target]
    unique, _, inverse = distinct(keys, len(placements) ** 2)
    shared = np.array(
        [
            placements[key // len(placements)].common(placements[key % len(placements)]) is not None
            for key in unique.tolist()
        ],
        dtype=bool,
    )
    kept = shared[inverse]
    owner, target, edge = owner[kept], target[kept], edge[kept]
    order = np.lexsort((target, edge, owner))
    start = np.zeros(len(placement) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=len(placement)), out=start[1:])
    return start, target[order].astype(np.int32)
