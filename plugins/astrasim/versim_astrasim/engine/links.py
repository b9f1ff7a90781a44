"""Links of the congestion-aware network: store and forward, one message at a time.

A link is blocked for the serialization time only; latency is pipelined. A message's hop arrival is scheduled before
the link's release, and the release starts the next waiting message at exactly its own tick, so the order of entries in
the event queue decides every tie (upstream behaviour, measured: golden/astrasim/point_to_point).
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from versim_astrasim.engine.event_queue import EventQueue


class Parcel(Protocol):
    """What a link carries: a message on one of its hops."""

    size_bytes: int
    serialization_ns: int
    hop_ns: int

    def arrive(self) -> None:
        """Called when the message has fully arrived at the far end of the link."""


class Link:
    """One directed link.

    Attributes:
        name: Source and destination device, e.g. ``"0->1"``.
        bytes_carried: Sum of the sizes of all messages sent, in bytes.
        busy_ns: Sum of their serialization times.
        messages: Number of messages sent.
    """

    __slots__ = ("_busy", "_queue", "_queueing_ns", "_waiting", "busy_ns", "bytes_carried", "messages", "name")

    def __init__(self, name: str, queue: EventQueue) -> None:
        self.name = name
        self._queue = queue
        self._busy = False
        self._waiting: deque[Parcel] = deque()
        self.bytes_carried = 0
        self.busy_ns = 0
        self._queueing_ns = 0  # minus each entry tick, plus each tick at which waiting ended
        self.messages = 0

    def enter(self, parcel: Parcel) -> None:
        """Send now if the link is free, else wait behind all others."""
        if self._busy:
            self._waiting.append(parcel)
            self._queueing_ns -= self._queue.now
            return
        self._busy = True
        queue = self._queue
        now = queue.now
        serialization_ns = parcel.serialization_ns
        queue[now + parcel.hop_ns].append(parcel.arrive)
        queue[now + serialization_ns].append(self._release)
        self.bytes_carried += parcel.size_bytes
        self.busy_ns += serialization_ns
        self.messages += 1

    @property
    def queueing_ns(self) -> int:
        """Sum of the times messages waited for the link, up to now."""
        return self._queueing_ns + len(self._waiting) * self._queue.now

    @property
    def busy(self) -> bool:
        """Whether a message is being serialized."""
        return self._busy

    def account(self, messages: int, size_bytes: int, serialization_ns: int) -> None:
        """Count messages that had the link to themselves and were not simulated one by one."""
        self.messages += messages
        self.bytes_carried += messages * size_bytes
        self.busy_ns += messages * serialization_ns

    def _release(self) -> None:
        self._busy = False
        if self._waiting:
            self._queueing_ns += self._queue.now
            self.enter(self._waiting.popleft())
