"""Paths between endpoints, link by link.

A path corrects one dimension after the other, the outermost first: a message leaves its node over its own sender's card
and finds its receiver inside, as in the congestion-aware networks of several dimensions that descend from ASTRA-sim's.

A ring has a link each way between neighbours and is walked the shorter way round, upwards where both are equally long
(with two ranks both ways are one link each). Fully connected ranks have a link to every other rank of their line. A
switch has a link up from and a link down to every rank, and so costs two latencies; where it is oversubscribed, the
shared links of the block stand between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

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


def walk(dimensions: Sequence[Dimension], strides: Sequence[int], source: int, target: int) -> Iterator[Hop]:
    """The links from one endpoint to another one, in order."""
    here = source
    for number in range(len(dimensions) - 1, -1, -1):
        dimension, stride = dimensions[number], strides[number]
        mine = here // stride % dimension.size
        wanted = target // stride % dimension.size
        if mine == wanted:
            continue
        there = here + (wanted - mine) * stride
        if dimension.topology is Topology.SWITCH:
            yield from _through_switch(number, dimension, stride, here, there)
        elif dimension.topology is Topology.FULLY_CONNECTED:
            yield Hop(f"d{number} {here}→{there}", number, dimension.link, (here, there))
        else:
            yield from _round_the_ring(number, dimension, stride, here, wanted)
        here = there


def _through_switch(number: int, dimension: Dimension, stride: int, here: int, there: int) -> Iterator[Hop]:
    own = dimension.link
    if dimension.oversubscription == 1:
        yield Hop(f"d{number} {here}→switch", number, own, (here, -1))
        yield Hop(f"d{number} switch→{there}", number, own, (-1, there))
        return
    shared = shared_link(dimension, stride)
    up, down = here // stride, there // stride
    yield Hop(f"d{number} {here}→block {up}", number, own, (here, -1))
    yield Hop(f"d{number} block {up}→switch", number, shared)
    yield Hop(f"d{number} switch→block {down}", number, shared)
    yield Hop(f"d{number} block {down}→{there}", number, own, (-1, there))


def shared_link(dimension: Dimension, stride: int) -> Link:
    """What the ``stride`` endpoints of a block share on their way into an oversubscribed switch."""
    shared_bytes_per_s = stride * dimension.link.bandwidth_bytes_per_s / dimension.oversubscription
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
