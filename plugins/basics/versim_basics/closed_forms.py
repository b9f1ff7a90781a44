"""What collectives cost where sending n bytes takes α + n/B: so many rounds, and so many times the tensor.

The Hockney model (Hockney, "The communication challenge for MPP", Parallel Computing 20(3), 1994): any two ranks are α
apart, each sends and receives one message at a time at bandwidth B, and messages do not disturb one another. A
collective over p ranks of a tensor of S bytes then takes ``rounds · α + volume · S/B``, where ``volume`` is what the
busiest rank sends, in tensors. The forms are those of Thakur, Rabenseifner, Gropp, "Optimization of Collective
Communication Operations in MPICH" (IJHPCA 19(1), 2005), and of the schedules of :func:`versim.collective_rounds`.

>>> cost(Algorithm.RING, Kind.ALL_REDUCE, participants=4)
Cost(rounds=6, volume=1.5)
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

import attrs
from versim import Kind


class Algorithm(enum.StrEnum):
    """Algorithms with a closed form here."""

    RING = "ring"
    DIRECT = "direct"
    HALVING_DOUBLING = "halving_doubling"
    TREE = "tree"


@attrs.frozen
class Cost:
    """What the busiest rank does.

    Attributes:
        rounds: How many messages it waits for, one after the other.
        volume: What it sends, in tensors.
    """

    rounds: int
    volume: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.rounds + other.rounds, self.volume + other.volume)


def cost(algorithm: Algorithm, kind: Kind, participants: int) -> Cost | None:
    """What a communication costs over ``participants`` ranks, or None if the algorithm does not do it.

    A message between two ranks costs the same whatever the algorithm.
    """
    if kind is Kind.POINT_TO_POINT:
        return Cost(1, 1.0)
    form = _FORMS[algorithm].get(kind)
    if form is None or (algorithm is Algorithm.HALVING_DOUBLING and participants & (participants - 1)):
        return None
    return form(participants)


def kinds_of(algorithm: Algorithm) -> tuple[Kind, ...]:
    """The collectives an algorithm does."""
    return tuple(_FORMS[algorithm])


def _levels(p: int) -> int:
    return (p - 1).bit_length()


def _others(p: int) -> float:
    return (p - 1) / p


def _ring_half(p: int) -> Cost:
    return Cost(p - 1, _others(p))


def _direct_half(p: int) -> Cost:
    return Cost(1, _others(p))


def _halving(p: int) -> Cost:
    """Recursive halving, recursive doubling, and a scatter or a gathering along a binomial tree."""
    return Cost(_levels(p), _others(p))


def _whole_down_a_tree(p: int) -> Cost:
    """A broadcast or a reduction along a binomial tree."""
    return Cost(_levels(p), float(_levels(p)))


_FORMS: Mapping[Algorithm, Mapping[Kind, Callable[[int], Cost]]] = {
    Algorithm.RING: {
        Kind.ALL_REDUCE: lambda p: _ring_half(p) + _ring_half(p),
        Kind.ALL_GATHER: _ring_half,
        Kind.REDUCE_SCATTER: _ring_half,
        # What has not arrived yet is passed on: p-1 shards, then p-2, …
        Kind.ALL_TO_ALL: lambda p: Cost(p - 1, (p - 1) / 2),
        # A pipeline of p shards over p-1 hops.
        Kind.BROADCAST: lambda p: Cost(2 * (p - 1), 2 * _others(p)),
    },
    Algorithm.DIRECT: {
        Kind.ALL_REDUCE: lambda p: _direct_half(p) + _direct_half(p),
        Kind.ALL_GATHER: _direct_half,
        Kind.REDUCE_SCATTER: _direct_half,
        Kind.ALL_TO_ALL: _direct_half,
        Kind.BROADCAST: lambda p: Cost(1, p - 1.0),
    },
    Algorithm.HALVING_DOUBLING: {
        Kind.ALL_REDUCE: lambda p: _halving(p) + _halving(p),
        Kind.ALL_GATHER: _halving,
        Kind.REDUCE_SCATTER: _halving,
        Kind.ALL_TO_ALL: lambda p: Cost(_levels(p), _levels(p) / 2),
        Kind.BROADCAST: lambda p: _halving(p) + _halving(p),
    },
    Algorithm.TREE: {
        Kind.ALL_REDUCE: lambda p: _whole_down_a_tree(p) + _whole_down_a_tree(p),
        Kind.ALL_GATHER: lambda p: _halving(p) + _whole_down_a_tree(p),
        Kind.REDUCE_SCATTER: lambda p: _whole_down_a_tree(p) + _halving(p),
        Kind.BROADCAST: _whole_down_a_tree,
    },
}
