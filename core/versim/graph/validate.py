"""What makes a graph impossible, found all at once and said by name.

Checks work on unique combinations of table entries, so that a graph of a million rows costs what its distinct
placements, works and scopes cost.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Iterator
from numbers import Integral, Real

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.distinct import distinct
from versim.errors import FaultsError
from versim.graph.columns import NONE, ExecutionGraph, Op
from versim.graph.forms import share_form
from versim.graph.order import cycle_of
from versim.immutable import is_unwritable
from versim.work import DTYPE_BITS, Attention, Fixed, Folded, Gemm, GroupedGemm, Kind, Pointwise, Term

MOST_FAULTS_PER_CHECK = 20
"""A wrong loop in a producer makes the same fault a million times; that many are listed, the rest counted."""


def checked(graph: ExecutionGraph, subject: str = "graph", *, like: ExecutionGraph | None = None) -> ExecutionGraph:
    """A graph that was written as columns, if nothing is wrong with it; :class:`versim.GraphBuilder` checks its own.

    Args:
        graph: The graph.
        subject: What messages call it.
        like: One that was checked. Where both have their columns in common, only work and sizes are looked at.

    Raises:
        FaultsError: Everything that is wrong with it, each fault naming its nodes.
    """
    if like is not None and _of_one_form(graph, like):
        sizes = graph.size_bytes
        if sizes.shape == graph.kind.shape and sizes.min(initial=1) >= 1 and not any(map(_faults_of_work, graph.works)):
            share_form(graph, like)
            return graph
    faults = _outside(graph) or faults_of(graph)
    if faults:
        raise FaultsError(subject, faults)
    return graph


def _of_one_form(graph: ExecutionGraph, other: ExecutionGraph) -> bool:
    """Whether two graphs differ in work, sizes, and the lengths of axes that every placement occupies whole.

    Groups along such an axis grow with it, all by the same factor, so that they are sound or unsound together as long
    as the axis has more than one index in both.
    """
    rows = [field.name for field in attrs.fields(ExecutionGraph) if isinstance(getattr(graph, field.name), np.ndarray)]
    whole = [all(place.indices[axis] is None for place in graph.placements) for axis in range(len(graph.mesh.sizes))]
    return (
        all(
            getattr(graph, name) is getattr(other, name) and is_unwritable(getattr(graph, name))
            for name in rows
            if name != "size_bytes"
        )
        and not (graph.node_attributes or graph.communication_attributes)
        and (graph.placements, graph.scopes, graph.kinds, len(graph.names), len(graph.works), len(graph.phases))
        == (other.placements, other.scopes, other.kinds, len(other.names), len(other.works), len(other.phases))
        and not any(scope.ranks for scope in graph.scopes)
        and graph.mesh.names == other.mesh.names
        and all(
            mine == theirs or (free and min(mine, theirs) > 1)
            for mine, theirs, free in zip(graph.mesh.sizes, other.mesh.sizes, whole, strict=True)
        )
    )


def _outside(graph: ExecutionGraph) -> list[str]:
    """Columns that point outside their tables, or do not fit one another."""
    faults = []
    nodes, communications = graph.node_count, graph.communication_count
    for name, rows, table in (
        ("placement", nodes, len(graph.placements)),
        ("name", nodes, len(graph.names)),
        ("work", nodes, len(graph.works)),
        ("match", nodes, communications),
        ("dependency", len(graph.dependency), nodes),
        ("kind", communications, len(graph.kinds)),
        ("phase", nodes, len(graph.phases)),
        ("scope", communications, len(graph.scopes)),
        ("algorithm", communications, len(graph.algorithms)),
    ):
        column = getattr(graph, name)
        lowest = NONE if name in ("work", "match") else 0
        if column.shape != (rows,):
            faults.append(f"column {name} has shape {column.shape}, not ({rows},)")
        elif rows and (column.min() < lowest or column.max() >= table):
            faults.append(f"column {name} holds {column.min()} to {column.max()}; its table has {table} rows")
    start = graph.dependency_start
    if start.shape != (nodes + 1,) or start[0] != 0 or start[-1] != len(graph.dependency) or (np.diff(start) < 0).any():
        faults.append("column dependency_start does not cut the dependencies into one run per node")
    if not faults:
        computes = graph.op == Op.COMPUTE
        if ((graph.work == NONE) == computes).any() or ((graph.match == NONE) != computes).any():
            faults.append("compute nodes need work and no match, all others a match and no work")
        if communications and (np.bincount(graph.match[~computes], minlength=communications) == 0).any():
            faults.append("a communication has no part")
        if communications and graph.size_bytes.min() < 1:
            faults.append("a communication has no bytes; leave it out")
    return faults


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
        if not _is_known_sound(term):
            faults.extend(_faults_of_term(term))
    return faults


def _is_known_sound(term: Term) -> bool:
    """Whether an equal term was found without fault; many steps have the same terms."""
    try:
        if isinstance(term, Folded):
            # It is held to types, too, and 1 is equal to 1.0.
            return _is_sound(term, type(term.size_bytes).__name__, type(term.participants).__name__)
        return _is_sound(term)
    except TypeError:
        return False  # of something that cannot be looked up, which is a fault


@functools.lru_cache(maxsize=65536)
def _is_sound(term: Term, *_: str) -> bool:
    return not list(_faults_of_term(term))


def _faults_of_term(term: Term) -> Iterator[str]:
    for field in attrs.fields(type(term)):
        value = getattr(term, field.name)
        if isinstance(value, str) or field.name == "causal":
            continue
        # A field that is 0 unless given may be 0 when it is given.
        lowest_allowed = 0 if isinstance(term, (Pointwise, Fixed)) or field.default == 0 else None
        if not _is_finite(value) or value < 0 or (value == 0 and lowest_allowed is None):
            bound = "of at least 0" if lowest_allowed == 0 else "above 0"
            yield f"{field.name} of {type(term).__name__} must be a finite number {bound}, got {value!r}"
    if isinstance(term, Folded):
        yield from _faults_of_folded(term)
    elif isinstance(term, Gemm | GroupedGemm | Attention) and term.dtype not in ("", *DTYPE_BITS):
        known = ", ".join(DTYPE_BITS)
        yield f"dtype of {type(term).__name__} must be one of {known}, got {term.dtype!r}"


def _is_finite(value: object) -> bool:
    """True for a finite number, numpy's included."""
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int or (isinstance(value, Real) and math.isfinite(value))


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
    waiting, apart = graph.dependents_of_edges(), graph.edges_apart()
    where, there = graph.placement[waiting[apart]], graph.placement[graph.dependency[apart]]
    pairs = where.astype(np.int64) * len(graph.placements) + there
    unique, first, _ = distinct(pairs, len(graph.placements) ** 2)
    for pair, edge in zip(unique.tolist(), apart[first].tolist(), strict=True):
        mine, theirs = divmod(pair, len(graph.placements))
        if graph.placements[mine].common(graph.placements[theirs]) is None:
            node, on = int(waiting[edge]), int(graph.dependency[edge])
            yield (
                f"{_named(graph, node)} depends on {_named(graph, on)}, but they share no rank; "
                "send it a message instead"
            )


