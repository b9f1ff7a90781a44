"""Core's compiled functions, over numpy columns. Each says where its readable reference is; answers are equal.

Callers ask :func:`compiled` first, and use their reference where there is no kernel.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from versim.kernel.library import kernel_part

Longs = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]

MOST_ROWS = 2**31 - 1
"""Rows and edges are numbered in 32 bits."""

_SOURCES = Path(__file__).parent


def compiled() -> bool:
    """Whether the functions below can be called."""
    return kernel_part("versim_core", _SOURCES).library is not None


@functools.cache
def _function(name: str) -> Any:
    library = kernel_part("versim_core", _SOURCES).library
    if library is None:
        raise ValueError(f"{name} is not there: ask compiled() first")
    found = library[f"versim_{name}"]
    found.restype = ctypes.c_int64
    return found


Told = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
STOPPED = 2
"""What is answered to a function that tells how far it is where no more is wanted."""

TOLD_EVERY = 1 << 18
"""After so many rows (``heard.hpp``)."""


def _call(name: str, *arguments: Any) -> int:
    """What a function returns, given numbers, columns, who is told, or None for a null pointer."""
    passed = [
        ctypes.c_void_p(argument.ctypes.data)
        if isinstance(argument, np.ndarray)
        else argument
        if isinstance(argument, Told)
        else ctypes.c_void_p()
        if argument is None
        else ctypes.c_int64(argument)
        for argument in arguments
    ]
    return int(_function(name)(*passed))


def _heard(progress: Callable[[float], None] | None, count: int) -> tuple[Any, list[BaseException]]:
    """What a function tells now and then how many of ``count`` are done, and what was raised then, which ends it."""
    raised: list[BaseException] = []

    def hearing() -> Generator[int, int, None]:
        answer = 0
        while True:
            try:
                while True:
                    done = yield answer
                    if progress is not None:
                        progress(done / count)
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001 - an interrupt, too: nothing passes through the kernel
                raised.append(error)
                answer = STOPPED

    # A signal that came meanwhile is raised as soon as Python goes on: of a function that would be before its first
    # line, where nobody catches it; a generator goes on where it is caught.
    heard = hearing()
    next(heard)
    return Told(heard.send), raised


def _call_heard(name: str, rows: int, *arguments: Any, progress: Callable[[float], None] | None = None) -> int:
    """As :func:`_call`, of a function whose last argument is who is told: an interrupt ends it.

    Args:
        name: The function's.
        rows: How many it goes through, as well as that is known.
        arguments: All but the last.
        progress: Told which share of the rows is done.
    """
    if rows < TOLD_EVERY:
        return _call(name, *arguments, None)
    told, raised = _heard(progress, rows)
    found = _call(name, *arguments, told)
    if raised:
        raise raised[0]
    return found


def _of_part(progress: Callable[[float], None], done: float, part: float) -> Callable[[float], None]:
    """Who is told the share of a part hears which share of all is done."""
    return lambda share: progress(done + part * share)


def _rows(column: npt.NDArray[Any]) -> Rows:
    return np.ascontiguousarray(column, dtype=np.int32)


def _longs(column: npt.NDArray[Any]) -> Longs:
    return np.ascontiguousarray(column, dtype=np.int64)


def counting_sort(key: npt.NDArray[Any], keys: int) -> tuple[Longs, Rows]:
    """Where each key begins, (keys + 1,), and rows by key, in order within a key (``np.argsort(kind="stable")``).

    Raises:
        ValueError: A key is not in 0 … keys − 1.
    """
    column = _rows(key)
    start, order = np.empty(keys + 1, dtype=np.int64), np.empty(len(column), dtype=np.int32)
    if _call("counting_sort", len(column), column, keys, start, order):
        raise ValueError(f"keys are not all within 0..{keys - 1}")
    return start, order


def kahn(start: npt.NDArray[Any], follower: npt.NDArray[Any], missing: npt.NDArray[Any]) -> tuple[Rows, Rows, Rows]:
    """Kahn's algorithm (:func:`versim.graph.order.topological_order`).

    Args:
        start: (rows + 1,), where each row's followers begin.
        follower: Rows that wait for it.
        missing: (rows,), how many each row waits for.

    Returns:
        The rows that can be ordered, in order; of every row, the most edges on a path to it, and how many it still
        misses, 0 where it can be ordered.
    """
    rows = len(start) - 1
    left, order, depth = _rows(missing).copy(), np.empty(rows, dtype=np.int32), np.zeros(rows, dtype=np.int32)
    count = _call("topological_order", rows, _longs(start), _rows(follower), left, order, depth)
    return order[:count], depth, left


@attrs.frozen(eq=False, kw_only=True)
class Problem:
    """Instances in columns, as the event loop reads them.

    Attributes:
        devices: Number of devices.
        device: int32 (instances,).
        meeting: int32 (instances,), -1 for compute.
        waits: int32 (instances,), how many dependencies each has.
        follower_start: int64 (instances + 1,).
        follower: int32, instances that wait for it, ascending.
        part_start: int64 (meetings + 1,).
        part: int32, instances of each meeting.
    """

    devices: int
    device: Rows = attrs.field(converter=_rows)
    meeting: Rows = attrs.field(converter=_rows)
    waits: Rows = attrs.field(converter=_rows)
    follower_start: Longs = attrs.field(converter=_longs)
    follower: Rows = attrs.field(converter=_rows)
    part_start: Longs = attrs.field(converter=_longs)
    part: Rows = attrs.field(converter=_rows)

    def run(
        self, duration_ps: npt.NDArray[Any], longest_ps: int, progress: Callable[[float], None] | None = None
    ) -> tuple[Longs, Longs] | None:
        """Start and end of every instance (:meth:`versim.schedule.EventLoop.run`); None if one ends too late.

        Now and then ``progress`` is told which share of them has ended; what it raises ends the run.
        """
        count = len(self.meeting)
        told, raised = _heard(progress, count)
        start, end = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        failed = _call(
            "event_loop",
            count,
            self.devices,
            len(self.part_start) - 1,
            self.device,
            self.meeting,
            self.waits,
            self.follower_start,
            self.follower,
            self.part_start,
            self.part,
            _longs(duration_ps),
            longest_ps,
            start,
            end,
            told,
        )
        if raised:
            raise raised[0]
        if failed == 1:
            return None
        if failed:
            raise MemoryError("the schedule does not fit into memory")
        return start, end

    def longest_chain(self, duration_ps: npt.NDArray[Any]) -> int:
        """The longest chain of compute (:func:`versim.schedule.longest_chain_ps`)."""
        longest = _call_heard(
            "longest_chain",
            len(self.meeting),
            len(self.meeting),
            len(self.part_start) - 1,
            self.meeting,
            self.waits,
            self.follower_start,
            self.follower,
            self.part_start,
            self.part,
            _longs(duration_ps),
        )
        if longest < 0:
            raise MemoryError("the graph does not fit into memory")
        return longest


def unfolded_dependencies(
    dependencies: tuple[Longs, Rows],
    placement: Rows,
    partners: tuple[Longs, Rows],
    rows: tuple[Longs, int],
) -> tuple[Longs, Rows]:
    """The dependencies of instances (:func:`versim.graph.instances.instances_of`), as a CSR pair.

    Args:
        dependencies: Of nodes, as a CSR pair.
        placement: (nodes,).
        partners: Per pair of placements where its entries begin, and where each class of the first stands among those
            of the second.
        rows: Where each node's instances begin, (nodes + 1,), and how many there are.
    """
    first, total = rows
    given = (*map(_longs, (dependencies[0],)), _rows(dependencies[1]), _rows(placement), _longs(partners[0]))
    places = int(np.sqrt(len(partners[0]) - 1))
    start = np.empty(total + 1, dtype=np.int64)
    columns = (len(placement), places, *given, _rows(partners[1]), _longs(first))
    found = np.empty(_call_heard("unfolded_dependencies", total, *columns, start, None), dtype=np.int32)
    _call_heard("unfolded_dependencies", total, *columns, start, found)
    return start, found


def last_ended(dependency_start: Longs, dependency: Rows, end_ps: Longs) -> Longs:
    """When the last dependency of each instance had ended (:func:`versim.schedule.ready_of`); (instances,)."""
    found = np.empty(len(end_ps), dtype=np.int64)
    _call_heard("ready", len(end_ps), len(end_ps), _longs(dependency_start), _rows(dependency), _longs(end_ps), found)
    return found


def held_within(
    resources: tuple[Longs, Rows],
    times_ps: tuple[Longs, Longs, Longs],
    keys: tuple[Rows, int],
    classes: tuple[Rows, int],
    claims: tuple[Rows, Longs, Longs],
) -> Iterator[tuple[tuple[int, int], tuple[int, int, int], list[int]]]:
    """For how long resources are held while others wait (:mod:`versim.comparison.attribution.patterns`).

    Args:
        resources: Where each begins among rows, (resources + 1,), and rows in the order in which each served them.
        times_ps: Start and end of each row, and when it was ready, (rows,).
        keys: Of each row, (rows,), and how many there are.
        classes: The rank class of each row, (rows,), and how many there are.
        claims: Rows, ascending, and from when to when their waiting is on the critical path.

    Yields:
        Keys of what waits and of what it waits behind; how many rows do, for how long in all, and for how long on the
        path; and the rank classes of those rows.
    """
    count = keys[1]
    found, seen = np.zeros((count, count, 5), dtype=np.int64), np.zeros((count, count, classes[1]), dtype=np.bool_)
    marked = np.zeros(len(keys[0]), dtype=np.bool_)
    marked[claims[0]] = True
    columns = (_rows(resources[1]), *map(_longs, times_ps), _rows(keys[0]), count, _rows(classes[0]), classes[1])
    on_path = (len(claims[0]), _rows(claims[0]), *map(_longs, claims[1:]))
    resource_start = _longs(resources[0])
    given = (len(resource_start) - 1, resource_start, *columns, marked, *on_path, found, seen)
    if _call_heard("held_within", len(resources[1]), *given):
        raise MemoryError("what waits for what does not fit into memory")
    for waiting, behind in np.argwhere(found.any(axis=2)).tolist():
        rows, upper, lower, path_upper, path_lower = found[waiting, behind].tolist()
        sums = rows, (upper << 62) + lower, (path_upper << 62) + path_lower
        yield (waiting, behind), sums, np.flatnonzero(seen[waiting, behind]).tolist()


def ordered_behind(edge_start: Longs, kind: npt.NDArray[np.int8], owner: Rows, count: int) -> Rows:
    """What held the resource of each instance before it (:mod:`versim.comparison.slack`), -1 for nothing; (count,)."""
    held = np.empty(count, dtype=np.int32)
    _call("ordered_behind", count, _longs(edge_start), kind, _rows(owner), held)
    return held


def order_by_start(key: npt.NDArray[Any], keys: int, start_ps: npt.NDArray[Any], end_ps: npt.NDArray[Any]) -> Rows:
    """Rows by key, then start, then end, then number (:attr:`versim.comparison.align.Timeline.by_start`)."""
    order = np.empty(len(key), dtype=np.int32)
    if _call_heard("order_by_start", len(key), len(key), _rows(key), keys, _longs(start_ps), _longs(end_ps), order):
        raise MemoryError("the order of a timeline does not fit into memory")
    return order


@attrs.frozen(eq=False, kw_only=True)
class Lanes:
    """Rows of a timeline in lanes (:mod:`versim.comparison.attribution.lanes`).

    Attributes:
        order: int32 (rows,), every lane's rows by start.
        lane: int32 (rows,), -1 for what is in none.
        start_ps: int64 (rows,).
        end_ps: int64 (rows,).
    """

    order: Rows = attrs.field(converter=_rows)
    lane: Rows = attrs.field(converter=_rows)
    start_ps: Longs = attrs.field(converter=_longs)
    end_ps: Longs = attrs.field(converter=_longs)

    def _arguments(self) -> tuple[int, Rows, Rows, int, Longs, Longs]:
        lanes = int(self.lane.max(initial=-1)) + 1
        return len(self.order), self.order, self.lane, lanes, self.start_ps, self.end_ps

    def held_before(self) -> Rows:
        """What held the lane of each row before it, -1 for nothing; (rows,)."""
        before = np.empty(len(self.order), dtype=np.int32)
        if _call("held_before", *self._arguments(), before):
            raise MemoryError("the lanes do not fit into memory")
        return before

    def signs(
        self, ready_ps: Longs, meeting: Rows, *, unlike: bool
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Per lane, whether it is used, whether two rows overlap, and whether one waits its turn; (lanes,) each."""
        arguments = self._arguments()
        found = np.zeros((3, arguments[3]), dtype=np.bool_)
        if _call("lane_signs", *arguments, _longs(ready_ps), _rows(meeting), int(unlike), *found):
            raise MemoryError("the lanes do not fit into memory")
        return found[0], found[1], found[2]


