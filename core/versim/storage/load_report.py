"""Reading a whole report back, so that it can be shown again.

Inputs and predictions are read; every figure that follows from them is computed again, as it was the first time. Only
the terms of an attribution are read as well, because they may rest on more than the predictions (they have to add up
to the difference that was computed), and the times of communications alone.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from versim.comparison.attribution import Attribution
from versim.comparison.compare import compare_predictions
from versim.comparison.model import Comparison, Report, WorkloadReport
from versim.comparison.slack import PathChange
from versim.errors import VersimError
from versim.storage.column_reader import ColumnReader
from versim.storage.form import Opened
from versim.storage.load import open_report, prediction_from
from versim.storage.load_inputs import inputs_from


def load_report(path: Path) -> Report:
    """The report in a file that :func:`save_report` wrote; reporters show it as they showed the original.

    Work is not kept: compute nodes of its graphs have the fixed durations that were pinned.

    Raises:
        VersimError: The file is not a report, was damaged, contradicts itself, or its columns are missing; names file
            and place.
    """
    report, columns = open_report(path)
    return Report(
        scenario=report.scenario,
        description=report.description,
        workloads=tuple(
            WorkloadReport(
                label=workload.label,
                producer=workload.producer,
                comparisons=tuple(_comparison(comparison, columns) for comparison in workload.comparisons),
                # Earlier reports have none: a pin that could not be made ended the run.
                unpinned=workload.unpinned,
            )
            for workload in report.workloads
        ),
        provenance=report.provenance,
        left_out=report.left_out,
    )


_ASKED = ("network", "folded network")
"""Checks that rest on asking the simulator, which is not there any more."""


def _comparison(value: Opened, columns: ColumnReader) -> Comparison:
    results = value.results
    labels = [result.label for result in results]
    for result, label in zip(results, labels, strict=True):
        if labels.count(label) > 1:
            result.wrong("label", f"there are two predictions {label!r}")
    reference = value.at("reference").one_of(labels)
    predictions = [prediction_from(result, value, columns) for result in results]
    inputs = inputs_from(value, predictions, columns)
    # Digests of older versions were held to the graph by their own rule; from here on there is one rule.
    predictions = [attrs.evolve(prediction, digest=inputs.digest) for prediction in predictions]
    checks = {label: result.checks for label, result in zip(labels, results, strict=True)}
    try:
        comparison = compare_predictions(
            inputs,
            predictions,
            reference,
            {label: result.network for label, result in zip(labels, results, strict=True)},
            value.same_as,
            more_checks={label: [one for one in found if one.name in _ASKED] for label, found in checks.items()},
            declared={
                label: {one.name: one.declared for one in found if one.declared} for label, found in checks.items()
            },
        )
    except VersimError as error:
        value.wrong("", str(error))
    # Attribution is read, see versim.storage.explanation; everything else was computed again.
    explained = tuple(
        attrs.evolve(
            found,
            attribution=_attribution(result),
            causes=result.causes,
            path_change=_path_change(result, inputs.graph.node_count),
        )
        for found, result in zip(comparison.results, results, strict=True)
    )
    for found, result in zip(explained, results, strict=True):
        if found.attribution is not None and found.attribution.difference_ps != found.difference_ps:
            result.wrong("attribution", f"the predictions differ by {found.difference_ps} ps")
    return attrs.evolve(comparison, results=explained, sweep=value.sweep)


def _attribution(result: Opened) -> Attribution | None:
    """The attribution of a result, whose difference has to be its sum."""
    parts = result.attribution
    if parts is None:
        return None
    if parts["difference_ps"] != result.difference_ps:
        result.at("attribution")["difference_ps"].wrong("it is not the difference of the result")
    try:
        return Attribution(other=result.label, **parts)
    except ValueError as error:
        result.at("attribution")["terms"].wrong(str(error))


def _path_change(result: Opened, nodes: int) -> PathChange | None:
    """How the critical path of a result changed; ``nodes`` is the size of the graph."""
    change: PathChange | None = result.path_change
    if change is not None:
        for move in (*change.entered, *change.left):
            if move.node >= nodes:
                result.wrong("path_change", f"there is no node {move.node}, only {nodes}")
    return change
