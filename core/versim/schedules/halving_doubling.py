"""Halving-doubling: partners at distances that are powers of two, log2(p) rounds.

Recursive halving reduces and scatters, recursive doubling gathers; one after the other they are Rabenseifner's
all-reduce, and a scatter with a gathering after it is van de Geijn's broadcast: Thakur, Rabenseifner, Gropp,
"Optimization of Collective Communication Operations in MPICH" (IJHPCA 19(1), 2005). The number of ranks is a power of
two; shard r is at home on rank r.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from versim.schedules.transfers import Cut, Transfer, Waves, shards_for_destinations
from versim.work import Kind


def _halving(ranks: int) -> Iterator[int]:
    distance = ranks // 2
    while distance:
        yield distance
        distance //= 2


def _doubling(ranks: int) -> Iterator[int]:
    return reversed(list(_halving(ranks)))


def reduce_scatter(cut: Cut) -> Waves:
    """Partners exchange halves of what they still sum up: each hands over the half with the other's own shard."""
    ranks = cut.count
    for distance in _halving(ranks):
        wave = []
        for r in range(ranks):
            partner = r ^ distance
            first = partner - partner % distance
            wave.append(cut.transfer(r, partner, (range(first, first + distance),), reduces=True))
        yield wave


def all_gather(cut: Cut) -> Waves:
    """Partners exchange all they have, so that it doubles every round."""
    ranks = cut.count
    for distance in _doubling(ranks):
        wave = []
        for r in range(ranks):
            first = r - r % distance
            wave.append(cut.transfer(r, r ^ distance, (range(first, first + distance),)))
        yield wave


def all_reduce(cut: Cut) -> Waves:
    """Reduce and scatter, then gather."""
    yield from reduce_scatter(cut)
    yield from all_gather(cut)


def all_to_all(cut: Cut) -> Waves:
    """In each dimension of the hypercube, what belongs to the other side crosses: half the buffer every round."""
    ranks = cut.count
    for distance in _halving(ranks):
        wave = []
        for r in range(ranks):
            partner = r ^ distance
            first = partner - partner % distance
            destinations = (range(first, first + distance),)
            origins = range(r % (2 * distance), ranks, 2 * distance)
            shards = tuple(shards_for_destinations(cut, origin, destinations)[0] for origin in origins)
            size_bytes = cut.size_bytes(destinations) * len(origins)
            wave.append(Transfer(r, partner, size_bytes, reduces=False, shards=shards))
        yield wave


def broadcast(cut: Cut) -> Waves:
    """Rank 0 scatters down a binomial tree; then all gather."""
    ranks = cut.count
    for distance in _halving(ranks):
        yield [
            cut.transfer(r, r + distance, (range(r + distance, r + 2 * distance),))
            for r in range(0, ranks, 2 * distance)
        ]
    yield from all_gather(cut)


PLANS: Mapping[Kind, Callable[[Cut], Waves]] = {
    Kind.ALL_REDUCE: all_reduce,
    Kind.ALL_GATHER: all_gather,
    Kind.REDUCE_SCATTER: reduce_scatter,
    Kind.ALL_TO_ALL: all_to_all,
    Kind.BROADCAST: broadcast,
}
