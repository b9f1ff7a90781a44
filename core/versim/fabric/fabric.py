"""The network as an object that everybody asks the same questions.

Which way is it from one endpoint to another, which dimensions does a group of ranks cross and how, where is the
network narrowest between its members, and which groups lie alike. Answers are remembered per way of lying, so a step
on 100,000 endpoints whose groups all lie alike costs one answer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from versim.errors import VersimError
from versim.fabric.crossing import least_time_s
from versim.fabric.cuts import Cut, cuts_of
from versim.fabric.degradation import Degradation, Effects
from versim.fabric.detours import detour, reached
from versim.fabric.legs import Leg, legs_of
from versim.fabric.network import Dimension, Link, Topology, endpoint_count
from versim.fabric.routes import Hop, walk
from versim.fabric.spread import Spread, alike_codes, fingerprint, spread_of

_MOST_SIGNATURES = 4096
"""Tables of groups whose signatures are remembered."""


class Fabric:
    """A network of dimensions, innermost first; rank ``r`` is endpoint ``r`` and dimension 0 varies fastest.

    Attributes:
        dimensions: Innermost first.
        degraded: Links that are slower, or down.
        strides: Ranks between two neighbours along each dimension.
        world_size: Endpoints: the first of the places that the dimensions span.
    """

    def __init__(
        self, dimensions: Sequence[Dimension], degraded: Sequence[Degradation] = (), endpoints: int | None = None
    ) -> None:
        """Join links to a network.

        Args:
            dimensions: Innermost first.
            degraded: Links that are slower, or down.
            endpoints: How many there are where the last block is partly filled; None is a place each.

        Raises:
            ValueError: Another number than that of places leaves a block empty, or a ring open.
        """
        self.dimensions = tuple(dimensions)
        sizes = [dimension.size for dimension in self.dimensions]
        self.strides = tuple(math.prod(sizes[:number]) for number in range(len(sizes)))
        self.world_size = endpoint_count(self.dimensions, endpoints)
        self._partly = self.world_size < math.prod(sizes)
        self.degraded = tuple(degraded)
        self._effects = Effects(self.degraded, self.strides) if self.degraded else None
        self._signatures: dict[tuple[tuple[int, ...], bytes], list[bytes]] = {}
        self._groups: dict[tuple[int, ...], tuple[NDArray[np.int64], bytes]] = {}
        self._spreads: dict[bytes, Spread] = {}
        self._legs: dict[bytes, tuple[Leg, ...]] = {}
        self._cuts: dict[bytes, tuple[Cut, ...]] = {}

    def coordinates(self, ranks: ArrayLike) -> NDArray[np.int64]:
        """Coordinates of ranks, innermost dimension first; shape (ranks, dimensions)."""
        column = self._ranks(ranks)
        sizes = np.array([dimension.size for dimension in self.dimensions])
        return np.asarray(column[:, None] // np.array(self.strides) % sizes, dtype=np.int64)

    def path(self, source: int, target: int) -> tuple[Hop, ...]:
        """The links from one endpoint to another one, in order; none from an endpoint to itself.

        Where the way is down, the shortest one round it.

        Raises:
            VersimError: What is down leaves no way.
        """
        self._ranks([source, target])
        hops = self._walk(source, target)
        effects = self._effects
        if effects is None:
            return hops
        if effects.any_down and any(effects.of(hop.dimension, hop.ends).down for hop in hops):
            way = detour(self.dimensions, self.strides, effects, source, target, self.world_size)
            if way is None:
                raise VersimError(f"ranks {source} and {target} are cut off from one another by links that are down")
            hops = tuple(hop for ends in itertools.pairwise(way) for hop in self._walk(*ends))
        return tuple(attrs.evolve(hop, link=effects.of(hop.dimension, hop.ends).on(hop.link)) for hop in hops)

    def _walk(self, source: int, target: int) -> tuple[Hop, ...]:
        return tuple(walk(self.dimensions, self.strides, source, target, self.world_size))

    def separated(self) -> tuple[int, ...]:
        """Ranks that links which are down leave no way to from rank 0, or from what most others can reach."""
        if self._effects is None or not self._effects.any_down:
            return ()
        parts: list[list[int]] = []
        left = set(range(self.world_size))
        while left:
            came = reached(self.dimensions, self.strides, self._effects, min(left), self.world_size)
            part = sorted(rank for centre, rank in came if centre < 0)
            parts.append(part)
            left -= set(part)
        parts.sort(key=len)
        return tuple(sorted(rank for part in parts[:-1] for rank in part))

    def touched(self, groups: ArrayLike) -> NDArray[np.bool_]:
        """Which groups use a link that is degraded, or may; shape of ``groups`` (groups, participants)."""
        table = np.asarray(groups, dtype=np.int64)
        found = np.zeros(len(table), dtype=bool)
        if self._effects is None:
            return found
        columns = [table // stride % one.size for one, stride in zip(self.dimensions, self.strides, strict=True)]
        crossed = [(column != column[:, :1]).any(axis=1) for column in columns]
        for dimension, rank in dict.fromkeys(self._effects.places()):
            near = crossed[dimension].copy()
            for number, (one, stride) in enumerate(zip(self.dimensions, self.strides, strict=True)):
                here = (columns[number] == rank // stride % one.size).any(axis=1)
                # A way along a ring passes ranks that are no members.
                near &= here | (crossed[number] if one.topology is Topology.RING else False)
            found |= near
        return found

    def path_link(self, source: int, target: int) -> Link:
        """A path as one link: the bandwidth of its slowest link and the latency of all of them.

        Raises:
            ValueError: The two are the same endpoint.
        """
        hops = self.path(source, target)
        if not hops:
            raise ValueError(f"there is no link from endpoint {source} to itself")
        return Link(
            bandwidth_bytes_per_s=min(hop.link.bandwidth_bytes_per_s for hop in hops),
            latency_s=math.fsum(hop.link.latency_s for hop in hops),
        )

    def spread(self, ranks: ArrayLike) -> Spread:
        """Which dimensions a group of distinct ranks crosses, and how.

        Raises:
            ValueError: Ranks outside the network, or one of them twice.
        """
        members, key = self._lying(ranks)
        if key not in self._spreads:
            self._spreads[key] = spread_of(self.coordinates(members))
        return self._spreads[key]

    def cuts(self, ranks: ArrayLike) -> tuple[Cut, ...]:
        """Every distinct cut between the members of a group that can be the narrowest; none of a single rank."""
        members, key = self._lying(ranks)
        if key not in self._cuts:
            levels = self.spread(members).levels
            effects = self._effects if key[:1] == b"!" else None
            self._cuts[key] = cuts_of(members, levels, self.dimensions, self.strides, self.world_size, effects)
        return self._cuts[key]

    def narrowest_cut(self, ranks: ArrayLike) -> Cut:
        """The cut between the members of a group that carries least; of equal ones the outermost.

        Raises:
            ValueError: A group of fewer than two ranks has none.
        """
        cuts = self.cuts(ranks)
        if not cuts:
            raise ValueError("a group of one rank has no cut")
        return min(cuts, key=lambda cut: (cut.bandwidth_bytes_per_s, -cut.dimension, -min(cut.inside, cut.outside)))

    def legs(self, ranks: ArrayLike) -> tuple[Leg, ...]:
        """The dimensions that a collective of a group is done along, innermost first, each with its members' link."""
        members, key = self._lying(ranks)
        if key not in self._legs:
            self._legs[key] = legs_of(self, members)
        return self._legs[key]

    def least_time_s(self, kind: str, size_bytes: int, ranks: ArrayLike) -> float:
        """Seconds in which no network of these links can do a communication between some ranks alone."""
        return least_time_s(kind, size_bytes, self.cuts(ranks))

    def signature(self, ranks: ArrayLike) -> bytes:
        """A key that is equal for groups that lie alike: the network looks the same from one as from the other.

        Equal where one group can be laid onto the other, member by member in group order, by exchanging endpoints of
        switches and of fully connected ranks and by turning rings.
        """
        known = self._groups.get(ranks) if isinstance(ranks, tuple) else None
        return self.signatures(self._ranks(ranks)[None, :])[0] if known is None else known[1]

    def signatures(self, groups: ArrayLike) -> list[bytes]:
        """Signatures of many groups of one size; shape of ``groups`` (groups, participants), in group order."""
        table = np.asarray(groups, dtype=np.int64)
        asked = (table.shape, table.tobytes())
        known = self._signatures.get(asked)
        if known is None:
            if len(self._signatures) >= _MOST_SIGNATURES:
                self._signatures.clear()
            known = self._signatures[asked] = self._signatures_of(table)
        return list(known)

    def _signatures_of(self, table: NDArray[np.int64]) -> list[bytes]:
        self._ranks(table.ravel())
        codes = alike_codes(table, self.dimensions, self.strides, self.world_size)
        keys = [fingerprint(row) for row in codes]
        # Degradations break the symmetry: a group that they touch lies like no other.
        for number in np.flatnonzero(self.touched(table)).tolist():
            keys[number] = b"!" + fingerprint(table[number])
        return keys

    def bisection_bytes_per_s(self, dimension: int) -> float:
        """What the whole network carries in one direction between the halves of a dimension."""
        here = self.dimensions[dimension]
        return self.links_across(dimension) * here.link.bandwidth_bytes_per_s / here.oversubscription

    def links_across(self, dimension: int) -> int:
        """How many links there are in one direction between the halves of a dimension, over the whole network."""
        here = self.dimensions[dimension]
        lines = self.world_size // here.size
        if here.topology is Topology.RING:
            return min(2, here.size - 1) * lines
        pairs = [(here.size // 2, (here.size + 1) // 2)] * lines
        if self._partly:
            ranks, stride = np.arange(self.world_size), self.strides[dimension]
            along = ranks // stride % here.size
            line = np.unique(ranks - along * stride, return_inverse=True)[1]
            lower = along < here.size // 2
            pairs = list(
                zip(
                    np.bincount(line[lower], minlength=line.max() + 1).tolist(),
                    np.bincount(line[~lower], minlength=line.max() + 1).tolist(),
                    strict=True,
                )
            )
        if here.topology is Topology.FULLY_CONNECTED:
            return sum(below * above for below, above in pairs)
        return sum(min(pair) for pair in pairs)

    def _ranks(self, ranks: ArrayLike) -> NDArray[np.int64]:
        column = np.asarray(ranks, dtype=np.int64)
        if column.ndim != 1 or not len(column):
            raise ValueError(f"ranks have to be a list of at least one, got shape {column.shape}")
        lowest, highest = int(column.min()), int(column.max())
        if lowest < 0 or highest >= self.world_size:
            outside = lowest if lowest < 0 else highest
            raise ValueError(f"rank {outside} is outside the network of {self.world_size} endpoints")
        return column

    def _lying(self, ranks: ArrayLike) -> tuple[NDArray[np.int64], bytes]:
        """A group's members and its signature; one that is asked about as a tuple is remembered."""
        known = self._groups.get(ranks) if isinstance(ranks, tuple) else None
        if known is None:
            members = self._group(ranks)
            known = members, self.signature(members)
            if isinstance(ranks, tuple):
                if len(self._groups) >= _MOST_SIGNATURES:
                    self._groups.clear()
                self._groups[ranks] = known
        return known

    def _group(self, ranks: ArrayLike) -> NDArray[np.int64]:
        members = self._ranks(ranks)
        if len(np.unique(members)) != len(members):
            raise ValueError("a group has a rank twice")
        return members

    def __repr__(self) -> str:
        shape = " x ".join(f"{dimension.topology.value} {dimension.size}" for dimension in self.dimensions)
        return f"<Fabric {shape}{f', {self.world_size} filled' if self._partly else ''}>"
