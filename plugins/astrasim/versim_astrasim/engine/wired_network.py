"""The congestion-aware network over any wiring: links of different bandwidths and latencies, made when first used."""

from __future__ import annotations

from collections.abc import Sequence

from versim_astrasim.engine.event_queue import EventQueue, as_uint64
from versim_astrasim.engine.links import Link, Load
from versim_astrasim.engine.matching import Channel, Flow, MessageNetwork, Pair
from versim_astrasim.engine.units import bandwidth_bytes_per_ns
from versim_astrasim.engine.wiring import Wire, Wiring

Way = tuple[tuple[Link, Load], ...]
"""Links in order, each with what the message means to it."""


class _NamedLink(Link):
    """A link with a name of its own."""

    __slots__ = ("_name",)

    def __init__(self, source: int, destination: int, queue: EventQueue, name: str) -> None:
        super().__init__(source, destination, queue)
        self._name = name

    @property
    def name(self) -> str:
        """What the wiring calls it."""
        return self._name


class _WiredTransit:
    """A message on a route of several links; each link serializes the whole message again."""

    __slots__ = ("_channel", "_onward")

    def __init__(self, channel: _WiredChannel, way: Way) -> None:
        self._channel = channel
        self._onward = iter(way[1:])

    def arrive(self) -> None:
        """The message is at the end of a link: enter the next one, if there is any."""
        for link, load in self._onward:
            link.enter(load, self.arrive)
            return
        self._channel.arrive()


class _WiredChannel(Channel[Way]):
    """A channel over links of their own figures."""

    __slots__ = ()

    _flow: _WiredFlow

    def _transmit(self) -> None:
        way = self._way
        if way is None:
            way = self._way = self._flow.network.way(self._pair, self._flow.size_bytes)
        link, load = way[0]
        link.enter(load, self.arrive if len(way) == 1 else _WiredTransit(self, way).arrive)


class _WiredFlow(Flow):
    """Channels over links of their own figures."""

    network: WiredNetwork
    channel_type = _WiredChannel


class WiredNetwork(MessageNetwork):
    """Ranks joined by links that may all differ, on which messages wait for one another."""

    def __init__(self, wiring: Wiring, queue: EventQueue) -> None:
        super().__init__(queue)
        self._wiring = wiring
        self._links: dict[Pair, Link] = {}
        self._routes: dict[Pair, tuple[tuple[Link, Wire], ...]] = {}
        self._loads: dict[tuple[Wire, int], Load] = {}

    def way(self, pair: Pair, size_bytes: int) -> Way:
        """The links from one rank to another, and what a message of this size means to each.

        Raises:
            Abort: There is no way.
        """
        route = self._routes.get(pair)
        if route is None:
            wires = self._wiring.wires(*pair)
            route = self._routes[pair] = tuple((self._link(here, there), wire) for here, there, wire in wires)
        return tuple((link, self._load(wire, size_bytes)) for link, wire in route)

    def _link(self, here: int, there: int) -> Link:
        link = self._links.get((here, there))
        if link is None:
            link = self._links[here, there] = _NamedLink(here, there, self.queue, self._wiring.name(here, there))
        return link

    def _load(self, wire: Wire, size_bytes: int) -> Load:
        load = self._loads.get((wire, size_bytes))
        if load is None:
            occupied_ns = size_bytes / bandwidth_bytes_per_ns(wire.bandwidth_gib_per_s)
            load = Load(size_bytes, as_uint64(occupied_ns), as_uint64(wire.latency_ns + occupied_ns))
            self._loads[wire, size_bytes] = load
        return load

    def links(self) -> list[Link]:
        """The links used so far, by source and destination device."""
        return [self._links[pair] for pair in sorted(self._links)]

    def may_be_alone(self, members: int) -> bool:  # noqa: ARG002 - every message is simulated
        """Never asked for."""
        return False

    def private_hops_ns(self, pairs: Sequence[Pair], size_bytes: int) -> tuple[int, ...] | None:  # noqa: ARG002
        """Never known."""
        return None

    def _new_flow(self, tag: int, size_bytes: int) -> Flow:
        return _WiredFlow(self, tag, size_bytes)
