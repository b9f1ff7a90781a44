"""Lanes: the queues of jobs on a rank, a few per dimension, and which one a phase goes to.

Each lane works on a limited number of jobs at once and starts the others in order. Jobs of two collectives never wait
in the same lane, because a rank runs one collective at a time; so scheduling policies, which only reorder waiting jobs
of different collectives, have no observable effect (measured: golden/astrasim/multi_collective).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from versim_astrasim.engine.jobs import Job

CLOCKWISE, COUNTER_CLOCKWISE = 1, -1


class Pick(Enum):
    """Which part of a dimension's lanes a phase may use."""

    ANY = "any"
    FIRST_HALF = "first half"
    LAST_HALF = "last half"


class Lane:
    """Jobs of one lane, running ones first.

    Attributes:
        jobs: Jobs in the lane.
        running: How many of them are counted as running.
    """

    __slots__ = ("_width", "jobs", "running")

    def __init__(self, width: int) -> None:
        self._width = width
        self.jobs: list[Job] = []
        self.running = 0

    def kick(self) -> None:
        """Start waiting jobs as long as the lane has room."""
        jobs = self.jobs
        index = self.running
        while index < len(jobs) and self.running < self._width:
            jobs[index].begin_phase()
            self.running += 1
            index += 1


@attrs.define(slots=True, eq=False)
class DimensionLanes:
    """The lanes of one dimension and the counters that hand them out in turn.

    Attributes:
        lanes: The lanes.
    """

    lanes: tuple[Lane, ...]
    _any: int = 0
    _first: int = 0
    _last: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._last = len(self.lanes) // 2

    def pick(self, part: Pick) -> tuple[Lane, int]:
        """The next lane of a part, and the direction rings take in it."""
        count = len(self.lanes)
        half = count // 2
        if part is Pick.ANY:
            index = self._any
            self._any = (index + 1) % count
            return self.lanes[index], COUNTER_CLOCKWISE if count > 1 and index >= half else CLOCKWISE
        if part is Pick.FIRST_HALF:
            index = self._first
            self._first = index + 1 if index + 1 < half else 0
            return self.lanes[index], CLOCKWISE
        index = self._last
        self._last = index + 1 if index + 1 < count else half
        return self.lanes[index], COUNTER_CLOCKWISE
