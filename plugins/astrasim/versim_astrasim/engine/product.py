"""The product of several dimensions, each a ring, fully connected or a switch: a network ASTRA-sim itself refuses.

A message corrects one coordinate after the other, from the outermost dimension inwards, as the networks of several
dimensions do that descend from ASTRA-sim's (its branch ``will/congestion-multidim``, and the fork in
:mod:`.rapid_llm`). Every link is a server of its own. A switch has a wire from and to each rank of its dimension; one
switch stands for all inner coordinates, whose wires are apart. Where a switched dimension is oversubscribed, the ranks
that agree in it and all outer ones share a wire each way between their block and the switch.

Wires may be degraded, or cut. A message whose way would cross a cut wire takes the way of fewest wires instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.topologies import FULLY_CONNECTED, SWITCH
from versim_astrasim.engine.wiring import Wire, Wiring

if TYPE_CHECKING:
    from versim_astrasim.engine.network_config import NetworkConfig


@attrs.frozen(slots=True)
class Degradation:
    """What is wrong with one directed wire.

    Attributes:
        here: Device it leads from.
        there: Device it leads to.
        bandwidth_factor: What is left of its bandwidth; 0 is a wire that is cut.
        added_latency_ns: Comes on top of its latency.
    """

    here: int
    there: int
    bandwidth_factor: float = 1.0
    added_latency_ns: float = 0.0


@attrs.frozen
class _Line:
    """One dimension.

    Attributes:
        topology: How the ranks along it are joined.
        size: Ranks along it.
        stride: Ranks between two neighbours along it.
        wire: Each of its wires.
        shared: What a block shares towards an oversubscribed switch, None where nothing is shared.
        first_switch: The device that is its first switch.
        first_block: The device that is its first block.
    """

    topology: str
    size: int
    stride: int
    wire: Wire
    shared: Wire | None
    first_switch: int
    first_block: int

    def place(self, rank: int) -> int:
        """A rank's coordinate along the dimension."""
        return rank // self.stride % self.size

    def moved(self, rank: int, place: int) -> int:
        """The rank at another coordinate, all others being equal."""
        return rank + (place - self.place(rank)) * self.stride

    def switch_of(self, rank: int) -> int:
        """The switch a rank hangs on: one for all inner coordinates."""
        return self.first_switch + rank // (self.stride * self.size)

    def block_of(self, rank: int) -> int:
        """The device through which a rank and its block reach an oversubscribed switch."""
        return self.first_block + rank // self.stride

    def path(self, rank: int, place: int) -> list[int]:
        """The devices behind a rank on the way to another coordinate."""
        target = self.moved(rank, place)
        if self.topology == FULLY_CONNECTED:
            return [target]
        if self.topology == SWITCH:
            if self.shared is None:
                return [self.switch_of(rank), target]
            return [self.block_of(rank), self.switch_of(rank), self.block_of(target), target]
        upwards = (place - self.place(rank)) % self.size
        step, count = (1, upwards) if upwards <= self.size - upwards else (-1, self.size - upwards)
        return [self.moved(rank, (self.place(rank) + step * hop) % self.size) for hop in range(1, count + 1)]

    def port_of(self, rank: int) -> int:
        """The device of a switched dimension that a rank has wires to."""
        return self.switch_of(rank) if self.shared is None else self.block_of(rank)

    def neighbours(self, rank: int) -> list[int]:
        """Devices a rank has wires to."""
        place = self.place(rank)
        if self.topology == SWITCH:
            return [self.port_of(rank)]
        if self.topology == FULLY_CONNECTED:
            return [self.moved(rank, other) for other in range(self.size) if other != place]
        return [self.moved(rank, (place + step) % self.size) for step in {1, self.size - 1}]

    def joins(self, rank: int, other: int) -> bool:
        """Whether two ranks have wires between them."""
        apart = (self.place(rank) - self.place(other)) % self.size
        if self.topology == SWITCH or not apart or self.moved(rank, self.place(other)) != other:
            return False
        return self.topology == FULLY_CONNECTED or apart in (1, self.size - 1)