def _matches(graph: ExecutionGraph) -> Iterator[str]:
    """Communications alike in kind, scope and the placements of their parts are sound or unsound together."""
    start, rows = graph.parts()
    for alike in _alike_communications(graph, start, rows):
        for match in alike:
            parts = rows[start[match] : start[match + 1]].tolist()
            known = _lying(graph, match, parts)
            if known in _SOUND:
                break
            if graph.kinds[graph.kind[match]] == Kind.POINT_TO_POINT:
                fault = _message_fault(graph, parts)
            else:
                fault = _collective_fault(graph, match, parts)
            if fault is None:
                if known is not None:
                    if len(_SOUND) >= MOST_SOUND:
                        _SOUND.clear()
                    _SOUND.add(known)
                break
            yield fault


_SOUND: set[Hashable] = set()
"""Communications of few parts that were found without fault: many steps on one mesh have the same."""

MOST_SOUND = 1 << 14
_FEW_PARTS = 32


def _lying(graph: ExecutionGraph, match: int, parts: list[int]) -> Hashable:
    """All that decides whether a communication is sound; None where that is much."""
    scope = graph.scopes[graph.scope[match]]
    if scope.ranks or len(parts) > _FEW_PARTS:
        return None
    is_message = graph.kinds[graph.kind[match]] == Kind.POINT_TO_POINT
    places = tuple(graph.placements[code] for code in graph.placement[parts].tolist())
    return graph.mesh, is_message, tuple(scope.axes), (*graph.op[parts].tolist(),), places


def _alike_communications(
    graph: ExecutionGraph, start: NDArray[np.int64], rows: NDArray[np.int32]
) -> Iterator[Iterator[int]]:
    """Communications grouped by kind, scope and what their parts are and where these stand, in order of the first."""
    counts = np.diff(start)
    part_code = graph.op[rows].astype(np.int64) * len(graph.placements) + graph.placement[rows]
    # Most have one part or two: one number each. Those of many parts are few, and are told apart by what they hold.
    code = np.zeros(graph.communication_count, dtype=np.int64)
    known: dict[bytes, int] = {}
    for match in np.flatnonzero(counts > 2).tolist():
        held = part_code[start[match] : start[match + 1]].tobytes()
        code[match] = known.setdefault(held, len(known) + 1)
    few = counts <= 2
    for position in range(2):
        present = np.flatnonzero(few & (counts > position))
        column = np.full(graph.communication_count, -1, dtype=np.int64)
        column[present] = part_code[start[:-1][present] + position]
        code = _joint(code, column)
    code = _joint(_joint(code, graph.kind), graph.scope)
    _, first, code = distinct(code, int(code.max(initial=-1)) + 1)
    order = np.argsort(first, kind="stable")
    for group in order.tolist():
        yield _from_first(code, group, int(first[group]))


def _from_first(code: NDArray[np.int64], group: int, first: int) -> Iterator[int]:
    """The communications of a group, looked for only as far as they are asked for."""
    yield first
    yield from (np.flatnonzero(code[first + 1 :] == group) + first + 1).tolist()


def _joint(code: NDArray[np.int64], column: NDArray[np.generic]) -> NDArray[np.int64]:
    """A number that is equal where both columns, of small numbers from −1 on, are equal."""
    values = column.astype(np.int64) + 1
    radix = int(values.max(initial=0)) + 1
    if int(code.max(initial=0)) > np.iinfo(np.int64).max // radix - radix:
        _, code = np.unique(code, return_inverse=True)
    return code * radix + values


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
