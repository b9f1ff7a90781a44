"""Reading a whole report back, so that it can be shown again.

Inputs and predictions are read; every figure that follows from them is computed again, as it was the first time. Only
the terms of an attribution are read as well, because they may rest on more than the predictions (they have to add up
to the difference that was computed), and the times of communications alone.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from versim.comparison.checks import Check
from versim.comparison.compare import compare_predictions
from versim.comparison.model import Comparison, Report, Unpinned, WorkloadReport
from versim.errors import VersimError
from versim.plain.values import Value
from versim.storage.causes import causes_from
from versim.storage.column_reader import ColumnReader
from versim.storage.explanation import attribution_from, path_change_from
from versim.storage.load import open_report, prediction_from
from versim.storage.load_inputs import inputs_from, system_from
from versim.storage.sweep import sweep_from


def load_report(path: Path) -> Report:
    """The report in a file that :func:`save_report` wrote; reporters show it as they showed the original.

    Work is not kept: compute nodes of its graphs have the fixed durations that were pinned.

    Raises:
        VersimError: The file is not a report, was damaged, contradicts itself, or its columns are missing; names file
            and place.
    """
    document, columns = open_report(path)
    return Report(
        scenario=document["scenario"].text(),
        description=document["description"].text(),
        workloads=tuple(
            WorkloadReport(
                label=workload["label"].text(),
                producer=workload["producer"].text(),
                comparisons=tuple(_comparison(comparison, columns) for comparison in workload["comparisons"]),
                unpinned=_unpinned(workload.optional("unpinned")),
            )
            for workload in document["workloads"]
        ),
        provenance=document["provenance"].mapping(),
    )


def _unpinned(value: Value) -> tuple[Unpinned, ...]:
    # Earlier reports have none: a pin that could not be made ended the run.
    if value.missing:
        return ()
    return tuple(Unpinned(pin=one["pin"].text(), labels=one["labels"].texts(), why=one["why"].text()) for one in value)


_ASKED = ("network", "folded network")
"""Checks that rest on asking the simulator, which is not there any more."""


def _asked(result: Value) -> list[Check]:
    """Checks that cannot be made again from the predictions."""
    found = []
    for check in result["checks"]:
        if check["name"].text() in _ASKED:
            passed = None if check["passed"].missing else check["passed"].flag()
            found.append(
                Check(
                    name=check["name"].text(),
                    passed=passed,
                    detail=check["detail"].text(),
                    declared=_reason(check),
                )
            )
    return found


def _declared(result: Value) -> dict[str, str]:
    """Checks whose deviation was meant, and why."""
    reasons = {check["name"].text(): _reason(check) for check in result["checks"]}
    return {name: reason for name, reason in reasons.items() if reason}


def _reason(check: Value) -> str:
    # Reports written before deviations could be declared have none.
    found = check.optional("declared")
    return "" if found.missing else found.text()


def _comparison(value: Value, columns: ColumnReader) -> Comparison:
    results = list(value["results"])
    labels = [result["label"].text() for result in results]
    for result, label in zip(results, labels, strict=True):
        if labels.count(label) > 1:
            result["label"].wrong(f"there are two predictions {label!r}")
    reference = value["reference"].one_of(labels)
    system = system_from(value["system"])
    predictions = [prediction_from(result, value, columns) for result in results]
    inputs = inputs_from(value, system, predictions, columns)
    # Digests of older versions were held to the graph by their own rule; from here on there is one rule.
    predictions = [attrs.evolve(prediction, digest=inputs.digest) for prediction in predictions]
    try:
        comparison = compare_predictions(
            inputs,
            predictions,
            reference,
            {label: result["network"].text() for label, result in zip(labels, results, strict=True)},
            value["same_as"].texts(),
            more_checks={label: _asked(result) for label, result in zip(labels, results, strict=True)},
            declared={label: _declared(result) for label, result in zip(labels, results, strict=True)},
        )
    except VersimError as error:
        value.wrong(str(error))
    # Attribution is read, see versim.storage.explanation; everything else was computed again.
    explained = tuple(
        attrs.evolve(
            found,
            attribution=attribution_from(result),
            causes=causes_from(result.optional("causes")),
            path_change=path_change_from(result, inputs.graph.node_count),
        )
        for found, result in zip(comparison.results, results, strict=True)
    )
    for found, result in zip(explained, results, strict=True):
        if found.attribution is not None and found.attribution.difference_ps != found.difference_ps:
            result["attribution"].wrong(f"the predictions differ by {found.difference_ps} ps")
    return attrs.evolve(comparison, results=explained, sweep=sweep_from(value))
