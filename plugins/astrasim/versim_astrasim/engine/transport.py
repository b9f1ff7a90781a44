"""How ranks send and receive: directly, or with the rendezvous protocol's handshake before every message."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

from versim_astrasim.engine.event_queue import Action
from versim_astrasim.engine.matching import Channel, Flow, MessageNetwork, Pair

RENDEZVOUS_TAGS = 1_000_000_000
"""Added to a message's tag for its handshake."""

HANDSHAKE_BYTES = 8192


class Stream(Protocol):
    """Equal messages from one rank to another, as the two ends use them."""

    def send(self, on_sent: Action | None = None) -> None:
        """Send one message; ``on_sent`` is called when it has arrived."""

    def receive(self, on_received: Action) -> None:
        """Post one receive; ``on_received`` is called when it has its message."""

    def hold(self) -> None:
        """Announce further use."""

    def release(self) -> None:
        """End a :meth:`hold`."""


class Streams(Protocol):
    """The streams of one tag and size, by source and destination."""

    def __getitem__(self, pair: Pair, /) -> Stream:
        """The stream from one rank to another."""

    def hold(self) -> None:
        """Announce further use."""

    def release(self) -> None:
        """End a :meth:`hold`."""


class Transport(Protocol):
    """Where streams come from."""

    def flow(self, tag: int, size_bytes: int) -> Streams:
        """The streams of these messages."""

    def channel(self, tag: int, source: int, destination: int, size_bytes: int) -> Stream:
        """The stream of these messages."""


class RendezvousStream:
    """A stream whose every message waits for a handshake in the opposite direction.

    The sender posts a receive for the handshake and sends when it is in; the receiver sends the handshake and posts
    its receive when that has arrived. The send's completion precedes the receive's at an arrival, so the real receive
    is posted before the real send (measured: golden/astrasim/options).
    """

    __slots__ = ("_handshake", "_messages")

    def __init__(self, handshake: Channel[Any], messages: Channel[Any]) -> None:
        self._handshake = handshake
        self._messages = messages

    def hold(self) -> None:
        """Announce further use."""
        self._handshake.hold()
        self._messages.hold()

    def release(self) -> None:
        """End a :meth:`hold`."""
        self._handshake.release()
        self._messages.release()

    def send(self, on_sent: Action | None = None) -> None:
        """Send one message once the receiver has said that it is ready."""
        self.hold()
        self._handshake.receive(partial(self._send_now, on_sent))

    def _send_now(self, on_sent: Action | None) -> None:
        self._messages.send(on_sent)
        self.release()

    def receive(self, on_received: Action) -> None:
        """Tell the sender to go on, and post the receive when it knows."""
        self.hold()
        self._handshake.send(partial(self._receive_now, on_received))

    def _receive_now(self, on_received: Action) -> None:
        self._messages.receive(on_received)
        self.release()


class RendezvousFlow:
    """The streams of one tag and size, with their handshakes."""

    def __init__(self, handshakes: Flow, messages: Flow) -> None:
        self._handshakes = handshakes
        self._messages = messages

    def __getitem__(self, pair: Pair) -> RendezvousStream:
        """The stream from one rank to another."""
        source, destination = pair
        return RendezvousStream(self._handshakes[destination, source], self._messages[pair])

    def hold(self) -> None:
        """Announce further use."""
        self._handshakes.hold()
        self._messages.hold()

    def release(self) -> None:
        """End a :meth:`hold`."""
        self._handshakes.release()
        self._messages.release()


class RendezvousTransport:
    """Streams with a handshake before every message."""

    def __init__(self, network: MessageNetwork) -> None:
        self._network = network

    def flow(self, tag: int, size_bytes: int) -> RendezvousFlow:
        """The streams of these messages."""
        handshakes = self._network.flow(tag + RENDEZVOUS_TAGS, HANDSHAKE_BYTES)
        return RendezvousFlow(handshakes, self._network.flow(tag, size_bytes))

    def channel(self, tag: int, source: int, destination: int, size_bytes: int) -> RendezvousStream:
        """The stream of these messages."""
        return self.flow(tag, size_bytes)[source, destination]
