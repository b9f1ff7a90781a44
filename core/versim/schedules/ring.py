"""Ring: every rank talks to its neighbours only, p-1 rounds of one shard each.

Bandwidth-optimal for long messages: the ring all-gather of Thakur, Rabenseifner, Gropp, "Optimization of Collective
Communication Operations in MPICH" (IJHPCA 19(1), 2005), and, for reductions, the same way round with sums (Patarasuk,
Yuan, JPDC 69(2), 2009). Shard r is at home on rank r.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from versim.schedules.transfers import Cut, Transfer, Waves, shards_for_destinations
from versim.work import Kind


def reduce_scatter(cut: Cut) -> Waves:
    """A partial sum of shard s leaves rank s+1 and collects a contribution at every hop until it is home."""
    ranks = cut.count
    for turn in range(ranks - 1):
        yield [cut.transfer(r, (r + 1) % ranks, cut.one(r - 1 - turn), reduces=True) for r in range(ranks)]


def all_gather(cut: Cut) -> Waves:
    """Every rank passes on the shard it received last, its own at first."""
    ranks = cut.count
    for turn in range(ranks - 1):
        yield [cut.transfer(r, (r + 1) % ranks, cut.one(r - turn)) for r in range(ranks)]


def all_reduce(cut: Cut) -> Waves:
    """Reduce and scatter, then gather."""
    yield from reduce_scatter(cut)
    yield from all_gather(cut)


def all_to_all(cut: Cut) -> Waves:
    """Every rank passes on what has not arrived yet, so each round carries one shard less than the one before."""
    ranks = cut.count
    for turn in range(ranks - 1):
        wave = []
        for r in range(ranks):
            onward = cut.wrapped(r + 1, ranks - 1 - turn)
            shards = shards_for_destinations(cut, (r - turn) % ranks, onward)
            wave.append(Transfer(r, (r + 1) % ranks, cut.size_bytes(onward), reduces=False, shards=shards))
        yield wave


def broadcast(cut: Cut) -> Waves:
    """A pipeline from rank 0 along the ring, one shard per rank and round."""
    ranks = cut.count
    for turn in range(2 * (ranks - 1)):
        yield [cut.transfer(r, r + 1, cut.one(turn - r)) for r in range(ranks - 1) if 0 <= turn - r < ranks]


PLANS: Mapping[Kind, Callable[[Cut], Waves]] = {
    Kind.ALL_REDUCE: all_reduce,
    Kind.ALL_GATHER: all_gather,
    Kind.REDUCE_SCATTER: reduce_scatter,
    Kind.ALL_TO_ALL: all_to_all,
    Kind.BROADCAST: broadcast,
}
