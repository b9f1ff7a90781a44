"""Whether simulators lead to the same decision: do they rank configurations alike.

Makespans of several configurations (rows) in several simulators (columns) are compared with the column of a reference.
A smaller makespan is better; what is None did not complete and takes part in nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import attrs

Column = Sequence[int | float | None]
"""Makespans of one simulator, one per configuration."""


@attrs.frozen(kw_only=True)
class CrossOver:
    """Two configurations that a simulator and the reference rank differently.

    Attributes:
        better: The one that is faster in the reference.
        worse: The one that is slower there, yet faster in the simulator.
        reference_ratio: Makespan of ``worse`` over that of ``better`` in the reference, above 1.
        simulator_ratio: The same in the simulator, below 1.
    """

    better: str
    worse: str
    reference_ratio: float
    simulator_ratio: float


@attrs.frozen(kw_only=True)
class Decision:
    """What trusting a simulator instead of the reference leads to.

    Attributes:
        simulator: The column.
        compared: Configurations that both completed.
        kendall_tau_b: −1..1, see :func:`kendall_tau_b`; None where it is not defined.
        best: The simulator's best of the compared configurations, the first of equals; None if there is none.
        reference_best: The reference's.
        agrees_on_best: True if the simulator's choice is as good as any in the reference; None if nothing is compared.
        regret: makespan of the simulator's choice in the reference ÷ the reference's best makespan − 1; None if nothing
            is compared.
        cross_overs: Pairs ranked differently, the largest ratio in the reference first. Ties are no cross-overs.
    """

    simulator: str
    compared: int
    kendall_tau_b: float | None
    best: str | None
    reference_best: str | None
    agrees_on_best: bool | None
    regret: float | None
    cross_overs: tuple[CrossOver, ...]


def decisions(configurations: Sequence[str], makespans: dict[str, Column], reference: str) -> tuple[Decision, ...]:
    """One decision per simulator other than the reference, in the order given.

    Args:
        configurations: Names of the rows.
        makespans: Per simulator, its makespans in any one unit; None where it did not complete.
        reference: The simulator to hold the others against.

    Raises:
        ValueError: A column is of another length, or holds a makespan that is not a positive finite number.
        KeyError: The reference is no column.
    """
    for name, column in makespans.items():
        if len(column) != len(configurations):
            raise ValueError(f"{name!r} has {len(column)} makespans for {len(configurations)} configurations")
        for configuration, value in zip(configurations, column, strict=True):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name!r} takes {value} for {configuration!r}; a makespan is positive and finite")
    trusted = makespans[reference]
    return tuple(
        _decision(configurations, name, column, trusted) for name, column in makespans.items() if name != reference
    )


def _decision(configurations: Sequence[str], name: str, column: Column, trusted: Column) -> Decision:
    rows = [
        (label, mine, theirs)
        for label, mine, theirs in zip(configurations, column, trusted, strict=True)
        if mine is not None and theirs is not None
    ]
    if not rows:
        return Decision(
            simulator=name,
            compared=0,
            kendall_tau_b=None,
            best=None,
            reference_best=None,
            agrees_on_best=None,
            regret=None,
            cross_overs=(),
        )
    choice = min(rows, key=lambda row: row[1])
    optimum = min(rows, key=lambda row: row[2])
    crossed = [
        CrossOver(
            better=better[0],
            worse=worse[0],
            reference_ratio=worse[2] / better[2],
            simulator_ratio=worse[1] / better[1],
        )
        for one, two in itertools.combinations(rows, 2)
        for better, worse in ((one, two), (two, one))
        if better[2] < worse[2] and better[1] > worse[1]
    ]
    return Decision(
        simulator=name,
        compared=len(rows),
        kendall_tau_b=kendall_tau_b([row[1] for row in rows], [row[2] for row in rows]),
        best=choice[0],
        reference_best=optimum[0],
        agrees_on_best=choice[2] == optimum[2],
        regret=choice[2] / optimum[2] - 1,
        cross_overs=tuple(sorted(crossed, key=lambda c: (-c.reference_ratio, c.better, c.worse))),
    )


def kendall_tau_b(one: Sequence[float], two: Sequence[float]) -> float | None:
    """Kendall's rank correlation with correction for ties (Kendall 1945).

        τ_b = (C − D) / √((P − T_one)(P − T_two))

    with C and D the concordant and discordant pairs, P = n(n − 1)/2 all pairs, T the pairs tied in one of the two.
    Counted exactly, over all pairs: configurations are few. None if either ranks nothing (fewer than two values, or
    all of them equal).
    """
    if len(one) != len(two):
        raise ValueError(f"{len(one)} values cannot be ranked against {len(two)}")
    agreeing = ranked_one = ranked_two = 0
    for (a, b), (c, d) in itertools.combinations(zip(one, two, strict=True), 2):
        first, second = (a > c) - (a < c), (b > d) - (b < d)
        agreeing += first * second
        ranked_one += first != 0
        ranked_two += second != 0
    if not ranked_one or not ranked_two:
        return None
    pairs = ranked_one * ranked_two
    root = math.isqrt(pairs)
    return agreeing / root if root * root == pairs else agreeing / math.sqrt(pairs)
