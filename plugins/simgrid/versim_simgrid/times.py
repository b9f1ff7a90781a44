"""SimGrid's dates, seconds as double precision, become whole picoseconds that keep every promise exactly.

A task starts the moment the last thing it waits for has ended, and a computation lasts its nanoseconds: both hold in
whole numbers here. Only when a message ends is SimGrid's to say, and rounded to the nearest picosecond. So no rounding
of double precision adds up along a chain. How far the result is from SimGrid's own dates is measured, and more than
rounding explains is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from versim import NO_TIME, PS_PER_NS, PS_PER_S, SimulationError

from versim_simgrid.tasks import COMPUTE, MARKER, Tasks

MOST_MOVED_PS = 1000
"""A nanosecond: rounding alone stays far below, a broken account of time does not."""


@attrs.frozen
class Times:
    """When each task ran, in picoseconds; NO_TIME for what never did.

    Attributes:
        start_ps: Its start.
        end_ps: Its end.
        moved_ps: The most that any date differs from SimGrid's.
    """

    start_ps: list[int]
    end_ps: list[int]
    moved_ps: int


def times_of(answer: Mapping[str, Any], tasks: Tasks) -> Times:
    """The times in a worker's answer.

    Raises:
        SimulationError: The answer does not fit the tasks, or its dates do not fit the durations.
    """
    start_s, end_s, order = (_column(answer, name) for name in ("start_s", "end_s", "order"))
    count = len(tasks.kind)
    if not (len(start_s) == len(end_s) == count and len(set(order)) == len(order) <= count):
        raise SimulationError(f"SimGrid's worker answered about {len(end_s)} tasks, {count} were asked for")
    began_ps, ended_ps = (_whole_ps(seconds) for seconds in (start_s, end_s))
    # What began and never ended still has a start.
    start_ps, end_ps = [max(began, NO_TIME) for began in began_ps], [NO_TIME] * count
    free_ps: dict[int, int] = {}
    moved = 0
    for task in order:
        before = 0
        for on in tasks.waits_for[task]:
            before = max(before, end_ps[on])
        kind = tasks.kind[task]
        if kind == COMPUTE:
            rank = tasks.place[task]
            before = max(before, free_ps.get(rank, 0))
            end = free_ps[rank] = before + tasks.amount[task] * PS_PER_NS
        else:
            end = before if kind == MARKER else max(ended_ps[task], before)
        start_ps[task], end_ps[task] = before, end
        moved = max(moved, abs(before - began_ps[task]), abs(end - ended_ps[task]))
    if moved > MOST_MOVED_PS:
        raise SimulationError(
            f"SimGrid's dates differ by up to {moved} ps from what the pinned nanoseconds add up to; this is a fault "
            "of the worker, or the step is too long for double precision"
        )
    return Times(start_ps, end_ps, moved)


def _whole_ps(seconds: Sequence[float]) -> list[int]:
    """Dates to the nearest picosecond."""
    rounded: list[int] = np.rint(np.array(seconds, dtype=np.float64) * PS_PER_S).astype(np.int64).tolist()
    return rounded


def _column(answer: Mapping[str, Any], name: str) -> list[Any]:
    column = answer.get(name)
    if not isinstance(column, list):
        raise SimulationError(f"SimGrid's worker did not say {name}")
    return column
