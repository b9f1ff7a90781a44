"""A report as one JSON document: every figure in integer picoseconds, and in seconds where people look.

``None`` is "not modelled" or "did not complete", never 0. The form is stated in ``report.schema.json``, see
:mod:`versim.storage.form`; ``format_version`` is raised when a field changes its meaning or goes.
"""

from __future__ import annotations

from typing import Any

import attrs

from versim.comparison.critical_path import CriticalPath
from versim.comparison.model import FORMAT_VERSION, Comparison, Report, Result, WorkloadReport
from versim.comparison.totals import Breakdown, Totals
from versim.graph import ExecutionGraph
from versim.inputs import Inputs
from versim.storage.accuracy import accuracy_document
from versim.storage.causes import causes_document
from versim.storage.columns import ColumnWriter, Place, archive_name
from versim.storage.explanation import attribution_document, path_change_document
from versim.storage.form import Form
from versim.storage.inputs import graph_document, system_document
from versim.storage.links import links_document
from versim.storage.loss import consumed_document
from versim.storage.sizes import sanity_document, sizes_document
from versim.storage.sweep import sweep_document
from versim.storage.text import number, strings
from versim.units import PS_PER_S

FORMAT = "versim-report"

SPANS_INLINE_LIMIT = 100_000
"""More spans than this in one report go into an ``.npz`` beside it."""

_STATEMENTS = {
    Place.INLINE: "all columns are in this document",
    Place.ATTACHED: (
        "the columns are in the .npz named by attachment, beside this document if it was written to a file; "
        "a document that was printed has none"
    ),
    Place.OMITTED: (
        "the columns are left out because there are too many for a document without a file beside it; "
        "write the report to a file to keep them"
    ),
}


