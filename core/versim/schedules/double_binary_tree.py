"""Double binary tree: two trees carry half of the tensor each, and whoever forwards in one is a leaf in the other.

Sanders, Speck, Träff, "Two-tree algorithms for full bandwidth broadcast, reduction and scan" (Parallel Computing
35(12), 2009). Rank 0 stands above both trees. The first is the in-order binary tree of ranks 1 to p-1, whose inner
nodes are the even ranks; the second is the first with every rank moved up by one, cyclically, whose inner nodes are
odd. Halves may be cut into chunks that follow one another down the trees. The number of ranks is a power of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from versim.schedules.transfers import Cut, Waves
from versim.work import Kind

TREES = 2


def all_reduce(cut: Cut, ranks: int) -> Waves:
    """Sums climb to rank 0 and the result descends."""
    yield from _pipelined(cut, [*_climbing(ranks), *_descending(ranks)])


def broadcast(cut: Cut, ranks: int) -> Waves:
    """What rank 0 has descends."""
    yield from _pipelined(cut, _descending(ranks))


def parent(rank: int, tree: int, ranks: int) -> int:
    """Who stands above ``rank``, 1 to p-1, in tree 0 or 1."""
    place = (rank - 1 - tree) % (ranks - 1) + 1
    level = place & -place
    if level == ranks // 2:
        return 0
    above = place - level if place & (2 * level) else place + level
    return (above - 1 + tree) % (ranks - 1) + 1


def _levels(ranks: int) -> list[list[tuple[int, int, int]]]:
    """Per level, leaves first: (tree, rank, its parent)."""
    levels: dict[int, list[tuple[int, int, int]]] = {}
    for tree in range(TREES):
        for rank in range(1, ranks):
            place = (rank - 1 - tree) % (ranks - 1) + 1
            levels.setdefault(place & -place, []).append((tree, rank, parent(rank, tree, ranks)))
    return [levels[level] for level in sorted(levels)]


def _climbing(ranks: int) -> list[list[tuple[int, int, int, bool]]]:
    return [[(tree, rank, above, True) for tree, rank, above in level] for level in _levels(ranks)]


def _descending(ranks: int) -> list[list[tuple[int, int, int, bool]]]:
    return [[(tree, above, rank, False) for tree, rank, above in level] for level in reversed(_levels(ranks))]


def _pipelined(cut: Cut, steps: list[list[tuple[int, int, int, bool]]]) -> Waves:
    """Chunk c takes step s in round c + s; (tree, source, target, reduces) per step."""
    chunks = cut.count // TREES
    for turn in range(len(steps) + chunks - 1):
        yield [
            cut.transfer(source, target, cut.one(tree * chunks + chunk), reduces=reduces)
            for chunk in range(max(0, turn - len(steps) + 1), min(chunks, turn + 1))
            for tree, source, target, reduces in steps[turn - chunk]
        ]


PLANS: Mapping[Kind, Callable[[Cut, int], Waves]] = {Kind.ALL_REDUCE: all_reduce, Kind.BROADCAST: broadcast}
