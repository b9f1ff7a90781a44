"""Trivial predictors, which meet every run unseen."""

from __future__ import annotations

import numpy as np
from league_samples import record
from versim.league.baselines import constant_mfu, flop_regression


def test_constant_mfu_is_right_where_the_mfu_is_constant() -> None:
    """And says nothing where no other run of framework and GPU is left."""
    runs = [record(id=f"a-{n}", gpus=8, tp=tp, pp=pp, step_s=2.0 * n) for n, (tp, pp) in enumerate(_DEGREES, 1)]
    runs.append(record(id="alone", gpu="b200"))
    peak_s = np.array([1.0 * n for n in range(1, len(_DEGREES) + 1)] + [1.0])
    found = constant_mfu(runs, peak_s)
    assert np.allclose(found[:-1], 2 * peak_s[:-1])
    assert np.isnan(found[-1])


def test_the_regression_follows_a_power_of_flop() -> None:
    """Seconds = 3 · peak seconds^0.9 is a line in logarithms."""
    peak_s = np.linspace(0.5, 4, len(_DEGREES))
    runs = [
        record(id=f"a-{n}", gpus=8, tp=tp, pp=pp, step_s=3 * peak_s[n] ** 0.9) for n, (tp, pp) in enumerate(_DEGREES)
    ]
    assert np.allclose(flop_regression(runs, peak_s), 3 * peak_s**0.9, rtol=1e-6)


_DEGREES = [(tp, pp) for tp in (1, 2, 4, 8) for pp in (1, 2, 4, 8) if tp * pp <= 8]
