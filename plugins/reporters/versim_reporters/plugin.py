"""What this plugin offers: the reporters ``table``, ``json``, ``markdown``, ``csv``, ``html`` and ``perfetto``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim import hookimpl

from versim_reporters.csv_files import CsvReporter
from versim_reporters.html import HtmlReporter
from versim_reporters.json_document import JsonReporter
from versim_reporters.markdown import MarkdownReporter
from versim_reporters.perfetto import PerfettoReporter
from versim_reporters.table import TableReporter

if TYPE_CHECKING:
    from versim import Reporter

VERSIM_API_VERSION = 1


@hookimpl
def versim_reporters() -> list[Reporter]:
    """The reporters."""
    return [CsvReporter(), HtmlReporter(), JsonReporter(), MarkdownReporter(), PerfettoReporter(), TableReporter()]
