"""Recorded times: a table of what somebody measured, and where the figures come from.

CSV, the source in the comment above the header::

    # Seconds per iteration, eight A100, from ... table 5
    model,recompute,measured_s
    small,full,1.42

or YAML, a mapping of ``source`` and ``rows``::

    source: ... table 5
    rows:
      - {model: small, recompute: full, measured_s: 1.42}

A record that does not say where it comes from is refused: nobody could hold a simulator against it.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml
from versim import FaultsError, VersimError

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds per unit."""

LARGEST_BYTES = 64 * 1024 * 1024
"""Files are read whole; a table of measurements is smaller."""


@attrs.frozen(kw_only=True)
class Record:
    """A table of measurements.

    Attributes:
        name: The file, for messages.
        source: Where the figures come from, in one line.
        rows: Column ─▶ what stands there, as text.
        sha256: Of the file's bytes.
    """

    name: str
    source: str
    rows: tuple[Mapping[str, str], ...]
    sha256: str

    def where(self, chosen: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
        """The rows in which every chosen column holds what was chosen; numbers are compared as numbers.

        Raises:
            FaultsError: A column that the record does not have.
        """
        columns = sorted({column for row in self.rows for column in row})
        faults = [f"$.where.{column}: is no column; there are {', '.join(columns)}" for column in chosen]
        faults = [fault for fault, column in zip(faults, chosen, strict=True) if column not in columns]
        if faults:
            raise FaultsError(self.name, faults)
        return tuple(
            row for row in self.rows if all(_same(row.get(column, ""), value) for column, value in chosen.items())
        )


def read_record(path: Path, source: str = "") -> Record:
    """A record from a ``.csv``, ``.yaml`` or ``.yml`` file.

    Args:
        path: The file.
        source: Where the figures come from, if the file does not say.

    Raises:
        VersimError: It cannot be read, holds no table, or nothing says where it comes from.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise VersimError(f"{path}: cannot be read: {error}") from error
    if len(data) > LARGEST_BYTES:
        raise VersimError(f"{path}: is larger than {LARGEST_BYTES} bytes; keep the rows that matter")
    stated, rows = _from_yaml(text, path) if path.suffix.lower() in {".yaml", ".yml"} else _from_csv(text, path)
    if not rows:
        raise VersimError(f"{path}: holds no row")
    said = source or stated
    if not said:
        raise VersimError(
            f"{path}: does not say where its times come from; put a comment above the CSV's header, a 'source' into "
            "the YAML, or give the option source"
        )
    return Record(name=str(path), source=said, rows=rows, sha256=hashlib.sha256(data).hexdigest())


def seconds(text: str, unit: str, place: str) -> float:
    """A cell as seconds, above 0.

    Raises:
        VersimError: It is not a positive finite number.
    """
    try:
        value = float(text) * UNITS[unit]
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise VersimError(f"{place}: {text!r} is not a time above 0")
    return value


def unit_of(column: str, unit: str) -> str:
    """The unit of a column: the one given, else the one its name ends in (``step_ms``).

    Raises:
        VersimError: Neither says it.
    """
    ending = column.rpartition("_")[2]
    if unit or ending in UNITS:
        return unit or ending
    raise VersimError(f"column {column!r} does not end in a unit (_s, _ms, _us, _ns); give the option unit")


def _same(cell: str, value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(cell) == value
        except ValueError:
            return False
    return cell == str(value)


def _from_csv(text: str, path: Path) -> tuple[str, tuple[Mapping[str, str], ...]]:
    lines = text.splitlines()
    comments = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    table = csv.DictReader(io.StringIO("\n".join(line for line in lines if line.strip() and line[0] != "#")))
    rows = []
    for number, row in enumerate(table, start=1):
        if None in row or None in row.values():
            raise VersimError(f"{path}: row {number} has not as many cells as the header")
        rows.append({column.strip(): cell.strip() for column, cell in row.items()})
    return " ".join(comments), tuple(rows)


def _from_yaml(text: str, path: Path) -> tuple[str, tuple[Mapping[str, str], ...]]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise VersimError(f"{path}: is not YAML: {error}") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("rows"), list):
        raise VersimError(f"{path}: is not a mapping with 'source' and a list 'rows'")
    faults = []
    for number, row in enumerate(content["rows"]):
        if not isinstance(row, Mapping) or any(isinstance(cell, Mapping | list) for cell in row.values()):
            faults.append(f"$.rows[{number}]: is not a mapping of columns to numbers and texts")
    if faults:
        raise FaultsError(str(path), faults)
    rows = tuple({str(column): str(cell) for column, cell in row.items()} for row in content["rows"])
    return str(content.get("source") or ""), rows
