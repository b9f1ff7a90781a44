"""Links that are slower than they should be, or down: which, and what that does to a link.

A degradation names links of one dimension by the ranks at their ends: all links of some ranks (a network card), those
of a whole node, or the one between two neighbours. It holds in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from versim.fabric.network import LARGEST, SMALLEST, Dimension, Link, Topology, not_negative


def _factor(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{attribute.name} must be above 0 and at most 1, got {value!r}; for no bandwidth say down")


def _ranks(ranks: Iterable[int]) -> tuple[int, ...]:
    return tuple(ranks)


@attrs.frozen(kw_only=True)
class Degradation:
    """Links of one dimension that are slower than the others, or down.

    Attributes:
        dimension: The dimension they belong to, 0 the innermost.
        ranks: All links of these ranks along the dimension: their cards.
        node: Likewise of all ranks of one block, those that agree in this dimension and every outer one; counted from
            0. None if ``ranks`` or ``link`` say which.
        link: The one link between two neighbours; empty if the others say which.
        bandwidth_factor: What is left of the bandwidth, above 0 and at most 1.
        added_latency_s: Seconds more.
        down: True if nothing passes.
    """

    dimension: int = attrs.field(validator=attrs.validators.ge(0))
    ranks: tuple[int, ...] = attrs.field(default=(), converter=_ranks)
    node: int | None = None
    link: tuple[int, ...] = attrs.field(default=(), converter=_ranks)
    bandwidth_factor: float = attrs.field(default=1.0, validator=_factor)
    added_latency_s: float = attrs.field(default=0.0, validator=not_negative)
    down: bool = False

    def __attrs_post_init__(self) -> None:
        if bool(self.ranks) + (self.node is not None) + bool(self.link) != 1:
            raise ValueError("a degradation says which links by one of ranks, node and link")
        if self.bandwidth_factor == 1 and not self.added_latency_s and not self.down:
            raise ValueError("a degradation needs a bandwidth_factor, an added_latency, or down")
        if self.link and (len(self.link) != 2 or self.link[0] == self.link[1]):
            raise ValueError(f"a link is between two ranks, got {list(self.link)}")


@attrs.frozen
class Effect:
    """What happens to a link.

    Attributes:
        bandwidth_factor: What is left of its bandwidth.
        added_latency_s: Seconds more.
        down: True if nothing passes.
    """

    bandwidth_factor: float = 1.0
    added_latency_s: float = 0.0
    down: bool = False

    def __add__(self, other: Effect) -> Effect:
        return Effect(
            self.bandwidth_factor * other.bandwidth_factor,
            self.added_latency_s + other.added_latency_s,
            self.down or other.down,
        )

    def on(self, link: Link) -> Link:
        """The link that is left."""
        return Link(
            bandwidth_bytes_per_s=link.bandwidth_bytes_per_s * self.bandwidth_factor,
            latency_s=link.latency_s + self.added_latency_s,
        )


UNHARMED = Effect()


class Effects:
    """What happens to which link of a network.

    Attributes:
        of_rank: By (dimension, rank): to all its links along that dimension.
        of_pair: By (dimension, rank, rank): to the link between the two, in both orders.
        any_down: True if some link is down.
    """

    def __init__(self, degraded: Sequence[Degradation], strides: Sequence[int]) -> None:
        self.of_rank: dict[tuple[int, int], Effect] = {}
        self.of_pair: dict[tuple[int, int, int], Effect] = {}
        self.any_down = any(one.down for one in degraded)
        for one in degraded:
            effect = Effect(one.bandwidth_factor, one.added_latency_s, one.down)
            if one.link:
                for ends in (one.link, one.link[::-1]):
                    pair = (one.dimension, ends[0], ends[1])
                    self.of_pair[pair] = self.of_pair.get(pair, UNHARMED) + effect
            for rank in one.ranks if one.node is None else _block(one.node, strides[one.dimension]):
                card = (one.dimension, rank)
                self.of_rank[card] = self.of_rank.get(card, UNHARMED) + effect

    def of(self, dimension: int, ends: tuple[int, int]) -> Effect:
        """What happens to the link between two ends; -1 is a switch, which is never at fault itself."""
        found = self.of_pair.get((dimension, *ends), UNHARMED)
        for end in ends:
            found += self.of_rank.get((dimension, end), UNHARMED)
        return found

    def places(self) -> Iterable[tuple[int, int]]:
        """(dimension, rank) of everything that is at fault."""
        yield from self.of_rank
        yield from ((dimension, rank) for dimension, rank, _ in self.of_pair)


def _block(node: int, stride: int) -> range:
    return range(node * stride, (node + 1) * stride)


def faults_of(
    degraded: Sequence[Degradation], dimensions: Sequence[Dimension], endpoints: int | None = None
) -> list[tuple[int, str]]:
    """Degradations of links that the network does not have, or that leave next to nothing of one.

    Returns:
        Their places in the list, and what is wrong.
    """
    found = []
    strides, world = [], 1
    for dimension in dimensions:
        strides.append(world)
        world *= dimension.size
    world = endpoints or world
    for place, one in enumerate(degraded):
        if one.dimension >= len(dimensions):
            found.append((place, f"there is no dimension {one.dimension}; the network has {len(dimensions)}"))
            continue
        here, stride = dimensions[one.dimension], strides[one.dimension]
        nodes = -(-world // stride)
        if one.node is not None and not 0 <= one.node < nodes:
            found.append((place, f"there is no node {one.node} in dimension {one.dimension}, only {nodes}"))
        outside = [rank for rank in (*one.ranks, *one.link) if not 0 <= rank < world]
        if outside:
            found.append((place, f"rank {outside[0]} is outside the network of {world} endpoints"))
        elif one.link and not _neighbours(one.link, here, stride):
            ends = " and ".join(map(str, one.link))
            found.append((place, f"dimension {one.dimension}, a {here.topology.value}, has no link between {ends}"))
    return found or _beyond_counting(degraded, dimensions, strides)


def _beyond_counting(
    degraded: Sequence[Degradation], dimensions: Sequence[Dimension], strides: Sequence[int]
) -> list[tuple[int, str]]:
    """Degradations that together may leave a link slower than any that is simulated."""
    found = []
    effects = Effects(degraded, strides)
    for number in sorted({one.dimension for one in degraded}):
        link = dimensions[number].link
        cards = [effect for (dimension, _), effect in effects.of_rank.items() if dimension == number]
        pairs = [effect for (dimension, _, _), effect in effects.of_pair.items() if dimension == number]
        # A link may have the worst card at both of its ends, and be the worst of all besides.
        factor = math.prod(min([1.0, *(one.bandwidth_factor for one in some)]) for some in (cards, cards, pairs))
        added_s = math.fsum(max([0.0, *(one.added_latency_s for one in some)]) for some in (cards, cards, pairs))
        here = [(place, one) for place, one in enumerate(degraded) if one.dimension == number]
        if link.bandwidth_bytes_per_s * factor < SMALLEST:
            place, _ = min(here, key=lambda found: found[1].bandwidth_factor)
            found.append((place, f"less than {SMALLEST:g} bytes/s may be left of a link; for no bandwidth say down"))
        elif link.latency_s + added_s > LARGEST:
            place, _ = max(here, key=lambda found: found[1].added_latency_s)
            found.append((place, f"a link may take longer than {LARGEST:g} s; if nothing passes say down"))
    return found


def _neighbours(ends: tuple[int, ...], dimension: Dimension, stride: int) -> bool:
    one, other = (end // stride % dimension.size for end in ends)
    same_line = ends[0] - one * stride == ends[1] - other * stride
    if not same_line or dimension.topology is Topology.SWITCH:
        return False
    return dimension.topology is Topology.FULLY_CONNECTED or (one - other) % dimension.size in (1, dimension.size - 1)
