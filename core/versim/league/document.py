"""The league as data: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import attrs

from versim.league.result import League, Row, RunResult
from versim.league.statistics import Errors, is_marked

FORMAT_VERSION = 1


def as_json(league: League, provenance: Mapping[str, str] | None = None) -> str:
    """The whole league; errors are fractions, times seconds, memory GiB."""
    return json.dumps(as_plain(league, provenance), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_plain(league: League, provenance: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The league as plain data."""
    labels = [column.label for column in league.columns]
    return {
        "format_version": FORMAT_VERSION,
        "provenance": dict(provenance or {}),
        "recommended": league.recommended,
        "columns": [{"label": column.label, **attrs.asdict(column)} for column in league.columns],
        "records": len(league.results),
        "timed": len(league.timed),
        "modelled": league.modelled,
        "skipped": league.skipped,
        "remarks": list(league.remarks),
        "overall": {label: _rows(league.rows(label, league.overall)) for label in labels},
        "by": {
            grouping: {label: _rows(league.rows(label, league.groups(grouping))) for label in labels}
            for grouping in league.groupings()
        },
        "noise_floor": {
            name: {"runs": noise[0], "mean_absolute": noise[1]}
            for name, chosen in ({"all": league.timed} | league.groups("table")).items()
            if (noise := league.noise(chosen))
        },
        "baselines": {
            baseline: {
                name: _errors(league.baseline_errors(baseline, chosen))
                for name, chosen in ({"all": league.timed} | league.groups("table")).items()
            }
            for baseline in league.baselines
        },
        "memory": _memory(league),
        "profiles": {
            framework: [
                {
                    "column": label,
                    "group": group,
                    "constants": dict(fitted.constants),
                    "runs": fitted.runs,
                    "error_on_left_out_folds": fitted.error,
                    "error_without": fitted.error_without,
                }
                for group, label, fitted in profile.sets()
                if label in labels
            ]
            for framework, profile in league.profiles.items()
        },
        "runs": [_run(result, labels) for result in league.results],
    }


def _run(result: RunResult, labels: list[str]) -> dict[str, Any]:
    record = result.record
    outcomes = {label: result.outcomes.get(label) for label in labels}
    reasons = {label: outcome.reason for label, outcome in outcomes.items() if outcome and outcome.reason}
    return {
        "id": record.id,
        "framework": record.framework,
        "gpu": record.gpu,
        "measured_s": record.step_s,
        "predicted_s": {label: outcome.predicted_s if outcome else None for label, outcome in outcomes.items()},
        "profiled_s": {label: outcome.profiled_s if outcome else None for label, outcome in outcomes.items()},
        "predicted_persistent_gib": result.persistent_gib,
        "predicted_peak_gib": result.peak_gib,
        "out_of_memory": record.out_of_memory,
        "predicted_out_of_memory": result.predicted_out_of_memory,
        "skipped": result.skipped,
        "not_predicted": reasons,
        "model": record.model,
        "gpus": record.gpus,
        "table": result.table,
        "fitted": result.was_fitted,
        "marked": is_marked(record),
        "shares": {label: dict(outcome.shares) for label, outcome in outcomes.items() if outcome and outcome.shares},
        "origins": {label: dict(outcome.origins) for label, outcome in outcomes.items() if outcome and outcome.origins},
        "caveats": list(result.caveats),
    }


def _rows(rows: tuple[Row, ...]) -> dict[str, Any]:
    return {row.group: {"without": _errors(row.without), "profiled": _errors(row.profiled)} for row in rows}


def _errors(errors: Errors | None) -> dict[str, Any] | None:
    return None if errors is None else attrs.asdict(errors)


def _memory(league: League) -> dict[str, Any]:
    memory = league.memory
    found: dict[str, Any] = {}
    for name, relative in (("persistent", memory.persistent), ("peak", memory.peak)):
        if relative is not None:
            found[name] = dict(zip(("runs", "mean_absolute", "median_signed"), relative, strict=True))
    if memory.within_reserved is not None:
        found["peak_within_reserved"] = dict(zip(("runs", "share"), memory.within_reserved, strict=True))
    for name, confusion in (("out_of_memory", memory.out_of_memory), ("out_of_memory_near_the_limit", memory.near)):
        if confusion.runs:
            plain = {"runs": confusion.runs, "right": confusion.right, "majority": confusion.majority}
            found[name] = plain | attrs.asdict(confusion)
    return found


def as_csv(league: League) -> str:
    """One line per run: what was measured, and what each column predicts with its signed error."""
    labels = [column.label for column in league.columns]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    per_column = [
        f"{name} {label}"
        for label in labels
        for name in ("predicted_s", "error", "profiled_s", "profiled_error", "dominates")
    ]
    writer.writerow(
        [
            "id", "framework", "gpu", "gpus", "model", "table", "measured_s", *per_column, "predicted_persistent_gib",
            "predicted_peak_gib", "out_of_memory", "predicted_out_of_memory", "fitted", "marked", "skipped", "caveats",
        ]
    )  # fmt: skip
    for result in league.results:
        record = result.record
        cells: list[Any] = [record.id, record.framework, record.gpu, record.gpus, record.model, result.table]
        cells.append(record.step_s)
        for label in labels:
            outcome = result.outcomes.get(label)
            for seconds in (outcome.predicted_s, outcome.profiled_s) if outcome else (None, None):
                cells += [seconds, seconds / record.step_s - 1 if seconds and record.step_s else None]
            cells.append(next(iter(outcome.shares), "") if outcome else "")
        cells += [result.persistent_gib, result.peak_gib, record.out_of_memory, result.predicted_out_of_memory]
        cells += [result.was_fitted, is_marked(record), result.skipped or "", "; ".join(result.caveats)]
        writer.writerow([_cell(value) for value in cells])
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return "'" + value  # a spreadsheet would run it as a formula
    return value
