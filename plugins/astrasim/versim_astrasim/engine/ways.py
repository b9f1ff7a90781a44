"""Networks that ASTRA-sim itself refuses: congestion-aware ones of several dimensions, of shared or of degraded links.

The ways are the fabric's, as everybody's are: the outermost dimension first, the shorter way round rings, round links
that are down. Every directed link is a server of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from versim import Fabric, Hop, Link, Topology, VersimError

from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.wiring import Wire, Wiring


class FabricWays(Wiring):
    """The ways of a fabric.

    Devices are its places, and behind them, per switched dimension, a switch for all that agree in the outer ones
    and, where it is oversubscribed, what the endpoints of each block share.
    """

    def __init__(self, fabric: Fabric, wire: Callable[[Link], Wire]) -> None:
        """Ask a fabric.

        Args:
            fabric: The network.
            wire: What a link is to ASTRA-sim, in its units.
        """
        # ASTRA-sim has a device for every place, whether there is an endpoint or not.
        super().__init__(math.prod(dimension.size for dimension in fabric.dimensions))
        self._fabric = fabric
        self._wire = wire
        self._names: dict[tuple[int, int], str] = {}
        self._first_switch: list[int] = []
        self._first_block: list[int] = []
        following = self.rank_count
        for dimension, stride in zip(fabric.dimensions, fabric.strides, strict=True):
            switched = dimension.topology is Topology.SWITCH
            self._first_switch.append(following)
            following += self.rank_count // (stride * dimension.size) if switched else 0
            self._first_block.append(following)
            following += self.rank_count // stride if switched else 0

    def name(self, here: int, there: int) -> str:
        """The fabric's name of a link that was on a way asked for."""
        return self._names[here, there]

    def _wires(self, source: int, destination: int) -> Iterator[tuple[int, int, Wire]]:
        try:
            hops = self._fabric.path(source, destination)
        except VersimError as error:
            raise Abort(str(error), source) from error
        for hop, (here, there) in zip(hops, pairwise(self._devices(source, hops)), strict=True):
            self._names[here, there] = hop.name
            yield here, there, self._wire(hop.link)

    def _devices(self, source: int, hops: tuple[Hop, ...]) -> Iterator[int]:
        """The devices on a way, its source first."""
        here, through = source, 0
        yield here
        for place, hop in enumerate(hops):
            if hop.ends[1] >= 0:
                here, through = hop.ends[1], 0
                yield here
                continue
            through += 1
            number, stride = hop.dimension, self._fabric.strides[hop.dimension]
            switch = self._first_switch[number] + here // (stride * self._fabric.dimensions[number].size)
            if self._fabric.dimensions[number].oversubscription == 1 or through == 2:
                yield switch
                continue
            # Into the switch through the block of whoever sends, out of it through that of who is next on the way.
            end = here if through == 1 else hops[place + 1].ends[1]
            yield self._first_block[number] + end // stride