class DimensionProduct(Wiring):
    """Dimensions, innermost first; dimension 0 varies fastest."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config.rank_count)
        self._lines = list(_lines(config))
        self._degraded: Mapping[tuple[int, int], Degradation] = {(one.here, one.there): one for one in config.degraded}
        self._cut = frozenset(ends for ends, one in self._degraded.items() if one.bandwidth_factor == 0)

    def _path(self, source: int, destination: int) -> tuple[int, ...]:
        path = [source]
        for line in reversed(self._lines):
            place = line.place(destination)
            if line.place(path[-1]) != place:
                path += line.path(path[-1], place)
        if self._cut and any(ends in self._cut for ends in pairwise(path)):
            return self._detour(source, destination)
        return tuple(path)

    def _detour(self, source: int, destination: int) -> tuple[int, ...]:
        """The way of fewest wires that are not cut; of equal ones that over the lower devices."""
        came_from: dict[int, int | None] = {source: None}
        waiting = deque([source])
        while waiting:
            here = waiting.popleft()
            if here == destination:
                path = [here]
                while (before := came_from[path[-1]]) is not None:
                    path.append(before)
                return tuple(reversed(path))
            for there in self._neighbours(here):
                if there not in came_from and (here, there) not in self._cut:
                    came_from[there] = here
                    waiting.append(there)
        raise Abort(
            f"cut links leave no way from rank {source} to rank {destination}; mend one of them, or keep the two ranks "
            "out of one communication",
            source,
        )

    def _neighbours(self, device: int) -> list[int]:
        """Devices a device has wires to, in ascending order."""
        ranks = range(self.rank_count)
        if device in ranks:
            return sorted(there for line in self._lines for there in line.neighbours(device))
        line = self._line_of(device)
        members = [rank for rank in ranks if device in (line.switch_of(rank), line.block_of(rank))]
        if line.shared is None:
            return members
        if device < line.first_block:
            return sorted({line.block_of(rank) for rank in members})
        return [*members, line.switch_of(members[0])]

    def _line_of(self, device: int) -> _Line:
        """The dimension a device that is no rank belongs to."""
        return next(line for line in reversed(self._lines) if line.topology == SWITCH and device >= line.first_switch)

    def wire(self, here: int, there: int) -> Wire | None:
        """The wire from one device to another, as it is left; None where it is cut."""
        wire = self._whole_wire(*sorted((here, there)))
        degraded = self._degraded.get((here, there))
        if wire is None or degraded is None:
            return wire
        if degraded.bandwidth_factor == 0:
            return None
        return Wire(wire.bandwidth_gib_per_s * degraded.bandwidth_factor, wire.latency_ns + degraded.added_latency_ns)

    def _whole_wire(self, low: int, high: int) -> Wire | None:
        """The wire between two devices, which is alike both ways."""
        if high < self.rank_count:
            return next((line.wire for line in self._lines if line.joins(low, high)), None)
        line = self._line_of(high)
        if low < self.rank_count:
            return line.wire if line.port_of(low) == high else None
        member = (high - line.first_block) * line.stride
        return line.shared if high >= line.first_block and line.switch_of(member) == low else None


def _lines(config: NetworkConfig) -> Iterator[_Line]:
    following = config.rank_count
    stride = 1
    for number, (topology, size) in enumerate(zip(config.topology, config.npus_count, strict=True)):
        wire = Wire(config.bandwidth_gib_per_s[number], config.latency_ns[number])
        oversubscription = config.oversubscription[number] if config.oversubscription else 1.0
        switches = config.rank_count // (stride * size) if topology == SWITCH else 0
        shares = bool(switches) and oversubscription != 1
        blocks = config.rank_count // stride if shares else 0
        shared = Wire(stride * wire.bandwidth_gib_per_s / oversubscription, 0.0) if shares else None
        yield _Line(topology, size, stride, wire, shared, following, following + switches)
        following += switches + blocks
        stride *= size
