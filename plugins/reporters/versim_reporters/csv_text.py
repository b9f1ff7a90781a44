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
    texts = _Texts()
    writer.writerows([_cell(cell, texts) for cell in row] for row in table.rows)
    return stream.getvalue()


class _Texts(dict[str, str]):
    """Texts as cells, each made once: a name stands in many rows."""

    def __missing__(self, value: str) -> str:
        text = printable(value)
        # An apostrophe makes it text; it is the convention of spreadsheets themselves.
        text = self[value] = f"'{text}" if text.startswith(_FORMULA) else text
        return text


def _cell(value: Cell, texts: _Texts) -> Cell:
    if isinstance(value, str):
        return texts[value]
    if value is True or value is False:
        return "true" if value else "false"
    return value  # None is an empty cell
