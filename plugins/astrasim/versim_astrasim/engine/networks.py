"""The two back-ends: congestion-aware (links with state, one dimension) and congestion-unaware (one delay, any number).

Units: bandwidth is given in GiB/s although the original calls it GB/s, times in ns. Each time is computed in double
precision in the original's order and truncated once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from versim_astrasim.engine.event_queue import EventQueue, as_uint64
from versim_astrasim.engine.failures import Abort, Refusal
from versim_astrasim.engine.links import Link
from versim_astrasim.engine.matching import Channel, ChannelKey, MessageNetwork
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.topologies import LINKED_TOPOLOGIES, LinkedTopology, RingLinks, hops

BYTES_PER_GIB = 1 << 30
NS_PER_S = 1e9


def bandwidth_bytes_per_ns(bandwidth_gib_per_s: float) -> float:
    """A link's bandwidth in bytes per ns."""
    return bandwidth_gib_per_s * BYTES_PER_GIB / NS_PER_S


class _Transit:
    """A message on a route of several links; each link serializes the whole message again."""

    __slots__ = ("_channel", "_hop", "_route", "hop_ns", "serialization_ns", "size_bytes")

    def __init__(self, channel: _LinkedChannel, route: tuple[Link, ...]) -> None:
        self._channel = channel
        self._route = route
        self._hop = 0
        self.hop_ns = channel.hop_ns
        self.serialization_ns = channel.serialization_ns
        self.size_bytes = channel.size_bytes

    def arrive(self) -> None:
        self._hop += 1
        if self._hop == len(self._route):
            self._channel.arrive()
        else:
            self._route[self._hop].enter(self)


class _LinkedChannel(Channel):
    """A channel over links. Over a single link the channel itself is the parcel: its messages are all alike."""

    __slots__ = ("_route", "hop_ns", "serialization_ns")

    _network: CongestionAwareNetwork

    def _resolve(self) -> None:
        network, (_, source, destination, size_bytes) = self._network, self._key
        self._route = network.topology.route(source, destination)
        self.serialization_ns, self.hop_ns = network.times_ns(size_bytes)

    def _transmit(self) -> None:
        route = self._route
        route[0].enter(self if len(route) == 1 else _Transit(self, route))


class CongestionAwareNetwork(MessageNetwork):
    """One dimension of ranks joined by links on which messages wait for one another."""

    def __init__(self, config: NetworkConfig, queue: EventQueue) -> None:
        super().__init__(queue)
        if len(config.topology) != 1:
            raise Refusal("the congestion-aware network has exactly one dimension")
        self.topology: LinkedTopology = LINKED_TOPOLOGIES[config.topology[0]](config.npus_count[0], queue)
        self._bytes_per_ns = bandwidth_bytes_per_ns(config.bandwidth_gib_per_s[0])
        self._latency_ns = config.latency_ns[0]
        self._times_ns: dict[int, tuple[int, int]] = {}

    def times_ns(self, size_bytes: int) -> tuple[int, int]:
        """Serialization time and hop time (latency and serialization, truncated together) of a message."""
        times = self._times_ns.get(size_bytes)
        if times is None:
            occupied = size_bytes / self._bytes_per_ns
            times = self._times_ns[size_bytes] = (as_uint64(occupied), as_uint64(self._latency_ns + occupied))
        return times

    def may_be_alone(self, members: int) -> bool:
        """On a ring, only neighbours of the ring of all ranks."""
        return members == self.topology.size or not isinstance(self.topology, RingLinks)

    def private_hops_ns(self, pairs: Sequence[tuple[int, int]], size_bytes: int) -> tuple[int, ...] | None:
        """Hop times, if all routes are equally long and no link is in two of them or in use."""
        topology = self.topology
        if not topology.private and (len(pairs) != topology.size or self.message_count != self.arrived_count):
            return None
        routes = [topology.route(source, destination) for source, destination in pairs]
        hop_count = len(routes[0])
        links = {link for route in routes for link in route}
        if len(links) != hop_count * len(routes) or any(link.busy for link in links):
            return None
        if any(len(route) != hop_count for route in routes):
            return None
        return (self.times_ns(size_bytes)[1],) * hop_count

    def account(self, pairs: Sequence[tuple[int, int]], messages: int, size_bytes: int) -> None:
        """Count messages, on the links too."""
        super().account(pairs, messages, size_bytes)
        serialization_ns = self.times_ns(size_bytes)[0]
        for source, destination in pairs:
            for link in self.topology.route(source, destination):
                link.account(messages, size_bytes, serialization_ns)

    def links(self) -> list[Link]:
        """All links and what they carried."""
        return self.topology.links()

    def _new_channel(self, key: ChannelKey) -> Channel:
        return _LinkedChannel(self, key)


class _DelayedChannel(Channel):
    """A channel whose messages arrive after a fixed delay, whatever else is under way."""

    __slots__ = ("_delay_ns",)

    _network: CongestionUnawareNetwork

    def _resolve(self) -> None:
        _, source, destination, size_bytes = self._key
        self._delay_ns = self._network.delay_ns(source, destination, size_bytes)

    def _transmit(self) -> None:
        queue = self._network.queue
        queue[queue.now + self._delay_ns].append(self.arrive)


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
            Abort: For a message to oneself or to a rank that does not exist.
        """
        way = self._ways.get((source, destination))
        if way is None:
            way = self._ways[source, destination] = self._way(source, destination)
        return as_uint64(way[0] + size_bytes / way[1])

    def _way(self, source: int, destination: int) -> tuple[float, float]:
        """Latency in ns and bandwidth in bytes per ns."""
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

    def private_hops_ns(self, pairs: Sequence[tuple[int, int]], size_bytes: int) -> tuple[int, ...] | None:
        """The delay, if it is the same for all."""
        delays = {self.delay_ns(source, destination, size_bytes) for source, destination in pairs}
        return tuple(delays) if len(delays) == 1 else None

    def links(self) -> list[Link]:
        """None: nothing is shared."""
        return []

    def _new_channel(self, key: ChannelKey) -> Channel:
        return _DelayedChannel(self, key)


def build_network(config: NetworkConfig, queue: EventQueue) -> CongestionAwareNetwork | CongestionUnawareNetwork:
    """The back-end a configuration asks for."""
    return (CongestionAwareNetwork if config.congestion_aware else CongestionUnawareNetwork)(config, queue)
