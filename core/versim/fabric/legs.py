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
from versim.fabric.routes import filled, shared_link
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
        alone: The same while the other members of its block are silent, so that nothing is shared.
    """

    dimension: int
    size: int
    link: Link
    alone: Link


def legs_of(fabric: Fabric, members: NDArray[np.int64]) -> tuple[Leg, ...]:
    """The legs of a group, innermost first; none of a single rank."""
    spread = fabric.spread(members)
    if not spread.regular:
        ends = zip(members.tolist(), np.roll(members, -1).tolist(), strict=True)
        slowest = _slowest(fabric.path_link(*pair) for pair in ends)
        return (Leg(spread.outermost, len(members), slowest, slowest),)
    legs, beside = [], 1
    for level in spread.levels:
        alone = _along(fabric, members, level)
        legs.append(Leg(level.dimension, level.size, _shared(fabric, members, level, beside, alone), alone))
        beside *= level.size
    return tuple(legs)


def _along(fabric: Fabric, members: NDArray[np.int64], level: Level) -> Link:
    """What a member has to the next one along a dimension."""
    dimension, stride = fabric.dimensions[level.dimension], fabric.strides[level.dimension]
    along = members // stride % dimension.size
    lines = members - along * stride
    # Of equal lines one stands for all; where something is degraded the slowest counts.
    chosen = np.unique(lines) if fabric.touched(members[None, :])[0] else lines[:1]
    return _slowest(
        fabric.path_link(*pair)
        for line in (members[lines == first] for first in chosen)
        for pair in zip(line.tolist(), np.roll(line, -1).tolist(), strict=True)
    )


def _shared(fabric: Fabric, members: NDArray[np.int64], level: Level, beside: int, alone: Link) -> Link:
    """What a member has left when the ``beside`` members of its block send into a dimension at once."""
    dimension = fabric.dimensions[level.dimension]
    if dimension.oversubscription == 1:
        return alone
    stride = fabric.strides[level.dimension]
    fewest = min(filled(stride, block, fabric.world_size) for block in set((members // stride).tolist()))
    together = shared_link(dimension, fewest).bandwidth_bytes_per_s
    return attrs.evolve(alone, bandwidth_bytes_per_s=min(alone.bandwidth_bytes_per_s, together / beside))


def _slowest(links: Iterable[Link]) -> Link:
    found = tuple(links)
    return Link(
        bandwidth_bytes_per_s=min(link.bandwidth_bytes_per_s for link in found),
        latency_s=max(link.latency_s for link in found),
    )
