"""Faulty links: pairs of devices whose wires carry less, in both directions.

A health of 0 marks a link as broken: routes that know faults avoid it. The wires of a broken link are whole all the
same, except on a ``Mesh`` of one dimension, where they are missing.
"""

from __future__ import annotations

import attrs

from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.wiring import Wire

FaultyLink = tuple[int, int, float]
"""Two devices, and what is left of the bandwidth between them."""


@attrs.frozen
class Faults:
    """Which links are faulty.

    Attributes:
        links: In the order of the file; of several entries for one link the first counts.
        looks_at: How many entries are looked at. A network of several dimensions looks at one.
    """

    links: tuple[FaultyLink, ...] = ()
    looks_at: int | None = None

    def health(self, here: int, there: int) -> float:
        """What is left of a link's bandwidth."""
        for one, other, health in self.links[: self.looks_at]:
            if (here, there) in ((one, other), (other, one)):
                return health
        return 1.0

    def is_broken(self, here: int, there: int) -> bool:
        """Whether routes that know faults avoid the link."""
        return self.health(here, there) == 0.0

    def wire(self, here: int, there: int, whole: Wire) -> Wire:
        """The wire between two devices that would be joined by ``whole``.

        Raises:
            Abort: Its bandwidth would be negative.
        """
        health = self.health(here, there)
        if health in (0.0, 1.0):
            return whole
        if not whole.bandwidth_gib_per_s * health > 0:
            raise Abort(f"the health of the faulty link between devices {here} and {there} is {health}")
        return attrs.evolve(whole, bandwidth_gib_per_s=whole.bandwidth_gib_per_s * health)


NO_FAULTS = Faults()
