"""Rank classes: ranks that a graph cannot tell apart.

Two indices of an axis are alike if every placement holds both or neither. Exchanging alike indices maps the graph
onto itself, so wherever ties and contention do not depend on rank numbers, one representative per class stands for
all. A step on 1,024 data-parallel replicas has as many classes as a step on one.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph.columns import ExecutionGraph
from versim.mesh import Mesh, Placement


@attrs.frozen(eq=False)
class RankClasses:
    """A partition of the ranks, as a product of partitions of the axes.

    Attributes:
        mesh: The ranks.
        of_index: Per axis, int64 (axis size,): the class of each index, numbered by first member.
        first_index: Per axis, int64 (classes of the axis,): the lowest index of each class.
    """

    mesh: Mesh
    of_index: tuple[NDArray[np.int64], ...]
    first_index: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, graph: ExecutionGraph) -> RankClasses:
        """The coarsest classes of a graph: one class per rank where an explicit group singles ranks out."""
        if any(scope.ranks for scope in graph.scopes):
            return cls.single(graph.mesh)
        return _of_placements(graph.mesh, frozenset(graph.placements))

    @classmethod
    def of_placements(cls, mesh: Mesh, placements: Collection[Placement]) -> RankClasses:
        """The coarsest classes of which each placement holds all ranks or none."""
        of_index = []
        for position, size in enumerate(mesh.sizes):
            distinct = {place.indices[position] for place in placements} - {None}
            holders: list[list[int]] = [[] for _ in range(size)]
            for number, indices in enumerate(sorted(indices for indices in distinct if indices is not None)):
                for index in indices:
                    holders[index].append(number)
            numbers: dict[tuple[int, ...], int] = {}
            of_index.append(np.array([numbers.setdefault(tuple(h), len(numbers)) for h in holders], dtype=np.int64))
        return cls._from(mesh, tuple(of_index))

    @classmethod
    def single(cls, mesh: Mesh) -> RankClasses:
        """Every rank a class of its own."""
        return cls._from(mesh, tuple(np.arange(size, dtype=np.int64) for size in mesh.sizes))

    @classmethod
    def along(cls, mesh: Mesh, names: Iterable[str]) -> RankClasses:
        """Ranks that differ only along these axes are one class."""
        folded = set(names)
        return cls._from(
            mesh,
            tuple(
                np.zeros(size, dtype=np.int64) if name in folded else np.arange(size, dtype=np.int64)
                for name, size in zip(mesh.names, mesh.sizes, strict=True)
            ),
        )

    @classmethod
    def _from(cls, mesh: Mesh, of_index: tuple[NDArray[np.int64], ...]) -> RankClasses:
        return cls(mesh, of_index, tuple(np.unique(labels, return_index=True)[1] for labels in of_index))

    def apart_along(self, axes: Collection[int]) -> RankClasses:
        """Finer classes, in which every index along these axes, by position in the mesh, is a class of its own."""
        of_index = tuple(
            np.arange(size, dtype=np.int64) if axis in axes else labels
            for axis, (size, labels) in enumerate(zip(self.mesh.sizes, self.of_index, strict=True))
        )
        return self._from(self.mesh, of_index)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Classes along each axis."""
        return tuple(len(first) for first in self.first_index)

    @property
    def count(self) -> int:
        """Number of classes."""
        return int(np.prod(self.sizes))

    def equals(self, other: RankClasses) -> bool:
        """True if it is the same partition of the same ranks."""
        return self.mesh == other.mesh and all(map(np.array_equal, self.of_index, other.of_index))

    def representatives(self) -> NDArray[np.int64]:
        """The lowest rank of each class; shape (classes,)."""
        ranks = np.zeros(1, dtype=np.int64)
        for first, size in zip(self.first_index, self.mesh.sizes, strict=True):
            ranks = (ranks[:, None] * size + first[None, :]).ravel()
        return ranks

    def of_rank(self) -> NDArray[np.int64]:
        """The class of every rank; shape (world size,)."""
        classes = np.zeros(1, dtype=np.int64)
        for labels, count in zip(self.of_index, self.sizes, strict=True):
            classes = (classes[:, None] * count + labels[None, :]).ravel()
        return classes

    def on_axes(self, placement: Placement) -> tuple[NDArray[np.int64], ...]:
        """The axis classes a placement occupies, per axis."""
        return tuple(
            np.arange(count) if indices is None else np.unique(labels[list(indices)])
            for indices, labels, count in zip(placement.indices, self.of_index, self.sizes, strict=True)
        )

    def on(self, placement: Placement) -> NDArray[np.int64]:
        """The classes a placement occupies, ascending."""
        classes = np.zeros(1, dtype=np.int64)
        for chosen, count in zip(self.on_axes(placement), self.sizes, strict=True):
            classes = (classes[:, None] * count + chosen[None, :]).ravel()
        return classes


@functools.lru_cache(maxsize=64)
def _of_placements(mesh: Mesh, placements: frozenset[Placement]) -> RankClasses:
    """Of the steps that were asked about last, each of which is asked about several times."""
    found = RankClasses.of_placements(mesh, placements)
    for column in (*found.of_index, *found.first_index):
        column.flags.writeable = False
    return found
