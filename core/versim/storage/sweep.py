"""The communications of a step by size, as the document holds them, and back.

Times are read; everything that follows from them is computed again.
"""

from __future__ import annotations

from typing import Any

from versim.curves import Curve, SweptCommunication, telling_crossings
from versim.curves.document import curve_document
from versim.plain.values import Value
from versim.work import Kind


def sweep_document(sweep: tuple[SweptCommunication, ...] | None) -> list[dict[str, Any]] | None:
    """One entry per kind of communication; null if there is no sweep."""
    return None if sweep is None else [_swept(swept) for swept in sweep]


def _swept(swept: SweptCommunication) -> dict[str, Any]:
    return {
        "name": swept.name,
        "kind": swept.kind.value,
        "ranks": [int(rank) for rank in swept.ranks],
        "algorithm": swept.algorithm,
        "sizes_bytes": [int(size) for size in swept.sizes_bytes],
        "in_step": [{"size_bytes": int(size), "count": int(count)} for size, count in swept.in_step],
        "curves": [curve_document(curve, swept.ratio) for curve in swept.curves],
        "crossings": [
            {
                "below": crossing.below[0],
                "above": crossing.above[0],
                "size_bytes": crossing.size_bytes,
                "between_bytes": [int(size) for size in crossing.between_bytes],
            }
            for crossing in swept.crossings
        ],
    }


def sweep_from(comparison: Value) -> tuple[SweptCommunication, ...] | None:
    """The sweep of a comparison; None if it has none, as before sweeps were written."""
    value = comparison.optional("sweep")
    return None if value.missing else tuple(map(_swept_from, value))


def _swept_from(value: Value) -> SweptCommunication:
    kind_text = value["kind"].text()
    if not Kind.allows(kind_text):
        value["kind"].wrong("is no kind of communication")
    kind = Kind(kind_text)
    sizes = tuple(size.integer(1) for size in value["sizes_bytes"])
    if list(sizes) != sorted(set(sizes)):
        value["sizes_bytes"].wrong("sizes have to ascend")
    ranks = tuple(rank.integer() for rank in value["ranks"])
    if len(ranks) < 2:
        value["ranks"].wrong("a communication has at least 2 ranks")
    algorithm = value["algorithm"].text()
    curves = tuple(
        Curve(
            model=curve["model"].text(),
            kind=kind,
            ranks=len(ranks),
            algorithm=algorithm,
            sizes_bytes=sizes,
            times_s=_times(curve["times_s"], len(sizes)),
            refusal=curve["refusal"].text(),
        )
        for curve in value["curves"]
    )
    models = [curve.model for curve in curves]
    if len(set(models)) != len(models):
        value["curves"].wrong("two curves are of one model")
    return SweptCommunication(
        name=value["name"].text(),
        kind=kind,
        ranks=ranks,
        algorithm=algorithm,
        in_step=tuple((found["size_bytes"].integer(1), found["count"].integer(1)) for found in value["in_step"]),
        curves=curves,
        crossings=telling_crossings(curves),
    )


def _times(value: Value, count: int) -> tuple[float | None, ...]:
    times = tuple(time.optional_number() for time in value)
    if len(times) != count:
        value.wrong(f"expected {count} times, got {len(times)}")
    if any(time is not None and not 0 <= time < float("inf") for time in times):
        value.wrong("a time is a finite number of at least 0")
    return times
