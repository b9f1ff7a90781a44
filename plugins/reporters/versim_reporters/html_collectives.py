"""The page of ``versim collectives``: who was asked, and every collective as a chart with what it implies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from versim import Curve

from versim_reporters.definitions import definitions_html
from versim_reporters.html_page import document
from versim_reporters.html_sweep import sweep_data, sweep_parts
from versim_reporters.html_verdict import facts
from versim_reporters.markup import Markup, data_table, element

if TYPE_CHECKING:
    from versim import CollectiveSweep


def collectives_page(sweep: CollectiveSweep, provenance: Mapping[str, str]) -> str:
    """The document of a sweep."""
    swept = sweep.communications()
    network = f"{sweep.range.in_words()}. The first model, {sweep.reference}, is what others are held against."
    header = element(
        "header",
        element("p", "versim · communication models side by side", class_="eyebrow"),
        element("h1", "Collectives"),
        element("p", network, class_="lead"),
        class_="top",
    )
    grounds = element(
        "section",
        element("h2", "Models and provenance"),
        facts([(label, description, False) for label, description in sweep.models.items()]),
        facts([(key, value, key == "command") for key, value in sorted(provenance.items())]),
        id="provenance",
    )
    parts = (*sweep_parts(swept, 0), *_errors(sweep))
    main = element("main", element("section", *parts, id="sweep"), grounds, definitions_html())
    links = [("#sweep", "Collectives"), ("#provenance", "Models and provenance"), ("#definitions", "Definitions")]
    return document(
        "Communication models side by side", links, (header, main), {"comparisons": [], "sweeps": [sweep_data(swept)]}
    )


def _errors(sweep: CollectiveSweep) -> Iterator[Markup]:
    """Errors by size against a measured reference, beside how far it is from itself; nothing for another reference."""
    groups: dict[tuple[str, int, str], list[Curve]] = {}
    for curve in sweep.curves:
        groups.setdefault((curve.kind.value, curve.ranks, curve.algorithm), []).append(curve)
    for (kind, ranks, algorithm), curves in groups.items():
        found = sweep.errors(curves)
        if found is None:
            continue
        title = f"{kind} over {ranks} ranks{f', {algorithm}' if algorithm else ''}: error against {sweep.reference} [%]"
        yield element("h3", title)
        yield data_table(["model", *found.headings], found.cells(), "lrrr")
        for sentence in found.missed:
            yield element("p", sentence, class_="note")
