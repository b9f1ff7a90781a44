"""The two back-ends: congestion-aware (links with state, one dimension) and congestion-unaware (one delay, any number).

Units: bandwidth is given in GiB/s although the original calls it GB/s, times in ns. Each time is computed in double
precision in the original's order and truncated once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from versim_astrasim.engine.event_queue import EventQueue, as_uint64
from versim_astrasim.engine.failures import Abort, Refusal
from versim_astrasim.engine.links import Link, Load
from versim_astrasim.engine.matching import Channel, Flow, MessageNetwork, Pair
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.rapid_llm import network as rapid_llm
from versim_astrasim.engine.topologies import LINKED_TOPOLOGIES, LinkedTopology, RingLinks, hops
from versim_astrasim.engine.units import bandwidth_bytes_per_ns
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.wired_network import WiredNetwork


class _Transit:
    """A message on a route of several links; each link serializes the whole message again."""

    __slots__ = ("_channel", "_load", "_onward")

    def __init__(self, channel: _LinkedChannel, load: Load, route: tuple[Link, ...]) -> None:
        self._channel = channel
        self._load = load
        self._onward = iter(route[1:])

    def arrive(self) -> None:
        """The message is at the end of a link: enter the next one, if there is any."""
        for link in self._onward:
            link.enter(self._load, self.arrive)
            return
        self._channel.arrive()


class _LinkedChannel(Channel[tuple[Link, ...]]):
    """A channel over links."""

    __slots__ = ()

    _flow: _LinkedFlow

    def _transmit(self) -> None:
        flow, route = self._flow, self._way
        if route is None:
            route = self._way = flow.network.topology.route(*self._pair)
        load = flow.load
        route[0].enter(load, self.arrive if len(route) == 1 else _Transit(self, load, route).arrive)


class _LinkedFlow(Flow):
    """Channels over links, which all mean the same to a link."""

    network: CongestionAwareNetwork
    channel_type = _LinkedChannel

    def __init__(self, network: CongestionAwareNetwork, tag: int, size_bytes: int) -> None:
        super().__init__(network, tag, size_bytes)
        self.load = network.load(size_bytes)


class CongestionAwareNetwork(MessageNetwork):
    """One dimension of ranks joined by links on which messages wait for one another."""

    def __init__(self, config: NetworkConfig, queue: EventQueue) -> None:
        super().__init__(queue)
        if len(config.topology) != 1:
            raise Refusal("the congestion-aware network has exactly one dimension")
        self.topology: LinkedTopology = LINKED_TOPOLOGIES[config.topology[0]](config.npus_count[0], queue)
        self._bytes_per_ns = bandwidth_bytes_per_ns(config.bandwidth_gib_per_s[0])
        self._latency_ns = config.latency_ns[0]
        self._loads: dict[int, Load] = {}

    def load(self, size_bytes: int) -> Load:
        """What a message of this size means to a link."""
        load = self._loads.get(size_bytes)
        if load is None:
            occupied_ns = size_bytes / self._bytes_per_ns
            load = Load(size_bytes, as_uint64(occupied_ns), as_uint64(self._latency_ns + occupied_ns))
            self._loads[size_bytes] = load
        return load

    def may_be_alone(self, members: int) -> bool:
        """On a ring, only neighbours of the ring of all ranks."""
        return members == self.topology.size or not isinstance(self.topology, RingLinks)

    def private_hops_ns(self, pairs: Sequence[Pair], size_bytes: int) -> tuple[int, ...] | None:
        """Hop times, if all routes are equally long and no link is in two of them or in use."""
        topology = self.topology
        if not topology.private and (len(pairs) != topology.size or self.message_count != self.arrived_count):
            return None
        routes = [self.topology.route(source, destination) for source, destination in pairs]
        hop_count = len(routes[0])
        links = {link for route in routes for link in route}
        if len(links) != hop_count * len(routes) or any(link.busy for link in links):
            return None
        if any(len(route) != hop_count for route in routes):
            return None
        return (self.load(size_bytes).hop_ns,) * hop_count

    def account(self, pairs: Sequence[Pair], messages: int, size_bytes: int) -> None:
        """Count messages, on the links too."""
        super().account(pairs, messages, size_bytes)
        load = self.load(size_bytes)
        for source, destination in pairs:
            for link in self.topology.route(source, destination):
                link.account(messages, load)

    def links(self) -> list[Link]:
        """All links and what they carried."""
        return self.topology.links()

    def _new_flow(self, tag: int, size_bytes: int) -> Flow:
        return _LinkedFlow(self, tag, size_bytes)


class _DelayedChannel(Channel[int]):
    """A channel whose messages arrive after a fixed delay in ns, whatever else is under way."""

    __slots__ = ()

    _flow: _DelayedFlow

    def _transmit(self) -> None:
        network, delay_ns = self._flow.network, self._way
        if delay_ns is None:
            delay_ns = self._way = network.delay_ns(*self._pair, self._flow.size_bytes)
        queue = network.queue
        queue[queue.now + delay_ns].append(self.arrive)


class _DelayedFlow(Flow):
    """Channels with delays."""

    network: CongestionUnawareNetwork
    channel_type = _DelayedChannel


class CongestionUnawareNetwork(MessageNetwork):
    """Any number of dimensions and no contention.

    Only the lowest dimension in which two ranks differ is charged, even if more do; latency is paid per hop,
    serialization once (measured: golden/astrasim/multidim_unaware).
    """

    def __init__(self, config: NetworkConfig, queue: EventQueue) -> None:
        super().__init__(queue)
        self._config = config
        self._bytes_per_ns = [bandwidth_bytes_per_ns(bandwidth) for bandwidth in config.bandwidth_gib_per_s]
        self._ranks = math.prod(config.npus_count)
        self._ways: dict[tuple[int, int], tuple[float, float]] = {}

    def delay_ns(self, source: int, destination: int, size_bytes: int) -> int:
        """Time from sending to full arrival.

        Raises:
            Abort: For a message to a rank that does not exist, or in one dimension to oneself.
            Refusal: For a message to oneself in several.
        """
        way = self._ways.get((source, destination))
        if way is None:
            way = self._ways[source, destination] = self._way(source, destination)
        return as_uint64(way[0] + size_bytes / way[1])

    def _way(self, source: int, destination: int) -> tuple[float, float]:
        """Latency in ns and bandwidth in bytes per ns."""
        if source == destination and len(self._config.npus_count) > 1:
            raise Refusal(f"rank {source} sends a message to itself, which differs from it in no dimension", source)
        if source == destination or not 0 <= destination < self._ranks:
            raise Abort(f"rank {source} sends a message to rank {destination}, which cannot be reached", source)
        config = self._config
        dimension = 0
        while True:
            size = config.npus_count[dimension]
            source, here = divmod(source, size)
            destination, there = divmod(destination, size)
            if here != there:
                count = hops(config.topology[dimension], here, there, size)
                return count * config.latency_ns[dimension], self._bytes_per_ns[dimension]
            dimension += 1

    def may_be_alone(self, members: int) -> bool:  # noqa: ARG002 - nothing is shared
        """Always."""
        return True

    def private_hops_ns(self, pairs: Sequence[Pair], size_bytes: int) -> tuple[int, ...] | None:
        """The delay, if it is the same for all."""
        delays = {self.delay_ns(source, destination, size_bytes) for source, destination in pairs}
        return tuple(delays) if len(delays) == 1 else None

    def links(self) -> list[Link]:
        """None: nothing is shared."""
        return []

    def _new_flow(self, tag: int, size_bytes: int) -> Flow:
        return _DelayedFlow(self, tag, size_bytes)


AnyNetwork = CongestionAwareNetwork | CongestionUnawareNetwork | WiredNetwork


def build_network(config: NetworkConfig, queue: EventQueue) -> AnyNetwork:
    """The back-end a configuration asks for.

    Raises:
        Abort: The original dies building it.
        Refusal: The original refuses it.
    """
    if not config.congestion_aware:
        return CongestionUnawareNetwork(config, queue)
    if config.variant is Variant.RAPID_LLM:
        return WiredNetwork(rapid_llm.wiring_of(config), queue)
    if config.ways is not None:
        return WiredNetwork(config.ways, queue)
    return CongestionAwareNetwork(config, queue)
