"""What links carried, as the document holds it, and back."""

from __future__ import annotations

from typing import Any

from versim.plain.values import Value
from versim.prediction import LinkLoads
from versim.storage.column_reader import ColumnReader
from versim.storage.columns import ColumnWriter


def links_document(loads: LinkLoads | None, columns: ColumnWriter) -> dict[str, Any] | None:
    """Names of the links, and their columns."""
    if loads is None:
        return None
    return {
        "name": list(loads.name),
        "loads": columns.write(
            "links",
            {
                "carried_bytes": loads.carried_bytes,
                "messages": loads.messages,
                "busy_ps": loads.busy_ps,
                "queueing_ps": loads.queueing_ps,
            },
        ),
    }


def links_from(result: Value, columns: ColumnReader) -> LinkLoads | None:
    """The links of a result; None if it has none, as before links were written."""
    value = result.optional("links")
    if value.missing:
        return None
    names = value["name"].texts()
    loads = columns.read("links", value["loads"], rows=len(names))
    try:
        return LinkLoads(name=names, **loads)
    except ValueError as error:
        value.wrong(str(error))
