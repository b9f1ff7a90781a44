"""What a network is made of: links, and dimensions of ranks joined by them.

Bandwidths are bytes per second in one direction and latencies seconds everywhere; a plugin converts at its edge.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Any

import attrs


class Topology(enum.StrEnum):
    """How the ranks of one network dimension are joined."""

    RING = "ring"
    FULLY_CONNECTED = "fully_connected"
    SWITCH = "switch"


LARGEST, SMALLEST = 1e30, 1e-30
"""No quantity of a network or device is beyond these; sums and products of several then stay finite and above 0."""


def positive(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse what is not a finite number above 0."""
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} must be a finite number above 0, got {value!r}")
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(f"{attribute.name} must be from {SMALLEST:g} to {LARGEST:g}, got {value!r}")


def not_negative(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse what is not a finite number of at least 0."""
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} must be a finite number of at least 0, got {value!r}")
    if value > LARGEST:
        raise ValueError(f"{attribute.name} must be at most {LARGEST:g}, got {value!r}")


def at_least_one(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse what is not a finite number of at least 1."""
    if not (value >= 1 and math.isfinite(value)):
        raise ValueError(f"{attribute.name} must be a finite number of at least 1, got {value!r}")
    if value > LARGEST:
        raise ValueError(f"{attribute.name} must be at most {LARGEST:g}, got {value!r}")


def only_switches_share(dimension: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse shared links where there are none."""
    if value != 1 and dimension.topology is not Topology.SWITCH:
        topology = dimension.topology.value
        raise ValueError(f"{attribute.name} is for switches: a {topology} has no links that are shared")


@attrs.frozen(kw_only=True)
class Link:
    """One directed link.

    Attributes:
        bandwidth_bytes_per_s: Bytes per second in one direction.
        latency_s: Seconds from the first byte in to the first byte out.
    """

    bandwidth_bytes_per_s: float = attrs.field(validator=positive)
    latency_s: float = attrs.field(validator=not_negative)


@attrs.frozen(kw_only=True)
class Dimension:
    """One dimension of the network.

    Attributes:
        topology: How its ranks are joined.
        size: Ranks along it.
        link: Each of its links.
        oversubscription: What the endpoints of one block (those that agree in this dimension and every outer one) can
            send into this dimension together, over what they may: their links' sum divided by this. 1 where nothing
            is shared; 2 where eight endpoints share four network cards, or a leaf switch has half as many links up
            as down. One endpoint alone still has its whole link.
    """

    topology: Topology = attrs.field(converter=Topology)
    size: int = attrs.field(validator=attrs.validators.ge(1))
    link: Link
    oversubscription: float = attrs.field(default=1.0, validator=[at_least_one, only_switches_share])

    def rate_bytes_per_s(self, reached: int) -> float:
        """What one endpoint can send to ``reached`` others of its line at once, in bytes per second.

        A ring has a link each way, a switch one link whatever it reaches, fully connected ranks a link to each. Routes
        along a fully connected dimension are direct, so others that are not meant do not help; and to a single other
        rank of a ring there is one way that is taken, the shorter.
        """
        lanes = {
            Topology.RING: min(2, self.size - 1, reached),
            Topology.FULLY_CONNECTED: min(reached, self.size - 1),
            Topology.SWITCH: 1,
        }[self.topology]
        return lanes * self.link.bandwidth_bytes_per_s


def endpoint_count(dimensions: Sequence[Dimension], endpoints: int | None) -> int:
    """How many endpoints a network has: a place each, or the first ``endpoints`` places.

    Raises:
        ValueError: Too many for its places, too few for its blocks, or a ring that would be open.
    """
    places = math.prod(dimension.size for dimension in dimensions)
    if endpoints is None or endpoints == places:
        return places
    filled = places - places // dimensions[-1].size
    if not filled < endpoints < places:
        raise ValueError(
            f"endpoints must be from {filled + 1} to {places}, so that only the last block of the outermost dimension "
            f"is partly filled, got {endpoints}"
        )
    if any(dimension.topology is Topology.RING for dimension in dimensions if dimension.size > 1):
        raise ValueError(f"endpoints: a ring has to be filled; {endpoints} of {places} places leave one open")
    return endpoints
