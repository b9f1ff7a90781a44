"""What this plugin offers: the reporters ``table``, ``json``, ``markdown``, ``csv``, ``html`` and ``perfetto``.

Each is imported when somebody asks for it by name.
"""

from __future__ import annotations

from versim import hookimpl

VERSIM_API_VERSION = 1


@hookimpl
def versim_reporters() -> dict[str, str]:
    """The reporters."""
    return {
        "csv": "versim_reporters.csv_files:CsvReporter",
        "html": "versim_reporters.html:HtmlReporter",
        "json": "versim_reporters.json_document:JsonReporter",
        "markdown": "versim_reporters.markdown:MarkdownReporter",
        "perfetto": "versim_reporters.perfetto:PerfettoReporter",
        "table": "versim_reporters.table:TableReporter",
    }
