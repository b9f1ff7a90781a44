"""Direct: every rank sends to every other itself, in as few rounds as its window of messages allows.

One round in all if the window is open; the schedule of fully connected networks and switches. With a window of one it
is the pairwise exchange of Thakur, Rabenseifner, Gropp, "Optimization of Collective Communication Operations in MPICH"
(IJHPCA 19(1), 2005). Every rank starts with its next neighbour, so that no receiver is flooded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from versim.schedules.transfers import Cut, Transfer, Waves, shards_for_destinations
from versim.work import Kind


def _distances(ranks: int, window: int) -> Iterator[tuple[int, ...]]:
    distances = tuple(range(1, ranks))
    step = window or len(distances)
    return (distances[first : first + step] for first in range(0, len(distances), step))


def reduce_scatter(cut: Cut, window: int) -> Waves:
    """Every rank sends each other one its contribution to the shard that it keeps."""
    ranks = cut.count
    for distances in _distances(ranks, window):
        yield [cut.transfer(r, (r + d) % ranks, cut.one(r + d), reduces=True) for r in range(ranks) for d in distances]


def all_gather(cut: Cut, window: int) -> Waves:
    """Every rank sends its own shard to each other one."""
    ranks = cut.count
    for distances in _distances(ranks, window):
        yield [cut.transfer(r, (r + d) % ranks, cut.one(r)) for r in range(ranks) for d in distances]


def all_reduce(cut: Cut, window: int) -> Waves:
    """Reduce and scatter, then gather."""
    yield from reduce_scatter(cut, window)
    yield from all_gather(cut, window)


def all_to_all(cut: Cut, window: int) -> Waves:
    """Every rank sends each other one what it has for it."""
    ranks = cut.count
    for distances in _distances(ranks, window):
        wave = []
        for r, d in itertools.product(range(ranks), distances):
            target = cut.one(r + d)
            shards = shards_for_destinations(cut, r, target)
            wave.append(Transfer(r, (r + d) % ranks, cut.size_bytes(target), reduces=False, shards=shards))
        yield wave


def broadcast(cut: Cut, window: int) -> Waves:
    """Rank 0 sends the whole tensor to each other one."""
    for distances in _distances(cut.count, window):
        yield [cut.transfer(0, d, cut.all()) for d in distances]


PLANS: Mapping[Kind, Callable[[Cut, int], Waves]] = {
    Kind.ALL_REDUCE: all_reduce,
    Kind.ALL_GATHER: all_gather,
    Kind.REDUCE_SCATTER: reduce_scatter,
    Kind.ALL_TO_ALL: all_to_all,
    Kind.BROADCAST: broadcast,
}
