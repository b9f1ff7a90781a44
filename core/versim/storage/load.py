"""Reading predictions back from a saved report.

A report may come from anywhere: nothing in it is believed before its type, length and range are checked.
"""

from __future__ import annotations

from pathlib import Path

from versim.comparison.model import FORMAT_VERSION
from versim.plain.values import Value, read_values
from versim.prediction import Consumed, Prediction, Resource, Spans, Status
from versim.storage.column_reader import ColumnReader, within
from versim.storage.document import FORMAT
from versim.storage.form import Form
from versim.storage.links import links_from

Address = tuple[str, str, str]
"""Workload, pin and label of a prediction."""


def load_predictions(path: Path) -> dict[Address, Prediction]:
    """Every prediction of a saved report, by (workload, pin, label), in the order of the report.

    Raises:
        VersimError: The file is not a report, was damaged, or its columns are missing; names file and place.
    """
    document, columns = open_report(path)
    predictions: dict[Address, Prediction] = {}
    for workload in document["workloads"]:
        for comparison in workload["comparisons"]:
            for result in comparison["results"]:
                address = (workload["label"].text(), comparison["pin"].text(), result["label"].text())
                if address in predictions:
                    result["label"].wrong(f"there are two predictions {' / '.join(address)}")
                predictions[address] = prediction_from(result, comparison, columns)
    return predictions


def open_report(path: Path) -> tuple[Value, ColumnReader]:
    """The document of a report and its columns; ``VersimError`` if it is something else."""
    document = read_values(path, Form.of_report())
    if document["format"].text() != FORMAT:
        document["format"].wrong(f"expected {FORMAT!r}")
    version = document["format_version"].integer()
    if not 1 <= version <= FORMAT_VERSION:
        document["format_version"].wrong(f"this versim reads versions 1 to {FORMAT_VERSION}, not {version}")
    return document, ColumnReader.open(path, document["columns"], version)


def prediction_from(result: Value, comparison: Value, columns: ColumnReader) -> Prediction:
    """The prediction in a result of a comparison, every column held to the sizes of its graph."""
    graph = comparison["graph"]
    nodes, messages, world = (graph[key].integer() for key in ("node_count", "communication_count", "world_size"))
    status = result["status"]
    if status.text() not in {known.value for known in Status}:
        status.wrong(f"expected one of {', '.join(Status)}, got {status.text()!r}")
    makespan = result["makespan_ps"]
    if makespan.missing == (status.text() == Status.COMPLETED.value):
        makespan.wrong("a makespan is given if and only if the simulation completed")
    ranks = columns.read("ranks", result["ranks"], rows=world)
    spans = columns.read("spans", result["spans"])
    for name, highest in (("node", nodes - 1), ("rank", world - 1), ("resource", max(Resource))):
        within(result["spans"], name, spans[name], highest)
    within(result["ranks"], "representative", ranks["representative"], world - 1)
    consumed = result["consumed"]
    return Prediction(
        simulator=result["simulator"].text(),
        engine=result["engine"].text(),
        digest=comparison["digest"].text(),
        status=Status(status.text()),
        makespan_ps=None if makespan.missing else makespan.integer(),
        finish_ps=ranks["finish_ps"],
        representative=ranks["representative"],
        spans=Spans(**spans),
        consumed=Consumed(
            compute_ns=columns.read("consumed_compute", consumed["compute"], rows=nodes)["compute_ns"],
            size_bytes=columns.read("consumed_communication", consumed["communication"], rows=messages)["size_bytes"],
            notes=consumed["notes"].texts(),
        ),
        diagnosis=result["diagnosis"].texts(),
        waiting=tuple(
            (pair["rank"].integer(highest=world - 1), pair["node"].integer(highest=nodes - 1))
            for pair in result["waiting"]
        ),
        reported_s=result["reported_s"].optional_number(),
        wall_s=None if result["wall_s"].missing else result["wall_s"].amount(),
        label=result["label"].text(),
        provenance=result["provenance"].mapping(),
        links=links_from(result, columns),
        measured=result.optional("measured").flag(),
    )
