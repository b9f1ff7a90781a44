"""Files of run records: CSV with a header, every fault by line and column, nothing unbounded.

A column may be left out where its meaning has a default (:data:`~versim.league.record.COLUMNS`), so a row typed by hand
needs little: ``gpu,gpus,model,seq_len,gbs,step_s`` is a file. A column nobody knows is remembered and said, unless it
looks like a known one misspelt: then it is a fault.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from versim.errors import FaultsError
from versim.league.record import COLUMNS, RecordColumn, RunRecord
from versim.plain import Table, parse_table, read_table

LONGEST_CELL = 20_000

_MOST_FAULTS = 50
_BY_NAME = {column.name: column for column in COLUMNS}
_ONE = ("mbs", "tp", "pp", "vp", "cp", "ep")
_FLAGS = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


@attrs.frozen(kw_only=True)
class Records:
    """What was read.

    Attributes:
        runs: In the order of the files and their lines.
        remarks: What a reader should know: columns that were not used.
    """

    runs: tuple[RunRecord, ...]
    remarks: tuple[str, ...] = ()


def read_records(files: Sequence[Path]) -> Records:
    """The records of some files, in order.

    Raises:
        UnreadableError: A file cannot be read, is too large, or is no CSV.
        FaultsError: Every fault of what the files say, by line and column.
    """
    return _records([read_table(file) for file in files])


def parse_records(text: str, source: str = "records") -> Records:
    """The records of a text; see :func:`read_records`."""
    return _records([parse_table(text, source)])


def _records(tables: Sequence[Table]) -> Records:
    runs: list[RunRecord] = []
    remarks: list[str] = []
    faults: list[str] = []
    seen: dict[str, str] = {}
    for table in tables:
        found = _faults_of_header(table)
        faults += found
        if not found:
            remarks += [f"{table.source}: column {n[:40]!r} is not known and was not used" for n in _unknown(table)]
            for run in _runs(table, faults):
                if run.id in seen:
                    faults.append(f"{run.place}, column id: {run.id[:40]!r} is the id of {seen[run.id]}, too")
                seen.setdefault(run.id, run.place)
                runs.append(run)
    if faults:
        more = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        raise FaultsError("run records", [*faults[:_MOST_FAULTS], *more])
    return Records(runs=tuple(runs), remarks=tuple(remarks))


def _unknown(table: Table) -> list[str]:
    return [name for name in table.columns if name not in _BY_NAME]


def _faults_of_header(table: Table) -> list[str]:
    if not table.columns:
        return [f"{table.source}: is empty; its first line has to name the columns"]
    faults = []
    for name in _unknown(table):
        close = difflib.get_close_matches(name, set(_BY_NAME) - set(table.columns), n=1, cutoff=0.8)
        if close:
            faults.append(f"{table.source}: no column is named {name[:40]!r}; did you mean {close[0]!r}?")
    missing = [column for column in COLUMNS if column.required and column.name not in table.columns]
    faults += [f"{table.source}: column {column.name!r} is missing ({column.meaning})" for column in missing]
    return faults


def _runs(table: Table, faults: list[str]) -> Iterator[RunRecord]:
    for line, cells in zip(table.lines, table.rows, strict=True):
        before = len(faults)
        values: dict[str, Any] = {}
        for column in COLUMNS:
            text = cells.get(column.name, "")
            values[column.name] = "" if column.kind == "text" else None
            place = f"{table.source}, line {line}, column {column.name}"
            if not text:
                faults += [f"{place}: is empty; every run needs it ({column.meaning})"] if column.required else []
                continue
            try:
                values[column.name] = _value(column, text)
            except ValueError as error:
                faults.append(f"{place}: {error}")
        if len(faults) == before and not values["model"] and values["hidden"] is None:
            faults.append(f"{table.source}, line {line}: names neither a model nor an architecture (layers, hidden, …)")
        if len(faults) == before:
            yield RunRecord(file=table.source, line=line, **_completed(values, line))


def _completed(values: dict[str, Any], line: int) -> dict[str, Any]:
    """What is not said and has a default."""
    values["id"] = values["id"] or f"line-{line}"
    for name in _ONE:
        values[name] = values[name] or 1
    degrees = values["tp"] * values["pp"] * values["cp"]
    if values["dp"] is None:
        values["dp"] = max(1, (values["gpus"] or degrees) // degrees)
    values["gpus"] = values["gpus"] or degrees * values["dp"]
    values["sharding"] = values["sharding"] or "none"
    if not values["schedule"]:
        values["schedule"] = "none" if values["pp"] == 1 else "1f1b" if values["vp"] == 1 else "interleaved"
    return values


def _value(column: RecordColumn, text: str) -> str | int | float | bool:
    if len(text) > LONGEST_CELL:
        raise ValueError(f"has {len(text)} characters; at most {LONGEST_CELL} are read")
    if column.kind == "text":
        if column.choices and text not in column.choices:
            raise ValueError(f"{text[:40]!r} is not one of {', '.join(column.choices)}")
        return text
    if column.kind == "flag":
        if text.lower() not in _FLAGS:
            raise ValueError(f"{text[:40]!r} is neither 0 nor 1")
        return _FLAGS[text.lower()]
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None
    if not math.isfinite(number) or number <= 0:
        raise ValueError(f"{text[:40]} is not a number above 0")
    if number > column.most:
        raise ValueError(f"{text[:40]} is more than {column.most:.0e}")
    if column.kind == "count":
        if not number.is_integer():
            raise ValueError(f"{text[:40]} is not a whole number")
        return int(number)
    return number
