"""The ring algorithm: every message goes to the next member, every receive comes from the previous one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank
    from versim_astrasim.engine.transport import Stream


def message_bytes(kind: CollectiveKind, size_bytes: int, members: int) -> int:
    """Size of each message; an all-gather's size is the shard each member contributes."""
    return size_bytes if kind is CollectiveKind.ALL_GATHER else size_bytes // members


def output_bytes(kind: CollectiveKind, size_bytes: int, members: int) -> int:
    """Data size after the collective."""
    if kind is CollectiveKind.REDUCE_SCATTER:
        return size_bytes // members
    return size_bytes * members if kind is CollectiveKind.ALL_GATHER else size_bytes


def message_count(kind: CollectiveKind, members: int) -> int:
    """Messages each member sends. A ring all-to-all only ever talks to its neighbour, n(n-1)/2 times."""
    if kind is CollectiveKind.ALL_REDUCE:
        return 2 * (members - 1)
    return members * (members - 1) // 2 if kind is CollectiveKind.ALL_TO_ALL else members - 1


@attrs.frozen(slots=True)
class Rounds:
    """How much each member of a ring algorithm sends.

    Attributes:
        message_bytes: Size of each message.
        output_bytes: Data size after the collective.
        messages: Messages each member sends.
        reduced: Receives in a row that are reduced, where any are.
    """

    message_bytes: int
    output_bytes: int
    messages: int
    reduced: int


@lru_cache(maxsize=1024)
def rounds_of(kind: CollectiveKind, size_bytes: int, members: int) -> Rounds:
    """Of the ring algorithm, and the sizes of the direct one."""
    return Rounds(
        message_bytes(kind, size_bytes, members),
        output_bytes(kind, size_bytes, members),
        message_count(kind, members),
        members - 1,
    )


class RingPhase(Phase):
    """One member's part in a ring algorithm.

    A member prepares one message at the start and one after each receive; each leaves as soon as its endpoint step is
    over. The phase ends with the endpoint step after the last receive. The first n-1 receives of an all-reduce, and
    all of a reduce-scatter, are reduced.
    """

    __slots__ = (
        "_calendar",
        "_cycle_length",
        "_delay_ns",
        "_incoming",
        "_left",
        "_message_bytes",
        "_next",
        "_outgoing",
        "_previous",
        "_queue",
        "_quick",
        "_received_count",
        "_reduction_ns",
        "_reductions_left",
    )

    def __init__(self, rank: Rank, kind: CollectiveKind, rounds: Rounds, ring: RingStructure, direction: int) -> None:
        super().__init__(rank, rounds.output_bytes)
        self._calendar = rank.calendar
        self._queue = rank.queue
        self._quick = ring.quick or rank.bus is None
        self._delay_ns = rank.endpoint_delay_of(ring)
        self._message_bytes = rounds.message_bytes
        self._left = rounds.messages
        reduces = kind in (CollectiveKind.ALL_REDUCE, CollectiveKind.REDUCE_SCATTER)
        self._reductions_left = rounds.reduced if reduces else 0
        self._reduction_ns = rank.reduction_ns(self._message_bytes) if reduces else 0
        self._next = ring.neighbour(rank.number, direction)
        self._previous = ring.neighbour(rank.number, -direction)
        self._cycle_length = rounds.reduced + 1
        self._received_count = 0

    def _run(self) -> None:
        self._open_channels()
        self.restart()

    def _open_channels(self) -> None:
        channel = self._rank.transport.channel
        number, size = self._rank.number, self._message_bytes
        self._outgoing: Stream = channel(self._tag, number, self._next, size)
        self._incoming: Stream = channel(self._tag, self._previous, number, size)
        self._outgoing.hold()
        self._incoming.hold()

    def resume(self, tag: int, advance: Callable[[], None], left: int, reductions_left: int) -> None:
        """Take up a phase that is under way, with so many messages to send and receives to reduce."""
        self._tag = tag
        self._advance = advance
        self._left = left
        self._reductions_left = reductions_left
        self._open_channels()

    def restart(self) -> None:
        """Prepare the first message."""
        if self._quick:
            self._calendar[self._queue.now + self._delay_ns].append(self.proceed)
        else:
            self._endpoint(self._message_bytes, self.proceed, reduces=False, on_memory_side=False)

    def receive(self) -> None:
        """A message is in: prepare the next one."""
        if not self._quick:
            self._prepare_on_bus()
            return
        if self._reductions_left:
            self._reductions_left -= 1
            self._calendar[self._queue.now + self._delay_ns].append(self.reduce)
        else:
            self._calendar[self._queue.now + self._delay_ns].append(self.proceed)

    def reduce(self) -> None:
        """The endpoint delay is over: reduce what was received."""
        self._calendar[self._queue.now + self._reduction_ns].append(self.proceed)

    def proceed(self) -> None:
        """A message is prepared: send it, or end if all are sent."""
        if self._left:
            self._left -= 1
            self._outgoing.send()
            self._incoming.receive(self.receive)
        else:
            self._outgoing.release()
            self._incoming.release()
            self._advance()

    def _prepare_on_bus(self) -> None:
        self._received_count += 1
        place = self._received_count % self._cycle_length
        reduces = self._reductions_left > 0 and place > 0
        if reduces:
            self._reductions_left -= 1
        self._endpoint(
            self._message_bytes,
            self.proceed,
            reduces=reduces,
            on_memory_side=place > 0,
            send_back=place > 0 and self._cycle_length - place > 1,
        )
