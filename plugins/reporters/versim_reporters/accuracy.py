"""How far instances are from what was measured, as one table over the whole report."""

from __future__ import annotations

from versim import Accuracy, InstanceAccuracy, Report, held_against_measurements
from versim.terminal import printable

from versim_reporters.figures import NOTHING, percent

HEADINGS = (
    "instance",
    "steps",
    "error\n[%]",
    "MAPE\n[%]",
    "geo. mean\nerror [%]",
    "geo. mean of\npred./meas.",
    "operations",
    "MAPE\n[%]",
    "geo. mean\nerror [%]",
)
ALIGN = "lrrrrrrrr"

LEGEND = (
    "Error is (predicted − measured) / measured; MAPE the mean of its size; geometric-mean error the factor by which "
    "predictions are off, too long and too short alike, minus 1. On the left over whole steps, on the right over "
    "operations that were measured one by one."
)


def accuracy_rows(report: Report) -> list[list[str]]:
    """One row per instance that stands beside a measured reference; empty if nothing was measured."""
    return [_row(found) for found in held_against_measurements(report)]


def _row(found: InstanceAccuracy) -> list[str]:
    errors = sorted(step.error for step in found.errors)
    between = [percent(100 * error) for error in dict.fromkeys((errors[0], errors[-1]))] if errors else [NOTHING]
    count = str(found.operations.count) if found.operations else "0"
    return [
        printable(found.label),
        str(len(errors)),
        " to ".join(between),
        *_summed(found.steps),
        f"{found.steps.geometric_mean_ratio:.3f}" if found.steps else NOTHING,
        count,
        *_summed(found.operations),
    ]


def _summed(found: Accuracy | None) -> list[str]:
    if found is None:
        return [NOTHING, NOTHING]
    return [percent(100 * value).lstrip("+") for value in (found.mape, found.geometric_mean_error)]
