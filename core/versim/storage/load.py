"""Reading predictions back from a saved report.

A report may come from anywhere: nothing in it is believed before its type, length and range are checked.
"""

from __future__ import annotations

from pathlib import Path

from versim.comparison.model import FORMAT_VERSION
from versim.plain.values import read_values
from versim.prediction import Consumed, LinkLoads, Prediction, Resource, Spans, Status
from versim.storage.column_reader import ColumnReader, within
from versim.storage.document import FORMAT, REPORT
from versim.storage.form import Opened

Address = tuple[str, str, str]
"""Workload, pin and label of a prediction."""


def load_predictions(path: Path) -> dict[Address, Prediction]:
    """Every prediction of a saved report, by (workload, pin, label), in the order of the report.

    Raises:
        VersimError: The file is not a report, was damaged, or its columns are missing; names file and place.
    """
    report, columns = open_report(path)
    predictions: dict[Address, Prediction] = {}
    for workload in report.workloads:
        for comparison in workload.comparisons:
            for result in comparison.results:
                address = (workload.label, comparison.pin, result.label)
                if address in predictions:
                    result.wrong("label", f"there are two predictions {' / '.join(address)}")
                predictions[address] = prediction_from(result, comparison, columns)
    return predictions


def open_report(path: Path) -> tuple[Opened, ColumnReader]:
    """A report and its columns; ``VersimError`` if it is something else."""
    document = read_values(path)
    if document["format"].text() != FORMAT:
        document["format"].wrong(f"expected {FORMAT!r}")
    version = document["format_version"].integer()
    if not 1 <= version <= FORMAT_VERSION:
        document["format_version"].wrong(f"this versim reads versions 1 to {FORMAT_VERSION}, not {version}")
    report: Opened = REPORT.read(document)
    return report, ColumnReader.open(path, report.columns, version)


def prediction_from(result: Opened, comparison: Opened, columns: ColumnReader) -> Prediction:
    """The prediction in a result of a comparison, every column held to the sizes of its graph."""
    graph = comparison.graph
    nodes, messages, world = graph.node_count, graph.communication_count, graph.world_size
    status, makespan_ps = result.status, result.makespan_ps
    if (makespan_ps is None) == (status is Status.COMPLETED):
        result.wrong("makespan_ps", "a makespan is given if and only if the simulation completed")
    ranks = columns.read("ranks", result.ranks, rows=world)
    spans = columns.read("spans", result.spans)
    for name, highest in (("node", nodes - 1), ("rank", world - 1), ("resource", max(Resource))):
        within(result.spans, name, spans[name], highest)
    within(result.ranks, "representative", ranks["representative"], world - 1)
    consumed = result.consumed
    waiting = tuple(
        (pair["rank"].integer(highest=world - 1), pair["node"].integer(highest=nodes - 1))
        for pair in result.at("waiting")
    )
    return Prediction(
        simulator=result.simulator,
        engine=result.engine,
        digest=comparison.digest,
        status=status,
        makespan_ps=makespan_ps,
        finish_ps=ranks["finish_ps"],
        representative=ranks["representative"],
        spans=Spans(**spans),
        consumed=Consumed(
            compute_ns=columns.read("consumed_compute", consumed.compute, rows=nodes)["compute_ns"],
            size_bytes=columns.read("consumed_communication", consumed.communication, rows=messages)["size_bytes"],
            notes=consumed.notes,
        ),
        diagnosis=result.diagnosis,
        waiting=waiting,
        reported_s=result.reported_s,
        wall_s=result.wall_s,
        label=result.label,
        provenance=result.provenance,
        links=_links_from(result, columns),
        measured=result.measured,
    )


def _links_from(result: Opened, columns: ColumnReader) -> LinkLoads | None:
    links = result.links
    if links is None:
        return None
    names = links.name
    loads = columns.read("links", links.loads, rows=len(names))
    try:
        return LinkLoads(name=names, **loads)
    except ValueError as error:
        result.wrong("links", str(error))
