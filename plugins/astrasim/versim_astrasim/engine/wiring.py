"""What a congestion-aware network of several dimensions is made of: devices, wires, and the way between two ranks.

No time passes here. A wiring answers which devices a message visits and what the wire between two of them is; the
event loop, in Python or compiled, asks once per pair of ranks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise

import attrs

from versim_astrasim.engine.failures import Abort


@attrs.frozen(slots=True)
class Wire:
    """One directed link as it is described.

    Attributes:
        bandwidth_gib_per_s: Its bandwidth. The original writes GB/s and means 2^30 bytes.
        latency_ns: Its latency.
    """

    bandwidth_gib_per_s: float
    latency_ns: float


class Wiring(ABC):
    """Devices joined by wires. The first devices are the ranks; whatever follows only passes messages on.

    Attributes:
        rank_count: Number of ranks.
    """

    def __init__(self, rank_count: int) -> None:
        self.rank_count = rank_count

    def wires(self, source: int, destination: int) -> Iterator[tuple[int, int, Wire]]:
        """The wires a message crosses, each with the devices at its ends.

        Raises:
            Abort: There is no way, or it leads over two devices that are not joined.
        """
        if not 0 <= destination < self.rank_count:
            raise Abort(f"a message goes to rank {destination}, but there are only {self.rank_count} ranks", source)
        if source == destination:
            raise Abort(f"rank {source} sends a message to itself, which no link carries", source)
        return self._wires(source, destination)

    @abstractmethod
    def _wires(self, source: int, destination: int) -> Iterator[tuple[int, int, Wire]]: ...

    def name(self, here: int, there: int) -> str:
        """The name of a wire."""
        return f"{here}->{there}"


class DeviceWiring(Wiring):
    """A wiring that knows which devices are joined, and which of them a message visits."""

    @abstractmethod
    def path(self, source: int, destination: int) -> tuple[int, ...]:
        """The devices a message visits, from its source on.

        Raises:
            Abort: There is no way.
        """

    @abstractmethod
    def wire(self, here: int, there: int) -> Wire | None:
        """The wire from one device to another, None where there is none."""

    def _wires(self, source: int, destination: int) -> Iterator[tuple[int, int, Wire]]:
        for here, there in pairwise(self.path(source, destination)):
            wire = self.wire(here, there)
            if wire is None:
                raise Abort(
                    f"a message from rank {source} to rank {destination} is sent from device {here} to device {there}, "
                    "which are not joined",
                    source,
                )
            yield here, there, wire
