"""Message matching: which send belongs to which receive, and when each of them completes.

Sends and receives pair up in order within a *channel*: all messages of one tag, source, destination and size. A send
completes when its message has fully arrived, a receive when message and receive are both there; the send's completion
runs first. A receive posted after the arrival completes at its posting tick, at the end of the running list. Sizes
that differ never match (measured: golden/astrasim/point_to_point).

Messages of one channel take the same route at the same size, so they arrive in the order they were sent and counting
is all the matching there is. The channels of one tag and size make up a *flow*, which makes them when first asked for
and forgets those on which every send has met its receive: what is kept is in proportion to the messages in flight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from versim_astrasim.engine.event_queue import Action, EventQueue
from versim_astrasim.engine.failures import Abort

COLLECTIVE_TAGS = 500_000_000
"""Tags below are point-to-point messages', tags from here on those of collectives' jobs."""

Pair = tuple[int, int]
"""Source and destination rank."""


Way = TypeVar("Way")
"""How a back-end keeps the way from one rank to another."""


class Channel(ABC, Generic[Way]):
    """Messages of one tag, source, destination and size.

    Either all sends of a channel come with an action or none does: the tags of point-to-point messages, collectives'
    jobs and handshakes are apart.
    """

    __slots__ = ("_arrived", "_flow", "_pair", "_pending", "_sent_actions", "_uses", "_way")

    def __init__(self, flow: Flow, pair: Pair) -> None:
        self._flow = flow
        self._way: Way | None = None  # only sending asks for it, since a receive may name any rank
        self._pair = pair
        self._arrived = 0
        self._uses = 0  # unmatched sends and receives, and holders
        self._pending: list[Action] = []
        # Made when needed: most channels belong to collectives, which send without an action.
        self._sent_actions: list[Action] | None = None

    def hold(self) -> None:
        """Keep the channel even when nothing is open on it: the caller will use it again."""
        self._uses += 1

    def release(self) -> None:
        """End a :meth:`hold`."""
        self._uses -= 1
        if not self._uses:
            self._flow.forget(self._pair)

    def send(self, on_sent: Action | None = None) -> None:
        """Send one message; ``on_sent`` is called when it has arrived."""
        if on_sent is not None:
            if self._sent_actions is None:
                self._sent_actions = []
            self._sent_actions.append(on_sent)
        self._uses += 1
        self._transmit()
        self._flow.network.message_count += 1

    @abstractmethod
    def _transmit(self) -> None:
        """Hand one message to the network, which calls :meth:`arrive`; only now is the way looked up."""

    @property
    def unclaimed(self) -> int:
        """Messages that have arrived and that nobody has received."""
        return self._arrived

    @property
    def awaited(self) -> int:
        """Receives that are posted and that no message has met."""
        return len(self._pending)

    def receive(self, on_received: Action) -> None:
        """Post one receive; ``on_received`` is called when it has its message."""
        if self._arrived:
            self._arrived -= 1
            self._uses -= 1
            queue = self._flow.network.queue
            queue[queue.now].append(on_received)
            if not self._uses:
                self._flow.forget(self._pair)
        else:
            self._uses += 1
            self._pending.append(on_received)

    def arrive(self) -> None:
        """One message has arrived at its destination."""
        flow = self._flow
        flow.network.arrived_count += 1
        pending = self._pending
        if pending:
            on_received = pending.pop(0)
            if self._sent_actions:
                self._sent_actions.pop(0)()
            on_received()
            self._uses -= 2
            if not self._uses:
                flow.forget(self._pair)
            return
        if self._sent_actions:
            self._sent_actions.pop(0)()
            if pending:
                # A rank that sends to itself may post the receive only now, while the message is being delivered; the
                # original then takes the message for unclaimed and the receive never completes.
                pending.pop(0)
                return
        self._arrived += 1


class EmptyChannel(Channel[None]):
    """A channel for messages of no bytes: it can be held, but neither sent on nor received from."""

    __slots__ = ()

    def send(self, on_sent: Action | None = None) -> None:  # noqa: ARG002 - nothing is sent
        """Abort."""
        self._transmit()

    def receive(self, on_received: Action) -> None:  # noqa: ARG002 - nothing is received
        """Abort."""
        self._transmit()

    def _transmit(self) -> None:
        source, destination = self._pair
        raise Abort(f"a message from rank {source} to rank {destination} has no bytes", source)


class Flow(dict[Pair, "Channel[Any]"]):
    """The channels of all messages of one tag and size, by source and destination.

    Attributes:
        network: The network they cross.
        size_bytes: Size of each message.
        channel_type: The back-end's kind of channel.
    """

    channel_type: type[Channel[Any]]

    def __init__(self, network: MessageNetwork, tag: int, size_bytes: int) -> None:
        super().__init__()
        self.network = network
        self.size_bytes = size_bytes
        self._key = (tag, size_bytes)
        self._holders = 0

    def __missing__(self, pair: Pair) -> Channel[Any]:
        channel = self[pair] = (self.channel_type if self.size_bytes > 0 else EmptyChannel)(self, pair)
        return channel

    def hold(self) -> None:
        """Keep the flow even without channels: the caller will ask it for some again."""
        self._holders += 1

    def release(self) -> None:
        """End a :meth:`hold`."""
        self._holders -= 1
        if not self and not self._holders:
            self.network.forget(self._key)

    def forget(self, pair: Pair) -> None:
        """Drop a channel on which every send has met its receive: a new one would be just the same."""
        del self[pair]
        if not self and not self._holders:
            self.network.forget(self._key)


class MessageNetwork(ABC):
    """What both back-ends share: the flows.

    Attributes:
        queue: The global event queue.
        message_count: Messages sent so far.
        arrived_count: Messages arrived so far.
    """

    def __init__(self, queue: EventQueue) -> None:
        self.queue = queue
        self.message_count = 0
        self.arrived_count = 0
        self._flows: dict[tuple[int, int], Flow] = {}

    def flow(self, tag: int, size_bytes: int) -> Flow:
        """The flow of these messages, made when first asked for; whoever does so holds it or uses it at once."""
        flow = self._flows.get((tag, size_bytes))
        if flow is None:
            flow = self._flows[tag, size_bytes] = self._new_flow(tag, size_bytes)
        return flow

    def channel(self, tag: int, source: int, destination: int, size_bytes: int) -> Channel[Any]:
        """The channel of these messages, made when first asked for."""
        return self.flow(tag, size_bytes)[source, destination]

    def unclaimed(self) -> list[tuple[int, Pair, int, int]]:
        """Messages that have arrived and that nobody has received: tag, source and destination, bytes, how many."""
        return [
            (tag, pair, size_bytes, channel.unclaimed)
            for (tag, size_bytes), flow in self._flows.items()
            for pair, channel in flow.items()
            if channel.unclaimed
        ]

    def awaited(self) -> list[tuple[int, Pair, int]]:
        """Receives that no message has met: tag, source and destination, bytes."""
        return [
            (tag, pair, size_bytes)
            for (tag, size_bytes), flow in self._flows.items()
            for pair, channel in flow.items()
            if channel.awaited
        ]

    def forget(self, key: tuple[int, int]) -> None:
        """Drop a flow nobody uses."""
        del self._flows[key]

    def account(self, pairs: Sequence[Pair], messages: int, size_bytes: int) -> None:  # noqa: ARG002
        """Count messages that were not simulated one by one: so many from each source to its destination."""
        self.message_count += len(pairs) * messages
        self.arrived_count += len(pairs) * messages

    @abstractmethod
    def may_be_alone(self, members: int) -> bool:
        """Whether messages between ring neighbours of a ring of this size can have their links to themselves."""

    @abstractmethod
    def private_hops_ns(self, pairs: Sequence[Pair], size_bytes: int) -> tuple[int, ...] | None:
        """Time of each hop of one message per pair, if these ranks do nothing else and can meet no other message.

        None if the messages could wait for one another or for others', or if their times differ.
        """

    @abstractmethod
    def _new_flow(self, tag: int, size_bytes: int) -> Flow: ...
