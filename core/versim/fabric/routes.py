"""Paths between endpoints, link by link.

A path corrects one dimension after the other, the outermost first: a message leaves its node over its own sender's card
and finds its receiver inside, as in the congestion-aware networks of several dimensions that descend from ASTRA-sim's.
Where the last block is partly filled and has no endpoint at the sender's place, that way would pass nobody; then the
innermost dimension is corrected first, and the message leaves over the card at the receiver's place.

A ring has a link each way between neighbours and is walked the shorter way round, upwards where both are equally long
(with two ranks both ways are one link each). Fully connected ranks have a link to every other rank of their line. A
switch has a link up from and a link down to every rank, and so costs two latencies; where it is oversubscribed, the
shared links of the block stand between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.fabric.network import Dimension, Link, Topology


@attrs.frozen
class Hop:
    """One directed link of a path.

    Attributes:
        name: Of the link, each once in a fabric: ``d0 3→4``, ``d1 3→switch``, ``d1 block 0→switch``.
        dimension: The dimension it belongs to.
        link: Its figures.
        ends: The endpoints it joins; -1 for a switch or what a block shares.
    """

    name: str
    dimension: int
    link: Link
    ends: tuple[int, int] = (-1, -1)


def walk(
    dimensions: Sequence[Dimension], strides: Sequence[int], source: int, target: int, endpoints: int
) -> Iterator[Hop]:
    """The links from one endpoint to another one, in order, in a network of so many endpoints."""
    here = source
    outermost_first = range(len(dimensions) - 1, -1, -1)
    missing = any(target // stride * stride + source % stride >= endpoints for stride in strides)
    for number in reversed(outermost_first) if missing else outermost_first:
        dimension, stride = dimensions[number], strides[number]
        mine = here // stride % dimension.size
        wanted = target // stride % dimension.size
        if mine == wanted:
            continue
        there = here + (wanted - mine) * stride
        if dimension.topology is Topology.SWITCH:
            yield from _through_switch(number, dimension, stride, here, there, endpoints)
        elif dimension.topology is Topology.FULLY_CONNECTED:
            yield Hop(f"d{number} {here}→{there}", number, dimension.link, (here, there))
        else:
            yield from _round_the_ring(number, dimension, stride, here, wanted)
        here = there


def _through_switch(
    number: int, dimension: Dimension, stride: int, here: int, there: int, endpoints: int
) -> Iterator[Hop]:
    own = dimension.link
    if dimension.oversubscription == 1:
        yield Hop(f"d{number} {here}→switch", number, own, (here, -1))
        yield Hop(f"d{number} switch→{there}", number, own, (-1, there))
        return
    up, down = here // stride, there // stride
    shared_up, shared_down = (shared_link(dimension, filled(stride, block, endpoints)) for block in (up, down))
    yield Hop(f"d{number} {here}→block {up}", number, own, (here, -1))
    yield Hop(f"d{number} block {up}→switch", number, shared_up)
    yield Hop(f"d{number} switch→block {down}", number, shared_down)
    yield Hop(f"d{number} block {down}→{there}", number, own, (-1, there))


def filled(stride: int, block: int, endpoints: int) -> int:
    """How many endpoints a block of ``stride`` places has: all but the last one of a network has them all."""
    return min(stride, endpoints - block * stride)


def beyond_last(
    groups: NDArray[np.int64], strides: Sequence[int], endpoints: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of groups that reach into the last block and out of it, which members are in it, and which have no place there.

    Args:
        groups: Shape (groups, participants).
        strides: Of the dimensions.
        endpoints: Of the network.

    Returns:
        Two of shape (dimensions, groups, participants); all false where every block is filled.
    """
    last = endpoints - 1
    inside = np.stack([groups // stride == last // stride for stride in strides])
    beyond = np.stack([groups % stride > last % stride for stride in strides])
    reaching = inside.any(axis=2, keepdims=True) & ~inside.all(axis=2, keepdims=True)
    partly = np.array([(last + 1) % stride != 0 for stride in strides])[:, None, None]
    return inside & reaching & partly, beyond & reaching & partly


def shared_link(dimension: Dimension, ends: int) -> Link:
    """What the ``ends`` endpoints of a block share on their way into an oversubscribed switch."""
    shared_bytes_per_s = ends * dimension.link.bandwidth_bytes_per_s / dimension.oversubscription
    return Link(bandwidth_bytes_per_s=shared_bytes_per_s, latency_s=0.0)


def _round_the_ring(number: int, dimension: Dimension, stride: int, here: int, wanted: int) -> Iterator[Hop]:
    mine = here // stride % dimension.size
    upwards = (wanted - mine) % dimension.size
    step = 1 if 2 * upwards <= dimension.size else -1
    while mine != wanted:
        following = (mine + step) % dimension.size
        onward = here + (following - mine) * stride
        yield Hop(f"d{number} {here}→{onward}", number, dimension.link, (here, onward))
        here, mine = onward, following
