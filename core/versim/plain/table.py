"""Tables in CSV from people nobody vouches for: bounded, every column named once, every row as long as the header."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import attrs

from versim.errors import FaultsError
from versim.plain.files import UnreadableError, read_text

MOST_BYTES = 64 * 2**20
MOST_CELLS = 2_000_000
MOST_FAULTS = 20
"""Faults of one table that are spelt out."""


@attrs.frozen
class Table:
    """Rows of text under named columns.

    Attributes:
        source: The file, for messages.
        comments: Lines that began with ``#`` before the header, without it.
        columns: In the order of the header.
        rows: Column ─▶ cell, without spaces around it.
        lines: The line of each row, counted from 1.
    """

    source: str
    comments: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]


def read_table(path: Path) -> Table:
    """The table in a CSV file.

    Raises:
        UnreadableError: It cannot be read, or is larger than a table should be.
        FaultsError: As :func:`parse_table`.
    """
    return parse_table(read_text(path, MOST_BYTES), str(path))


def parse_table(text: str, source: str) -> Table:
    """The table in a CSV text; lines that begin with ``#`` are comments, empty lines nothing.

    Raises:
        UnreadableError: It has more cells than memory should be asked for, or is not CSV.
        FaultsError: A column without a name or named twice, or a row of another length, each by its line.
    """
    if text.count(",") + text.count("\n") > MOST_CELLS:
        raise UnreadableError(source, f"has more than {MOST_CELLS:,} cells; keep the rows that matter")
    comments: list[str] = []
    faults: list[str] = []
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    columns: tuple[str, ...] = ()
    # Comments are blanked, not removed, so that the reader's line numbers are those of the file.
    kept: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            if not any(kept):
                comments.append(line.lstrip("#").strip())
            kept.append("")
        else:
            kept.append(line)
    reader = csv.reader(io.StringIO("\n".join(kept), newline=""), strict=True)
    try:
        for cells in reader:
            if not cells or not any(cell.strip() for cell in cells):
                continue
            stripped = [cell.strip() for cell in cells]
            if not columns:
                columns = tuple(stripped)
                faults += [f"line {reader.line_num}: {fault}" for fault in _faults_of_header(columns)]
            elif len(stripped) != len(columns):
                faults.append(f"line {reader.line_num}: has {len(stripped)} cells, the header has {len(columns)}")
            else:
                rows.append(dict(zip(columns, stripped, strict=True)))
                lines.append(reader.line_num)
    except csv.Error as error:
        raise UnreadableError(source, f"line {reader.line_num}: is not CSV: {error}") from None
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise FaultsError(source, [*faults[:MOST_FAULTS], *more])
    return Table(source, tuple(comments), columns, tuple(rows), tuple(lines))


def _faults_of_header(columns: tuple[str, ...]) -> list[str]:
    unnamed = [f"column {number} has no name" for number, name in enumerate(columns, start=1) if not name]
    counts = Counter(name for name in columns if name)
    return unnamed + [f"the column {name!r} is there {count} times" for name, count in counts.items() if count > 1]
