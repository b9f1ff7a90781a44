"""A tidy table as CSV text that neither breaks a reader nor runs in a spreadsheet."""

from __future__ import annotations

import csv
import io

from versim.terminal import printable

from versim_reporters.tidy import Cell, TidyTable

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Text that begins so, or with the wide forms of these signs, is a formula to spreadsheets, and formulas can call
programs."""


def csv_text(table: TidyTable) -> str:
    """The table with its heading; every row ends with a newline."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_cell(cell) for cell in row] for row in table.rows)
    return stream.getvalue()


def _cell(value: Cell) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = printable(value)
        # An apostrophe makes it text; it is the convention of spreadsheets themselves.
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value
