"""The three topologies of a network dimension: which links a message crosses, or how many hops it pays.

Devices of the congestion-aware network are the ranks, and for a switch one more, whose id is the number of ranks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from versim_astrasim.engine.event_queue import EventQueue
from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.links import Link

RING, FULLY_CONNECTED, SWITCH = "Ring", "FullyConnected", "Switch"

READ_AND_NOT_BUILT = ("Bus", "HyperCube")
"""Topologies the fork's parser knows and its network does not."""

RAPID_LLM_TOPOLOGIES = (
    RING,
    FULLY_CONNECTED,
    SWITCH,
    "Mesh",
    "Mesh2D",
    "KingMesh2D",
    "Torus2D",
    "BinaryTree",
    "DoubleBinaryTree",
    *READ_AND_NOT_BUILT,
)
"""Names the fork's parser knows."""


def ring_hops(source: int, destination: int, size: int) -> int:
    """Number of hops of the shorter way round a ring of ``size`` devices."""
    clockwise = (destination - source) % size
    return min(clockwise, size - clockwise)


def hops(topology: str, source: int, destination: int, size: int) -> int:
    """Number of links between two devices of one dimension."""
    if topology == RING:
        return ring_hops(source, destination, size)
    return 1 if topology == FULLY_CONNECTED else 2


class LinkedTopology(ABC):
    """One dimension of ranks joined by links with state."""

    private = False
    """Whether each pair of ranks has a link of its own."""

    def __init__(self, size: int, queue: EventQueue) -> None:
        self.size = size
        self._queue = queue

    def route(self, source: int, destination: int) -> tuple[Link, ...]:
        """The links from ``source`` to ``destination``, in order.

        Raises:
            Abort: For a destination that does not exist, or a message to oneself the topology cannot carry.
        """
        if not 0 <= destination < self.size:
            raise Abort(f"a message goes to rank {destination}, but there are only {self.size} ranks", source)
        return self._route(source, destination)

    @abstractmethod
    def _route(self, source: int, destination: int) -> tuple[Link, ...]: ...

    @abstractmethod
    def links(self) -> list[Link]:
        """All links there are (for a fully connected network: all that were used)."""


def _refuse_self(source: int, destination: int) -> None:
    if source == destination:
        raise Abort(f"rank {source} sends a message to itself, which only a switch can carry", source)


class RingLinks(LinkedTopology):
    """A bidirectional ring; a tie between the two ways goes clockwise, to increasing ids."""

    def __init__(self, size: int, queue: EventQueue) -> None:
        if size < 3:
            raise Abort("a congestion-aware ring of 2 ranks declares each of its links twice")
        super().__init__(size, queue)
        clockwise = [Link(i, (i + 1) % size, queue) for i in range(size)]
        counter = [Link(i, (i - 1) % size, queue) for i in range(size)]
        self._links = clockwise + counter
        # Laid out so that every route is one slice: clockwise twice round, and the other direction in reading order.
        self._clockwise = tuple(clockwise * 2)
        self._counter = tuple(counter[::-1] * 2)

    def _route(self, source: int, destination: int) -> tuple[Link, ...]:
        _refuse_self(source, destination)
        size = self.size
        distance = (destination - source) % size
        if distance <= size - distance:
            return self._clockwise[source : source + distance]
        first = size - 1 - source
        return self._counter[first : first + size - distance]

    def links(self) -> list[Link]:
        """All links, clockwise ones first."""
        return self._links


class FullyConnectedLinks(LinkedTopology):
    """A link of its own for every ordered pair; links are made when first used, there may be a million of them."""

    private = True

    def __init__(self, size: int, queue: EventQueue) -> None:
        super().__init__(size, queue)
        self._links: dict[tuple[int, int], tuple[Link]] = {}

    def route(self, source: int, destination: int) -> tuple[Link, ...]:
        """The one link, if it has been used before; a first use is checked."""
        return self._links.get((source, destination)) or super().route(source, destination)

    def _route(self, source: int, destination: int) -> tuple[Link, ...]:
        _refuse_self(source, destination)
        route = (Link(source, destination, self._queue),)
        self._links[source, destination] = route
        return route

    def links(self) -> list[Link]:
        """The links used so far, by source and destination."""
        return [self._links[pair][0] for pair in sorted(self._links)]


class SwitchLinks(LinkedTopology):
    """Every rank has one uplink to the switch and one downlink from it."""

    def __init__(self, size: int, queue: EventQueue) -> None:
        super().__init__(size, queue)
        self._up = [Link(i, size, queue) for i in range(size)]
        self._down = [Link(size, i, queue) for i in range(size)]

    def _route(self, source: int, destination: int) -> tuple[Link, ...]:
        return (self._up[source], self._down[destination])

    def links(self) -> list[Link]:
        """All links, uplinks first."""
        return self._up + self._down


LINKED_TOPOLOGIES: dict[str, type[LinkedTopology]] = {
    RING: RingLinks,
    FULLY_CONNECTED: FullyConnectedLinks,
    SWITCH: SwitchLinks,
}
