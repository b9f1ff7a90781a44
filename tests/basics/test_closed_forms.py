"""The closed forms are those of the literature, and of the messages they stand for."""

from __future__ import annotations

import doctest
from collections import Counter
from math import ceil, log2

import pytest
import versim_basics.closed_forms
from hypothesis import given
from hypothesis import strategies as st
from versim import Kind
from versim.schedules import collective_rounds
from versim_basics.closed_forms import Algorithm, Cost, cost

COLLECTIVES = tuple(kind for kind in Kind if kind is not Kind.POINT_TO_POINT)
SCHEDULED = (Algorithm.RING, Algorithm.DIRECT, Algorithm.HALVING_DOUBLING)


@pytest.mark.parametrize("algorithm", SCHEDULED)
@pytest.mark.parametrize("kind", COLLECTIVES)
@given(participants=st.sampled_from([2, 4, 8, 16, 32]))
def test_a_closed_form_is_the_sum_over_its_schedule(algorithm: Algorithm, kind: Kind, participants: int) -> None:
    """Every round costs α and what its busiest sender sends: a formula that says otherwise is a slip."""
    size_bytes = 2 * participants
    rounds = collective_rounds(algorithm, kind, size_bytes, participants)
    busiest = 0
    for wave in rounds:
        sent: Counter[int] = Counter()
        for transfer in wave:
            sent[transfer.source] += transfer.size_bytes
        busiest += max(sent.values())
    found = cost(algorithm, kind, participants)
    assert found is not None
    assert found.rounds == len(rounds)
    assert found.volume * size_bytes == pytest.approx(busiest)


@given(participants=st.integers(2, 5000))
def test_textbook_figures_hold_for_any_number_of_ranks(participants: int) -> None:
    """Thakur, Rabenseifner, Gropp 2005: ring and binomial tree do not need powers of two."""
    p, levels = participants, ceil(log2(participants))
    share = (p - 1) / p
    for algorithm, kind, rounds, volume in (
        (Algorithm.RING, Kind.ALL_REDUCE, 2 * (p - 1), 2 * share),
        (Algorithm.RING, Kind.ALL_GATHER, p - 1, share),
        (Algorithm.DIRECT, Kind.ALL_TO_ALL, 1, share),
        (Algorithm.TREE, Kind.BROADCAST, levels, levels),
        (Algorithm.TREE, Kind.ALL_REDUCE, 2 * levels, 2 * levels),
        (Algorithm.TREE, Kind.REDUCE_SCATTER, 2 * levels, levels + share),
    ):
        found = cost(algorithm, kind, p)
        assert found is not None
        assert found.rounds == rounds, (algorithm, kind)
        assert found.volume == pytest.approx(volume), (algorithm, kind)


@given(exponent=st.integers(1, 12))
def test_halving_doubling_is_never_slower_than_the_ring(exponent: int) -> None:
    """As few bytes in fewer rounds: why libraries switch to it where contention does not forbid."""
    for kind in (Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER):
        ring = cost(Algorithm.RING, kind, 1 << exponent)
        halving = cost(Algorithm.HALVING_DOUBLING, kind, 1 << exponent)
        assert ring is not None
        assert halving is not None
        assert halving.volume == pytest.approx(ring.volume)
        assert halving.rounds <= ring.rounds


def test_what_has_no_closed_form_is_said() -> None:
    """None, not a guess: the caller names the message."""
    assert cost(Algorithm.TREE, Kind.ALL_TO_ALL, 8) is None
    assert cost(Algorithm.HALVING_DOUBLING, Kind.ALL_REDUCE, 6) is None


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_message_between_two_ranks_needs_no_algorithm(algorithm: Algorithm) -> None:
    """A pipeline's activations cost the same whichever algorithm its collectives use."""
    assert cost(algorithm, Kind.POINT_TO_POINT, 2) == Cost(1, 1.0)


def test_the_example_holds() -> None:
    """An example in a docstring that is wrong is worse than none."""
    assert doctest.testmod(versim_basics.closed_forms).failed == 0
