"""JSON: everything the table shows and more, strict, with a published schema (``versim.report_schema()``).

Times are integer picoseconds, and seconds as floats where a person looks. With very many spans the columns go into
one ``.npz`` beside the file, named with its sha256; on standard output they are left out, and the document says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import Destination, Rendering, option

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
    endings: tuple[str, ...] = (".json",)
    shows_sweep: bool = True

    def render(self, report: Report, options: JsonOptions, destination: Destination) -> Rendering:
        """The document, and with very many spans the file of their columns.

        On standard output there is nothing beside it, so the columns are left out and the document says so.
        """
        from versim import document_text, report_document  # noqa: PLC0415 - loads numpy

        document, attachments = report_document(report, options.spans, attach=destination.to_file)
        return Rendering(content=document_text(document), attachments=attachments)