def waits(
    dependency_start: Longs,
    dependency: Rows,
    meeting: Rows,
    meetings: int,
    late: npt.NDArray[np.bool_],
    before: tuple[Rows, Rows],
) -> tuple[Longs, Rows, Rows, Rows, npt.NDArray[np.int8]]:
    """The waits of a timeline, circles not cut (:func:`versim.comparison.attribution.waits.waits_of`).

    Args:
        dependency_start: (instances + 1,).
        dependency: Instances waited for.
        meeting: (instances,).
        meetings: How many there are.
        late: (instances,).
        before: What held the device, and the lane, of each instance before it; (instances,) each.

    Returns:
        Where the edges of each token begin, and their source, adds, owner and kind.
    """
    count = len(meeting)
    given = (_rows(meeting), np.ascontiguousarray(late), *map(_rows, before))
    start = np.empty(count + meetings + 2, dtype=np.int64)
    edges = _call("count_waits", count, meetings, _longs(dependency_start), *given, start)
    source, adds, owner = (np.empty(edges, dtype=np.int32) for _ in range(3))
    kind = np.empty(edges, dtype=np.int8)
    made = (source, adds, owner, kind)
    following = np.empty(meetings, dtype=np.int64)
    columns = (_longs(dependency_start), _rows(dependency), *given, start, following, *made)
    _call_heard("waits", count, count, meetings, *columns)
    return start, *made


