"""What a model has to beat to be worth anything: two predictors that know no structure.

*Constant MFU*: one model FLOP utilisation per framework and GPU, the one of least mean absolute error on the runs that
are not left out. *FLOP regression*: per framework, log seconds = a + b·log(seconds at peak) + c·log(GPUs) by least
squares. Both are fitted with the folds of :mod:`~versim.league.folds` left out, so they meet every run unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from versim.league.folds import folds_of
from versim.league.record import RunRecord

LABELS = {"constant MFU": "one MFU per framework and GPU", "FLOP regression": "log-linear in FLOP and GPUs"}


def constant_mfu(runs: Sequence[RunRecord], peak_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of each run from the MFU of the others of its framework and GPU; NaN where there are none.

    Args:
        runs: The runs.
        peak_s: Seconds of each run's model FLOP at its devices' peak; NaN where unknown; shape (runs,).
    """
    measured_s = _measured(runs)
    groups = [(run.framework, run.gpu) for run in runs]

    def fit(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        return peak_s[test] * _best_factor(peak_s[train] / measured_s[train])

    return _left_out(runs, groups, np.isfinite(peak_s) & np.isfinite(measured_s), np.isfinite(peak_s), fit)


def flop_regression(runs: Sequence[RunRecord], peak_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of each run from a line through the others of its framework; NaN where fewer than four are left."""
    measured_s = _measured(runs)
    features = np.column_stack([np.ones(len(runs)), np.log(peak_s), np.log([run.gpus for run in runs])])

    def fit(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        if len(train) < 4:
            return np.full(len(test), np.nan)
        weights, *_ = np.linalg.lstsq(features[train], np.log(measured_s[train]), rcond=None)
        predicted: NDArray[np.float64] = np.exp(np.clip(features[test] @ weights, -50, 50))
        return predicted

    groups = [(run.framework,) for run in runs]
    return _left_out(runs, groups, np.isfinite(peak_s) & np.isfinite(measured_s), np.isfinite(peak_s), fit)


def _measured(runs: Sequence[RunRecord]) -> NDArray[np.float64]:
    return np.array([np.nan if run.step_s is None else run.step_s for run in runs], dtype=np.float64)


def _best_factor(ratio: NDArray[np.float64]) -> float:
    """The factor f that makes the mean of |f·ratio − 1| least: a median weighted with the ratios."""
    order = np.argsort(1 / ratio)
    weight = np.cumsum(ratio[order])
    middle = int(np.searchsorted(weight, weight[-1] / 2))
    return float(1 / ratio[order][middle])


def _left_out(
    runs: Sequence[RunRecord],
    groups: Sequence[tuple[str, ...]],
    trains: NDArray[np.bool_],
    tested: NDArray[np.bool_],
    fit: Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    found = np.full(len(runs), np.nan)
    folds = folds_of(runs)
    for group in dict.fromkeys(groups):
        member = np.array([other == group for other in groups])
        for fold in np.unique(folds[member]).tolist():
            train = np.flatnonzero(member & trains & (folds != fold))
            test = np.flatnonzero(member & tested & (folds == fold))
            if len(train) and len(test):
                found[test] = fit(train, test)
    return found
