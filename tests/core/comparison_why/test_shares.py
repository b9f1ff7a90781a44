"""Sequential effects, Shapley averages, and the rounding that keeps sums exact."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from versim.comparison.attribution.shares import ACTIVE, ISOLATED, SAMPLED_ORDERS, SEED, State, sequential, shapley


def either(states: Sequence[State]) -> list[int]:
    """A makespan that is 10 longer as soon as any group is substituted, 4 longer in isolation."""
    return [100 + (10 if ACTIVE in state else 4 if ISOLATED in state else 0) for state in states]


def test_in_one_order_the_first_group_is_charged_for_what_all_cause() -> None:
    """Which is why the order is stated."""
    shares = sequential([False, False, False], either)
    assert shares.effect_ps == (10, 0, 0)


def test_averaging_charges_like_groups_alike_and_names_the_remainder() -> None:
    """10 ps over 3 groups are 3 each; 1 ps is rounding."""
    shares = shapley([False, False, False], either)
    assert shares.effect_ps == (3, 3, 3)
    assert shares.rounding_ps == 1
    assert (shares.orders, shares.seed) == (6, None)


def test_the_isolated_part_is_substituted_first() -> None:
    """4 of 10 are explained by durations in isolation, the rest is contention."""
    assert sequential([True], either).isolated_ps == (4,)
    assert shapley([True, False], either).isolated_ps == (2, None)


@given(st.data(), st.integers(1, 4))
def test_averages_are_the_mean_over_all_orders(data: st.DataObject, count: int) -> None:
    """Held against the definition, order by order."""
    values = {state: data.draw(st.integers(0, 1000)) for state in itertools.product((0, 2), repeat=count)}
    shares = shapley([False] * count, lambda states: [values[state] for state in states])
    orders = list(itertools.permutations(range(count)))
    for group in range(count):
        total = Fraction(0)
        for order in orders:
            before = order[: order.index(group)]
            without = tuple(2 if other in before else 0 for other in range(count))
            with_it = tuple(2 if other in (*before, group) else 0 for other in range(count))
            total += values[with_it] - values[without]
        assert shares.effect_ps[group] == total // len(orders)
    assert sum(shares.effect_ps) + shares.rounding_ps == shares.last_ps - shares.first_ps
    assert 0 <= shares.rounding_ps < count


def test_many_groups_are_averaged_over_a_stated_sample() -> None:
    """Thirteen groups have six billion orders; a seeded sample gives the same figures tomorrow."""
    additive = [1 << group for group in range(13)]

    def evaluate(states: Sequence[State]) -> list[int]:
        return [sum(a for a, whose in zip(additive, state, strict=True) if whose == ACTIVE) for state in states]

    shares = shapley([False] * 13, evaluate)
    assert (shares.orders, shares.seed) == (SAMPLED_ORDERS, SEED)
    assert shares.effect_ps == tuple(additive)
    assert shapley([False] * 13, either) == shapley([False] * 13, either)


@given(st.data())
def test_never_more_is_evaluated_than_allowed(data: st.DataObject) -> None:
    """But for an order and its reverse: a step of millions of executions is averaged over fewer orders, and sums."""
    split = data.draw(st.lists(st.booleans(), min_size=1, max_size=10))
    most = data.draw(st.integers(1, 3000))
    asked = 0

    def evaluate(states: Sequence[State]) -> list[int]:
        nonlocal asked
        asked += len(states)
        return [hash(state) % 1000 for state in states]

    shares = shapley(split, evaluate, most)
    assert asked <= max(most + 1, 2 * (len(split) + sum(split)) + 1)
    assert sum(shares.effect_ps) + shares.rounding_ps == shares.last_ps - shares.first_ps
    assert 0 <= shares.rounding_ps < len(split)


def test_a_sample_takes_every_order_with_its_reverse() -> None:
    """So that two groups which share an effect are charged alike, be it of two orders only."""
    shares = shapley([False, False], either, 1)
    assert (shares.effect_ps, shares.orders, shares.seed) == ((5, 5), 2, SEED)


def test_nothing_to_substitute_is_no_effect() -> None:
    """Equal durations leave no groups."""
    for average in (sequential, shapley):
        shares = average([], either)
        assert (shares.effect_ps, shares.rounding_ps, shares.first_ps, shares.last_ps) == ((), 0, 100, 100)
