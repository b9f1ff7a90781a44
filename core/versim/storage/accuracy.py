"""How far predictions are from what was measured, as the document holds it; computed again when it is read."""

from __future__ import annotations

from typing import Any

import attrs

from versim.comparison.accuracy import Accuracy, held_against_measurements
from versim.comparison.model import Report


def accuracy_document(report: Report) -> list[dict[str, Any]]:
    """One entry per instance that stands beside a measured reference; errors are fractions."""
    return [
        {
            "label": found.label,
            "errors": [{**attrs.asdict(step), "error": step.error} for step in found.errors],
            "steps": _summed(found.steps),
            "operations": _summed(found.operations),
        }
        for found in held_against_measurements(report)
    ]


def _summed(accuracy: Accuracy | None) -> dict[str, Any] | None:
    return None if accuracy is None else attrs.asdict(accuracy)
