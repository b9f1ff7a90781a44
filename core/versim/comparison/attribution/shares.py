"""What each group contributes to a change of the makespan.

Let v(S) be the reference's makespan with the other's durations substituted in the groups S. In one order g1, g2, …

    effect(g_k) = v({g1 … g_k}) − v({g1 … g_(k−1)})                                    [ps]

which sums to v(all) − v(none) exactly. Which group is charged for what two groups cause together depends on the order;
Shapley averaging takes the mean over all n! orders, which needs v of every set of groups; where that is more than may
be evaluated, over a seeded sample of orders, each with its reverse. The mean is rounded down to whole picoseconds, and
the fewer than n picoseconds that this leaves are a term of their own.

Where durations in isolation are known, each substitution is made in two steps, isolated first, so that its effect
splits into the isolated part and contention.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import attrs

MOST_EXACT = 12
"""Beyond this many groups there are too many sets even to count their weights."""

SAMPLED_ORDERS = 64
"""At most; fewer where states are costly, never fewer than an order and its reverse."""

SEED = 1

REFERENCE, ISOLATED, ACTIVE = 0, 1, 2
"""Whose duration a group has: the reference's, the other's in isolation, the other's as it was."""

State: TypeAlias = tuple[int, ...]
"""For each group, whose durations it has."""

Evaluate: TypeAlias = Callable[[Sequence[State]], list[int]]
"""Makespans in ps of several states."""


@attrs.frozen(kw_only=True)
class Shares:
    """Effects of groups in the order of substitution.

    Attributes:
        effect_ps: Per group.
        isolated_ps: Per group, the part due to durations in isolation; None where not known.
        rounding_ps: What averaging left.
        first_ps: v(none).
        last_ps: v(all).
        orders: How many orders were averaged over.
        seed: Seed of the sample, None if none was drawn.
    """

    effect_ps: tuple[int, ...]
    isolated_ps: tuple[int | None, ...]
    rounding_ps: int
    first_ps: int
    last_ps: int
    orders: int = 1
    seed: int | None = None


def sequential(split: Sequence[bool], evaluate: Evaluate) -> Shares:
    """Substitute group after group.

    Args:
        split: Per group in the order of substitution, whether its durations in isolation are known.
        evaluate: Makespans of states.
    """
    count = len(split)
    states: list[State] = [(REFERENCE,) * count]
    for group, known in enumerate(split):
        done, rest = (ACTIVE,) * group, (REFERENCE,) * (count - group - 1)
        if known:
            states.append((*done, ISOLATED, *rest))
        states.append((*done, ACTIVE, *rest))
    value = dict(zip(states, evaluate(states), strict=True))
    effects, isolated = [], []
    for group, known in enumerate(split):
        done, rest = (ACTIVE,) * group, (REFERENCE,) * (count - group - 1)
        before = value[(*done, REFERENCE, *rest)]
        effects.append(value[(*done, ACTIVE, *rest)] - before)
        isolated.append(value[(*done, ISOLATED, *rest)] - before if known else None)
    return Shares(
        effect_ps=tuple(effects),
        isolated_ps=tuple(isolated),
        rounding_ps=0,
        first_ps=value[states[0]],
        last_ps=value[states[-1]],
    )


def shapley(split: Sequence[bool], evaluate: Evaluate, most_states: int = 1 << MOST_EXACT) -> Shares:
    """The mean over orders of substitution.

    Args:
        split: As for :func:`sequential`.
        evaluate: As for :func:`sequential`.
        most_states: How many states may be evaluated, but for the two orders that are taken in any case.
    """
    count = len(split)
    # Each set of groups, and each group in isolation behind each set of the others.
    if count <= MOST_EXACT and (1 << count) + sum(split) * (1 << count) // 2 <= most_states:
        weights = _all_orders(count)
        orders, seed = math.factorial(count), None
    else:
        orders = 2 * max(1, min(SAMPLED_ORDERS, most_states // (count + sum(split))) // 2)
        weights = _sampled_orders(count, orders)
        seed = SEED
    nothing, everything = (REFERENCE,) * count, (ACTIVE,) * count
    states = {nothing, everything}
    for group, before in weights:
        states.update(_states_around(group, before, count, split=split[group]))
    listed = sorted(states)
    value = dict(zip(listed, evaluate(listed), strict=True))
    effects = [Fraction(0)] * count
    isolated = [Fraction(0)] * count
    for (group, before), weight in weights.items():
        around = [value[state] for state in _states_around(group, before, count, split=split[group])]
        effects[group] += weight * (around[1] - around[0])
        if split[group]:
            isolated[group] += weight * (around[2] - around[0])
    whole = tuple(math.floor(effect) for effect in effects)
    return Shares(
        effect_ps=whole,
        isolated_ps=tuple(math.floor(i) if known else None for i, known in zip(isolated, split, strict=True)),
        rounding_ps=value[everything] - value[nothing] - sum(whole),
        first_ps=value[nothing],
        last_ps=value[everything],
        orders=orders,
        seed=seed,
    )


def _states_around(group: int, before: frozenset[int], count: int, *, split: bool) -> list[State]:
    """The states before and after a group is substituted behind ``before``, and with it in isolation."""
    states = [[ACTIVE if other in before else REFERENCE for other in range(count)] for _ in range(3 if split else 2)]
    for state, whose in zip(states, (REFERENCE, ACTIVE, ISOLATED), strict=False):
        state[group] = whose
    return [tuple(state) for state in states]


def _all_orders(count: int) -> dict[tuple[int, frozenset[int]], Fraction]:
    """How large a part of all orders puts exactly ``before`` in front of a group."""
    weights = {}
    for group in range(count):
        others = [other for other in range(count) if other != group]
        for size in range(count):
            weight = Fraction(math.factorial(size) * math.factorial(count - size - 1), math.factorial(count))
            for before in itertools.combinations(others, size):
                weights[group, frozenset(before)] = weight
    return weights


def _sampled_orders(count: int, orders: int) -> dict[tuple[int, frozenset[int]], Fraction]:
    source = random.Random(SEED)  # noqa: S311 - a sample that is the same tomorrow
    weights: dict[tuple[int, frozenset[int]], Fraction] = {}
    for _ in range(orders // 2):
        order = source.sample(range(count), count)
        # With its reverse, two groups that share an effect come first equally often.
        for each in (order, order[::-1]):
            before: frozenset[int] = frozenset()
            for group in each:
                weights[group, before] = weights.get((group, before), Fraction(0)) + Fraction(1, orders)
                before |= {group}
    return weights
