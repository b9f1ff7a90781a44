"""CSV: a folder of tidy tables for pandas, R or a spreadsheet, one file per table.

``predictions.csv``, ``groups.csv``, ``operations.csv``, ``explanations.csv``, ``critical_paths.csv``,
``path_changes.csv``, ``slack.csv``, ``links.csv``, ``sweep.csv``, ``accuracy.csv``, ``checks.csv``, ``ranks.csv``,
``nodes.csv``, ``pins.csv`` and ``provenance.csv``; with the option ``spans`` also ``spans.csv``. UTF-8 without a
byte-order mark; units are in the names of columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import Destination, Rendering, option

if TYPE_CHECKING:
    from versim import Report


@attrs.frozen(kw_only=True)
class CsvOptions:
    """Options of the CSV files."""

    spans: bool = option(default=False, help="Also write spans.csv, one row per span of every prediction.")


@attrs.frozen
class CsvReporter:
    """A folder of tidy tables, one file per table, units in the columns' names."""

    name: str = "csv"
    options: type = CsvOptions

    def render(self, report: Report, options: CsvOptions, _destination: Destination) -> Rendering:
        """The tables by file name."""
        from versim_reporters.csv_text import csv_text  # noqa: PLC0415 - loads numpy
        from versim_reporters.tidy import tables_of  # noqa: PLC0415

        return Rendering(content={f"{t.name}.csv": csv_text(t) for t in tables_of(report, spans=options.spans)})
