"""The backend ``measurement``: what a machine took, as one more column.

It simulates nothing. A recorded step time becomes a makespan and no spans: when single nodes ran was not measured, and
what was not measured is not made up. Recorded operations become the spans of the nodes of the same name, and of those
only. A machine consumed none of the pinned figures, so nothing is reported as consumed.
"""

# ruff: noqa: RUF009 - option() is attrs.field() with a help text
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
from versim import (
    NO_TIME,
    PS_PER_S,
    Consumed,
    Inputs,
    Op,
    Prediction,
    Resource,
    SimulationRequest,
    Spans,
    Status,
    VersimError,
    option,
)

from versim_basics.records import Record, read_record, seconds, unit_of


@attrs.frozen(kw_only=True)
class MeasurementOptions:
    """Options of the backend ``measurement``."""

    file: Path = option(path=True, help="a CSV or YAML file of recorded times")
    where: Mapping[str, Any] = option(factory=dict, help="column: value of the row (for ops: the rows) that is meant")
    rows: Literal["step", "ops"] = option(
        "step",
        validator=attrs.validators.in_(("step", "ops")),
        help="step: the row is the time of the whole step; ops: each row is when one operation ran on one rank",
    )
    column: str = option("measured_s", help="step: the column with the time")
    name_column: str = option("op", help="ops: the column with the node's name in the graph")
    rank_column: str = option("rank", help="ops: the column with the rank; without such a column rank 0 is meant")
    start_column: str = option("start_s", help="ops: the column with the start, from the start of the step")
    end_column: str = option("end_s", help="ops: the column with the end")
    unit: Literal["", "s", "ms", "us", "ns"] = option(
        "",
        validator=attrs.validators.in_(("", "s", "ms", "us", "ns")),
        help="of the times; the ending of the column's name unless given",
    )
    source: str = option("", help="where the times come from, if the file does not say")


@attrs.frozen
class Measurement:
    """The backend ``measurement``."""

    name: str = "measurement"
    options: type = MeasurementOptions

    def simulate(self, request: SimulationRequest) -> Prediction:
        """The recorded times as a prediction.

        Raises:
            VersimError: The record cannot be read, or does not say what took how long.
        """
        options: MeasurementOptions = request.options
        record = read_record(options.file, options.source)
        graph = request.inputs.graph
        world = graph.mesh.world_size
        if options.rows == "step":
            spans, makespan_ps = Spans.none(), _step_ps(record, options)
            # Ranks of a synchronous step begin the next one together, so it is over for all of them.
            finish_ps = np.full(world, makespan_ps, dtype=np.int64)
            said = "only the time of the whole step was measured"
        else:
            spans = _operations(record, options, request.inputs)
            finish_ps = np.full(world, NO_TIME, dtype=np.int64)
            np.maximum.at(finish_ps, spans.rank, spans.end_ps)
            makespan_ps = int(finish_ps.max())
            said = f"{spans.count} operations on {len(set(spans.rank.tolist()))} ranks were measured, nothing else"
        return Prediction(
            simulator=self.name,
            engine="recorded",
            digest=request.inputs.digest,
            status=Status.COMPLETED,
            makespan_ps=makespan_ps,
            finish_ps=finish_ps,
            representative=np.arange(world, dtype=np.int64),
            spans=spans,
            consumed=Consumed(
                compute_ns=np.full(graph.node_count, NO_TIME, dtype=np.int64),
                size_bytes=np.full(graph.communication_count, NO_TIME, dtype=np.int64),
                notes=("measured on a machine: the pinned times and bytes were not used",),
            ),
            diagnosis=(said,),
            provenance={"source": record.source, "file": options.file.name, "sha256": record.sha256},
            measured=True,
        )


def _chosen(record: Record, options: MeasurementOptions) -> tuple[Mapping[str, str], ...]:
    rows = record.where(options.where)
    if not rows:
        chosen = ", ".join(f"{column}={value}" for column, value in options.where.items())
        raise VersimError(f"{record.name}: no row with {chosen}")
    return rows


def _cell(row: Mapping[str, str], column: str, record: Record) -> str:
    if column not in row:
        raise VersimError(f"{record.name}: has no column {column!r}; there are {', '.join(row)}")
    return row[column]


def _step_ps(record: Record, options: MeasurementOptions) -> int:
    rows = _chosen(record, options)
    if len(rows) > 1:
        raise VersimError(f"{record.name}: {len(rows)} rows are meant; choose one with where: {{column: value}}")
    cell = _cell(rows[0], options.column, record)
    time_s = seconds(cell, unit_of(options.column, options.unit), f"{record.name}: {options.column}")
    return round(time_s * PS_PER_S)


def _operations(record: Record, options: MeasurementOptions, pinned: Inputs) -> Spans:
    """Rows of one name on one rank are the nodes of that name there, in program order."""
    graph = pinned.graph
    starts, ends = (unit_of(column, options.unit) for column in (options.start_column, options.end_column))
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for number, row in enumerate(_chosen(record, options), start=1):
        place = f"{record.name}: row {number}"
        rank = _rank(row.get(options.rank_column, "0"), graph.mesh.world_size, place)
        start_cell = _cell(row, options.start_column, record)
        start_s = 0.0 if _is_zero(start_cell) else seconds(start_cell, starts, place)
        end_s = seconds(_cell(row, options.end_column, record), ends, place)
        if end_s < start_s:
            raise VersimError(f"{place}: ends before it starts")
        key = _cell(row, options.name_column, record), rank
        found.setdefault(key, []).append((round(start_s * PS_PER_S), round(end_s * PS_PER_S)))
    placed: list[tuple[int, int, int, int]] = []
    for (name, rank), times in found.items():
        nodes = _nodes_named(pinned, name, rank)
        if len(nodes) != len(times):
            raise VersimError(
                f"{record.name}: {len(times)} rows of {name!r} on rank {rank}, where the graph has {len(nodes)} nodes "
                "of that name"
            )
        placed += [(node, rank, *time) for node, time in zip(nodes, sorted(times), strict=True)]
    placed.sort()
    node, ranks, start_ps, end_ps = (np.array(column, dtype=np.int64) for column in zip(*placed, strict=True))
    is_compute = graph.op[node] == Op.COMPUTE
    return Spans(
        node=node.astype(np.int32),
        rank=ranks,
        ready_ps=np.full(len(placed), NO_TIME, dtype=np.int64),
        start_ps=start_ps,
        end_ps=end_ps,
        resource=np.where(is_compute, Resource.COMPUTE, Resource.COMMUNICATION).astype(np.int8),
    )


def _is_zero(cell: str) -> bool:
    try:
        return float(cell) == 0
    except ValueError:
        return False


def _rank(cell: str, world: int, place: str) -> int:
    if not (cell.isascii() and cell.isdigit() and int(cell) < world):
        raise VersimError(f"{place}: rank {cell!r} is none of 0..{world - 1}")
    return int(cell)


def _nodes_named(pinned: Inputs, name: str, rank: int) -> list[int]:
    graph = pinned.graph
    if name not in graph.names:
        raise VersimError(f"no node of the graph is named {name!r}; names are {', '.join(sorted(graph.names)[:8])} …")
    rows: list[int] = np.flatnonzero(graph.name == graph.names.index(name)).tolist()
    return [row for row in rows if rank in graph.mesh.ranks(graph.placements[int(graph.placement[row])])]
