"""What a step runs on: a network, a device, and how parallelism maps onto links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import attrs

from versim.fabric.degradation import Degradation, faults_of
from versim.fabric.device import Device
from versim.fabric.fabric import Fabric
from versim.fabric.network import Dimension, Link, endpoint_count


def _tuple(degraded: Iterable[Degradation]) -> tuple[Degradation, ...]:
    return tuple(degraded)


@attrs.frozen(kw_only=True, repr=False)
class System:
    """A network, a device, and the links each parallelism sees.

    Rank ``r`` is network endpoint ``r``; dimension 0 varies fastest.

    Attributes:
        dimensions: Innermost first.
        device: Every rank's device.
        axis_links: For an axis of parallelism whose link differs from the dimension's, that link. A timing that
            knows bandwidth per parallelism uses it; one that knows dimensions does not.
        degraded: Links that are slower than their dimension's, or down.
        endpoints: How many there are where the last block is partly filled, e.g. 76 of 72 × 2: the first of the places
            that the dimensions span. None is a place each.
    """

    dimensions: tuple[Dimension, ...] = attrs.field(validator=attrs.validators.min_len(1))
    device: Device
    axis_links: Mapping[str, Link] = attrs.field(factory=dict)
    degraded: tuple[Degradation, ...] = attrs.field(default=(), converter=_tuple)
    endpoints: int | None = None

    def __attrs_post_init__(self) -> None:
        if endpoint_count(self.dimensions, self.endpoints) == endpoint_count(self.dimensions, None):
            object.__setattr__(self, "endpoints", None)
        faults = faults_of(self.degraded, self.dimensions, self.endpoints)
        if faults:
            raise ValueError(f"degraded[{faults[0][0]}]: {faults[0][1]}")

    def __repr__(self) -> str:
        shape = " x ".join(f"{dimension.topology.value} {dimension.size}" for dimension in self.dimensions)
        return f"<System of {self.world_size:,} {self.device.name}: {shape}{', degraded' if self.degraded else ''}>"

    def _repr_html_(self) -> str:
        """Its picture, for a notebook."""
        from versim.fabric.picture import system_svg  # noqa: PLC0415 - only for pictures

        # As wide as its cell at most.
        return system_svg(self).replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

    @property
    def world_size(self) -> int:
        """Endpoints of the network."""
        return endpoint_count(self.dimensions, self.endpoints)

    @cached_property
    def fabric(self) -> Fabric:
        """The network as everybody asks it: paths, what a group crosses, its narrowest cut, who lies alike."""
        return Fabric(self.dimensions, self.degraded, self.endpoints)

    def link(self, axis: str, ranks: Sequence[int] = ()) -> Link:
        """The one link that traffic sees for who knows one link per parallelism.

        That of the axis where it has its own. Else of where the ranks lie: traffic that leaves a node passes the links
        within it, too, so it is as slow as the slowest dimension up to the outermost that they cross, with that one's
        latency. What a block shares counts as if one of its members sent at a time, as those of a ring do that goes
        through one node after the other. Where they lie is not known: the innermost dimension's.

        Args:
            axis: The parallelism.
            ranks: The group.
        """
        if axis in self.axis_links or len(ranks) < 2:
            return self.axis_links.get(axis, self.dimensions[0].link)
        legs = self.fabric.legs(ranks)
        outermost = legs[-1].dimension
        passed = [dimension.link for dimension in self.dimensions[: outermost + 1] if dimension.size > 1]
        added_s = legs[-1].link.latency_s - self.pristine.legs(ranks)[-1].link.latency_s if self.degraded else 0.0
        return Link(
            bandwidth_bytes_per_s=min(link.bandwidth_bytes_per_s for link in (*passed, *(leg.alone for leg in legs))),
            latency_s=self.dimensions[outermost].link.latency_s + max(0.0, added_s),
        )

    @cached_property
    def pristine(self) -> Fabric:
        """The network with nothing degraded."""
        return Fabric(self.dimensions, (), self.endpoints) if self.degraded else self.fabric
