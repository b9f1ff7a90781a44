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

from versim.comparison.model import Comparison, Report, Result


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


@attrs.frozen(kw_only=True)
class StepError:
    """One predicted step that was measured, too.

    Attributes:
        workload: Label of the workload.
        pin: Label of the pin.
        measured_ps: Its measured time.
        predicted_ps: Its predicted makespan.
    """

    workload: str
    pin: str
    measured_ps: int
    predicted_ps: int

    @property
    def error(self) -> float:
        """Signed error, a fraction."""
        return signed_error(self.predicted_ps, self.measured_ps)


@attrs.frozen(kw_only=True)
class InstanceAccuracy:
    """How far one instance is from what was measured, over a whole report.

    Attributes:
        label: The instance.
        errors: Per workload and pin whose reference is a measurement.
        steps: The errors of steps summed up; None where it completed none.
        operations: The same of operations (mean active time of one execution, by name and phase) that were measured
            one by one and take time in both; None where there are none.
    """

    label: str
    errors: tuple[StepError, ...]
    steps: Accuracy | None
    operations: Accuracy | None


def held_against_measurements(report: Report) -> tuple[InstanceAccuracy, ...]:
    """Every instance that stands beside a measured reference, in order of appearance; empty if nothing was measured."""
    errors: dict[str, list[StepError]] = {}
    pairs: dict[str, list[tuple[float, float]]] = {}
    for workload in report.workloads:
        for comparison in workload.comparisons:
            truth = measured_reference(comparison)
            if truth is None:
                continue
            measured_ps = truth.prediction.makespan_ps
            for result in comparison.results:
                if result.prediction.measured:
                    continue
                mine = errors.setdefault(result.label, [])
                pairs.setdefault(result.label, []).extend(_operations(result, truth))
                predicted_ps = result.prediction.makespan_ps
                if predicted_ps and measured_ps:
                    mine.append(
                        StepError(
                            workload=workload.label,
                            pin=comparison.inputs.label,
                            measured_ps=measured_ps,
                            predicted_ps=predicted_ps,
                        )
                    )
    return tuple(
        InstanceAccuracy(
            label=label,
            errors=tuple(found),
            steps=accuracy([step.predicted_ps for step in found], [step.measured_ps for step in found]),
            operations=accuracy([mine for mine, _ in pairs[label]], [theirs for _, theirs in pairs[label]]),
        )
        for label, found in errors.items()
    )


def measured_reference(comparison: Comparison) -> Result | None:
    """The reference of a comparison, if a machine took it."""
    result = comparison.result(comparison.reference)
    return result if result.prediction.measured else None


def _operations(result: Result, truth: Result) -> list[tuple[float, float]]:
    """Mean times of operations, predicted and measured."""
    measured = {(row.key, row.phase): row for row in truth.operations}
    return [
        (row.mean_ps, measured[row.key, row.phase].mean_ps)
        for row in result.operations
        if (row.key, row.phase) in measured and row.mean_ps and measured[row.key, row.phase].mean_ps
    ]
