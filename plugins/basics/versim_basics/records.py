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

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from versim import FaultsError, VersimError
from versim.plain import YamlDocument, parse_table, parse_yaml, read_bytes

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds per unit."""

LONGEST_S = 2.0**53 / 1e9
"""104 days: the longest time that a graph may hold, too."""

_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)

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
    data = read_bytes(path, LARGEST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VersimError(f"{path}: is not UTF-8 text; save it as UTF-8 ({error.reason})") from None
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
        VersimError: It is not a positive decimal number, or longer than picoseconds can be counted.
    """
    # Not everything that float() takes: 1_000, nan and digits of other scripts are slips in a record.
    value = float(text) * UNITS[unit] if _DECIMAL.fullmatch(text) else 0.0
    if not value > 0:
        raise VersimError(f"{place}: {text!r:.60} is not a time above 0")
    if value >= LONGEST_S:
        raise VersimError(
            f"{place}: {text!r:.60} is {value:g} s, above the {LONGEST_S:g} s that are counted; see its unit"
        )
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
        return _DECIMAL.fullmatch(cell) is not None and float(cell) == value
    return cell == _spelt(value)


def _spelt(value: Any) -> str:
    """A value of YAML as a cell."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _from_csv(text: str, path: Path) -> tuple[str, tuple[Mapping[str, str], ...]]:
    table = parse_table(text, str(path))
    return " ".join(table.comments), table.rows


def _from_yaml(text: str, path: Path) -> tuple[str, tuple[Mapping[str, str], ...]]:
    content = parse_yaml(text, str(path))
    if not isinstance(content, Mapping) or not isinstance(content.get("rows"), list):
        raise VersimError(f"{path}: is not a mapping with 'source' and a list 'rows'")
    YamlDocument(content, str(path), text).refuse(
        [
            (("rows", number), "is not a mapping of columns to numbers and texts")
            for number, row in enumerate(content["rows"])
            if not isinstance(row, Mapping) or any(isinstance(cell, Mapping | list) for cell in row.values())
        ]
        + ([] if isinstance(content.get("source", ""), str) else [(("source",), "is not a text")])
    )
    rows = tuple({_spelt(column): _spelt(cell) for column, cell in row.items()} for row in content["rows"])
    return content.get("source", ""), rows
