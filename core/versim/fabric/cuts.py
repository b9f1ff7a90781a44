"""Where a network is narrowest between the members of a group.

A cut parts a group's members in two; what crosses it is at most what the links on it carry. Two kinds of cut are
looked at. A *block* is everything that agrees in a dimension and every outer one (a node, a rack, one endpoint): its
members leave it through their links of that dimension and the outer ones. A *slab* is everything with some
coordinates along one dimension: only links of that dimension lead out of it.

Members send over their own links. A path corrects one dimension after the other, and where a group is no grid the
order matters: going out, a member's bytes may take its own link or the one at the place of the member they are for.
So a cut has two figures, which are equal for grids. Where some of these places do not exist (the last block may be
partly filled), both ways are taken at once, and a cut is as wide as both together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.fabric.network import Dimension, Topology
from versim.fabric.routes import beyond_last, shared_link
from versim.fabric.spread import Level


@attrs.frozen
class Cut:
    """Members of a group on one side of a part of the network, and what the links between the sides carry.

    Attributes:
        dimension: The dimension whose links are cut (of a block, the innermost of those that lead out of it).
        inside: Members on this side.
        outside: Members on the other.
        bandwidth_bytes_per_s: Bytes per second in one direction, the narrower way of routing.
        widest_bytes_per_s: The same in the other direction, the wider way; equal to it where the group is a grid.
    """

    dimension: int
    inside: int
    outside: int
    bandwidth_bytes_per_s: float
    widest_bytes_per_s: float


Factor = Callable[[int, int], float]
"""What is left of a rank's bandwidth into a dimension: (dimension, rank) ─▶ share."""


def cuts_of(
    ranks: NDArray[np.int64],
    levels: Sequence[Level],
    dimensions: Sequence[Dimension],
    strides: Sequence[int],
    endpoints: int,
    factor: Factor | None = None,
) -> tuple[Cut, ...]:
    """Every distinct cut of a group that can be the narrowest, by dimension from the outermost.

    Args:
        ranks: The members.
        levels: The dimensions they cross.
        dimensions: Of the network.
        strides: Of the dimensions.
        endpoints: Of the network.
        factor: What is left of bandwidths, where links are degraded.
    """
    found: dict[Cut, None] = {}
    both = bool(beyond_last(ranks[None, :], strides, endpoints)[1].any())
    for number in range(len(levels) - 1, -1, -1):
        outward = levels[number:]
        if factor is None and not both:
            blocks = _blocks(ranks, outward, dimensions, strides)
        else:
            blocks = _unlike_blocks(ranks, outward, dimensions, strides, endpoints, factor or _whole, both=both)
        found.update(dict.fromkeys(blocks))
        if number + 1 < len(levels) or dimensions[levels[number].dimension].topology is Topology.RING:
            found.update(dict.fromkeys(_slabs(ranks, levels[number], dimensions, strides, both=both)))
    return tuple(found)


def _whole(_dimension: int, _rank: int) -> float:
    return 1.0


def _blocks(
    ranks: NDArray[np.int64],
    outward: Sequence[Level],
    dimensions: Sequence[Dimension],
    strides: Sequence[int],
) -> Iterator[Cut]:
    """One block of the innermost of some levels against the rest."""
    stride = strides[outward[0].dimension]
    _, block, members = np.unique(ranks // stride, return_inverse=True, return_counts=True)
    _, place, uses = np.unique(ranks % stride, return_inverse=True, return_counts=True)
    # Places in the block that a member of the rest has, too: all but those of members nobody else stands beside.
    alone = np.bincount(block[uses[place] == 1], minlength=len(members))
    others = len(uses) - alone
    pairs = np.unique(np.stack([members, others], axis=1), axis=0)
    for inside, opposite in pairs.tolist():
        narrow, wide = (
            sum(_into(dimensions[level.dimension], strides[level.dimension], ends, level.size) for level in outward)
            for ends in sorted((inside, opposite))
        )
        yield Cut(outward[0].dimension, inside, len(ranks) - inside, narrow, wide)


def _unlike_blocks(
    ranks: NDArray[np.int64],
    outward: Sequence[Level],
    dimensions: Sequence[Dimension],
    strides: Sequence[int],
    endpoints: int,
    factor: Factor,
    *,
    both: bool,
) -> Iterator[Cut]:
    """The same where every endpoint may have another share of its links, or none: one cut per block."""
    stride = strides[outward[0].dimension]
    blocks, block = np.unique(ranks // stride, return_inverse=True)
    places, place, uses = np.unique(ranks % stride, return_inverse=True, return_counts=True)
    for number, which in enumerate(blocks.tolist()):
        mine = ranks[block == number].tolist()
        alone = set() if both else set(place[(block == number) & (uses[place] == 1)].tolist())
        there = [which * stride + at for index, at in enumerate(places.tolist()) if index not in alone]
        opposite = [end for end in there if end < endpoints]
        narrow, wide = sorted(
            sum(
                _into(
                    dimensions[level.dimension],
                    strides[level.dimension],
                    sum(factor(level.dimension, end) for end in ends),
                    level.size,
                )
                for level in outward
            )
            for ends in (opposite if both else mine, opposite)
        )
        yield Cut(outward[0].dimension, len(mine), len(ranks) - len(mine), narrow, wide)


def _into(dimension: Dimension, stride: int, ends: float, coordinates: int) -> float:
    """What some endpoints of one block send into a dimension, in bytes per second."""
    return _shared(dimension, stride, 1, ends * dimension.rate_bytes_per_s(coordinates - 1))


def _slabs(
    ranks: NDArray[np.int64], level: Level, dimensions: Sequence[Dimension], strides: Sequence[int], *, both: bool
) -> Iterator[Cut]:
    """Members with some coordinates along a dimension, whatever their others, against the rest.

    One coordinate each; of a ring also half of the coordinates that lie side by side.
    """
    dimension, stride = dimensions[level.dimension], strides[level.dimension]
    _, along, members = np.unique(ranks // stride % dimension.size, return_inverse=True, return_counts=True)
    _, line, uses = np.unique(
        ranks - ranks // stride % dimension.size * stride, return_inverse=True, return_counts=True
    )
    alone = np.bincount(along[uses[line] == 1], minlength=len(members))
    own, opposite = (np.full_like(members, len(uses)),) * 2 if both else (members, len(uses) - alone)
    sides = [np.stack([members, own, opposite], axis=1)]
    if dimension.topology is Topology.RING and len(members) > 3:
        half = len(members) // 2
        before = np.concatenate([[0], np.cumsum(np.concatenate([members, members[: half - 1]]))])
        arcs = before[half:] - before[:-half]
        # Which lines an arc's members stand on is not told apart: at most all of them.
        sides.append(np.stack([arcs, *(np.minimum(side, len(uses)) for side in (arcs, len(ranks) - arcs))], axis=1))
    outer = len(np.unique(ranks // (stride * dimension.size)))
    for inside, lines, opposite in np.unique(np.concatenate(sides), axis=0).tolist():
        narrow, wide = (
            _shared(dimension, stride, outer, ends * dimension.rate_bytes_per_s(level.size - 1))
            for ends in sorted((lines, opposite))
        )
        yield Cut(level.dimension, inside, len(ranks) - inside, narrow, wide)


def _shared(dimension: Dimension, stride: int, blocks: int, together_bytes_per_s: float) -> float:
    """What the endpoints of some blocks send into a dimension, given what their own links carry."""
    if dimension.oversubscription == 1:
        return together_bytes_per_s
    return min(together_bytes_per_s, blocks * shared_link(dimension, stride).bandwidth_bytes_per_s)
