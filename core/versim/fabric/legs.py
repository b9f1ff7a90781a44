"""A group's way through the network, one dimension after the other: what analytical timings charge.

A collective over a grid of ranks is done dimension by dimension, so each dimension is a leg with its own link. A group
that is no grid is one leg, at the pace of the slowest path between two of its members that follow one another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.fabric.network import Link
from versim.fabric.routes import shared_link
from versim.fabric.spread import Level

if TYPE_CHECKING:
    from versim.fabric.fabric import Fabric


@attrs.frozen
class Leg:
    """A collective's part along one dimension.

    Attributes:
        dimension: Of the network; the outermost that is crossed if the group is no grid.
        size: Ranks that take part in it together.
        link: What each of them has: the bandwidth while all members do the same, the latency to the next member.
    """

    dimension: int
    size: int
    link: Link


def legs_of(fabric: Fabric, members: NDArray[np.int64]) -> tuple[Leg, ...]:
    """The legs of a group, innermost first; none of a single rank."""
    spread = fabric.spread(members)
    if not spread.regular:
        ends = zip(members.tolist(), np.roll(members, -1).tolist(), strict=True)
        return (Leg(spread.outermost, len(members), _slowest(fabric.path_link(*pair) for pair in ends)),)
    legs, beside = [], 1
    for level in spread.levels:
        legs.append(Leg(level.dimension, level.size, _along(fabric, members, level, beside)))
        beside *= level.size
    return tuple(legs)


def _along(fabric: Fabric, members: NDArray[np.int64], level: Level, beside: int) -> Link:
    """What a member has along a dimension when the ``beside`` members of its block send into it at once."""
    dimension, stride = fabric.dimensions[level.dimension], fabric.strides[level.dimension]
    along = members // stride % dimension.size
    lines = members - along * stride
    # Of equal lines one stands for all; where something is degraded the slowest counts.
    chosen = np.unique(lines) if fabric.touched(members[None, :])[0] else lines[:1]
    slowest = _slowest(
        fabric.path_link(*pair)
        for line in (members[lines == first] for first in chosen)
        for pair in zip(line.tolist(), np.roll(line, -1).tolist(), strict=True)
    )
    share_bytes_per_s = slowest.bandwidth_bytes_per_s
    if dimension.oversubscription != 1:
        share_bytes_per_s = min(share_bytes_per_s, shared_link(dimension, stride).bandwidth_bytes_per_s / beside)
    return attrs.evolve(slowest, bandwidth_bytes_per_s=share_bytes_per_s)


def _slowest(links: Iterable[Link]) -> Link:
    found = tuple(links)
    return Link(
        bandwidth_bytes_per_s=min(link.bandwidth_bytes_per_s for link in found),
        latency_s=max(link.latency_s for link in found),
    )
