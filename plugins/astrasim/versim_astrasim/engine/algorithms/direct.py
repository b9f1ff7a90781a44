"""The direct algorithm: a message for every other member in turn, at most a window of them prepared at once.

Messages prepared back to back are over with their endpoint step back to back, too, so they take it as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim_astrasim.engine.algorithms.cycles import ReductionCycle
from versim_astrasim.engine.algorithms.names import WHOLE_WINDOW
from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.algorithms.ring import Rounds
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank
    from versim_astrasim.engine.transport import Streams


class _Steps:
    """Endpoint steps of one phase that are due back to back, reduced or not."""

    __slots__ = ("count", "phase", "reduces")

    def __init__(self, phase: DirectPhase, count: int, reduces: bool) -> None:
        self.phase = phase
        self.count = count
        self.reduces = reduces

    def __call__(self) -> None:
        if self.reduces:
            self.reduces = False
            self.phase.reduce(self)
        else:
            self.phase.proceed(self)


class DirectPhase(Phase):
    """One member's part in the direct algorithm.

    No message of an all-reduce's second half leaves before n-1 receives have happened. In groups smaller than the
    world R is (n-1)P rather than P, so there all receives of an all-reduce are reduced once P > 1 (upstream
    behaviour, measured: golden/astrasim/comm_groups).
    """

    __slots__ = (
        "_calendar",
        "_cycle",
        "_delay_ns",
        "_direction",
        "_flow",
        "_free",
        "_index",
        "_left",
        "_members",
        "_message_bytes",
        "_number",
        "_others",
        "_prepared",
        "_queue",
        "_quick",
        "_received_count",
        "_reduces",
        "_reduces_until",
        "_reduction_ns",
        "_second_half",
        "_sent",
        "_steps",
        "_window",
    )

    def __init__(
        self,
        rank: Rank,
        kind: CollectiveKind,
        rounds: Rounds,
        ring: RingStructure,
        direction: int,
        window: int = WHOLE_WINDOW,
    ) -> None:
        super().__init__(rank, rounds.output_bytes)
        others = ring.size - 1
        self._calendar = rank.calendar
        self._queue = rank.queue
        self._quick = ring.quick or rank.bus is None
        self._delay_ns = rank.endpoint_delay_of(ring)
        self._number = rank.number
        self._members = ring.members
        self._index = ring.index(rank.number)
        self._direction = direction
        self._others = others
        self._message_bytes = rounds.message_bytes
        self._window = others if window == WHOLE_WINDOW else min(window, others)
        self._cycle = ReductionCycle(kind, self._window, others * self._window if ring.quick else self._window)
        self._reduces, self._reduces_until = False, 0
        self._reduction_ns = rank.reduction_ns(self._message_bytes)
        all_reduce = kind is CollectiveKind.ALL_REDUCE
        self._left = 2 * others if all_reduce else others
        self._second_half = others if all_reduce else 0  # messages that wait for the receives of the first half
        self._free = 0
        self._prepared = 0
        self._sent = 0
        self._received_count = 0
        self._steps: _Steps | None = None  # the latest, while others may join them

    def _run(self) -> None:
        self._flow: Streams = self._rank.transport.flow(self._tag, self._message_bytes)
        self._flow.hold()
        if self._window <= 0:
            return  # nothing ever happens
        if not self._quick:
            for _ in range(self._window):
                self._prepare_on_bus()
            return
        self._prepared = self._window
        self._steps = _Steps(self, self._window, False)
        self._calendar[self._queue.now + self._delay_ns].append(self._steps)

    def _received(self) -> None:
        """A message is in: prepare the next one."""
        self._received_count += 1
        if not self._quick:
            self._prepare_on_bus()
            return
        number = self._prepared
        self._prepared = number + 1
        if number >= self._reduces_until:
            self._reduces, self._reduces_until = self._cycle.stretch(number)
        reduces = self._reduces
        actions = self._calendar[self._queue.now + self._delay_ns]
        steps = self._steps
        if steps is not None and actions and actions[-1] is steps and steps.reduces is reduces:
            steps.count += 1
        else:
            self._steps = _Steps(self, 1, reduces)
            actions.append(self._steps)

    def _prepare_on_bus(self) -> None:
        cycle, number = self._cycle, self._prepared
        self._prepared += 1
        other = cycle.is_other(number)
        self._endpoint(
            self._message_bytes,
            _Steps(self, 1, False),
            reduces=cycle.stretch(number)[0],
            on_memory_side=other,
            send_back=other and cycle.left_in_cycle(number) > self._window,
        )

    def reduce(self, steps: _Steps) -> None:
        """The endpoint delay is over: reduce what was received."""
        self._calendar[self._queue.now + self._reduction_ns].append(steps)

    def proceed(self, steps: _Steps) -> None:
        """Messages are prepared: send what may leave, and end if all are sent and received."""
        if self._steps is steps:
            self._steps = None
        self._free += steps.count
        left = self._left
        if self._received_count < self._others:
            left -= self._second_half
        if left > 0 and self._free > 0:
            self._send(min(self._free, left))
        if not self._left and self._free == self._window:
            self._steps = None
            self._flow.release()
            self._advance()

    def _send(self, count: int) -> None:
        """Send the next messages prepared and post the receives that go with them."""
        self._left -= count
        self._free -= count
        flow, members, index, number = self._flow, self._members, self._index, self._number
        size, others, direction, received = len(members), self._others, self._direction, self._received
        for sent in range(self._sent, self._sent + count):
            step = direction * (1 + sent % others)
            flow[number, members[(index + step) % size]].send()
            flow[members[(index - step) % size], number].receive(received)
        self._sent += count
