"""Instances: a graph with one row per node and rank class.

This is the form in which time passes: an instance waits for the instances of its dependencies on its own class, and
the parts of one communication meet. Backends that fold, the checks and the analysis of predictions all use it.
"""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.distinct import distinct, grouped, largest, pairs, runs
from versim.graph.classes import RankClasses
from versim.graph.columns import HOST, NONE, ExecutionGraph, Op
from versim.graph.forms import of_form
from versim.graph.limits import hold_to_memory
from versim.immutable import is_unwritable, unwritable
from versim.kernel.functions import compiled, unfolded_dependencies
from versim.work import Kind

T = TypeVar("T")


@attrs.frozen(eq=False, kw_only=True)
class Instances:
    """Nodes per rank class; ordered by node, then class.

    Attributes:
        graph: The graph they are made of.
        classes: The rank classes.
        node: int32 (instances,), the graph's row.
        rank_class: int32 (instances,).
        first: int64 (nodes + 1,), where each node's instances begin.
        dependency_start: int64 (instances + 1,).
        dependency: int32, instances waited for, all of the same class as the waiting one.
        meeting: int32 (instances,), the meeting a part belongs to; NONE for compute. Parts of one communication that
            wait for one another share a meeting.
        meeting_match: int32 (meetings,), the communication a meeting is an instance of.
    """

    graph: ExecutionGraph
    classes: RankClasses
    node: NDArray[np.int32]
    rank_class: NDArray[np.int32]
    first: NDArray[np.int64]
    dependency_start: NDArray[np.int64]
    dependency: NDArray[np.int32]
    meeting: NDArray[np.int32]
    meeting_match: NDArray[np.int32]
    _kept: dict[Hashable, Any] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(Instances):
            column = getattr(self, field.name)
            if isinstance(column, np.ndarray):
                column.flags.writeable = False

    @property
    def count(self) -> int:
        """Number of instances."""
        return len(self.node)

    @functools.cached_property
    def ranks(self) -> NDArray[np.int64]:
        """The representative rank of each instance; shape (instances,)."""
        found = self.classes.representatives()[self.rank_class]
        found.flags.writeable = False
        return found

    @property
    def communicates(self) -> NDArray[np.bool_]:
        """Which instances are parts of communications; shape (instances,)."""
        return self.kept("communicates", lambda: np.asarray(self.graph.op[self.node] != Op.COMPUTE))

    @property
    def processor(self) -> NDArray[np.int64]:
        """What computes an instance: the device of its class, or its host; shape (instances,)."""
        return self.kept("processor", self._processor)

    @property
    def waiting(self) -> NDArray[np.int32]:
        """For each entry of ``dependency``, the instance that waits; shape (dependencies,)."""
        return self.kept("waiting", self._waiting)

    def _waiting(self) -> NDArray[np.int32]:
        if self.dependency is self.graph.dependency:
            return self.graph.dependents_of_edges()
        return np.repeat(np.arange(self.count, dtype=np.int32), np.diff(self.dependency_start))

    def _processor(self) -> NDArray[np.int64]:
        host = self.graph.node_attributes.get(HOST)
        classes = self.rank_class.astype(np.int64)
        return classes if host is None else classes + self.classes.count * (host[self.node] != 0)

    def parts(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The instances of every meeting as a CSR pair."""
        return self.kept("parts", lambda: grouped(self.meeting, len(self.meeting_match)))

    def last_of_class(self, times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """The latest of a column of times, (instances,), in each class; (classes,). A class without instances has 0."""
        return largest(times_ps, *self.by_class())

    def of_class(self, number: int) -> NDArray[np.int32]:
        """The instances of a class, ascending."""
        start, rows = self.by_class()
        return rows[start[number] : start[number + 1]]

    def by_class(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The instances of every class as a CSR pair."""
        return self.kept("by class", lambda: grouped(self.rank_class, self.classes.count))

    def last_of_meeting(self, times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """The latest of a column of times, (instances,), in each meeting; (meetings,)."""
        return largest(times_ps, *self.parts())

    def kept(self, what: Hashable, make: Callable[[], T]) -> T:
        """What follows from the columns alone, made once for all graphs that have them in common.

        Args:
            what: Its name, of the module that makes it.
            make: Makes it; nobody may write to what it gives.
        """
        if what not in self._kept:
            self._kept[what] = make()
        found: T = self._kept[what]
        return found

    def of(self, graph: ExecutionGraph, classes: RankClasses) -> Instances:
        """The same columns, for a graph that differs from this one's in nothing they are made of."""
        return attrs.evolve(self, graph=graph, classes=classes, kept=self._kept)


def instances_of(graph: ExecutionGraph, classes: RankClasses | None = None) -> Instances:
    """The instances of a graph, for its own coarsest rank classes unless others are given.

    Raises:
        VersimError: They would not fit into memory.
    """
    classes = RankClasses.of(graph) if classes is None else classes
    known = _SHARED.get()
    if known is None:
        return _instances_of(graph, classes)
    for shared in known:
        if shared.graph is graph and shared.classes.equals(classes):
            return shared
    like = next((shared for shared in _RECENT if _alike(shared, graph, classes)), None)
    made = _instances_of(graph, classes) if like is None else like.of(graph, classes)
    known.append(made)
    return made


_ROWS = ("op", "placement", "phase", "match", "dependency_start", "dependency", "kind", "scope")
_TABLES = ("placements", "scopes", "kinds", "phases")


def _alike(shared: Instances, graph: ExecutionGraph, classes: RankClasses) -> bool:
    """Whether a graph has the same columns, and its classes lie on its placements in the same way."""
    other = shared.graph
    return (
        all(getattr(other, name) is getattr(graph, name) for name in _ROWS)
        and all(getattr(other, name) == getattr(graph, name) for name in _TABLES)
        and other.mesh.names == graph.mesh.names
        and shared.classes.sizes == classes.sizes
        and all(
            all(map(np.array_equal, shared.classes.on_axes(place), classes.on_axes(place)))
            for place in graph.placements
        )
    )


_RECENT: deque[Instances] = deque()
"""Of graphs whose columns nobody can write to; the latest first."""

MOST_RECENT = 2_000_000
"""Instances that are remembered in all, of about 200 bytes each."""


def _remember(made: list[Instances]) -> None:
    for one in made:
        columns = all(is_unwritable(getattr(one.graph, name)) for name in _ROWS)
        if not columns or one.graph.node_attributes or one.count > MOST_RECENT // 2:
            continue
        for before in [other for other in _RECENT if other._kept is one._kept]:  # noqa: SLF001 - its own kind
            _RECENT.remove(before)
        _RECENT.appendleft(one)
    while sum(one.count for one in _RECENT) > MOST_RECENT:
        _RECENT.pop()


def made_for(node: NDArray[Any], rank: NDArray[Any]) -> Instances | None:
    """The instances whose columns these are, among those that are shared: then every row stands where it should."""
    for shared in _SHARED.get() or ():
        if shared.node is node and shared.ranks is rank:
            return shared
    return None


_SHARED: ContextVar[list[Instances] | None] = ContextVar("shared instances", default=None)


@contextlib.contextmanager
def sharing_instances() -> Iterator[None]:
    """Within the block, instances of one graph are made once for everybody who asks.

    Those of the blocks before are there for graphs that have their columns in common with one of theirs.
    """
    made: list[Instances] = []
    token = _SHARED.set(made)
    try:
        yield
    finally:
        _SHARED.reset(token)
        _remember(made)


def hold_instances_to_memory(graph: ExecutionGraph, classes: RankClasses) -> None:
    """Refuse classes whose instances would not fit into memory, see :func:`versim.graph.limits.hold_to_memory`.

    Raises:
        VersimError: They would not.
    """
    counts = np.array([len(classes.on(place)) for place in graph.placements], dtype=np.int64)
    hold_to_memory(int(counts[graph.placement].sum()), classes.count)


def _instances_of(graph: ExecutionGraph, classes: RankClasses) -> Instances:
    hold_instances_to_memory(graph, classes)
    on = [classes.on(place) for place in graph.placements]
    counts = np.array([len(members) for members in on], dtype=np.int64)
    if (counts == 1).all():
        # Every node is one instance, as in most graphs that were written as such.
        total = graph.node_count
        first, node = np.arange(total + 1), np.arange(total, dtype=np.int32)
        rank_class = np.concatenate(on).astype(np.int32)[graph.placement]
    else:
        first = np.zeros(graph.node_count + 1, dtype=np.int64)
        np.cumsum(counts[graph.placement], out=first[1:])
        total = int(first[-1])
        node = np.repeat(np.arange(graph.node_count, dtype=np.int32), counts[graph.placement])
        rank_class = np.empty(total, dtype=np.int32)
        for code, members in enumerate(on):
            rows = np.flatnonzero(graph.placement == code)
            rank_class[first[rows][:, None] + np.arange(len(members))[None, :]] = members[None, :]
    start, dependency = _dependencies(graph, on, first, total)
    meeting, meeting_match = _meetings(graph, classes, first, total)
    return Instances(
        graph=graph,
        classes=classes,
        node=node,
        rank_class=rank_class,
        first=first,
        dependency_start=start,
        dependency=dependency,
        meeting=meeting,
        meeting_match=meeting_match,
    )


def _dependencies(
    graph: ExecutionGraph, on: list[NDArray[np.int64]], first: NDArray[np.int64], total: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    waiting = graph.dependents_of_edges()
    if total == graph.node_count and all(len(members) == 1 for members in on):
        of_row, apart = np.concatenate(on)[graph.placement], graph.edges_apart()
        if (of_row[waiting[apart]] == of_row[graph.dependency[apart]]).all():
            return graph.dependency_start, graph.dependency
    if compiled():
        return unfolded_dependencies(
            (graph.dependency_start, graph.dependency), graph.placement, _partners(on), (first, total)
        )
    pair = graph.placement[waiting].astype(np.int64) * len(graph.placements) + graph.placement[graph.dependency]
    owners, targets, entries = [], [], []
    for code, edges in zip(*runs(pair, len(graph.placements) ** 2), strict=True):
        mine, theirs = divmod(int(code), len(graph.placements))
        _, at_mine, at_theirs = np.intersect1d(on[mine], on[theirs], assume_unique=True, return_indices=True)
        owners.append((first[waiting[edges]][:, None] + at_mine[None, :]).ravel())
        targets.append((first[graph.dependency[edges]][:, None] + at_theirs[None, :]).ravel())
        entries.append(np.repeat(edges, len(at_mine)))
    start = np.zeros(total + 1, dtype=np.int64)
    if not owners:
        return start, np.empty(0, dtype=np.int32)
    owner, target, entry = (np.concatenate(column) for column in (owners, targets, entries))
    order = np.lexsort((entry, owner))
    np.cumsum(np.bincount(owner, minlength=total), out=start[1:])
    return start, target[order].astype(np.int32)


def _partners(on: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each pair of placements, where each class of the first stands among those of the second; NONE where not.

    Where each pair begins, (placements², + 1), and the places.
    """
    places = []
    for mine in on:
        for theirs in on:
            at = np.searchsorted(theirs, mine)
            found = theirs[np.minimum(at, len(theirs) - 1)] == mine if len(theirs) else np.zeros(len(mine), dtype=bool)
            places.append(np.where(found, at, NONE))
    start = np.cumsum([0, *map(len, places)])
    return start, np.concatenate(places).astype(np.int32) if places else np.empty(0, dtype=np.int32)


def _meetings(
    graph: ExecutionGraph, classes: RankClasses, first: NDArray[np.int64], total: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Parts meet if they belong to one communication and agree in every axis class off its axes."""
    meeting = np.full(total, NONE, dtype=np.int32)
    parts = np.flatnonzero(graph.match != NONE)
    if not len(parts):
        return meeting, np.empty(0, dtype=np.int32)
    scope = graph.scope[graph.match[parts]].astype(np.int64)
    combined = graph.placement[parts] * np.int64(len(graph.scopes)) + scope
    if total == graph.node_count and _agree(graph, classes, graph.match[parts], combined):
        # Every node is one instance, and every communication is one meeting.
        return graph.match, np.arange(graph.communication_count, dtype=np.int32)
    keys = np.full(total, -1, dtype=np.int64)
    for code, members in zip(*runs(combined, len(graph.placements) * len(graph.scopes)), strict=True):
        placement, scope_code = divmod(int(code), len(graph.scopes))
        off = _off_axes(graph, classes, placement, scope_code)
        rows = parts[members]
        keys[first[rows][:, None] + np.arange(len(off))[None, :]] = (
            graph.match[rows].astype(np.int64)[:, None] * classes.count + off[None, :]
        )
    taking_part = keys >= 0
    unique, _, inverse = distinct(keys[taking_part], graph.communication_count * classes.count)
    meeting[taking_part] = inverse.astype(np.int32)
    return meeting, (unique // classes.count).astype(np.int32)


def _agree(graph: ExecutionGraph, classes: RankClasses, match: NDArray[np.int32], combined: NDArray[np.int64]) -> bool:
    """Whether the parts of each communication agree off its axes, where each is one instance.

    Of every part, ``match`` is its communication, and ``combined`` its placement and scope in one number.
    """
    pairs_used, _, number = distinct(combined, len(graph.placements) * len(graph.scopes))
    on_axes = functools.cache(lambda placement: classes.on_axes(graph.placements[placement]))
    off = []
    for pair in pairs_used.tolist():
        placement, scope = divmod(pair, len(graph.scopes))
        off.append(_off(graph, classes, on_axes(placement), scope)[0])
    of_part = np.array(off, dtype=np.int64)[number]
    of_match = np.zeros(graph.communication_count, dtype=np.int64)
    of_match[match] = of_part
    return bool((of_match[match] == of_part).all())


def _off_axes(graph: ExecutionGraph, classes: RankClasses, placement: int, scope: int) -> NDArray[np.int64]:
    """For each class a placement occupies, a number that is equal where classes agree off the scope's axes."""
    return _off(graph, classes, classes.on_axes(graph.placements[placement]), scope)


def _off(
    graph: ExecutionGraph, classes: RankClasses, per_axis: tuple[NDArray[np.int64], ...], scope: int
) -> NDArray[np.int64]:
    along = graph.scopes[scope]
    off = np.zeros(1, dtype=np.int64)
    for name, chosen, count in zip(graph.mesh.names, per_axis, classes.sizes, strict=True):
        counts_here = not along.ranks and name not in along.axes
        off = (off[:, None] * count + (chosen if counts_here else np.zeros_like(chosen))[None, :]).ravel()
    return off


_PARTICIPANTS: WeakKeyDictionary[ExecutionGraph, NDArray[np.int64]] = WeakKeyDictionary()
_DISTINCT: WeakKeyDictionary[ExecutionGraph, tuple[NDArray[np.int64], NDArray[np.int64]]] = WeakKeyDictionary()
"""Asked for by everybody who looks at a network; they go with the graph, which never changes."""


def participants_of(graph: ExecutionGraph) -> NDArray[np.int64]:
    """Ranks in one group of each communication; shape (communications,); nobody may write to it."""
    if graph not in _PARTICIPANTS:
        _PARTICIPANTS[graph] = unwritable(_participants_of(graph))
    return _PARTICIPANTS[graph]


def _participants_of(graph: ExecutionGraph) -> NDArray[np.int64]:
    first, inverse = distinct_communications(graph)
    known: dict[tuple[int, ...], int] = {}
    start, rows = graph.parts()
    sizes = np.empty(len(first), dtype=np.int64)
    message = graph.is_kind(Kind.POINT_TO_POINT)
    for place, match in enumerate(first.tolist()):
        if message[match]:
            sizes[place] = 2
            continue
        key = (int(graph.scope[match]), *graph.placement[rows[start[match] : start[match + 1]]].tolist())
        if key not in known:
            known[key] = len(graph.first_group(match))
        sizes[place] = known[key]
    return sizes[inverse]


def distinct_communications(graph: ExecutionGraph) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each set of communications that differ in nothing but their place in the step.

    Returns:
        Of each set its first communication, ascending; and of each communication its set; shapes (sets,) and
        (communications,); nobody may write to them.
    """
    if graph not in _DISTINCT:
        first, numbers = _distinct_communications(graph)
        _DISTINCT[graph] = unwritable(first), unwritable(numbers)
    return _DISTINCT[graph]


def _distinct_communications(graph: ExecutionGraph) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, number = pairs(of_form(graph, "instances.but_for_sizes", lambda: _but_for_sizes(graph)), graph.size_bytes)
    return first.astype(np.int64), number.astype(np.int64)


def _but_for_sizes(graph: ExecutionGraph) -> NDArray[np.int64]:
    """A number that is equal for communications that differ in nothing but size and place; (communications,)."""
    start, rows = graph.parts()
    counts, places = np.diff(start), graph.placement[rows].astype(np.int64)
    last = max(len(places) - 1, 0)
    if not len(counts):
        return counts
    columns: list[NDArray[Any]] = [
        *(graph.kind, graph.scope, graph.algorithm, counts),
        *(np.where(counts > number, places[np.minimum(start[:-1] + number, last)], NONE) for number in range(2)),
        # Whether the sender stands first: the same two ends the other way round are another message.
        graph.op[rows[start[:-1]]],
    ]
    long = np.flatnonzero(counts > 2)
    if len(long):
        # Longer lists of parts count as a whole.
        lists: dict[bytes, int] = {}
        codes = np.full(len(counts), NONE, dtype=np.int64)
        for match in long.tolist():
            content = places[start[match] : start[match + 1]].tobytes()
            codes[match] = lists.setdefault(content, len(lists))
        columns.append(codes)
    code = np.zeros(len(counts), dtype=np.int64)
    for column in columns:
        if (column != column[0]).any():
            code = pairs(code, column)[1].astype(np.int64)
    return code
