"""The network as directed links and routes over them.

Rank ``r`` is endpoint ``r``; dimension 0 varies fastest, and a route corrects one dimension after the other, innermost
first. A ring has a link each way between neighbours and is walked the shorter way round, upwards where both are
equally long (with two ranks both ways are one link each). Fully connected ranks have a link to every other rank of
their dimension. A switch has a link up from and a link down to every rank, and so costs two latencies.
"""

from __future__ import annotations

import math

import attrs
from versim import Dimension, Link, System, Topology


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
        self._dimensions = system.dimensions
        self._strides = [
            math.prod(dimension.size for dimension in self._dimensions[:number])
            for number in range(len(self._dimensions))
        ]
        self._link_numbers: dict[str, int] = {}
        self._route_numbers: dict[tuple[int, int], int] = {}
        self.links: list[FabricLink] = []
        self.routes: list[tuple[int, int, tuple[int, ...]]] = []

    def route(self, source: int, target: int) -> int:
        """Number of the route from one rank to another one."""
        key = (source, target)
        if key not in self._route_numbers:
            self._route_numbers[key] = len(self.routes)
            self.routes.append((source, target, tuple(self._walk(source, target))))
        return self._route_numbers[key]

    def latency_s(self, route: int) -> float:
        """Seconds of all links of a route."""
        return math.fsum(self.links[link].latency_s for link in self.routes[route][2])

    def bandwidth_bytes_per_s(self, route: int) -> float:
        """Bytes per second of the slowest link of a route."""
        return min(self.links[link].bandwidth_bytes_per_s for link in self.routes[route][2])

    def _walk(self, source: int, target: int) -> list[int]:
        here, crossed = source, []
        for number, (dimension, stride) in enumerate(zip(self._dimensions, self._strides, strict=True)):
            mine = here // stride % dimension.size
            wanted = target // stride % dimension.size
            if mine == wanted:
                continue
            there = here + (wanted - mine) * stride
            crossed += self._along(number, dimension, here, there, mine, wanted, stride)
            here = there
        return crossed

    def _along(
        self, number: int, dimension: Dimension, here: int, there: int, mine: int, wanted: int, stride: int
    ) -> list[int]:
        """The links between two ranks that differ in one dimension."""
        link, size = dimension.link, dimension.size
        if dimension.topology is Topology.SWITCH:
            return [self._link(f"d{number} {here}→switch", link), self._link(f"d{number} switch→{there}", link)]
        if dimension.topology is Topology.FULLY_CONNECTED:
            return [self._link(f"d{number} {here}→{there}", link)]
        upwards = (wanted - mine) % size
        step = 1 if 2 * upwards <= size else -1
        crossed = []
        while mine != wanted:
            following = (mine + step) % size
            onward = here + (following - mine) * stride
            crossed.append(self._link(f"d{number} {here}→{onward}", link))
            here, mine = onward, following
        return crossed

    def _link(self, name: str, link: Link) -> int:
        if name not in self._link_numbers:
            self._link_numbers[name] = len(self.links)
            self.links.append(FabricLink(name, link.bandwidth_bytes_per_s, link.latency_s))
        return self._link_numbers[name]
