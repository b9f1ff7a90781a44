"""What makes a graph impossible, found all at once and said by name.

Checks work on unique combinations of table entries, so that a graph of a million rows costs what its distinct
placements, works and scopes cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral, Real

import attrs
import numpy as np

from versim.graph.columns import ExecutionGraph, Op
from versim.graph.order import cycle_of
from versim.work import DTYPE_BITS, Attention, Fixed, Folded, Gemm, GroupedGemm, Kind, Pointwise, Term

MOST_FAULTS_PER_CHECK = 20
"""A wrong loop in a producer makes the same fault a million times; that many are listed, the rest counted."""


def faults_of(graph: ExecutionGraph) -> list[str]:
    """Everything that is wrong with a graph whose dependencies all exist."""
    faults: list[str] = []
    for check in (_empty, _works, _shared_ranks, _matches, _cycles):
        found: list[str] = []
        more = 0
        for fault in check(graph):
            if len(found) < MOST_FAULTS_PER_CHECK:
                found.append(fault)
            else:
                more += 1
        faults.extend(found)
        if more:
            faults.append(f"… and {more} more of this kind")
    return faults


def _named(graph: ExecutionGraph, node: int) -> str:
    return f"node {node} ({graph.node_name(node)!r})"


def _empty(graph: ExecutionGraph) -> Iterator[str]:
    if graph.node_count == 0:
        yield "the graph has no nodes"


def _works(graph: ExecutionGraph) -> Iterator[str]:
    bad = {code: faults for code, work in enumerate(graph.works) if (faults := _faults_of_work(work))}
    if not bad:
        return
    first: dict[int, int] = {}
    for code in bad:
        first[code] = int(np.argmax(graph.work == code))
    for code, faults in bad.items():
        yield f"{_named(graph, first[code])}: {'; '.join(faults)}"


def _faults_of_work(work: tuple[tuple[Term, float], ...]) -> list[str]:
    faults = []
    for term, count in work:
        if not _is_finite(count) or count <= 0:
            faults.append(f"count {count!r} of {type(term).__name__} must be a finite number above 0")
        for field in attrs.fields(type(term)):
            value = getattr(term, field.name)
            if isinstance(value, str) or field.name == "causal":
                continue
            # A field that is 0 unless given may be 0 when it is given.
            lowest_allowed = 0 if isinstance(term, (Pointwise, Fixed)) or field.default == 0 else None
            if not _is_finite(value) or value < 0 or (value == 0 and lowest_allowed is None):
                bound = "of at least 0" if lowest_allowed == 0 else "above 0"
                faults.append(f"{field.name} of {type(term).__name__} must be a finite number {bound}, got {value!r}")
        if isinstance(term, Folded):
            faults.extend(_faults_of_folded(term))
        elif isinstance(term, Gemm | GroupedGemm | Attention) and term.dtype not in ("", *DTYPE_BITS):
            known = ", ".join(DTYPE_BITS)
            faults.append(f"dtype of {type(term).__name__} must be one of {known}, got {term.dtype!r}")
    return faults


def _is_finite(value: object) -> bool:
    """True for a finite number, numpy's included."""
    return isinstance(value, Real) and math.isfinite(value)


def _faults_of_folded(term: Folded) -> Iterator[str]:
    """A folded communication is held to what any other is."""
    for name in ("size_bytes", "participants"):
        value = getattr(term, name)
        if isinstance(value, bool) or not isinstance(value, Integral):
            yield f"{name} of Folded must be a whole number, got {value!r}"
    if term.participants == 1:
        yield "a folded communication needs at least 2 participants, got 1; leave it out"
    if term.kind == Kind.POINT_TO_POINT and term.participants > 2:
        yield f"participants of Folded must be 2 for a point-to-point message, got {term.participants}"


def _shared_ranks(graph: ExecutionGraph) -> Iterator[str]:
    waiting = graph.dependents_of_edges()
    pairs = graph.placement[waiting].astype(np.int64) * len(graph.placements) + graph.placement[graph.dependency]
    unique, first = np.unique(pairs, return_index=True)
    for pair, edge in zip(unique.tolist(), first.tolist(), strict=True):
        mine, theirs = divmod(pair, len(graph.placements))
        if mine != theirs and graph.placements[mine].common(graph.placements[theirs]) is None:
            node, on = int(waiting[edge]), int(graph.dependency[edge])
            yield (
                f"{_named(graph, node)} depends on {_named(graph, on)}, but they share no rank; "
                "send it a message instead"
            )


def _matches(graph: ExecutionGraph) -> Iterator[str]:
    start, rows = graph.parts()
    sound: set[tuple[int, ...]] = set()
    message = graph.is_kind(Kind.POINT_TO_POINT).tolist()
    starts, kinds, scopes = start.tolist(), graph.kind.tolist(), graph.scope.tolist()
    ops, placements, all_rows = graph.op.tolist(), graph.placement.tolist(), rows.tolist()
    for match in range(graph.communication_count):
        parts = all_rows[starts[match] : starts[match + 1]]
        signature = (kinds[match], scopes[match], *((ops[part], placements[part]) for part in parts))
        if signature in sound:
            continue
        fault = _message_fault(graph, parts) if message[match] else _collective_fault(graph, match, parts)
        if fault is None:
            sound.add(signature)
        else:
            yield fault