def lags(
    edge_start: Longs, edges: tuple[Rows, Rows, npt.NDArray[np.int8]], duration_ps: Longs, time_ps: Longs
) -> Longs:
    """The lag of every token (:func:`versim.comparison.attribution.chain.chain_of`); (tokens,).

    Args:
        edge_start: (tokens + 1,).
        edges: Source, adds and kind of each.
        duration_ps: (instances,).
        time_ps: (tokens,).
    """
    lag = np.empty(len(time_ps), dtype=np.int64)
    tokens = len(time_ps)
    _call_heard("lags", tokens, tokens, len(duration_ps), edge_start, *edges, _longs(duration_ps), time_ps, lag)
    return lag


def sources_first(edge_start: Longs, source: Rows) -> Rows | None:
    """A topological order of tokens, given the sources of the edges that lead to each; None where they form circles."""
    tokens = len(edge_start) - 1
    order = np.empty(tokens, dtype=np.int32)
    ordered = _call_heard("sources_first", tokens, tokens, _longs(edge_start), _rows(source), order)
    if ordered < 0:
        raise MemoryError("the order of a timeline does not fit into memory")
    return order if ordered == tokens else None


@attrs.frozen(eq=False, kw_only=True)
class Paths:
    """A longest-path problem (:class:`versim.comparison.attribution.chain.Chain`).

    Attributes:
        edge_start: int64 (tokens + 1,), where the edges that lead to each token begin.
        source: int32 (edges,).
        adds: int32 (edges,), the instance whose duration is added; their number where none is.
        owner: int32 (edges,), the instance whose end it leaves from, -1 for others.
        kind: int8 (edges,), see :class:`versim.comparison.attribution.waits.Wait`.
        order: int32 (tokens,), topological.
    """

    edge_start: Longs = attrs.field(converter=_longs)
    source: Rows = attrs.field(converter=_rows)
    adds: Rows = attrs.field(converter=_rows)
    owner: Rows = attrs.field(converter=_rows)
    kind: npt.NDArray[np.int8] = attrs.field()
    order: Rows = attrs.field(converter=_rows)

    def _arguments(self, lag_ps: Longs, duration_ps: Longs) -> tuple[Any, ...]:
        tokens = len(self.edge_start) - 1
        columns = (self.edge_start, self.source, self.adds, self.kind)
        return tokens, len(duration_ps), *columns, _longs(lag_ps), _longs(duration_ps)

    def time(self, lag_ps: Longs, duration_ps: Longs) -> Longs:
        """When each token happens; (tokens,)."""
        tokens, count, *columns = self._arguments(lag_ps, duration_ps)
        time = np.zeros(tokens, dtype=np.int64)
        _call_heard("longest_path", tokens, tokens, count, self.order, *columns, time)
        return time

    def latest(
        self, lag_ps: Longs, duration_ps: Longs, meeting: Rows, late: npt.NDArray[np.bool_], makespan_ps: int
    ) -> Longs:
        """When each token may happen at the latest for the step to end as it does; (tokens,)."""
        tokens, count, *columns = self._arguments(lag_ps, duration_ps)
        latest = np.empty(tokens, dtype=np.int64)
        ends = (_rows(meeting), np.ascontiguousarray(late), _longs(duration_ps))
        _call("allowed", count, tokens, *ends, makespan_ps, latest)
        _call_heard("latest", tokens, tokens, count, self.order, *columns, latest)
        return latest

    def slack(self, lag_ps: Longs, latest_ps: Longs, end_ps: Longs) -> Longs:
        """How much later each instance could end; (instances,)."""
        slack = np.empty(len(end_ps), dtype=np.int64)
        tokens, makespan = len(self.edge_start) - 1, int(end_ps.max(initial=0))
        given = (self.edge_start, self.owner, _longs(lag_ps), latest_ps, _longs(end_ps))
        _call_heard("slack", tokens, tokens, len(end_ps), *given, makespan, slack)
        return slack

    def first_come(
        self,
        devices: int,
        device: Rows,
        group: Rows,
        durations_ps: tuple[Longs, Longs, Longs],
        choices: npt.NDArray[np.uint8],
        progress: Callable[[float], None] | None = None,
    ) -> list[int | None]:
        """Makespans of :meth:`versim.schedule.EventLoop.run`, None for sets in which the order of service may differ.

        The problem has no lags, lanes or late parts.

        Args:
            devices: How many there are.
            device: (instances,), NONE for parts of communications.
            group: (instances,).
            durations_ps: Columns to choose from, (instances,) each.
            choices: (sets, groups), which of the columns holds the durations of a group.
            progress: Told now and then which share of all sets is done.
        """
        tokens, at_once = len(self.edge_start) - 1, 4
        problem = (self.order, self.edge_start, self.source, self.adds, self.owner, self.kind)
        columns = (_rows(device), _rows(group), *map(_longs, durations_ps))
        found: list[int | None] = []
        for first in range(0, len(choices), at_once):
            sets = choices[first : first + at_once]
            chosen = np.zeros((choices.shape[1], at_once), dtype=np.uint8)
            chosen[:, : len(sets)] = sets.T
            last, kept = np.empty(at_once, dtype=np.int64), np.empty(at_once, dtype=np.bool_)
            given = (tokens, len(device), devices, *problem, *columns, chosen, last, kept)
            done, part = first / len(choices), min(1.0, at_once / len(choices))
            heard = None if progress is None else _of_part(progress, done, part)
            failed = _call_heard("first_come", tokens, *given, progress=heard)
            if failed < 0:
                raise MemoryError("the schedule does not fit into memory")
            known = zip(last.tolist(), kept.tolist(), strict=True) if not failed else [(0, False)] * at_once
            found += [end if same else None for end, same in list(known)[: len(sets)]]
        return found

    def path(
        self, row: int, lag_ps: Longs, duration_ps: Longs, time_ps: Longs, meeting: Rows, late: npt.NDArray[np.bool_]
    ) -> tuple[Rows, Rows, Rows, npt.NDArray[np.bool_]]:
        """Rows, entries, deciding edges and what carries, of the path to the end of ``row``, earliest first."""
        _, count, *columns = self._arguments(lag_ps, duration_ps)
        rows, entries, edges = (np.empty(count, dtype=np.int32) for _ in range(3))
        carries = np.empty(count, dtype=np.bool_)
        given = (_longs(time_ps), self.owner, _rows(meeting), np.ascontiguousarray(late))
        length = _call("path", count, row, *columns, *given, rows, entries, edges, carries)
        return tuple(column[:length][::-1].copy() for column in (rows, entries, edges, carries))  # type: ignore[return-value]
