"""How far predictions are from measurements: signed errors, their mean size, and their geometric mean.

With predicted times p and measured times m, both in one unit:

    signed error        e_i = (p_i − m_i) / m_i
    MAPE                (1/n) Σ |e_i|
    geometric-mean error   exp((1/n) Σ |ln(p_i / m_i)|) − 1
    geometric-mean ratio   exp((1/n) Σ ln(p_i / m_i))

MAPE (mean absolute percentage error; Makridakis, "Accuracy measures", International Journal of Forecasting 9(4), 1993)
punishes twice too long (+100 %) more than half as long (−50 %). The geometric mean of the factors by which predictions
are off treats both alike (Fleming and Wallace, "How not to lie with statistics", CACM 29(3), 1986). The ratio keeps its
sign: below 1 the simulator is too fast on the whole, and errors of opposite signs cancel.

>>> accuracy([2.0, 1.0], [1.0, 2.0])
Accuracy(count=2, mape=0.75, geometric_mean_error=1.0, geometric_mean_ratio=1.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs


@attrs.frozen
class Accuracy:
    """How far some predictions are from what was measured; fractions, not percent.

    Attributes:
        count: Cases with both times.
        mape: Mean of |signed error|.
        geometric_mean_error: Geometric mean of the factors predictions are off by, minus 1; never below 0.
        geometric_mean_ratio: Geometric mean of predicted ÷ measured.
    """

    count: int
    mape: float
    geometric_mean_error: float
    geometric_mean_ratio: float


def signed_error(predicted: float, measured: float) -> float:
    """(predicted − measured) / measured: below 0 the prediction is too short.

    Raises:
        ValueError: A time that is not a positive finite number.
    """
    for name, time in (("predicted", predicted), ("measured", measured)):
        if not (math.isfinite(time) and time > 0):
            raise ValueError(f"the {name} time {time} is not a positive finite number")
    return (predicted - measured) / measured


def accuracy(predicted: Sequence[float | None], measured: Sequence[float | None]) -> Accuracy | None:
    """The errors of cases that have both times, summed up; None if there is none.

    Args:
        predicted: One time per case; None where a simulation did not complete. At one case less, a mean says less: the
            count stands beside it.
        measured: One time per case; None where nothing was measured.

    Raises:
        ValueError: The two are of different length, or hold a time that is not a positive finite number.
    """
    pairs = [(p, m) for p, m in zip(predicted, measured, strict=True) if p is not None and m is not None]
    if not pairs:
        return None
    errors = [signed_error(p, m) for p, m in pairs]
    logarithms = [math.log(p / m) for p, m in pairs]
    return Accuracy(
        count=len(pairs),
        mape=math.fsum(map(abs, errors)) / len(pairs),
        geometric_mean_error=math.exp(math.fsum(map(abs, logarithms)) / len(pairs)) - 1,
        geometric_mean_ratio=math.exp(math.fsum(logarithms) / len(pairs)),
    )
