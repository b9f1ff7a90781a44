"""Saving a report: the document, and its columns beside it if they are many."""

from __future__ import annotations

from pathlib import Path

from versim.atomic import put, writing, written_beside
from versim.comparison.model import Report
from versim.storage.document import SPANS_INLINE_LIMIT, report_document
from versim.storage.text import document_text


def save_report(report: Report, path: Path, *, spans_inline_limit: int = SPANS_INLINE_LIMIT) -> tuple[Path, ...]:
    """Write a report as JSON, whole or not at all; returns every file written.

    Raises:
        UnwritableError: A file cannot be written.
    """
    document, attachments = report_document(report, spans_inline_limit)
    with written_beside(path, attachments) as beside, writing(path) as stream:
        put(stream, document_text(document))
    return (*beside, path)
