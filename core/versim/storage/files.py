"""Saving a report: the document, and its columns beside it if they are many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from versim.atomic import writing
from versim.comparison.model import Report
from versim.storage.document import SPANS_INLINE_LIMIT, report_document
from versim.storage.text import document_text


def save_report(report: Report, path: Path, *, spans_inline_limit: int = SPANS_INLINE_LIMIT) -> tuple[Path, ...]:
    """Write a report as JSON, whole or not at all; returns every file written.

    The columns are written first, so that a document never refers to a file that is not there.

    Raises:
        UnwritableError: A file cannot be written.
    """
    document, attachments = report_document(report, spans_inline_limit)
    with writing(path) as stream:
        beside = save_attachments(attachments, path.parent)
        stream.write(document_text(document))
    return (*beside, path)


def save_attachments(attachments: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Write files that belong beside a document into its folder, each whole or not at all; returns them."""
    written = []
    for name, content in attachments.items():
        with writing(folder / name) as stream:
            stream.buffer.write(content)
        written.append(folder / name)
    return tuple(written)
