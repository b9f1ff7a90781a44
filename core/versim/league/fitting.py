"""Fitting a framework's profile, in the open.

What is fitted is small: of the constants in :mod:`~versim.league.constants`, those that lower the error on left-out
folds, one after the other, at least ten runs for each, by least squares of the relative error with the soft-L1 loss
(outliers pull with their sign, not their size). The search is deterministic, and it is held to account twice: the error
that is printed comes from folds on which neither the values nor the choice of constants was made, and the same search
on shuffled measurements shows what it can find in noise.

Between two simulations the step is read along its deciding chain (:mod:`~versim.league.path`), where its length is a
sum over ingredients; the caller simulates again with the constants found and fits again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.league.constants import BY_NAME, CONSTANTS, Scaling
from versim.league.ingredients import INGREDIENTS, PP

RUNS_PER_CONSTANT = 10
"""Fewer runs than this per constant are no evidence for it."""

_LEAST_SHARE = 0.5
"""Of those runs, how many have to be left where folds are left out."""

MOST_CONSTANTS = 6
"""A profile of more would be no list that anybody can judge."""

_WORTH = 0.03
"""By how much of itself the left-out error has to fall for further constants."""

_EXCHANGED = 0.01
"""Part by which another constant, or an exchange of one, has to lower the error on what is fitted."""

_MOST_EXCHANGED = 3
"""Constants of the largest set in which one is exchanged: larger ones cost much and find nothing else."""

_SOFT = 0.1
"""Relative error at which the loss turns from squares to sizes; a constant that lies as far from neutral as is expected
of it costs as much as one run that is that far off."""


@attrs.frozen(eq=False, kw_only=True)
class Chain:
    """One run along its deciding chain, neutral seconds.

    Attributes:
        seconds: float64 (works, ingredients), of each distinct work on the chain.
        launches: float64 (works,).
        wire_s: float64 (works,), latency of the job's network in it.
        host_s: float64 (works,), latency of the job's host beside it.
        count: float64 (works,), how many nodes of it lie on the chain.
        messages: float64 (ingredients,), communications on the chain, summed.
        messages_late_s: Latency of the job's network in them, summed.
        stage_messages: How many of them go between stages on different nodes.
        rest_s: What is neither.
    """

    seconds: NDArray[np.float64]
    launches: NDArray[np.float64]
    wire_s: NDArray[np.float64]
    host_s: NDArray[np.float64]
    count: NDArray[np.float64]
    messages: NDArray[np.float64]
    messages_late_s: float
    stage_messages: float
    rest_s: float


@attrs.frozen(eq=False, kw_only=True)
class Chains:
    """Many runs along their chains, evaluated together; columns as in :class:`Chain`, works of all runs in one.

    Attributes:
        owner: int64 (works,), the run a work belongs to.
    """

    seconds: NDArray[np.float64]
    launches: NDArray[np.float64]
    wire_s: NDArray[np.float64]
    host_s: NDArray[np.float64]
    count: NDArray[np.float64]
    owner: NDArray[np.int64]
    messages: NDArray[np.float64]
    messages_late_s: NDArray[np.float64]
    stage_messages: NDArray[np.float64]
    rest_s: NDArray[np.float64]

    @classmethod
    def joined(cls, chains: Sequence[Chain]) -> Chains:
        """Of single runs."""
        width = len(INGREDIENTS)

        def column(name: str) -> NDArray[np.float64]:
            return np.concatenate([np.empty(0), *(getattr(chain, name) for chain in chains)])

        return cls(
            seconds=np.concatenate([np.empty((0, width)), *(chain.seconds for chain in chains)]),
            launches=column("launches"),
            wire_s=column("wire_s"),
            host_s=column("host_s"),
            count=column("count"),
            owner=np.repeat(np.arange(len(chains)), [len(chain.count) for chain in chains]),
            messages=np.array([chain.messages for chain in chains]).reshape(len(chains), width),
            messages_late_s=np.array([chain.messages_late_s for chain in chains]),
            stage_messages=np.array([chain.stage_messages for chain in chains]),
            rest_s=np.array([chain.rest_s for chain in chains]),
        )

    def __len__(self) -> int:
        return len(self.rest_s)

    def of(self, rows: NDArray[np.intp]) -> Chains:
        """Some of the runs, in the order given."""
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.owner] >= 0)
        kept = kept[np.argsort(place[self.owner[kept]], kind="stable")]
        return Chains(
            seconds=self.seconds[kept],
            launches=self.launches[kept],
            wire_s=self.wire_s[kept],
            host_s=self.host_s[kept],
            count=self.count[kept],
            owner=place[self.owner[kept]],
            messages=self.messages[rows],
            messages_late_s=self.messages_late_s[rows],
            stage_messages=self.stage_messages[rows],
            rest_s=self.rest_s[rows],
        )

    def predicted_s(self, scaling: Scaling) -> NDArray[np.float64]:
        """Seconds of each run under some constants, as long as the chain stays the deciding one; shape (runs,)."""
        works_s = self.count * scaling.works_s(self.seconds, self.launches, self.wire_s, self.host_s)
        total: NDArray[np.float64] = (
            self._per_run(works_s)
            + self.messages @ scaling.factors
            + scaling.latency_factor * self.messages_late_s
            + scaling.stage_message_s * self.stage_messages
            + self.rest_s
            + scaling.step_overhead_s
        )
        return total

    def composition(self, scaling: Scaling) -> NDArray[np.float64]:
        """Seconds of each run by ingredient, then of the host, then of latency and the rest.

        Shape (runs, ingredients + 2).
        """
        scaled = self.seconds * scaling.factors
        device_s = scaled.sum(axis=1) + scaling.job_latency_factor * self.wire_s
        works_s = scaling.works_s(self.seconds, self.launches, self.wire_s, self.host_s)
        found = np.zeros((len(self), len(INGREDIENTS) + 2))
        for column in range(len(INGREDIENTS)):
            found[:, column] = self._per_run(self.count * scaled[:, column])
        found[:, : len(INGREDIENTS)] += self.messages * scaling.factors
        found[:, INGREDIENTS.index(PP)] += scaling.stage_message_s * self.stage_messages
        found[:, -2] = self._per_run(self.count * (works_s - device_s))
        found[:, -1] = self.predicted_s(scaling) - found[:, :-1].sum(axis=1)
        return found

    def _per_run(self, of_works: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(self.owner, weights=of_works, minlength=len(self)).astype(np.float64)

    def uses(self, name: str) -> NDArray[np.bool_]:
        """Which runs a constant can act on at all: it moves them by more than a percent; shape (runs,)."""
        constant = BY_NAME[name]
        neutral = Scaling.of({})
        changed = Scaling.of({name: constant.spread if constant.unit == "s" else 2 * constant.neutral})
        moved: NDArray[np.bool_] = np.abs(self.predicted_s(changed) / self.predicted_s(neutral) - 1) > 0.01
        return moved


def error_of(predicted_s: NDArray[np.float64], measured_s: NDArray[np.float64]) -> float:
    """Mean absolute relative error."""
    return float(np.abs(predicted_s / measured_s - 1).mean())


def solve(
    chains: Chains,
    measured_s: NDArray[np.float64],
    names: Sequence[str],
    start: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """The values of some constants that fit some runs best.

    Args:
        chains: The runs along their chains.
        measured_s: What they took; shape (runs,).
        names: Of the constants.
        start: Values to search from; near neutral unless given.

    Raises:
        VersimError: scipy is not installed.
    """
    if not names:
        return {}
    try:
        from scipy.optimize import least_squares  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        raise VersimError("fitting needs scipy; install it with: pip install 'versim[fit]'") from None
    constants = [BY_NAME[name] for name in names]
    # A variable is a constant's distance from neutral, in units of what is expected of it.
    neutral = np.array([constant.neutral for constant in constants])
    spread = np.array([constant.spread for constant in constants])
    low = (np.array([constant.low for constant in constants]) - neutral) / spread
    high = (np.array([constant.high for constant in constants]) - neutral) / spread

    def residuals(variables: NDArray[np.float64]) -> NDArray[np.float64]:
        values = dict(zip(names, (neutral + variables * spread).tolist(), strict=True))
        relative = chains.predicted_s(Scaling.of(values)) / measured_s - 1
        return np.concatenate([relative, _SOFT * variables])

    # What only counts above a bound is searched from above it: below, nothing moves.
    away = {constant.name: 1.0 if constant.name == "launch_s" else 0.1 for constant in constants}
    begun = np.array([(start or {}).get(c.name, c.neutral + away[c.name] * c.spread) for c in constants])
    found = least_squares(
        residuals,
        np.clip((begun - neutral) / spread, low + 1e-3, high - 1e-3),
        bounds=(low, high),
        loss="soft_l1",
        f_scale=_SOFT,
        diff_step=np.full(len(names), 1e-4),
        xtol=1e-4,
        ftol=1e-5,
        max_nfev=25,
    )
    # A factor of seven digits would pretend to more than a fit knows.
    return {
        name: float(f"{value:.4g}") for name, value in zip(names, (neutral + found.x * spread).tolist(), strict=True)
    }


def select(
    chains: Chains, measured_s: NDArray[np.float64], folds: NDArray[np.int64], candidates: Sequence[str], most: int
) -> tuple[str, ...]:
    """At most so many constants that are worth having.

    One by one the constant is added that lowers the error most, and then one of those chosen before may be exchanged
    for another: what is best alone need not be part of what is best together (overlap and slower kernels hide one
    another). Of the sets on that way, the smallest is taken whose error on left-out folds is within a few percent of
    the least.
    """
    usable = [name for name in candidates if int(chains.uses(name).sum()) >= _LEAST_SHARE * RUNS_PER_CONSTANT]
    chosen: tuple[str, ...] = ()
    errors = {chosen: error_of(chains.predicted_s(Scaling.of({})), measured_s)}
    near: Mapping[str, float] = {}

    def best(sets: Sequence[tuple[str, ...]]) -> tuple[float, tuple[str, ...], Mapping[str, float]]:
        tried = []
        for names in sets:
            values = solve(chains, measured_s, names, near)
            tried.append((error_of(chains.predicted_s(Scaling.of(values)), measured_s), names, values))
        return min(tried, key=lambda one: one[:2])

    error = errors[chosen]
    while len(chosen) < min(most, MOST_CONSTANTS) and len(chosen) < len(usable):
        before = error
        error, chosen, near = best([(*chosen, name) for name in usable if name not in chosen])
        kept = [chosen[:place] + chosen[place + 1 :] for place in range(len(chosen) - 1)]
        others = [name for name in usable if name not in chosen]
        if exchanged := [(*rest, name) for rest in kept for name in others if len(chosen) <= _MOST_EXCHANGED]:
            found = best(exchanged)
            if found[0] < error * (1 - _EXCHANGED):
                error, chosen, near = found
        if error > before * (1 - _EXCHANGED):
            break
        errors[chosen] = error_of(left_out(chains, measured_s, folds, chosen), measured_s)
    least = min(errors.values())
    smallest = next(names for names, error in errors.items() if error <= least * (1 + _WORTH))
    return tuple(sorted(smallest, key=[constant.name for constant in CONSTANTS].index))


def left_out(
    chains: Chains, measured_s: NDArray[np.float64], folds: NDArray[np.int64], names: Sequence[str]
) -> NDArray[np.float64]:
    """Seconds of each run under constants of the given names, fitted on the other folds; shape (runs,)."""
    predicted = np.empty(len(chains))
    near = solve(chains, measured_s, names)
    for fold in np.unique(folds).tolist():
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        values = solve(chains.of(train), measured_s[train], names, near) if len(train) else {}
        predicted[test] = chains.of(test).predicted_s(Scaling.of(values))
    return predicted


@attrs.frozen(kw_only=True)
class Fit:
    """What a fit found.

    Attributes:
        constants: Name ─▶ value, on all runs.
        folds: The same with each fold left out, each with constants of its own choice.
        error: Mean absolute error on left-out folds.
        error_without: Of the same runs without constants.
        error_in_sample: Of the same runs with the constants of all of them.
        runs: How many.
    """

    constants: Mapping[str, float]
    folds: Mapping[int, Mapping[str, float]]
    error: float
    error_without: float
    error_in_sample: float
    runs: int


def fit(
    chains: Chains, measured_s: NDArray[np.float64], folds: NDArray[np.int64], candidates: Sequence[str] | None = None
) -> Fit:
    """Choose and fit constants, on all runs and with each fold left out.

    Args:
        chains: The runs along their chains.
        measured_s: What they took; shape (runs,).
        folds: Which runs are left out together; shape (runs,).
        candidates: Names of constants that may be chosen; all of them unless given.
    """
    names = [constant.name for constant in CONSTANTS] if candidates is None else list(candidates)
    most = len(chains) // RUNS_PER_CONSTANT
    predicted = np.empty(len(chains))
    by_fold: dict[int, Mapping[str, float]] = {}
    for fold in np.unique(folds).tolist():
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        values: Mapping[str, float] = {}
        if len(train):
            inside = chains.of(train)
            values = solve(inside, measured_s[train], select(inside, measured_s[train], folds[train], names, most))
        by_fold[int(fold)] = values
        predicted[test] = chains.of(test).predicted_s(Scaling.of(values))
    constants = solve(chains, measured_s, select(chains, measured_s, folds, names, most))
    return Fit(
        constants=constants,
        folds=by_fold,
        error=error_of(predicted, measured_s),
        error_without=error_of(chains.predicted_s(Scaling.of({})), measured_s),
        error_in_sample=error_of(chains.predicted_s(Scaling.of(constants)), measured_s),
        runs=len(chains),
    )


def shuffled(
    chains: Chains,
    measured_s: NDArray[np.float64],
    folds: NDArray[np.int64],
    names: Sequence[str],
    seed: int = 0,
) -> float:
    """The left-out error of the same constants when the measured times are dealt out anew: what noise is worth."""
    dealt = np.random.default_rng(seed).permutation(measured_s)
    return error_of(left_out(chains, dealt, folds, names), dealt)
