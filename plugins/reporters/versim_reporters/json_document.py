"""JSON: everything the table shows and more, strict, with a published schema (``report.schema.json``).

Times are integer picoseconds, and seconds as floats where a person looks. With very many spans the columns go into
one ``.npz`` beside the file, named with its sha256; on standard output they are left out, and the document says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TextIO

import attrs
from versim import option

if TYPE_CHECKING:
    from versim import Report


@attrs.frozen(kw_only=True)
class JsonOptions:
    """Options of the JSON document."""

    spans: int = option(
        100_000,
        help="With more spans than this in one report, columns go into an .npz beside the file.",
        validator=attrs.validators.ge(0),
    )


@attrs.frozen
class JsonReporter:
    """One strict JSON document."""

    name: str = "json"
    options: type = JsonOptions

    def write(self, report: Report, out: TextIO, options: JsonOptions) -> None:
        """Write the document to an open stream.

        A document with very many spans refers to the file that :meth:`attachments` gives, unless it goes to standard
        output, where there is nothing beside it.
        """
        from versim import storage  # noqa: PLC0415 - loads numpy

        attach = out is not sys.stdout
        document, _ = storage.report_document(report, options.spans, attach=attach)
        out.write(storage.document_text(document))

    def attachments(self, report: Report, options: JsonOptions) -> Mapping[str, bytes]:
        """Files that belong beside the document, by name; empty unless there are very many spans."""
        from versim import storage  # noqa: PLC0415

        return storage.report_document(report, options.spans)[1]


def report_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = files("versim_reporters").joinpath("report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
