"""The links and routes of the network that a step uses, numbered for SimGrid; the paths are the fabric's."""

from __future__ import annotations

import math

import attrs
from versim import Hop, System


@attrs.frozen
class FabricLink:
    """A directed link.

    Attributes:
        name: For people, e.g. ``d0 3→4``.
        bandwidth_bytes_per_s: Bytes per second.
        latency_s: Seconds.
    """

    name: str
    bandwidth_bytes_per_s: float
    latency_s: float


class Fabric:
    """Links and routes of a system, made when first asked for, so that idle parts of a network cost nothing.

    Attributes:
        links: Links in use.
        routes: (source, target, links) of each pair of ranks in use; links are indices into ``links``.
    """

    def __init__(self, system: System) -> None:
        self._fabric = system.fabric
        self._link_numbers: dict[str, int] = {}
        self._route_numbers: dict[tuple[int, int], int] = {}
        self.links: list[FabricLink] = []
        self.routes: list[tuple[int, int, tuple[int, ...]]] = []

    def route(self, source: int, target: int) -> int:
        """Number of the route from one rank to another one."""
        key = (source, target)
        if key not in self._route_numbers:
            self._route_numbers[key] = len(self.routes)
            hops = self._fabric.path(source, target)
            self.routes.append((source, target, tuple(self._link(hop) for hop in hops)))
        return self._route_numbers[key]

    def latency_s(self, route: int) -> float:
        """Seconds of all links of a route."""
        return math.fsum(self.links[link].latency_s for link in self.routes[route][2])

    def bandwidth_bytes_per_s(self, route: int) -> float:
        """Bytes per second of the slowest link of a route."""
        return min(self.links[link].bandwidth_bytes_per_s for link in self.routes[route][2])

    def names(self, link: int) -> tuple[str, ...]:
        """The links of the network that a link stands for: itself."""
        return (self.links[link].name,)

    def _link(self, hop: Hop) -> int:
        if hop.name not in self._link_numbers:
            self._link_numbers[hop.name] = len(self.links)
            self.links.append(FabricLink(hop.name, hop.link.bandwidth_bytes_per_s, hop.link.latency_s))
        return self._link_numbers[hop.name]
