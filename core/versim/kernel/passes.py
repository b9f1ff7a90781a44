"""Compiled passes over instances, beside :mod:`versim.kernel.functions`: steps without a queue, and checks of them.

Each says where its readable reference is; answers are equal. Callers ask first whether they can be called
(:func:`versim.kernel.functions.compiled`).
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from versim.kernel.functions import Longs, Rows, _call, _call_heard, _longs, _rows


@attrs.frozen(eq=False, kw_only=True)
class Straight:
    """Instances in columns, to be run where nothing waits for its device (:func:`versim.schedule.replay`).

    Attributes:
        devices: Number of devices.
        node: int32 (instances,).
        device: int32 (instances,).
        meeting: int32 (instances,), -1 for compute.
        dependency_start: int64 (instances + 1,).
        dependency: int32.
        part_start: int64 (meetings + 1,).
        part: int32, instances of each meeting.
        by_device: The instances of each device as a CSR pair.
        order: int32, instances, and ~meeting behind the parts of each, so that everything follows what it waits for;
            shorter than both together where devices cannot take their instances as they stand.
    """

    devices: int
    node: Rows = attrs.field(converter=_rows)
    device: Rows = attrs.field(converter=_rows)
    meeting: Rows = attrs.field(converter=_rows)
    dependency_start: Longs = attrs.field(converter=_longs)
    dependency: Rows = attrs.field(converter=_rows)
    part_start: Longs = attrs.field(converter=_longs)
    part: Rows = attrs.field(converter=_rows)
    by_device: tuple[Longs, Rows]
    order: Rows = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        count, meetings = len(self.meeting), len(self.part_start) - 1
        order = np.empty(count + meetings, dtype=np.int32)
        given = (self.meeting, self.dependency_start, self.dependency, self.part_start)
        columns = (meetings, self.devices, *self.by_device, *given, order)
        ordered = _call_heard("straight_order", count, count, *columns)
        if ordered < 0:
            raise MemoryError("the order of a graph does not fit into memory")
        object.__setattr__(self, "order", order[:ordered])

    @property
    def whole(self) -> bool:
        """Whether every instance has its place in the order."""
        return len(self.order) == len(self.meeting) + len(self.part_start) - 1

    def run(
        self, compute_ps: npt.NDArray[Any], meeting_ps: npt.NDArray[Any], longest_ps: int
    ) -> tuple[Longs, Longs] | None:
        """Start and end of every instance; None if two may ask for one device at once, or one ends too late."""
        count = len(self.node)
        start, end = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        failed = _call_heard(
            "straight_run",
            len(self.order),
            len(self.order),
            self.devices,
            self.order,
            self.node,
            self.device,
            self.meeting,
            self.dependency_start,
            self.dependency,
            self.part_start,
            self.part,
            _longs(compute_ps),
            _longs(meeting_ps),
            longest_ps,
            start,
            end,
        )
        if failed < 0:
            raise MemoryError("the schedule does not fit into memory")
        return None if failed else (start, end)


def largest(values: npt.NDArray[Any], start: Longs, rows: npt.NDArray[Any], otherwise: int) -> Longs:
    """The largest value of each group (:func:`versim.distinct.largest`)."""
    found = np.empty(len(start) - 1, dtype=np.int64)
    _call("largest", len(found), _longs(start), _rows(rows), _longs(values), otherwise, found)
    return found


def started_early(dependency_start: Longs, dependency: Rows, start_ps: Longs, end_ps: Longs) -> int:
    """How many dependencies end after what waits for them has started (``versim.comparison.checks``)."""
    given = (_longs(dependency_start), _rows(dependency), _longs(start_ps), _longs(end_ps))
    return _call("started_early", len(start_ps), *given)


def overlaps(rows: Rows, on_same: npt.NDArray[np.bool_], start_ps: Longs, end_ps: Longs) -> int:
    """How many rows start before the one before them has ended, where both are on one processor.

    See ``versim.comparison.checks``.

    Args:
        rows: By processor.
        on_same: (rows − 1,), whether each is on the processor of the one before it.
        start_ps: (instances,).
        end_ps: (instances,).
    """
    given = (_rows(rows), np.ascontiguousarray(on_same), _longs(start_ps), _longs(end_ps))
    return _call("overlaps", len(rows), *given)


def other_durations(
    node: Rows, meeting: Rows, compute_ns: npt.NDArray[Any], ps_per_ns: int, start_ps: Longs, end_ps: Longs
) -> int:
    """How many computations did not last as long as their node, -1 ns not counted (``versim.comparison.checks``)."""
    given = (_rows(node), _rows(meeting), _longs(compute_ns), ps_per_ns, _longs(start_ps), _longs(end_ps))
    return _call("other_durations", len(node), *given)


def active(meeting: Rows, meetings: int, start_ps: Longs, end_ps: Longs) -> Longs | None:
    """When each instance begins to make progress; None where a part ends before another is posted.

    See :func:`versim.comparison.align.timeline`.
    """
    found, posted = np.empty(len(meeting), dtype=np.int64), np.empty(meetings, dtype=np.int64)
    before = _call("active", len(meeting), meetings, _rows(meeting), _longs(start_ps), _longs(end_ps), posted, found)
    return None if before else found


def posted_in_time(meeting: Rows, meetings: int, start_ps: Longs, end_ps: Longs) -> bool:
    """Whether every part is posted before one of its meeting ends (:class:`versim.comparison.align.Timeline`)."""
    posted = np.empty(meetings, dtype=np.int64)
    return not _call("active", len(meeting), meetings, _rows(meeting), _longs(start_ps), _longs(end_ps), posted, None)


def senseless(start_ps: npt.NDArray[Any], end_ps: npt.NDArray[Any], longest_ps: int) -> int:
    """How many spans begin below 0, end before they begin, or end too late (``versim.comparison.contract``)."""
    return _call("senseless", len(start_ps), longest_ps, _longs(start_ps), _longs(end_ps))


def weighted(words: npt.NDArray[np.uint64], weights: npt.NDArray[np.uint64]) -> int:
    """Words by weight and place, modulo 2^64 (``versim.inputs``)."""
    return _call("weighted", len(words), np.ascontiguousarray(words), len(weights), weights) % 2**64


def distinct_pairs(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[Rows, Rows]:
    """The first row of each distinct pair of values, and of each row the number of its pair.

    Numbers are in order of appearance; see :func:`versim.distinct.pairs`.
    """
    rows = len(one)
    number, first = np.empty(rows, dtype=np.int32), np.empty(rows, dtype=np.int32)
    found = _call_heard("distinct_pairs", rows, rows, _longs(one), _longs(other), number, first)
    if found < 0:
        raise MemoryError("the distinct rows of a graph do not fit into memory")
    return first[:found].copy(), number
