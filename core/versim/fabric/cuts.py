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

import itertools
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.fabric.degradation import Effects
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


def cuts_of(
    ranks: NDArray[np.int64],
    levels: Sequence[Level],
    dimensions: Sequence[Dimension],
    strides: Sequence[int],
    endpoints: int,
    effects: Effects | None = None,
) -> tuple[Cut, ...]:
    """Every distinct cut of a group that can be the narrowest, by dimension from the outermost.

    Args:
        ranks: The members.
        levels: The dimensions they cross.
        dimensions: Of the network.
        strides: Of the dimensions.
        endpoints: Of the network.
        effects: What is left of links, where some that the group may use are degraded.
    """
    found: dict[Cut, None] = {}
    both = bool(beyond_last(ranks[None, :], strides, endpoints)[1].any())
    for number in range(len(levels) - 1, -1, -1):
        outward = levels[number:]
        here = dimensions[levels[number].dimension]
        if effects is None and not both:
            blocks = _blocks(ranks, outward, dimensions, strides)
        else:
            blocks = _unlike_blocks(ranks, outward, dimensions, strides, endpoints, effects, both=both)
        found.update(dict.fromkeys(blocks))
        if number + 1 < len(levels) or here.topology is Topology.RING:
            found.update(dict.fromkeys(_slabs(ranks, levels[number], dimensions, strides, both=both)))
        if effects is not None and here.topology is Topology.RING:
            found.update(dict.fromkeys(_unlike_arcs(ranks, levels[number], here, strides, effects)))
    return tuple(found)


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
    effects: Effects | None,
    *,
    both: bool,
) -> Iterator[Cut]:
    """The same where every endpoint may have another share of its links, or none: one cut per block."""
    stride = strides[outward[0].dimension]
    reached = {
        level.dimension: np.unique(ranks // strides[level.dimension] % dimensions[level.dimension].size).tolist()
        for level in outward
    }
    blocks, block = np.unique(ranks // stride, return_inverse=True)
    places, place, uses = np.unique(ranks % stride, return_inverse=True, return_counts=True)
    for at, which in enumerate(blocks.tolist()):
        mine = ranks[block == at].tolist()
        alone = set() if both else set(place[(block == at) & (uses[place] == 1)].tolist())
        there = [which * stride + beside for index, beside in enumerate(places.tolist()) if index not in alone]
        opposite = [end for end in there if end < endpoints]
        narrow, wide = sorted(
            sum(
                _shared(
                    dimensions[number],
                    strides[number],
                    1,
                    sum(_sent(number, end, coordinates, dimensions[number], strides[number], effects) for end in ends),
                )
                for number, coordinates in reached.items()
            )
            for ends in (opposite if both else mine, opposite)
        )
        yield Cut(outward[0].dimension, len(mine), len(ranks) - len(mine), narrow, wide)


def _into(dimension: Dimension, stride: int, ends: float, coordinates: int) -> float:
    """What some endpoints of one block send into a dimension, in bytes per second."""
    return _shared(dimension, stride, 1, ends * dimension.rate_bytes_per_s(coordinates - 1))


def _sent(
    number: int,
    end: int,
    coordinates: Sequence[int],
    dimension: Dimension,
    stride: int,
    effects: Effects | None,
) -> float:
    """Bytes per second that an endpoint sends to others of its line at once, given what is left of each link.

    A link that is down counts whole: others stand in for it.
    """
    mine = end // stride % dimension.size
    others = [end + (coordinate - mine) * stride for coordinate in coordinates if coordinate != mine]
    if effects is None or not others:
        return dimension.rate_bytes_per_s(len(others))
    if dimension.topology is Topology.SWITCH:
        links = [(end, -1)]
    elif dimension.topology is Topology.FULLY_CONNECTED:
        links = [(end, other) for other in others]
    else:
        links = [(end, end + ((mine + step) % dimension.size - mine) * stride) for step in (1, -1)]
        links = links[: min(2, dimension.size - 1)]
        if len(others) == 1:
            # Either way may be the one that is taken.
            return dimension.link.bandwidth_bytes_per_s * max(_left(effects, number, ends) for ends in links)
    return dimension.link.bandwidth_bytes_per_s * sum(_left(effects, number, ends) for ends in links)


def _left(effects: Effects, dimension: int, ends: tuple[int, int]) -> float:
    effect = effects.of(dimension, ends)
    return 1.0 if effect.down else effect.bandwidth_factor


def _unlike_arcs(
    ranks: NDArray[np.int64], level: Level, dimension: Dimension, strides: Sequence[int], effects: Effects
) -> Iterator[Cut]:
    """Members that lie side by side on a ring against the rest, where every link may have another share.

    Between two members that follow one another, the narrowest link counts; a pair has the way that is the shorter.
    """
    stride, size = strides[level.dimension], dimension.size
    along = ranks // stride % size
    coordinates, members = np.unique(along, return_counts=True)
    lines = np.unique(ranks - along * stride).tolist()

    def gap(start: int, end: int) -> float:
        """What passes upwards from one coordinate to another one, over all lines."""
        steps = [(start + step) % size for step in range((end - start) % size + 1)]
        return sum(
            min(
                _left(effects, level.dimension, (line + here * stride, line + there * stride))
                for here, there in itertools.pairwise(steps)
            )
            for line in lines
        )

    ring = coordinates.tolist()
    gaps = [gap(here, there) for here, there in zip(ring, [*ring[1:], ring[0]], strict=True)]
    if len(ring) == 2:
        upwards = ring[1] - ring[0]
        shorter = [gaps[0]] * (2 * upwards <= size) + [gaps[1]] * (2 * upwards >= size)
        arcs = [(1, 1, max(shorter))]
    else:
        # An arc is narrow where it begins and ends at narrow gaps; of those that are whole, any stands for all.
        narrow = [place for place, left in enumerate(gaps) if left < len(lines)][:_MOST_NARROW]
        halves = [(place, place + len(ring) // 2) for place in range(len(ring))]
        singles = [(place, place + 1) for place in range(len(ring))]
        arcs = [
            (first, last, gaps[first % len(ring)] + gaps[last % len(ring)])
            for first, last in (*singles, *halves, *itertools.combinations(narrow, 2))
        ]
    before = np.concatenate([[0], np.cumsum(np.concatenate([members, members]))])
    for first, last, left in arcs:
        inside = int(before[last + 1] - before[first + 1]) if len(ring) > 2 else int(members[0])
        rate = left * dimension.link.bandwidth_bytes_per_s
        yield Cut(level.dimension, inside, len(ranks) - inside, rate, rate)


_MOST_NARROW = 16
"""Narrow gaps of a ring between which arcs are looked at."""


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
