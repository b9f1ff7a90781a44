"""One simulated rank in place of all that do the same: which ranks those are, and the way back to every rank.

Ranks of one class ("members") differ only in their indices along some axes of the mesh, the folded ones; the network
and every group treat a shift of all these indices alike. That makes members alike but for ties: within a tick, entries
come in the order in which they were scheduled, down to the start, where ranks fire in their order. The compiled engine
follows that order of all members while it simulates one of each class (``FoldMark`` in ``native/state.hpp``), and
stops where a rank meets a tie that other members of its class would see the other way round. Up to there, and up to a
communication that is not alike for all members, the run is the head of one that goes on with more ranks
(``native/unfolding.hpp``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

MOST_AXES = 4
"""That can be folded at once (``MOST_FOLDED_AXES`` in ``native/state.hpp``)."""


@attrs.frozen(kw_only=True, eq=False)
class Fold:
    """Classes of ranks that one member each stands for.

    Attributes:
        sizes: Members along each folded axis, outermost first.
        strides: How far apart they are.
        stands_in: int64 (world,), the class of each rank, numbered by its lowest rank.
        representative: int64 (classes,), that rank.
        member: int64 (world, axes), each rank's index along the folded axes.
        begins_run: uint8 (classes, axes), 1 where an axis' members fire anew from this class on: ranks between them
            differ in what lies further out than the axis.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    stands_in: Integers
    representative: Integers
    member: Integers
    begins_run: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, mesh_sizes: tuple[int, ...], folded: tuple[bool, ...]) -> Fold:
        """Fold some axes of a mesh, whose ranks are numbered with the last axis fastest."""
        axes = [axis for axis, fold in enumerate(folded) if fold]
        if not 0 < len(axes) <= MOST_AXES:
            raise ValueError(f"between 1 and {MOST_AXES} axes can be folded, not {len(axes)}")
        strides = [int(np.prod(mesh_sizes[axis + 1 :], dtype=np.int64)) for axis in range(len(mesh_sizes))]
        ranks = np.arange(int(np.prod(mesh_sizes, dtype=np.int64)), dtype=np.int64)
        index = [ranks // stride % size for stride, size in zip(strides, mesh_sizes, strict=True)]
        lowest = ranks - sum(index[axis] * strides[axis] for axis in axes)
        representative, stands_in = np.unique(lowest, return_inverse=True)
        begins = np.zeros((len(representative), len(axes)), dtype=np.uint8)
        for column, axis in enumerate(axes):
            outside = representative // (strides[axis] * mesh_sizes[axis])
            begins[:, column] = np.concatenate([[True], outside[1:] != outside[:-1]])
        return cls(
            sizes=tuple(mesh_sizes[axis] for axis in axes),
            strides=tuple(strides[axis] for axis in axes),
            stands_in=stands_in.astype(np.int64).reshape(-1),
            representative=representative,
            member=np.stack([index[axis] for axis in axes], axis=1),
            begins_run=begins,
        )

    @property
    def members(self) -> int:
        """Ranks that each class stands for."""
        return int(np.prod(self.sizes, dtype=np.int64))

    def goes_beyond(self, other: Fold | None) -> bool:
        """Whether this folds all that another one of the same mesh does, and more."""
        return other is None or set(other.strides) < set(self.strides)

    def moved_to_representative(self, ranks: Sequence[int]) -> Integers:
        """Ranks, all shifted so that the first is the representative of its class; int64 (ranks,)."""
        moved = np.array(ranks, dtype=np.int64)
        here = self.member[moved]
        there = (here - here[0]) % np.array(self.sizes)
        return np.asarray(moved + ((there - here) * np.array(self.strides)).sum(axis=1), dtype=np.int64)

    def order_of_all(
        self, classes: Integers, runs: Integers, shifts: Integers, began: Mapping[tuple[int, int], Integers]
    ) -> Integers:
        """All ranks in the order in which they did something, of classes in theirs.

        Args:
            classes: int64 (events,), the class that did it, in order.
            runs: int64 (events, axes), the run it was done in.
            shifts: int64 (events, axes), where members stand in the run: so many places on, or
            began: by axis and number, as others did: int64 (members,), in whose place each stands.
        """
        ranks = np.argsort(self.stands_in, kind="stable").reshape(-1, self.members)[classes]
        keys: list[Integers] = [np.broadcast_to(np.arange(len(classes))[:, None], ranks.shape)]
        for axis in reversed(range(len(self.sizes))):
            places = (self.member[ranks, axis] + shifts[:, axis, None]) % self.sizes[axis]
            for number in np.unique(shifts[shifts[:, axis] >= self.sizes[axis], axis]).tolist():
                there = shifts[:, axis] == number
                places[there] = began[axis, number][self.member[ranks[there], axis]]
            keys.append(places)
            keys.append(np.broadcast_to(runs[:, axis, None], ranks.shape))
        return np.asarray(ranks.ravel()[np.lexsort([key.ravel() for key in keys])], dtype=np.int64)


@attrs.frozen(kw_only=True, eq=False)
class Head:
    """The part of a run in which one rank may stand for more than later.

    Attributes:
        fold: For which.
        end_ns: When it ends; all that happens before is part of it.
    """

    fold: Fold
    end_ns: int
