"""A report as one JSON document: every figure in integer picoseconds, and in seconds where people look.

``None`` is "not modelled" or "did not complete", never 0. The format is stated once, record by record; what writes and
reads it and its JSON Schema follow from that, see :mod:`versim.storage.form`. ``format_version`` is raised when a key
changes its meaning or goes.
"""

from __future__ import annotations

from typing import Any

from versim.comparison.accuracy import held_against_measurements
from versim.comparison.model import FORMAT_VERSION, Comparison, Report, Unpinned
from versim.storage.accuracy import ACCURACY
from versim.storage.columns import ATTACHMENT, ColumnWriter, Place, archive_name
from versim.storage.form import (
    Choice,
    Columns,
    Exactly,
    Integer,
    Key,
    Many,
    Maybe,
    Named,
    Number,
    Record,
    Schema,
    Spelt,
    Text,
    Writing,
)
from versim.storage.inputs import GRAPH, SYSTEM
from versim.storage.result import RESULT
from versim.storage.sizes import SIZES
from versim.storage.sweep import SWEPT
from versim.timing import Origin, OriginShare, Source

FORMAT = "versim-report"

SPANS_INLINE_LIMIT = 100_000
"""More spans than this in one report go into an ``.npz`` beside it."""

_STATEMENTS = {
    Place.INLINE: "all columns are in this document",
    Place.ATTACHED: (
        "the columns are in the .npz named by attachment, beside this document if it was written to a file; "
        "a document that was printed has none"
    ),
    Place.OMITTED: (
        "the columns are left out because there are too many for a document without a file beside it; "
        "write the report to a file to keep them"
    ),
}


def _origin(role: str, source: Source, by: str, detail: str, seconds: float) -> OriginShare:
    return OriginShare(role, Origin(source, by, detail), seconds)


_ORIGIN = Record(
    "Seconds of one origin.",
    _origin,
    keys={
        "role": Key(Text(), "compute, folded (communication inside compute nodes) or borrowed."),
        "source": Key(Choice(Source), "How they are known.", lambda share, _: share.origin.source),
        "by": Key(Text(), "Who says so.", lambda share, _: share.origin.by),
        "detail": Key(Text(), "What they are of, for people.", lambda share, _: share.origin.detail),
        "seconds": Key(Number(0), "Summed over nodes and the ranks they stand on."),
    },
)


class _OfComparison(Record):
    """A comparison is written with its inputs at hand."""

    def write(self, value: Comparison, to: Writing) -> dict[str, Any]:
        return super().write(value, to.of(value.inputs))


COMPARISON = _OfComparison(
    "All predictions of one pin: equal inputs.",
    name="comparison",
    keys={
        "pin": Key(Text(), "The pin's name.", lambda _, to: to.inputs.label),
        "same_as": Key(Many(Text()), "Further pins with the same digest, not run again."),
        "digest": Key(
            Text(),
            "sha256 over everything a simulator may consume, in hexadecimal digits.",
            lambda _, to: to.inputs.digest,
        ),
        "provenance": Key(
            Named(Text()), "Who timed compute and folded communication.", lambda _, to: to.inputs.provenance
        ),
        "origins": Key(
            Many(_ORIGIN),
            "Where the seconds of compute come from, the most first; missing in files written before this was kept.",
            lambda _, to: to.inputs.origins,
            before=(),
        ),
        "sizes": Key(
            Maybe(SIZES),
            "What the step amounts to; null where its producer does not say.",
            lambda _, to: to.inputs.sizes,
            before=None,
        ),
        "reference": Key(Text(), "The label that differences refer to."),
        "system": Key(SYSTEM, get=lambda _, to: to.inputs.system),
        "graph": Key(GRAPH, get=lambda _, to: to.inputs),
        "instances": Key(
            Columns(
                "instances", "What the rows of slack are: nodes on classes of ranks that no prediction tells apart."
            ),
            get=lambda comparison, _: {"node": comparison.instances.node, "rank": comparison.instances.ranks},
            kept=False,
        ),
        "results": Key(Many(RESULT), "In the order of the scenario."),
        "sweep": Key(
            Maybe(Many(SWEPT)),
            "The step's communications alone in every instance, by size. Null if that was not asked.",
            before=None,
        ),
    },
)

_UNPINNED = Record(
    "One pin.",
    Unpinned,
    keys={
        "pin": Key(Text(), "Its label."),
        "labels": Key(Many(Text()), "The instances that would have been asked."),
        "why": Key(Text(), "What it borrows and does not get."),
    },
)