def report_document(
    report: Report, spans_inline_limit: int = SPANS_INLINE_LIMIT, *, attach: bool = True
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A report as JSON values, and the files that belong beside it.

    Args:
        report: What to write.
        spans_inline_limit: With more spans than this in all, or a longer column of nodes or ranks, columns leave the
            document.
        attach: Whether they may go into a file beside it; otherwise they are left out, and the document says so.

    Returns:
        The document, and file names with their content.
    """
    results = report.results()
    longest = max(
        [
            sum(result.prediction.spans.count for _, _, result in results),
            *(comparison.inputs.graph.node_count for _, comparison, _ in results),
            *(len(comparison.inputs.graph.dependency) for _, comparison, _ in results),
            *(comparison.inputs.graph.communication_count for _, comparison, _ in results),
            *(comparison.inputs.graph.mesh.world_size for _, comparison, _ in results),
            *(result.prediction.links.count for _, _, result in results if result.prediction.links is not None),
        ]
    )
    many = Place.ATTACHED if attach else Place.OMITTED
    columns = ColumnWriter(Place.INLINE if longest <= spans_inline_limit else many)
    workloads = [_workload(workload, columns) for workload in report.workloads]
    archive = columns.archive()
    attachments = {} if archive is None else {archive_name(archive): archive}
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "scenario": report.scenario,
        "description": report.description,
        "provenance": strings(report.provenance),
        "worst_difference_percent": report.worst_difference_percent(),
        "incomplete": list(report.incomplete()),
        "accuracy": accuracy_document(report),
        "columns": {
            "place": columns.place.value,
            "statement": _STATEMENTS[columns.place],
            "attachment": None if archive is None else {"file": archive_name(archive), "size_bytes": len(archive)},
        },
        "workloads": workloads,
    }
    Form.of_report().hold(document)
    return document, attachments


def _workload(workload: WorkloadReport, columns: ColumnWriter) -> dict[str, Any]:
    return {
        "label": workload.label,
        "producer": workload.producer,
        "comparisons": [_comparison(comparison, columns) for comparison in workload.comparisons],
        "unpinned": [
            {"pin": unpinned.pin, "labels": list(unpinned.labels), "why": unpinned.why}
            for unpinned in workload.unpinned
        ],
    }


def _comparison(comparison: Comparison, columns: ColumnWriter) -> dict[str, Any]:
    pinned = comparison.inputs
    return {
        "pin": pinned.label,
        "same_as": list(comparison.same_as),
        "digest": pinned.digest,
        "provenance": strings(pinned.provenance),
        "origins": [
            {
                "role": share.role,
                "source": share.origin.source.value,
                "by": share.origin.by,
                "detail": share.origin.detail,
                "seconds": share.seconds,
            }
            for share in pinned.origins
        ],
        "sizes": sizes_document(pinned.sizes),
        "reference": comparison.reference,
        "system": system_document(comparison.inputs.system),
        "graph": graph_document(pinned, columns),
        "instances": columns.write(
            "instances", {"node": comparison.instances.node, "rank": comparison.instances.ranks}
        ),
        "results": [_result(result, pinned, columns) for result in comparison.results],
        "sweep": sweep_document(comparison.sweep),
    }


def _seconds(time_ps: float | None) -> float | None:
    return None if time_ps is None else time_ps / PS_PER_S


def _result(result: Result, pinned: Inputs, columns: ColumnWriter) -> dict[str, Any]:
    prediction, graph = result.prediction, pinned.graph
    spans = prediction.spans
    return {
        "label": result.label,
        "simulator": prediction.simulator,
        "engine": prediction.engine,
        "network": result.network,
        "provenance": strings(prediction.provenance),
        "measured": prediction.measured,
        "status": prediction.status.value,
        "makespan_ps": _integer(prediction.makespan_ps),
        "makespan_s": _seconds(prediction.makespan_ps),
        "difference_ps": _integer(result.difference_ps),
        "difference_s": _seconds(result.difference_ps),
        "difference_percent": number(result.difference_percent),
        "totals": _totals(result.totals),
        "sanity": sanity_document(result.sanity),
        "wall_s": number(prediction.wall_s),
        "reported_s": number(prediction.reported_s),
        "checks": [attrs.asdict(check) for check in result.checks],
        "diagnosis": list(prediction.diagnosis),
        "waiting": [
            {"rank": int(rank), "node": int(node), "name": graph.node_name(int(node))}
            for rank, node in prediction.waiting
        ],
        "groups": [_breakdown(row) for row in result.groups],
        "operations": [_breakdown(row) for row in result.operations],
        "critical_path": _path(result.critical_path, graph),
        "shared_path_ps": _integer(result.shared_path_ps),
        "shared_path_s": _seconds(result.shared_path_ps),
        "shared_path_percent": number(result.shared_path_percent),
        "attribution": attribution_document(result.attribution),
        "causes": causes_document(result.causes),
        "path_change": path_change_document(result.path_change, graph),
        "consumed": consumed_document(prediction, pinned, columns),
        "ranks": columns.write(
            "ranks", {"finish_ps": prediction.finish_ps, "representative": prediction.representative}
        ),
        "spans": columns.write(
            "spans",
            {
                "node": spans.node,
                "rank": spans.rank,
                "ready_ps": spans.ready_ps,
                "start_ps": spans.start_ps,
                "end_ps": spans.end_ps,
                "resource": spans.resource,
            },
        ),
        "slack": None if result.slack_ps is None else columns.write("slack", {"slack_ps": result.slack_ps}),
        "links": links_document(prediction.links, columns),
    }


def _integer(value: int | None) -> int | None:
    return None if value is None else int(value)


def _totals(totals: Totals | None) -> dict[str, Any] | None:
    if totals is None:
        return None
    times = {
        "compute": totals.compute_ps,
        "communication": totals.communication_ps,
        "exposed_communication": totals.exposed_communication_ps,
        "idle": totals.idle_ps,
    }
    return {
        "rank": int(totals.rank),
        **{f"{name}_ps": int(time_ps) for name, time_ps in times.items()},
        **{f"{name}_s": time_ps / PS_PER_S for name, time_ps in times.items()},
        "communication_ratio": totals.communication_ratio,
    }


def _breakdown(row: Breakdown) -> dict[str, Any]:
    return {
        "key": row.key,
        "phase": row.phase,
        "count": int(row.count),
        "missing": int(row.missing),
        "total_ps": int(row.total_ps),
        "total_s": row.total_ps / PS_PER_S,
        "mean_s": row.mean_ps / PS_PER_S,
    }


def _path(path: CriticalPath | None, graph: ExecutionGraph) -> dict[str, Any] | None:
    if path is None:
        return None
    times = {"compute": path.compute_ps, "communication": path.communication_ps, "gap": path.gap_ps}
    return {
        **{f"{name}_ps": int(time_ps) for name, time_ps in times.items()},
        **{f"{name}_s": time_ps / PS_PER_S for name, time_ps in times.items()},
        "steps": [
            {
                "node": int(step.node),
                "name": graph.node_name(step.node),
                "rank": int(step.rank),
                "start_ps": int(step.start_ps),
                "end_ps": int(step.end_ps),
                "waited_for": step.waited_for,
            }
            for step in path.steps
        ],
    }
