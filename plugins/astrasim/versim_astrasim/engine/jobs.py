"""Ops and jobs: a collective on one rank is cut into chunks, and each chunk is a job of one or more phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.lanes import Lane


class Op:
    """One collective node in execution on one rank.

    Attributes:
        job_count: Jobs to wait for; None while they are still being created.
        done: Jobs done.
    """

    __slots__ = ("_complete", "done", "job_count")

    def __init__(self, complete: Callable[[], None]) -> None:
        self._complete = complete
        self.done = 0
        self.job_count: int | None = None

    def job_done(self) -> None:
        """Count a job; the last one completes the node, inline."""
        self.done += 1
        if self.done == self.job_count:
            self._complete()


class PlannedPhase(NamedTuple):
    """A phase and the lane it runs in."""

    phase: Phase
    lane: Lane


class Job:
    """One chunk of an op.

    Attributes:
        tag: Tag of its messages.
    """

    __slots__ = ("_lane", "_next", "_op", "_phases", "tag")

    def __init__(self, op: Op, tag: int, phases: list[PlannedPhase]) -> None:
        self._op = op
        self.tag = tag
        self._phases = phases
        self._next = 0
        self._lane: Lane | None = None

    def begin_phase(self) -> None:
        """Start the phase the job is queued for."""
        self._phases[self._next - 1].phase.begin(self.tag, self.advance)

    def replace_phase(self, tag: int, phase: Phase) -> None:
        """Put another phase in the place of the one that is running."""
        self.tag = tag
        self._phases[self._next - 1] = PlannedPhase(phase, self._phases[self._next - 1].lane)

    def advance(self) -> None:
        """Go on to the next phase, or end.

        The order matters: when the last job of an op ends, the node completes, and with it the following nodes are
        issued, before the job leaves its lane.
        """
        previous = self._lane
        over = self._next == len(self._phases)
        if over:
            self._phases.clear()  # phases know their job: apart, both can go without a search for cycles
            self._op.job_done()
        if previous is not None:
            previous.jobs.remove(self)
        if not over:
            lane = self._lane = self._phases[self._next].lane
            self._next += 1
            lane.jobs.append(self)
        if previous is not None:
            previous.running -= 1
            previous.kick()
        if not over:
            lane.kick()
