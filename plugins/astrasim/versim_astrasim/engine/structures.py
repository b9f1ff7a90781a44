"""Logical structures collectives run on: rings of ranks, and pairs of binary trees."""

from __future__ import annotations

import attrs

from versim_astrasim.engine.failures import Abort


@attrs.frozen(eq=False, slots=True)
class RingStructure:
    """Ranks in a ring.

    Attributes:
        members: The ranks, in order.
        positions: Each rank's place.
        quick: Whether the ring belongs to a group smaller than the world, whose endpoint steps are cheap.
    """

    members: tuple[int, ...]
    positions: dict[int, int]
    quick: bool = False

    @classmethod
    def of(cls, members: tuple[int, ...], *, quick: bool = False) -> RingStructure:
        """A ring of these ranks."""
        return cls(members, {rank: index for index, rank in enumerate(members)}, quick)

    @property
    def size(self) -> int:
        """Number of members."""
        return len(self.members)

    def index(self, rank: int) -> int:
        """A member's place.

        Raises:
            Abort: For a rank that is no member.
        """
        index = self.positions.get(rank)
        if index is None:
            raise Abort(f"rank {rank} is not a member of the group {list(self.members)} it communicates in", rank)
        return index

    def member(self, index: int) -> int:
        """The rank at a place, counted round the ring."""
        return self.members[index % len(self.members)]

    def neighbour(self, rank: int, step: int) -> int:
        """The rank ``step`` places on."""
        return self.member(self.index(rank) + step)


@attrs.frozen(eq=False, slots=True)
class TreeNode:
    """One rank's place in a binary tree.

    Attributes:
        parent: The parent rank, None for the root.
        children: Child ranks, left first.
    """

    parent: int | None
    children: tuple[int, ...]


@attrs.frozen(eq=False, slots=True)
class TreePair:
    """The two trees of a double binary tree.

    In the first the last rank is the root, in the second the first; its only child is the root of the perfect in-order
    tree over all others. Where the number of ranks is no power of two, the trees hold only as many as the next smaller
    power of two, and a rank without a place is an abort (measured: golden/astrasim/single_collective).

    Attributes:
        size: Number of ranks.
        trees: Each rank's place in the first and in the second tree.
    """

    size: int
    trees: tuple[dict[int, TreeNode], dict[int, TreeNode]]

    @classmethod
    def of(cls, members: tuple[int, ...]) -> TreePair:
        """The trees over these ranks."""
        placed = members[: 1 << (len(members).bit_length() - 1)]
        return cls(len(members), (_tree(placed[-1], placed[:-1]), _tree(placed[0], placed[1:])))

    def place(self, rank: int, turn: int) -> TreeNode:
        """A rank's place in the tree of the ``turn``-th phase.

        Raises:
            Abort: If the rank has none.
        """
        place = self.trees[turn % 2].get(rank)
        if place is None:
            raise Abort(f"rank {rank} has no place in a double binary tree of {self.size} ranks", rank)
        return place


Structure = RingStructure | TreePair
"""What one dimension of a collective runs on."""


def _tree(root: int, others: tuple[int, ...]) -> dict[int, TreeNode]:
    nodes: dict[int, TreeNode] = {}

    def place(low: int, high: int, parent: int) -> int:
        middle = (low + high) // 2
        rank = others[middle]
        children = (place(low, middle, rank), place(middle + 1, high, rank)) if high - low > 1 else ()
        nodes[rank] = TreeNode(parent, children)
        return rank

    nodes[root] = TreeNode(None, (place(0, len(others), root),))
    return nodes
