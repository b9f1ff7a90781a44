"""Tidy tables of a report: one observation per row, one variable per column, units in the columns' names.

Every table begins with the columns that say what a row belongs to (workload, pin, and of predictions the instance),
so that any two can be joined. Times are whole picoseconds as in the JSON document; nothing is rounded for people.
An empty cell is "not modelled" or "did not complete".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
from versim import (
    NONE,
    PS_PER_S,
    Breakdown,
    Comparison,
    Op,
    Report,
    Result,
    held_against_measurements,
)

from versim_reporters.explanation import explanations
from versim_reporters.provenance import provenance_rows

Cell = str | int | float | bool | None
Row = tuple[Cell, ...]


@attrs.frozen
class TidyTable:
    """One table.

    Attributes:
        name: Its name, which becomes a file name.
        columns: Names of the columns.
        rows: One tuple per row, as long as ``columns``; may be consumed once.
    """

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]


_KEY = ("workload", "pin", "instance")
_TIMES = ("compute_ps", "communication_ps", "exposed_communication_ps", "idle_ps")
_PREDICTION = (
    *_KEY,
    *("simulator", "engine", "network", "status", "is_reference", "makespan_ps", "difference_ps"),
    *("difference_percent", "last_rank", *_TIMES, "shared_path_ps", "shared_path_percent"),
    *("wall_s", "reported_s"),
)
NOT_ASKED = "not_asked"
"""The status of a prediction that could not be asked for, since its pin could not be made."""


def tables_of(report: Report, *, spans: bool) -> Iterator[TidyTable]:
    """Every table of a report; that of all spans only on request, because it is long."""
    yield TidyTable("provenance", ("what", "value"), provenance_rows(report))
    yield TidyTable(
        "pins",
        ("workload", "pin", "digest", "producer", "ranks", "nodes", "communications", "compute_ns", "reference"),
        _pins(report),
    )
    yield TidyTable("predictions", _PREDICTION, (*_predictions(report), *_not_asked(report)))
    breakdown = ("phase", "executions", "missing", "total_ps", "mean_s")
    yield TidyTable("groups", (*_KEY, "group", *breakdown), _breakdowns(report, lambda result: result.groups))
    yield TidyTable(
        "operations", (*_KEY, "operation", *breakdown), _breakdowns(report, lambda result: result.operations)
    )
    yield TidyTable("explanations", (*_KEY, "position", "term", "effect_ps", "detail"), _explanations(report))
    yield TidyTable(
        "critical_paths",
        (*_KEY, "position", "node", "name", "rank", "start_ps", "end_ps", "waited_for"),
        _paths(report),
    )
    yield TidyTable(
        "path_changes",
        (*_KEY, "change", "node", "name", "rank", "path_ps", "duration_change_ps", "slack_ps", "reason"),
        _path_changes(report),
    )
    yield TidyTable("slack", (*_KEY, "node", "name", "rank", "slack_ps"), _slack(report))
    yield TidyTable(
        "links",
        (*_KEY, "link", "carried_bytes", "messages", "busy_ps", "utilization", "queueing_ps"),
        _links(report),
    )
    yield TidyTable(
        "sweep",
        (
            *(*_KEY, "communication", "kind", "ranks", "algorithm", "size_bytes", "in_step", "time_s"),
            *("algorithm_bandwidth_bytes_per_s", "bus_bandwidth_bytes_per_s", "ratio"),
            *("alpha_s", "beta_s_per_byte", "residual"),
        ),
        _sweep(report),
    )
    yield TidyTable(
        "accuracy", ("instance", "workload", "pin", "measured_ps", "predicted_ps", "error"), _errors(report)
    )
    yield TidyTable("checks", (*_KEY, "check", "passed", "detail", "declared"), _checks(report))
    yield TidyTable("ranks", (*_KEY, "rank", "representative", "finish_ps"), _ranks(report))
    yield TidyTable(
        "nodes",
        (
            *("workload", "pin", "node", "name", "op", "phase", "layer", "microbatch"),
            *("compute_ns", "communication", "kind", "size_bytes"),
        ),
        _nodes(report),
    )
    if spans:
        columns = ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")
        yield TidyTable("spans", (*_KEY, *columns), _spans(report))


def _known(value: int) -> int | None:
    return None if value < 0 else value


def _results(report: Report) -> Iterator[tuple[Row, Comparison, Result]]:
    for workload, comparison, result in report.results():
        yield (workload.label, comparison.inputs.label, result.label), comparison, result


def _pins(report: Report) -> Iterator[Row]:
    for workload in report.workloads:
        for comparison in workload.comparisons:
            pinned, graph = comparison.inputs, comparison.inputs.graph
            yield (
                *(workload.label, pinned.label, pinned.digest, workload.producer, graph.mesh.world_size),
                *(graph.node_count, graph.communication_count, int(pinned.compute_ns.sum()), comparison.reference),
            )


def _predictions(report: Report) -> Iterator[Row]:
    for key, comparison, result in _results(report):
        prediction, totals = result.prediction, result.totals
        yield (
            *key,
            *(prediction.simulator, prediction.engine, result.network, prediction.status.value),
            *(result.label == comparison.reference, prediction.makespan_ps, result.difference_ps),
            result.difference_percent,
            totals.rank if totals else None,
            *(getattr(totals, name) if totals else None for name in _TIMES),
            *(result.shared_path_ps, result.shared_path_percent, prediction.wall_s, prediction.reported_s),
        )


def _not_asked(report: Report) -> Iterator[Row]:
    """A row for each prediction that could not be asked for, with what is known of it."""
    for workload in report.workloads:
        for unpinned in workload.unpinned:
            for label in unpinned.labels:
                known = {"workload": workload.label, "pin": unpinned.pin, "instance": label, "status": NOT_ASKED}
                yield tuple(known.get(column) for column in _PREDICTION)


def _breakdowns(report: Report, of: Callable[[Result], tuple[Breakdown, ...]]) -> Iterator[Row]:
    for key, _, result in _results(report):
        for row in of(result):
            mean_s = row.mean_ps / PS_PER_S if row.count > row.missing else None
            yield (*key, row.key, row.phase, row.count, row.missing, row.total_ps, mean_s)


def _explanations(report: Report) -> Iterator[Row]:
    for workload in report.workloads:
        for comparison in workload.comparisons:
            for explanation in explanations(comparison):
                for position, bar in enumerate(explanation.bars):
                    yield (
                        *(workload.label, comparison.inputs.label, explanation.label),
                        *(position, bar.name, bar.effect_ps, bar.detail),
                    )


def _paths(report: Report) -> Iterator[Row]:
    for key, comparison, result in _results(report):
        graph = comparison.inputs.graph
        for position, step in enumerate(result.critical_path.steps if result.critical_path else ()):
            yield (
                *key,
                *(position, step.node, graph.node_name(step.node), step.rank),
                *(step.start_ps, step.end_ps, step.waited_for),
            )


def _path_changes(report: Report) -> Iterator[Row]:
    for key, comparison, result in _results(report):
        change, graph = result.path_change, comparison.inputs.graph
        for word, moves in (("entered", change.entered), ("left", change.left)) if change else ():
            for move in moves:
                yield (
                    *(*key, word, move.node, graph.node_name(move.node), move.rank),
                    *(move.path_ps, move.change_ps, move.slack_ps, move.reason.value),
                )


def _slack(report: Report) -> Iterator[Row]:
    for workload in report.workloads:
        for comparison in workload.comparisons:
            graph, instances = comparison.inputs.graph, comparison.instances
            nodes, ranks = instances.node.tolist(), instances.ranks.tolist()
            for result in comparison.results:
                slack_ps = () if result.slack_ps is None else result.slack_ps.tolist()
                for node, rank, slack in zip(nodes, ranks, slack_ps, strict=False):
                    key = (workload.label, comparison.inputs.label, result.label)
                    yield (*key, node, graph.names[graph.name[node]], rank, slack)


def _links(report: Report) -> Iterator[Row]:
    for key, _, result in _results(report):
        loads, makespan_ps = result.prediction.links, result.prediction.makespan_ps
        if loads is None:
            continue
        columns = (loads.carried_bytes, loads.messages, loads.busy_ps, loads.queueing_ps)
        for name, carried, messages, busy, queueing in zip(loads.name, *(c.tolist() for c in columns), strict=True):
            yield (*key, name, carried, messages, busy, busy / makespan_ps if makespan_ps else None, _known(queueing))


def _sweep(report: Report) -> Iterator[Row]:
    for workload in report.workloads:
        for comparison in workload.comparisons:
            for swept in comparison.sweep or ():
                in_step = dict(swept.in_step)
                for curve in swept.curves:
                    key = (workload.label, comparison.inputs.label, curve.model)
                    line = curve.fit()
                    fitted = (line.alpha_s, line.beta_s_per_byte, line.residual) if line else (None, None, None)
                    for size in swept.sizes_bytes:
                        yield (
                            *(*key, swept.name, swept.kind.value, len(swept.ranks), swept.algorithm),
                            *(size, in_step.get(size, 0), curve.time_s(size)),
                            *(curve.algorithm_bandwidth(size), curve.bus_bandwidth(size), swept.ratio(curve, size)),
                            *fitted,
                        )


def _errors(report: Report) -> Iterator[Row]:
    for found in held_against_measurements(report):
        for step in found.errors:
            yield (found.label, step.workload, step.pin, step.measured_ps, step.predicted_ps, step.error)


def _checks(report: Report) -> Iterator[Row]:
    for key, _, result in _results(report):
        yield from ((*key, check.name, check.passed, check.detail, check.declared) for check in result.checks)


def _ranks(report: Report) -> Iterator[Row]:
    for key, _, result in _results(report):
        prediction = result.prediction
        columns = zip(prediction.representative.tolist(), prediction.finish_ps.tolist(), strict=True)
        for rank, (representative, finish_ps) in enumerate(columns):
            yield (*key, rank, representative, _known(finish_ps))


def _nodes(report: Report) -> Iterator[Row]:
    ops = [op.name.lower() for op in Op]
    for workload in report.workloads:
        for comparison in workload.comparisons:
            graph = comparison.inputs.graph
            phases, kinds = graph.phases, graph.kinds
            kind, size_bytes = graph.kind.tolist(), graph.size_bytes.tolist()
            columns = (graph.name, graph.op, graph.phase, graph.layer, graph.microbatch, comparison.inputs.compute_ns)
            rows = zip(*(column.tolist() for column in columns), graph.match.tolist(), strict=True)
            for node, (name, op, phase, layer, microbatch, compute_ns, match) in enumerate(rows):
                yield (
                    *(workload.label, comparison.inputs.label, node, graph.names[name], ops[op], phases[phase].value),
                    *(_known(layer), _known(microbatch)),
                    *((compute_ns, None, None, None) if match == NONE else (None, match)),
                    *(() if match == NONE else (kinds[kind[match]].value, size_bytes[match])),
                )


def _spans(report: Report) -> Iterator[Row]:
    for key, _, result in _results(report):
        spans = result.prediction.spans
        times = (spans.ready_ps, spans.start_ps, spans.end_ps)
        rows = zip(spans.node.tolist(), spans.rank.tolist(), *(t.tolist() for t in times), strict=True)
        for (node, rank, ready_ps, start_ps, end_ps), resource in zip(rows, spans.resource.tolist(), strict=True):
            occupied = "communication" if resource else "compute"
            yield (*key, node, rank, _known(ready_ps), start_ps, end_ps, occupied)
