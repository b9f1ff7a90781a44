"""When each instance of the graph ran, from the real program's log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from versim import NO_TIME, PS_PER_NS

from versim_astrasim.program.node_log import LoggedTimes
from versim_astrasim.step.clock import LONGEST_NS
from versim_astrasim.step.node_times import Times, fill_left_out, places_of
from versim_astrasim.step.translate import Translation

_LATER_THAN_ANY = 2**63 - 1


class LogGapError(Exception):
    """The program's log is not to be relied on; the message says why, to follow "the log"."""


def logged_times(logged: LoggedTimes, translation: Translation) -> Times:
    """Times of all instances by the real program's log, which has none of being ready: that follows from the graph.

    Raises:
        LogGapError: A node has two lines where one is due, or an end and no beginning.
    """
    if not logged.found:
        raise LogGapError("is missing")
    if logged.rotated_away:
        raise LogGapError("has rotated its oldest lines away")
    count = translation.instances.count
    rows = translation.instance_of(logged.rank, logged.node_id)
    columns = []
    for lines in (~logged.is_end, logged.is_end):
        known = lines & (rows >= 0)
        if (np.bincount(rows[known], minlength=count) > 1).any():
            raise LogGapError("contradicts itself")
        column = np.full(count, NO_TIME, dtype=np.int64)
        column[rows[known]] = np.minimum(logged.tick_ns[known], LONGEST_NS) * PS_PER_NS
        columns.append(column)
    start, end = columns
    ended = end != NO_TIME
    if (ended & ((start == NO_TIME) | (end < start))).any():
        raise LogGapError("lacks lines")
    times = Times(np.full(count, NO_TIME, dtype=np.int64), start, end)
    fill_left_out(times, translation)
    times.ready_ps[:] = _ready_ps(end, translation)
    return times


def _ready_ps(end_ps: NDArray[np.int64], translation: Translation) -> NDArray[np.int64]:
    """When everything that an instance waits for had ended; NO_TIME if something never did."""
    instances = translation.instances
    ready = np.zeros(instances.count, dtype=np.int64)
    owner = np.repeat(np.arange(instances.count), np.diff(instances.dependency_start))
    needed = end_ps[instances.dependency]
    np.maximum.at(ready, owner, np.where(needed == NO_TIME, _LATER_THAN_ANY, needed))
    ready[ready == _LATER_THAN_ANY] = NO_TIME
    return ready


def last_ends_ps(times: Times, translation: Translation) -> NDArray[np.int64]:
    """When the last node of each rank ended, shape (ranks,); 0 for a rank without nodes in its trace."""
    instances = translation.instances
    kept = translation.kept
    last = np.zeros(instances.classes.count, dtype=np.int64)
    np.maximum.at(last, instances.rank_class[kept], times.end_ps[kept])
    return last


def running(times: Times, translation: Translation) -> frozenset[tuple[int, int]]:
    """(rank, row) of everything that began and never ended."""
    return frozenset(places_of((times.end_ps == NO_TIME) & (times.start_ps != NO_TIME), translation))