_WORKLOAD = Record(
    "One workload; pins stand apart because their inputs differ.",
    keys={
        "label": Key(Text(), "Its name in the scenario."),
        "producer": Key(Text(), "Who wrote its graph."),
        "comparisons": Key(Many(COMPARISON), "One per pin with inputs of its own."),
        "unpinned": Key(
            Many(_UNPINNED), "Pins that could not be made, so that nobody was asked under them.", before=()
        ),
    },
)

_ATTACHMENT = Record(
    "An uncompressed .npz.",
    keys={
        "file": Key(
            Text(f"^{ATTACHMENT}$"), "Its name, with the sha256 of its bytes.", lambda archive, _: archive_name(archive)
        ),
        "size_bytes": Key(Integer(), "Its length.", lambda archive, _: len(archive)),
    },
)

_COLUMNS = Record(
    "Where the long columns are.",
    keys={
        "place": Key(
            Choice(Place), "In this document, in a file beside it, or left out.", lambda _, to: to.columns.place
        ),
        "statement": Key(Text(), "The same in words.", lambda _, to: _STATEMENTS[to.columns.place]),
        "attachment": Key(
            Maybe(_ATTACHMENT), "The file beside this document; null unless attached.", lambda _, to: to.archive
        ),
    },
)

REPORT = Record(
    "Strict JSON. Times are whole picoseconds (_ps) since the start of the step, and seconds (_s) as floats where a "
    "person looks. Numbers that need not be finite may be one of the strings NaN, Infinity, -Infinity. Null is: not "
    "modelled, or did not complete; never 0.",
    keys={
        "format": Key(Exactly(FORMAT), get=lambda *_: FORMAT),
        "format_version": Key(
            Exactly(FORMAT_VERSION), "Raised when a field changes its meaning or goes.", lambda *_: FORMAT_VERSION
        ),
        "scenario": Key(Text(), "Its name."),
        "description": Key(Text(), "What it is about."),
        "provenance": Key(Named(Text()), "Versions of versim, Python and plugins, and the command."),
        "left_out": Key(
            Named(Text()), "Optional instances of the scenario that were not installed, each with why.", before={}
        ),
        "worst_difference_percent": Key(
            Spelt(),
            "Largest absolute difference of a completed prediction to its reference, in percent.",
            lambda report, _: report.worst_difference_percent(),
            kept=False,
        ),
        "incomplete": Key(
            Many(Text()),
            "Predictions that did not complete, spelt workload / pin / label.",
            lambda report, _: report.incomplete(),
            kept=False,
        ),
        "accuracy": Key(
            Many(ACCURACY),
            "How far instances are from what was measured; empty unless a reference is a measurement.",
            lambda report, _: held_against_measurements(report),
            kept=False,
        ),
        "columns": Key(_COLUMNS, get=lambda report, _: report, last=True),
        "workloads": Key(Many(_WORKLOAD), "In the order of the scenario."),
    },
)


def report_document(
    report: Report, spans_inline_limit: int = SPANS_INLINE_LIMIT, *, attach: bool = True
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A report as JSON values, and the files that belong beside it.

    Args:
        report: What to write.
        spans_inline_limit: With more spans than this in all, or a longer column of nodes or ranks, columns leave the
            document.
        attach: Whether they may go into a file beside it; otherwise they are left out, and the document says so.

    Returns:
        The document, and file names with their content.
    """
    results = report.results()
    longest = max(
        [
            sum(result.prediction.spans.count for _, _, result in results),
            *(comparison.inputs.graph.node_count for _, comparison, _ in results),
            *(len(comparison.inputs.graph.dependency) for _, comparison, _ in results),
            *(comparison.inputs.graph.communication_count for _, comparison, _ in results),
            *(comparison.inputs.graph.mesh.world_size for _, comparison, _ in results),
            *(result.prediction.links.count for _, _, result in results if result.prediction.links is not None),
        ]
    )
    many = Place.ATTACHED if attach else Place.OMITTED
    to = Writing(ColumnWriter(Place.INLINE if longest <= spans_inline_limit else many))
    document = REPORT.write(report, to)
    return document, {} if to.archive is None else {archive_name(to.archive): to.archive}


def report_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a report of the newest version."""
    definitions: dict[str, Schema] = {}
    stated = REPORT.schema(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:versim:report:{FORMAT_VERSION}",
        "title": "versim report",
        **stated,
        "$defs": definitions,
    }
