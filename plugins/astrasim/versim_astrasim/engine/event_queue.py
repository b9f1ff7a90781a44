"""Simulated time: the global event queue and each rank's calendar of deferred actions.

Two levels decide every tie. The *queue* maps a tick to a first-in-first-out list of entries. A rank's *calendar* maps a
tick to the rank's own list of actions; when the first action for a tick is deferred, one entry (the rank batch) goes
onto the queue, and all of the rank's actions for that tick run back to back at that entry's place. Entries and actions
added for the current tick while it is being worked off join the end of the running list.

Both are dictionaries whose missing keys enter themselves, so the hot path is ``queue[tick].append(entry)`` and
``calendar[tick].append(action)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush

from versim import SimulationError

from versim_astrasim.engine.failures import Abort, CallbackError

Action = Callable[[], object]

EXACT_DOUBLE_TICKS = 2**53
"""Up to here every tick is a double, so the original's detour through doubles changes nothing."""

UINT64 = 2**64

NOT_YET = -1
"""Stands for a time that has not come."""


def as_uint64(value: float) -> int:
    """Truncate a double to an unsigned 64-bit integer the way the original's machine code does.

    Out-of-range values matter: compute without operations takes 0/0 seconds, which becomes 2^63 ns, and compute without
    a peak performance takes infinitely long, which becomes 0 ns (measured: golden/astrasim/compute).
    """
    if 0.0 <= value < 9223372036854775808.0:
        return int(value)
    if value != value:  # noqa: PLR0124 - not a number
        return 2**63
    if 9223372036854775808.0 <= value < 18446744073709551616.0:
        return int(value)
    if value >= 18446744073709551616.0:
        return 0
    return int(value) % UINT64 if value > -9223372036854775808.0 else 2**63


def quotient(numerator: float, denominator: float) -> float:
    """Division as the hardware does it, by zeros of either sign too."""
    if denominator:
        return numerator / denominator
    if not numerator or math.isnan(numerator):
        return math.nan
    return math.copysign(math.inf, denominator) * math.copysign(1.0, numerator)


def as_double(tick: int) -> int:
    """A tick as a rank reads it from the clock, which tells it in double precision."""
    return int(float(tick))


class EventQueue(dict[int, list[Action]]):
    """Entries by tick; equal ticks run first-scheduled-first.

    Attributes:
        now: The current tick, in ns.
    """

    __slots__ = ("_ticks", "now")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self._ticks: list[int] = []

    def __missing__(self, tick: int) -> list[Action]:
        if tick >= UINT64:
            raise Abort("an event is due before the current time: the tick does not fit into 64 bits")
        heappush(self._ticks, tick)
        entries: list[Action] = []
        self[tick] = entries
        return entries

    def nothing_else_until(self, tick: int) -> bool:
        """Whether the entry that is running is the only one now, and none is due up to and including ``tick``."""
        return len(self[self.now]) == 1 and (not self._ticks or self._ticks[0] > tick)

    def run(self, max_ticks: int | None = None) -> None:
        """Work off all entries.

        Args:
            max_ticks: Give up after this many distinct ticks; None never does.

        Raises:
            Abort: If an entry was scheduled for tick 0, which the original forbids, or an entry raised an error the
                original does not catch there.
            SimulationError: If ``max_ticks`` was not enough.
        """
        ticks = self._ticks
        if ticks and ticks[0] <= 0:
            raise Abort(
                "an event is due at 0 ns, before the simulation's clock has started: something that takes no time is "
                "ready at the start"
            )
        left = -1 if max_ticks is None else max_ticks
        while ticks:
            tick = heappop(ticks)
            self.now = tick
            try:
                for entry in self[tick]:
                    entry()
            except CallbackError as error:
                raise Abort(error.reason, error.rank, error.node_id) from error
            del self[tick]
            left -= 1
            if not left and ticks:
                raise SimulationError(f"the simulation was still going after {max_ticks} ticks, at {tick} ns")


class RankCalendar(dict[int, list[Action]]):
    """One rank's deferred actions by tick.

    Attributes:
        queue: The global queue.
        errors: What was raised while the calendar was worked off; the original logs these and carries on.
    """

    __slots__ = ("errors", "queue")

    def __init__(self, queue: EventQueue) -> None:
        super().__init__()
        self.queue = queue
        self.errors: list[CallbackError] = []

    def __missing__(self, tick: int) -> list[Action]:
        actions: list[Action] = []
        if tick < EXACT_DOUBLE_TICKS:
            self.queue[tick].append(self.run_batch)
            self[tick] = actions
            return actions
        # Ranks read the clock as a double, but keep their calendars in integers of 64 bits: beyond 2^53 the two part,
        # and a batch that comes at another tick than its actions finds nothing to do.
        now = self.queue.now
        due = as_double(now) + (tick - now) % UINT64
        key = due % UINT64
        if key in self:
            return self[key]
        if due >= UINT64:
            due = 0
        if due < now:
            raise Abort("an event is due before the current time: its delay does not fit into 64 bits")
        self.queue[due].append(self.run_batch)
        self[key] = actions
        return actions

    def run_batch(self) -> None:
        """Run the actions of the current tick, including those that join while it runs."""
        tick = self.queue.now
        if tick >= EXACT_DOUBLE_TICKS:
            tick = as_double(tick) % UINT64
        for action in self.get(tick, ()):
            try:
                action()
            except CallbackError as error:
                self.errors.append(error)
        self.pop(tick, None)
