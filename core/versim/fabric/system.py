"""What a step runs on: a network, a device, and how parallelism maps onto links."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import attrs

from versim.fabric.device import Device
from versim.fabric.fabric import Fabric
from versim.fabric.network import Dimension, Link


@attrs.frozen(kw_only=True)
class System:
    """A network, a device, and the links each parallelism sees.

    Rank ``r`` is network endpoint ``r``; dimension 0 varies fastest.

    Attributes:
        dimensions: Innermost first.
        device: Every rank's device.
        axis_links: For an axis of parallelism whose link differs from the dimension's, that link. A timing that
            knows bandwidth per parallelism uses it; one that knows dimensions does not.
    """

    dimensions: tuple[Dimension, ...] = attrs.field(validator=attrs.validators.min_len(1))
    device: Device
    axis_links: Mapping[str, Link] = attrs.field(factory=dict)

    @property
    def world_size(self) -> int:
        """Endpoints of the network."""
        return math.prod(dimension.size for dimension in self.dimensions)

    @cached_property
    def fabric(self) -> Fabric:
        """The network as everybody asks it: paths, what a group crosses, its narrowest cut, who lies alike."""
        return Fabric(self.dimensions)

    def link(self, axis: str) -> Link:
        """The link that traffic along an axis sees: its own where one is given, else the innermost dimension's."""
        return self.axis_links.get(axis, self.dimensions[0].link)