def _message_fault(graph: ExecutionGraph, parts: list[int]) -> str | None:
    sends = [part for part in parts if graph.op[part] == Op.SEND]
    recvs = [part for part in parts if graph.op[part] == Op.RECV]
    if len(sends) + len(recvs) != len(parts):
        odd = next(part for part in parts if graph.op[part] == Op.COLLECTIVE)
        return f"{_named(graph, odd)} is a collective matched with a point-to-point message"
    if not sends:
        return f"{_named(graph, recvs[0])} receives, but nothing sends to it; add the send with the same match"
    if not recvs:
        return f"{_named(graph, sends[0])} sends, but nothing receives it; add the receive with the same match"
    if len(sends) > 1 or len(recvs) > 1:
        extra = (sends if len(sends) > 1 else recvs)[1]
        return f"{_named(graph, extra)} is one end too many of its message; give each message a match of its own"
    source, target = (graph.placements[graph.placement[part]] for part in (sends[0], recvs[0]))
    differs = False
    for axis, mine, theirs in zip(graph.mesh.names, source.indices, target.indices, strict=True):
        if mine == theirs:
            continue
        differs = True
        one_each = mine is not None and theirs is not None and len(mine) == len(theirs) == 1
        if not one_each:
            return (
                f"{_named(graph, sends[0])} and {_named(graph, recvs[0])} differ along axis {axis} and do not stand "
                "on one index each, so their ranks cannot be paired"
            )
    if not differs:
        return f"{_named(graph, sends[0])} sends to its own rank"
    return None


def _collective_fault(graph: ExecutionGraph, match: int, parts: list[int]) -> str | None:
    scope = graph.scopes[graph.scope[match]]
    first = _named(graph, parts[0])
    if any(graph.op[part] != Op.COLLECTIVE for part in parts):
        return f"{first} is matched with a send or receive but is a collective"
    if bool(scope.axes) == bool(scope.ranks):
        return f"{first} needs either axes or an explicit group of ranks"
    mesh = graph.mesh
    placements = [graph.placements[graph.placement[part]] for part in parts]
    if scope.axes and len(parts) == 1:
        occupied = mesh.occupied(placements[0])
        size = math.prod(len(occupied[mesh.axis(axis)]) for axis in scope.axes)
        if size < 2:
            return f"{first} is a collective of one rank along {', '.join(scope.axes)}; leave it out"
        return None
    ranks = np.concatenate([mesh.ranks(place) for place in placements])
    union, counts = np.unique(ranks, return_counts=True)
    if (counts > 1).any():
        return f"{first}: rank {union[counts > 1][0]} takes part more than once"
    if scope.ranks:
        group = np.asarray(scope.ranks)
        if len(set(scope.ranks)) != len(scope.ranks) or len(group) < 2:
            return f"{first} needs a group of at least 2 distinct ranks, got {list(scope.ranks)}"
        if group.min() < 0 or group.max() >= mesh.world_size:
            return f"{first}: its group {list(scope.ranks)} is not within the {mesh.world_size} ranks of {mesh}"
        missing = np.setdiff1d(group, union)
        extra = np.setdiff1d(union, group)
        if len(missing):
            return f"{first}: rank {missing[0]} of its group {list(scope.ranks)} has no part in it"
        if len(extra):
            return f"{first}: rank {extra[0]} takes part but is not of its group {list(scope.ranks)}"
        return None
    return _uneven(graph, scope.axes, union, first)


def _uneven(graph: ExecutionGraph, axes: tuple[str, ...], union: np.ndarray, first: str) -> str | None:
    """Parts on several rows: every group they form has to be of the same size, above one."""
    mesh = graph.mesh
    coordinates = np.stack(np.unravel_index(union, mesh.sizes))
    off = [position for position, name in enumerate(mesh.names) if name not in axes]
    keys = np.zeros(len(union), dtype=np.int64)
    for position in off:
        keys = keys * mesh.sizes[position] + coordinates[position]
    _, sizes = np.unique(keys, return_counts=True)
    if sizes.min() < 2:
        return f"{first} is a collective of one rank along {', '.join(axes)}; a part is missing or it is to be left out"
    if sizes.min() != sizes.max():
        return f"{first}: groups along {', '.join(axes)} have {sizes.min()} to {sizes.max()} ranks; a part is missing"
    return None


def _cycles(graph: ExecutionGraph) -> Iterator[str]:
    cycle = cycle_of(graph)
    if cycle is not None:
        names = " → ".join(_named(graph, node) for node in [*cycle[:8], cycle[0]])
        dots = "" if len(cycle) <= 8 else f" (… {len(cycle)} nodes in all)"
        yield f"a cycle of dependencies: {names}{dots}"
