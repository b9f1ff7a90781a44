"""Ops and jobs: a collective on one rank is cut into chunks, and each chunk is a job of one or more phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.lanes import Lane


class Watcher(Protocol):
    """Who is told of the beginnings and ends of an op's jobs."""

    def phase_begun(self, job: Job) -> None:
        """A phase has begun."""

    def job_ended(self, job: Job) -> None:
        """A job has ended, but its lane and its op do not know yet."""


class Op:
    """One collective node in execution on one rank.

    Attributes:
        job_count: Jobs to wait for; None while they are still being created.
        done: Jobs done.
        watcher: Who is told of its jobs' beginnings and ends.
    """

    __slots__ = ("_complete", "done", "job_count", "watcher")

    def __init__(self, complete: Callable[[], None]) -> None:
        self._complete = complete
        self.done = 0
        self.job_count: int | None = None
        self.watcher: Watcher | None = None

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
        if self._op.watcher is not None:
            self._op.watcher.phase_begun(self)

    @property
    def phase(self) -> Phase:
        """The phase the job is at."""
        return self._phases[self._next - 1].phase

    def lanes(self) -> tuple[int, ...]:
        """The numbers of the lanes of all its phases."""
        return tuple([phase.lane.number for phase in self._phases])

    def leave_lane(self) -> None:
        """Give up what is left of the job."""
        if self._lane is not None:
            self._lane.clear()
            self._lane = None
        self._phases.clear()

    def enter_last_phase(self) -> None:
        """Be at the end of the last phase, alone in its lane."""
        if self._lane is not None:
            self._lane.clear()
        self._next = len(self._phases)
        self._lane = self._phases[-1].lane
        self._lane.jobs.append(self)
        self._lane.running = 1

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
            if self._op.watcher is not None:
                self._op.watcher.job_ended(self)
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
