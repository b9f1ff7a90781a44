"""Links of the congestion-aware network: store and forward, one message at a time.

A link is blocked for the serialization time only; latency is pipelined. A message's hop arrival is scheduled before
the link's release, and the release starts the next waiting message at exactly its own tick, so the order of entries in
the event queue decides every tie (upstream behaviour, measured: golden/astrasim/point_to_point).
"""

from __future__ import annotations

from collections import deque

import attrs

from versim_astrasim.engine.event_queue import Action, EventQueue


@attrs.frozen(slots=True)
class Load:
    """What messages of one size mean to a link.

    Attributes:
        size_bytes: Size of each message.
        serialization_ns: How long one blocks the link.
        hop_ns: Time until it has fully arrived at the far end: latency and serialization, truncated together.
    """

    size_bytes: int
    serialization_ns: int
    hop_ns: int


class Link:
    """One directed link.

    Attributes:
        ends: Source and destination device.
        bytes_carried: Sum of the sizes of all messages sent, in bytes.
        busy_ns: Sum of their serialization times.
        messages: Number of messages sent.
    """

    __slots__ = ("_busy", "_queue", "_queueing_ns", "_waiting", "busy_ns", "bytes_carried", "ends", "messages")

    def __init__(self, source: int, destination: int, queue: EventQueue) -> None:
        self.ends = (source, destination)
        self._queue = queue
        self._busy = False
        # Made when needed: of the million links of a large fully connected network, few ever have a queue.
        self._waiting: deque[tuple[Load, Action]] | None = None
        self.bytes_carried = 0
        self.busy_ns = 0
        self._queueing_ns = 0  # minus each entry tick, plus each tick at which waiting ended
        self.messages = 0

    def enter(self, load: Load, arrive: Action) -> None:
        """Send a message now if the link is free, else wait behind all others.

        Args:
            load: What the message means to the link.
            arrive: Called when it has fully arrived at the far end.
        """
        queue = self._queue
        now = queue.now
        if self._busy:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((load, arrive))
            self._queueing_ns -= now
            return
        self._busy = True
        serialization_ns = load.serialization_ns
        queue[now + load.hop_ns].append(arrive)
        queue[now + serialization_ns].append(self._release)
        self.bytes_carried += load.size_bytes
        self.busy_ns += serialization_ns
        self.messages += 1

    @property
    def name(self) -> str:
        """Its ends, e.g. ``"0->1"``."""
        source, destination = self.ends
        return f"{source}->{destination}"

    @property
    def queueing_ns(self) -> int:
        """Sum of the times messages waited for the link, up to now."""
        return self._queueing_ns + len(self._waiting or ()) * self._queue.now

    @property
    def busy(self) -> bool:
        """Whether a message is being serialized."""
        return self._busy

    def account(self, messages: int, load: Load) -> None:
        """Count messages that had the link to themselves and were not simulated one by one."""
        self.messages += messages
        self.bytes_carried += messages * load.size_bytes
        self.busy_ns += messages * load.serialization_ns

    def _release(self) -> None:
        if not self._waiting:
            self._busy = False
            return
        load, arrive = self._waiting.popleft()
        # The same as on entering a free link, written out: on a congested network most messages start here.
        queue = self._queue
        now = queue.now
        serialization_ns = load.serialization_ns
        queue[now + load.hop_ns].append(arrive)
        queue[now + serialization_ns].append(self._release)
        self._queueing_ns += now
        self.bytes_carried += load.size_bytes
        self.busy_ns += serialization_ns
        self.messages += 1
