"""What a step runs on: network dimensions, the device, and how parallelism maps onto links.

Bandwidths are bytes per second and latencies seconds everywhere; a plugin converts at its edge.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Any

import attrs

from versim.work import Kind


class Topology(enum.StrEnum):
    """How the ranks of one network dimension are joined."""

    RING = "ring"
    FULLY_CONNECTED = "fully_connected"
    SWITCH = "switch"


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} must be a finite number above 0, got {value!r}")


def _not_negative(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} must be a finite number of at least 0, got {value!r}")


@attrs.frozen(kw_only=True)
class Link:
    """One directed link.

    Attributes:
        bandwidth_bytes_per_s: Bytes per second in one direction.
        latency_s: Seconds from the first byte in to the first byte out.
    """

    bandwidth_bytes_per_s: float = attrs.field(validator=_positive)
    latency_s: float = attrs.field(validator=_not_negative)


@attrs.frozen(kw_only=True)
class Dimension:
    """One dimension of the network.

    Attributes:
        topology: How its ranks are joined.
        size: Ranks along it.
        link: Each of its links.
    """

    topology: Topology = attrs.field(converter=Topology)
    size: int = attrs.field(validator=attrs.validators.ge(1))
    link: Link


@attrs.frozen(kw_only=True)
class Device:
    """What computes.

    Attributes:
        name: For people.
        kernel_launch_overhead_s: Seconds between two dependent kernels, paid per launch.
        parameters: What a compute timing knows beyond that, as plain data (strings, numbers, lists, mappings).
    """

    name: str
    kernel_launch_overhead_s: float = attrs.field(default=0.0, validator=_not_negative)
    parameters: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)


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

    def link(self, axis: str) -> Link:
        """The link that traffic along an axis sees: its own where one is given, else the innermost dimension's."""
        return self.axis_links.get(axis, self.dimensions[0].link)


@attrs.frozen
class Message:
    """One communication as a network timing sees it.

    Attributes:
        kind: What is done.
        size_bytes: The full tensor, see :mod:`versim.work`.
        participants: Ranks taking part, at least 2.
        axis: The parallelism it runs along; "" for an explicit group.
        ranks: The participating ranks in group order; empty for a folded communication, whose place in the network
            is not part of the graph.
        algorithm: The algorithm the graph asks for, "" where the timing may choose.
    """

    kind: Kind
    size_bytes: int
    participants: int
    axis: str = ""
    ranks: tuple[int, ...] = ()
    algorithm: str = ""
