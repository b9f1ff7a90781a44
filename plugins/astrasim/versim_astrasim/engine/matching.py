"""Message matching: which send belongs to which receive, and when each of them completes.

Sends and receives pair up in order within a *channel*: all messages of one tag, source, destination and size. A send
completes when its message has fully arrived, a receive when message and receive are both there; the send's completion
runs first. A receive posted after the arrival completes at its posting tick, at the end of the running list. Sizes
that differ never match (measured: golden/astrasim/point_to_point).

Messages of one channel take the same route at the same size, so they arrive in the order they were sent and counting
is all the matching there is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from versim_astrasim.engine.event_queue import Action, EventQueue
from versim_astrasim.engine.failures import Abort

COLLECTIVE_TAGS = 500_000_000
"""Tags below are point-to-point messages', tags from here on those of collectives' jobs."""

ChannelKey = tuple[int, int, int, int]
"""Tag, source rank, destination rank, size in bytes."""


class Channel(ABC):
    """Messages of one tag, source, destination and size.

    Either all sends of a channel come with an action or none does: the tags of point-to-point messages, collectives'
    jobs and handshakes are apart.

    Attributes:
        size_bytes: Size of each message.
    """

    __slots__ = ("_arrived", "_key", "_network", "_pending", "_resolved", "_sent_actions", "_uses", "size_bytes")

    def __init__(self, network: MessageNetwork, key: ChannelKey) -> None:
        self._network = network
        self._key = key
        self.size_bytes = key[3]
        self._arrived = 0
        self._uses = 0  # unmatched sends and receives, and holders
        self._pending: list[Action] = []
        # Made when needed: most channels belong to collectives, which send without an action.
        self._sent_actions: list[Action] | None = None
        self._resolved = False  # whether the way is known; only sending asks for it, since a receive may name any rank

    def hold(self) -> None:
        """Keep the channel even when nothing is open on it: the caller will use it again."""
        self._uses += 1

    def release(self) -> None:
        """End a :meth:`hold`."""
        self._uses -= 1
        if not self._uses:
            self._network.forget(self._key)

    def send(self, on_sent: Action | None = None) -> None:
        """Send one message; ``on_sent`` is called when it has arrived."""
        if on_sent is not None:
            if self._sent_actions is None:
                self._sent_actions = []
            self._sent_actions.append(on_sent)
        if not self._resolved:
            self._resolve()
            self._resolved = True
        self._uses += 1
        self._network.message_count += 1
        self._transmit()

    @abstractmethod
    def _resolve(self) -> None:
        """Find the way before the first message."""

    @abstractmethod
    def _transmit(self) -> None:
        """Hand one message to the network, which calls :meth:`arrive`."""

    def receive(self, on_received: Action) -> None:
        """Post one receive; ``on_received`` is called when it has its message."""
        if self._arrived:
            self._arrived -= 1
            self._uses -= 1
            queue = self._network.queue
            queue[queue.now].append(on_received)
            if not self._uses:
                self._network.forget(self._key)
        else:
            self._uses += 1
            self._pending.append(on_received)

    def arrive(self) -> None:
        """One message has arrived at its destination."""
        self._network.arrived_count += 1
        pending = self._pending
        if pending:
            on_received = pending.pop(0)
            if self._sent_actions:
                self._sent_actions.pop(0)()
            on_received()
            self._uses -= 2
            if not self._uses:
                self._network.forget(self._key)
            return
        if self._sent_actions:
            self._sent_actions.pop(0)()
            if pending:
                # A rank that sends to itself may post the receive only now, while the message is being delivered; the
                # original then takes the message for unclaimed and the receive never completes.
                pending.pop(0)
                return
        self._arrived += 1


class MessageNetwork(ABC):
    """What both back-ends share: the channels.

    Attributes:
        queue: The global event queue.
        message_count: Messages sent so far.
        arrived_count: Messages arrived so far.
    """

    def __init__(self, queue: EventQueue) -> None:
        self.queue = queue
        self.message_count = 0
        self.arrived_count = 0
        self._channels: dict[ChannelKey, Channel] = {}

    def channel(self, tag: int, source: int, destination: int, size_bytes: int) -> Channel:
        """The channel of these messages, made when first asked for.

        Raises:
            Abort: For messages of no bytes, and where the network cannot carry them.
        """
        key = (tag, source, destination, size_bytes)
        channel = self._channels.get(key)
        if channel is None:
            if size_bytes <= 0:
                raise Abort(f"a message from rank {source} to rank {destination} has no bytes", source)
            channel = self._channels[key] = self._new_channel(key)
        return channel

    def forget(self, key: ChannelKey) -> None:
        """Drop a channel on which every send has met its receive: a new one would be just the same."""
        del self._channels[key]

    def account(self, pairs: Sequence[tuple[int, int]], messages: int, size_bytes: int) -> None:  # noqa: ARG002
        """Count messages that were not simulated one by one: so many from each source to its destination."""
        self.message_count += len(pairs) * messages
        self.arrived_count += len(pairs) * messages

    @abstractmethod
    def may_be_alone(self, members: int) -> bool:
        """Whether messages between ring neighbours of a ring of this size can have their links to themselves."""

    @abstractmethod
    def private_hops_ns(self, pairs: Sequence[tuple[int, int]], size_bytes: int) -> tuple[int, ...] | None:
        """Time of each hop of one message per pair, if these ranks do nothing else and can meet no other message.

        None if the messages could wait for one another or for others', or if their times differ.
        """

    @abstractmethod
    def _new_channel(self, key: ChannelKey) -> Channel: ...
