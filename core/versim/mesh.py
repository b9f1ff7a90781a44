"""The mesh: ranks as coordinates on named axes, and which of them a node stands on.

A mesh lists its axes outermost first, ``(dp=6, pp=64, tp=8)``; a rank is the row-major index of its coordinates, so
the last axis varies fastest. A :class:`Placement` says per axis which indices a node occupies: all of them (the node
repeats along the axis, at no cost in graph size), or an explicit set.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

Indices = tuple[int, ...] | None
"""Indices a placement occupies on one axis, ascending; ``None`` is all of them."""


@attrs.frozen(cache_hash=True)
class Placement:
    """Which ranks of a mesh a node stands on: the product of its indices per axis.

    Attributes:
        indices: One entry per mesh axis, outermost first.
    """

    indices: tuple[Indices, ...]

    def common(self, other: Placement) -> Placement | None:
        """The ranks both stand on, or ``None`` if they share no rank."""
        shared: list[Indices] = []
        for mine, theirs in zip(self.indices, other.indices, strict=True):
            if mine is None or theirs is None:
                shared.append(theirs if mine is None else mine)
                continue
            both = tuple(sorted(set(mine) & set(theirs)))
            if not both:
                return None
            shared.append(both)
        return Placement(tuple(shared))


@attrs.frozen(cache_hash=True)
class Mesh:
    """Named axes and their sizes, outermost first.

    Attributes:
        names: Axis names, each once.
        sizes: Ranks along each axis, at least 1.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def __attrs_post_init__(self) -> None:
        if len(self.names) != len(self.sizes) or len(set(self.names)) != len(self.names) or not self.names:
            raise ValueError(f"a mesh needs distinct axis names with one size each, got {self.names} and {self.sizes}")
        for name, size in zip(self.names, self.sizes, strict=True):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"axis {name} needs a size of at least 1, got {size!r}")

    @classmethod
    def of(cls, **sizes: int) -> Mesh:
        """``Mesh.of(dp=2, pp=4)``: axes in the order given, outermost first."""
        return cls(tuple(sizes), tuple(sizes.values()))

    @property
    def world_size(self) -> int:
        """Number of ranks."""
        return math.prod(self.sizes)

    def axis(self, name: str) -> int:
        """Position of an axis; ``ValueError`` if the mesh has none of that name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise ValueError(f"the mesh {self} has no axis {name!r}") from None

    def size(self, name: str) -> int:
        """Ranks along an axis."""
        return self.sizes[self.axis(name)]

    def placement(self, on: Mapping[str, int | Iterable[int]] | None = None) -> Placement:
        """A placement on the given indices; axes not named are occupied whole.

        Raises:
            ValueError: An unknown axis, an index outside it, or an empty set.
        """
        indices: list[Indices] = [None] * len(self.names)
        for name, given in (on or {}).items():
            position = self.axis(name)
            size = self.sizes[position]
            chosen = (given,) if isinstance(given, (int, np.integer)) else tuple(given)
            chosen = tuple(sorted({int(index) for index in chosen}))
            if not chosen:
                raise ValueError(f"a node needs at least one index on axis {name}")
            if chosen[0] < 0 or chosen[-1] >= size:
                outside = chosen[0] if chosen[0] < 0 else chosen[-1]
                raise ValueError(f"index {outside} is outside axis {name}, which has {size}")
            # A whole axis has one spelling, so that equal placements compare equal.
            indices[position] = None if len(chosen) == size else chosen
        return Placement(tuple(indices))

    def holds(self, placement: Placement) -> bool:
        """True if a placement, perhaps made for another mesh, is one of this mesh in its one spelling."""
        return len(placement.indices) == len(self.sizes) and all(
            indices is None
            or (
                0 < len(indices) < size
                and indices[0] >= 0
                and indices[-1] < size
                and all(low < high for low, high in itertools.pairwise(indices))
            )
            for indices, size in zip(placement.indices, self.sizes, strict=True)
        )

    def occupied(self, placement: Placement) -> tuple[tuple[int, ...], ...]:
        """The indices a placement occupies on every axis, written out."""
        return tuple(
            tuple(range(size)) if indices is None else indices
            for indices, size in zip(placement.indices, self.sizes, strict=True)
        )

    def ranks(self, placement: Placement) -> NDArray[np.int64]:
        """The ranks a placement occupies, ascending; shape (number of ranks,)."""
        grid = np.zeros(1, dtype=np.int64)
        for indices, size in zip(self.occupied(placement), self.sizes, strict=True):
            grid = (grid[:, None] * size + np.asarray(indices, dtype=np.int64)[None, :]).ravel()
        return grid

    def rank_count(self, placement: Placement) -> int:
        """How many ranks a placement occupies."""
        return math.prod(
            size if indices is None else len(indices)
            for indices, size in zip(placement.indices, self.sizes, strict=True)
        )

    def coordinates(self, rank: int) -> tuple[int, ...]:
        """Coordinates of a rank, outermost axis first."""
        if not 0 <= rank < self.world_size:
            raise ValueError(f"rank {rank} is outside the mesh {self} of {self.world_size} ranks")
        return tuple(int(index) for index in np.unravel_index(rank, self.sizes))

    def rank(self, coordinates: Iterable[int]) -> int:
        """Rank at the given coordinates, outermost axis first."""
        index = 0
        for coordinate, size in zip(coordinates, self.sizes, strict=True):
            if not 0 <= coordinate < size:
                raise ValueError(f"coordinate {coordinate} is outside the mesh {self}")
            index = index * size + coordinate
        return index

    def groups(self, placement: Placement, axes: Iterable[str]) -> list[NDArray[np.int64]]:
        """The communicator groups that a placement forms along some axes.

        Ranks of one group differ only along ``axes``; each group is ascending, groups are ordered by first rank.
        """
        along = {self.axis(name) for name in axes}
        occupied = self.occupied(placement)
        strides = [math.prod(self.sizes[position + 1 :]) for position in range(len(self.sizes))]

        def offsets(positions: Iterable[int]) -> list[int]:
            choices = [[index * strides[position] for index in occupied[position]] for position in positions]
            return [sum(choice) for choice in itertools.product(*choices)]

        members = np.asarray(sorted(offsets(sorted(along))), dtype=np.int64)
        bases = sorted(offsets(position for position in range(len(self.sizes)) if position not in along))
        return [members + base for base in bases]

    def first_group(self, placement: Placement, axes: Iterable[str]) -> tuple[int, ...]:
        """The first of :meth:`groups`."""
        return _first_group(self, placement, tuple(axes))

    def __str__(self) -> str:
        return "(" + ", ".join(f"{name}={size}" for name, size in zip(self.names, self.sizes, strict=True)) + ")"


@functools.lru_cache(maxsize=4096)
def _first_group(mesh: Mesh, placement: Placement, axes: tuple[str, ...]) -> tuple[int, ...]:
    along = {mesh.axis(name) for name in axes}
    members = np.zeros(1, dtype=np.int64)
    for position, (indices, size) in enumerate(zip(mesh.occupied(placement), mesh.sizes, strict=True)):
        here = indices if position in along else indices[:1]
        members = (members[:, None] * size + np.asarray(here, dtype=np.int64)[None, :]).ravel()
    return tuple(members.tolist())
