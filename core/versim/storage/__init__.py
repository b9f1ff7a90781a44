"""Predictions and reports on disk: one strict JSON document, and an ``.npz`` beside it for very many spans."""

from versim.storage.document import FORMAT, SPANS_INLINE_LIMIT, report_document, report_schema
from versim.storage.files import save_attachments, save_report
from versim.storage.load import load_predictions
from versim.storage.load_report import load_report
from versim.storage.text import document_text

__all__ = [
    "FORMAT",
    "SPANS_INLINE_LIMIT",
    "document_text",
    "load_predictions",
    "load_report",
    "report_document",
    "report_schema",
    "save_attachments",
    "save_report",
]
