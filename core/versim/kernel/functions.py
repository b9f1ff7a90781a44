"""Core's compiled functions, over numpy columns. Each says where its readable reference is; answers are equal.

Callers ask :func:`compiled` first, and use their reference where there is no kernel.
"""

from __future__ import annotations

import ctypes
import functools
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
_NAMES = ("counting_sort", "topological_order", "event_loop", "longest_chain", "longest_path", "latest", "binding")


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


def _call(name: str, *arguments: int | npt.NDArray[Any] | None) -> int:
    passed = [
        argument.ctypes.data_as(ctypes.c_void_p)
        if isinstance(argument, np.ndarray)
        else ctypes.c_void_p()
        if argument is None
        else ctypes.c_int64(argument)
        for argument in arguments
    ]
    return int(_function(name)(*passed))


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

    def run(self, duration_ps: npt.NDArray[Any], longest_ps: int) -> tuple[Longs, Longs] | None:
        """Start and end of every instance (:meth:`versim.schedule.EventLoop.run`); None if one ends too late."""
        count = len(self.meeting)
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
        )
        if failed == 1:
            return None
        if failed:
            raise MemoryError("the schedule does not fit into memory")
        return start, end

    def longest_chain(self, duration_ps: npt.NDArray[Any]) -> int:
        """The longest chain of compute (:func:`versim.schedule.longest_chain_ps`)."""
        longest = _call(
            "longest_chain",
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


@attrs.frozen(eq=False, kw_only=True)
class Paths:
    """A longest-path problem (:class:`versim.comparison.attribution.chain.Chain`).

    Attributes:
        order: int32 (tokens,), topological.
        edge_start: int64 (tokens + 1,), where the edges that lead to each token begin.
        source: int32 (edges,).
        adds: int32 (edges,), the instance whose duration is added; their number where none is.
        arrival: uint8 (edges,), 1 where the lag of the token is not added.
    """

    order: Rows = attrs.field(converter=_rows)
    edge_start: Longs = attrs.field(converter=_longs)
    source: Rows = attrs.field(converter=_rows)
    adds: Rows = attrs.field(converter=_rows)
    arrival: npt.NDArray[np.uint8] = attrs.field()

    def _arguments(self, lag_ps: Longs, duration_ps: Longs) -> tuple[Any, ...]:
        tokens = len(self.edge_start) - 1
        columns = (self.edge_start, self.source, self.adds, self.arrival)
        return tokens, len(duration_ps), *columns, _longs(lag_ps), _longs(duration_ps)

    def time(self, lag_ps: Longs, duration_ps: Longs) -> Longs:
        """When each token happens; (tokens,)."""
        tokens, count, *columns = self._arguments(lag_ps, duration_ps)
        time = np.zeros(tokens, dtype=np.int64)
        _call("longest_path", tokens, count, self.order, *columns, time)
        return time

    def latest(self, lag_ps: Longs, duration_ps: Longs, allowed_ps: Longs) -> Longs:
        """When each token may happen at the latest, given what the end of the step allows; (tokens,)."""
        tokens, count, *columns = self._arguments(lag_ps, duration_ps)
        latest = _longs(allowed_ps).copy()
        _call("latest", tokens, count, self.order, *columns, latest)
        return latest

    def binding(self, lag_ps: Longs, duration_ps: Longs, time_ps: Longs, *, arrivals: bool) -> Rows:
        """The edge that decides each token's time, -1 for none; (tokens,)."""
        tokens, count, *columns = self._arguments(lag_ps, duration_ps)
        binding = np.empty(tokens, dtype=np.int32)
        _call("binding", tokens, count, *columns, _longs(time_ps), int(arrivals), binding)
        return binding
