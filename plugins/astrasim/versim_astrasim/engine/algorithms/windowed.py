"""The message pattern direct and halving-doubling have in common, and the direct algorithm itself.

A member prepares a window of P messages at the start and one more after each receive. Which of them carry reduced
data depends on their number alone: messages come in cycles of P unreduced and R others; the others are reduced in a
reduce-scatter, and in every even cycle of an all-reduce.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING

from versim_astrasim.engine.algorithms.names import WHOLE_WINDOW
from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.algorithms.ring import message_bytes, output_bytes
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank


class WindowedPhase(Phase):
    """Prepare, send and receive with a window of P messages."""

    __slots__ = (
        "_calendar",
        "_channel",
        "_cycle",
        "_delay_ns",
        "_free",
        "_kind",
        "_left",
        "_number",
        "_prepared",
        "_queue",
        "_quick",
        "_received_count",
        "_reduces",
        "_reduces_every_cycle",
        "_ring",
        "_window",
    )

    def __init__(
        self,
        rank: Rank,
        kind: CollectiveKind,
        size_bytes: int,
        ring: RingStructure,
        *,
        messages: int,
        window: int,
        others_per_cycle: int,
    ) -> None:
        super().__init__(rank, output_bytes(kind, size_bytes, ring.size))
        self._kind = kind
        self._reduces = kind in (CollectiveKind.ALL_REDUCE, CollectiveKind.REDUCE_SCATTER)
        self._reduces_every_cycle = kind is CollectiveKind.REDUCE_SCATTER
        self._ring = ring
        self._calendar = rank.calendar
        self._queue = rank.queue
        self._channel = rank.transport.channel
        self._number = rank.number
        self._quick = ring.quick or rank.bus is None
        self._delay_ns = rank.endpoint_delay_of(ring)
        self._left = messages
        self._window = window
        self._cycle = window + others_per_cycle
        self._free = 0
        self._prepared = 0
        self._received_count = 0

    def _run(self) -> None:
        for _ in range(self._window):
            self._prepare()

    def _received(self) -> None:
        self._received_count += 1
        self._prepare()

    @abstractmethod
    def _next_message_bytes(self) -> int:
        """Size of the message being prepared."""

    def _prepare(self) -> None:
        size_bytes = self._next_message_bytes()
        number = self._prepared
        self._prepared += 1
        place = number % self._cycle
        other = place >= self._window
        reduces = other and self._reduces and (self._reduces_every_cycle or not number // self._cycle % 2)
        if self._quick:
            action = partial(self._reduce, self._rank.reduction_ns(size_bytes), self._ready) if reduces else self._ready
            self._calendar[self._queue.now + self._delay_ns].append(action)
        else:
            send_back = other and self._cycle - place > self._window
            self._endpoint(size_bytes, self._ready, reduces=reduces, on_memory_side=other, send_back=send_back)

    def _ready(self) -> None:
        self._free += 1
        if self._left:
            self._left -= 1
            self._free -= 1
            self._send()
        elif self._free == self._window:
            self._advance()

    @abstractmethod
    def _send(self) -> None:
        """Send the next message prepared and post the receive that goes with it."""

    def _exchange(self, destination: int, source: int, size_bytes: int) -> None:
        channel = self._channel
        channel(self._tag, self._number, destination, size_bytes).send()
        channel(self._tag, source, self._number, size_bytes).receive(self._received)


class DirectPhase(WindowedPhase):
    """The direct algorithm: a message for every other member in turn, at most a window of them prepared at once.

    No message of an all-reduce's second half leaves before n-1 receives have happened. In groups smaller than the
    world R is (n-1)P rather than P, so there all receives of an all-reduce are reduced once P > 1 (upstream
    behaviour, measured: golden/astrasim/comm_groups).
    """

    __slots__ = ("_all_reduce", "_direction", "_index", "_members", "_message_bytes", "_others", "_sent")

    def __init__(
        self,
        rank: Rank,
        kind: CollectiveKind,
        size_bytes: int,
        ring: RingStructure,
        direction: int,
        window: int = WHOLE_WINDOW,
    ) -> None:
        others = ring.size - 1
        window = others if window == WHOLE_WINDOW else min(window, others)
        super().__init__(
            rank,
            kind,
            size_bytes,
            ring,
            messages=2 * others if kind is CollectiveKind.ALL_REDUCE else others,
            window=window,
            others_per_cycle=others * window if ring.quick else window,
        )
        self._others = others
        self._all_reduce = kind is CollectiveKind.ALL_REDUCE
        self._members = ring.members
        self._message_bytes = message_bytes(kind, size_bytes, ring.size)
        self._index = ring.index(rank.number)
        self._direction = direction
        self._sent = 0

    def _next_message_bytes(self) -> int:
        return self._message_bytes

    def _ready(self) -> None:
        self._free += 1
        ready = 1
        if self._all_reduce and self._left <= self._others:
            if self._received_count < self._others:
                return
            ready = self._window
        for _ in range(min(ready, self._left, self._free)):
            self._left -= 1
            self._free -= 1
            self._send()
        if not self._left and self._free == self._window:
            self._advance()

    def _send(self) -> None:
        step = self._direction * (1 + self._sent % self._others)
        self._sent += 1
        members, index = self._members, self._index
        size = len(members)
        self._exchange(members[(index + step) % size], members[(index - step) % size], self._message_bytes)
