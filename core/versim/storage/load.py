"""Reading predictions back from a saved report.

A report may come from anywhere: nothing in it is believed before its type, length and range are checked, and the
archive beside it is opened only if its sha256 is the one the report was written with.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from versim.comparison.model import FORMAT_VERSION
from versim.errors import VersimError
from versim.prediction import NO_TIME, Consumed, Prediction, Resource, Spans, Status
from versim.storage.columns import DTYPES, Archive, Integers, Place, read_archive
from versim.storage.document import FORMAT
from versim.storage.reading import Value, read_json

_ATTACHMENT = re.compile(r"versim-([0-9a-f]{64})\.npz")

Address = tuple[str, str, str]
"""Workload, pin and label of a prediction."""


def load_predictions(path: Path) -> dict[Address, Prediction]:
    """Every prediction of a saved report, by (workload, pin, label), in the order of the report.

    Raises:
        VersimError: The file is not a report, was damaged, or its columns are missing; names file and place.
    """
    document = read_json(path)
    if document["format"].text() != FORMAT:
        document["format"].wrong(f"expected {FORMAT!r}")
    version = document["format_version"].integer()
    if version != FORMAT_VERSION:
        document["format_version"].wrong(f"this versim reads version {FORMAT_VERSION}, not {version}")
    columns = _ColumnReader.open(path, document["columns"])
    predictions: dict[Address, Prediction] = {}
    for workload in document["workloads"]:
        for comparison in workload["comparisons"]:
            for result in comparison["results"]:
                address = (workload["label"].text(), comparison["pin"].text(), result["label"].text())
                if address in predictions:
                    result["label"].wrong(f"there are two predictions {' / '.join(address)}")
                predictions[address] = _prediction(result, comparison, columns)
    return predictions


def _prediction(result: Value, comparison: Value, columns: _ColumnReader) -> Prediction:
    graph = comparison["graph"]
    nodes, messages, world = (graph[key].integer() for key in ("node_count", "communication_count", "world_size"))
    status = result["status"]
    if status.text() not in {known.value for known in Status}:
        status.wrong(f"expected one of {', '.join(Status)}, got {status.text()!r}")
    makespan = result["makespan_ps"]
    if makespan.missing == (status.text() == Status.COMPLETED.value):
        makespan.wrong("a makespan is given if and only if the simulation completed")
    ranks = columns.read("ranks", result["ranks"], rows=world)
    spans = columns.read("spans", result["spans"])
    for name, highest in (("node", nodes - 1), ("rank", world - 1), ("resource", max(Resource))):
        _within(result["spans"], name, spans[name], highest)
    _within(result["ranks"], "representative", ranks["representative"], world - 1)
    consumed = result["consumed"]
    return Prediction(
        simulator=result["simulator"].text(),
        engine=result["engine"].text(),
        digest=comparison["digest"].text(),
        status=Status(status.text()),
        makespan_ps=None if makespan.missing else makespan.integer(),
        finish_ps=ranks["finish_ps"],
        representative=ranks["representative"],
        spans=Spans(**spans),
        consumed=Consumed(
            compute_ns=columns.read("consumed_compute", consumed["compute"], rows=nodes)["compute_ns"],
            size_bytes=columns.read("consumed_communication", consumed["communication"], rows=messages)["size_bytes"],
            notes=consumed["notes"].texts(),
        ),
        diagnosis=result["diagnosis"].texts(),
        waiting=tuple(
            (pair["rank"].integer(highest=world - 1), pair["node"].integer(highest=nodes - 1))
            for pair in result["waiting"]
        ),
        reported_s=result["reported_s"].optional_number(),
        wall_s=result["wall_s"].optional_number(),
        label=result["label"].text(),
        provenance=result["provenance"].mapping(),
    )


def _within(value: Value, name: str, column: Integers, highest: int) -> None:
    if len(column) and (column.min() < 0 or column.max() > highest):
        value.wrong(f"column {name!r} has values outside 0..{highest}")


@attrs.frozen
class _ColumnReader:
    """Where the columns of a document are, and how to get them."""

    place: Place
    archive: Archive | None

    @classmethod
    def open(cls, path: Path, columns: Value) -> _ColumnReader:
        place = columns["place"]
        if place.text() not in {known.value for known in Place}:
            place.wrong(f"expected one of {', '.join(known.value for known in Place)}, got {place.text()!r}")
        if place.text() == Place.OMITTED.value:
            place.wrong("this report was written without its columns; write it to a file to keep them")
        if place.text() == Place.INLINE.value:
            return cls(Place.INLINE, None)
        attachment = columns["attachment"]
        named = _ATTACHMENT.fullmatch(attachment["file"].text())
        if named is None:
            attachment["file"].wrong("an attachment is named versim-<sha256>.npz and lies in the folder of its report")
        beside = path.parent / named.group(0)
        size = attachment["size_bytes"].integer()
        try:
            found = beside.stat().st_size
            if found != size:
                raise VersimError(f"{beside}: it has {found} bytes, the report was written with {size}")
            content = beside.read_bytes()
        except OSError as error:
            raise VersimError(
                f"cannot read {beside}: {error.strerror or error}; {path} keeps its columns there, "
                "so the two files have to stay together"
            ) from error
        return cls(Place.ATTACHED, read_archive(content, str(beside), named.group(1)))

    def read(self, kind: str, value: Value, rows: int | None = None) -> dict[str, Any]:
        """One set of columns, of ``rows`` rows where that is known."""
        declared = value["rows"].integer()
        if rows is not None and declared != rows:
            value["rows"].wrong(f"expected {rows}, got {declared}")
        dtypes = DTYPES[kind]
        if self.archive is None:
            return {name: _inline(value["inline"][name], dtype, declared) for name, dtype in dtypes.items()}
        key = value["attached"].text()
        return {name: self.archive.column(f"{key}.{name}", dtype, declared) for name, dtype in dtypes.items()}


def _inline(value: Value, dtype: type[np.signedinteger[Any]], rows: int) -> Integers:
    """A column out of the document; null is NO_TIME."""
    content = value.content
    if not isinstance(content, list) or len(content) != rows:
        value.wrong(f"expected a list of {rows} whole numbers or null")
    limits = np.iinfo(dtype)
    for position, item in enumerate(content):
        if item is not None and (type(item) is not int or not limits.min <= item <= limits.max):
            value.wrong(f"row {position}: expected a whole number of {limits.bits} bits or null, got {item!r:.40}")
    return np.array([NO_TIME if item is None else item for item in content], dtype=dtype)
