"""Writing files so that nothing is ever half-written: beside the target, then renamed onto it."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from versim.comparison.model import Report
from versim.errors import VersimError
from versim.storage.document import SPANS_INLINE_LIMIT, report_document
from versim.storage.text import document_text


def save(path: Path, content: str | bytes) -> None:
    """Replace ``path`` by ``content`` (text as UTF-8), in one step.

    What is there stays as it was if writing fails. A target that is no regular file, such as a pipe or
    ``/dev/stdout``, is written to directly.

    Raises:
        VersimError: The file cannot be written; says which and why.
    """
    data = content.encode() if isinstance(content, str) else content
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")
        try:
            with beside.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise VersimError(f"cannot write {path}: {reason}; name a file in a folder you may write to") from error


def save_report(report: Report, path: Path, *, spans_inline_limit: int = SPANS_INLINE_LIMIT) -> tuple[Path, ...]:
    """Write a report as JSON, with its columns beside it if they are many; returns every file written.

    The columns are written first, so that a document never refers to a file that is not there.
    """
    document, attachments = report_document(report, spans_inline_limit)
    written = []
    for name, content in attachments.items():
        save(path.parent / name, content)
        written.append(path.parent / name)
    save(path, document_text(document))
    return (*written, path)
