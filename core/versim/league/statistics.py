"""How far predictions are from measurements, with an interval, over any group of runs.

With predicted p and measured m: signed error e = (p − m) / m. The mean absolute error carries a 95 % interval from the
bootstrap over runs (Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979): runs
are drawn with replacement a thousand times, with a fixed seed, so that a table is the same each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.league.record import RunRecord

RESAMPLES = 1000
_SEED = 20_240_601


@attrs.frozen(kw_only=True)
class Errors:
    """The errors of some runs summed up; fractions, not percent.

    Attributes:
        runs: How many.
        mean_absolute: Mean of |e|.
        low: Lower end of its 95 % interval.
        high: Upper end.
        mean_signed: Mean of e.
        median_absolute: Median of |e|.
        median_signed: Median of e.
        geometric_mean_error: exp(mean of |ln(p / m)|) − 1.
        geometric_mean_ratio: exp(mean of ln(p / m)); below 1, too short on the whole.
        within_10: Share with |e| ≤ 0.1.
        within_20: Share with |e| ≤ 0.2.
    """

    runs: int
    mean_absolute: float
    low: float
    high: float
    mean_signed: float
    median_absolute: float
    median_signed: float
    geometric_mean_error: float
    geometric_mean_ratio: float
    within_10: float
    within_20: float


def errors_of(predicted_s: Sequence[float | None], measured_s: Sequence[float | None]) -> Errors | None:
    """The errors of the pairs that have both times; None if there is none.

    Raises:
        ValueError: A time is not a positive finite number, or the two differ in length.
    """
    pairs = [(p, m) for p, m in zip(predicted_s, measured_s, strict=True) if p is not None and m is not None]
    if not pairs:
        return None
    times = np.array(pairs, dtype=np.float64)
    if not (np.isfinite(times).all() and (times > 0).all()):
        raise ValueError("a time is not a positive finite number")
    ratio = times[:, 0] / times[:, 1]
    signed = ratio - 1
    size = np.abs(signed)
    low, high = interval_of_mean(size)
    logarithm = np.log(ratio)
    return Errors(
        runs=len(pairs),
        mean_absolute=float(size.mean()),
        low=low,
        high=high,
        mean_signed=float(signed.mean()),
        median_absolute=float(np.median(size)),
        median_signed=float(np.median(signed)),
        geometric_mean_error=math.expm1(float(np.abs(logarithm).mean())),
        geometric_mean_ratio=math.exp(float(logarithm.mean())),
        within_10=float((size <= 0.1).mean()),
        within_20=float((size <= 0.2).mean()),
    )


def interval_of_mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a mean, by the bootstrap; shape of ``values``: (runs,)."""
    random = np.random.default_rng(_SEED)
    means = np.empty(RESAMPLES)
    for first in range(0, RESAMPLES, 100):  # in parts, so that thousands of runs need no gigabytes
        drawn = random.integers(0, len(values), size=(100, len(values)))
        means[first : first + 100] = values[drawn].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def noise_floor(runs: Sequence[RunRecord]) -> tuple[int, float] | None:
    """How far repeats of one setting lie apart; None if no setting repeats.

    Returns the number of runs that repeat one, and the mean absolute error of a run as the mean of its repeats has it.
    No model that knows the settings only can be expected to be better than about this.
    """
    by_setting: dict[tuple[object, ...], list[float]] = {}
    for run in runs:
        if run.step_s is not None and not is_marked(run):
            by_setting.setdefault(attrs.evolve(run, note="").settings, []).append(run.step_s)
    apart = [
        abs((math.fsum(times) - time) / (len(times) - 1) / time - 1)
        for times in by_setting.values()
        if len(times) > 1
        for time in times
    ]
    return (len(apart), math.fsum(apart) / len(apart)) if apart else None


def _band(value: float, edges: Sequence[float], names: Sequence[str]) -> str:
    return names[sum(value >= edge for edge in edges)]


def kinds_of_parallelism(run: RunRecord) -> str:
    """``tp+pp+dp``, ``fsdp``: the degrees above 1, in that order."""
    named = (("tp", run.tp), ("pp", run.pp), ("cp", run.cp), ("ep", run.ep))
    kinds = [name for name, degree in named if degree > 1]
    if run.dp > 1:
        kinds.append("fsdp" if run.sharding in ("zero2", "zero3") else "dp")
    return "+".join(kinds) or "one GPU"


def is_marked(run: RunRecord) -> bool:
    """True if the record's note calls the run itself faulty: figures are given with and without such runs."""
    note = run.note.lower()
    return "suspect" in note or "before the sweep's fix" in note


GROUPINGS: Mapping[str, Callable[[RunRecord], str]] = {
    "framework": lambda run: run.framework or "unnamed",
    "table": lambda run: run.series,
    "gpu": lambda run: run.gpu,
    "scale": lambda run: _band(
        run.gpus, (9, 65, 257, 1025), ("to 8 GPUs", "9 to 64 GPUs", "65 to 256 GPUs", "257 to 1024 GPUs", "more GPUs")
    ),
    "precision": lambda run: run.precision or "unnamed",
    "parallelism": kinds_of_parallelism,
}
"""Ways to part the runs, by name; the model's size and kind need the predicted side, see ``result``."""


def grouped(runs: Iterable[RunRecord], by: Callable[[RunRecord], str]) -> dict[str, list[int]]:
    """Positions of the runs of each group, largest group first."""
    found: dict[str, list[int]] = {}
    for position, run in enumerate(runs):
        found.setdefault(by(run), []).append(position)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))
