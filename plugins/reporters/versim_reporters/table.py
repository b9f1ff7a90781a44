"""The table: the verdict first, then what it rests on, in at most 100 columns of plain text.

A sample, shortened::

    SAMPLE
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import attrs
from versim import option

if TYPE_CHECKING:
    from versim import Report

NARROWEST = 60


@attrs.frozen(kw_only=True)
class TableOptions:
    """Options of the table."""

    width: int = option(100, help="Columns of the terminal, at least 60.", validator=attrs.validators.ge(NARROWEST))
    operations: int = option(20, help="Most rows of a breakdown.", validator=attrs.validators.ge(1))


@attrs.frozen
class TableReporter:
    """Plain text for a terminal: verdict, inputs, totals, breakdowns, critical paths, checks, notes."""

    name: str = "table"
    options: type = TableOptions

    def write(self, report: Report, out: TextIO, options: TableOptions) -> None:
        """Write the table to an open stream."""
        from versim_reporters.sections import report_lines  # noqa: PLC0415 - loads numpy and tabulate
        from versim_reporters.text import for_encoding  # noqa: PLC0415

        text = "\n".join(report_lines(report, options.width, options.operations)) + "\n"
        out.write(for_encoding(text, getattr(out, "encoding", None)))
