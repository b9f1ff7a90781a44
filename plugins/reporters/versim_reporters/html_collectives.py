"""The page of ``versim collectives``: who was asked, and every collective as a chart with what it implies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from versim import GB, PS_PER_S

from versim_reporters.definitions import definitions_html
from versim_reporters.figures import trimmed_time
from versim_reporters.html_page import document
from versim_reporters.html_sweep import sweep_data, sweep_parts
from versim_reporters.html_verdict import facts
from versim_reporters.markup import element

if TYPE_CHECKING:
    from versim.curves import CollectiveSweep


def collectives_page(sweep: CollectiveSweep, provenance: Mapping[str, str]) -> str:
    """The document of a sweep."""
    swept, link = sweep.communications(), sweep.range.link
    network = (
        f"Each collective alone on a {sweep.range.topology.value} of its ranks: "
        f"{link.bandwidth_bytes_per_s / GB:g} GB/s and {trimmed_time(link.latency_s * PS_PER_S)} per link; "
        f"device {sweep.range.device.name}. The first model, {sweep.reference}, is what others are held against."
    )
    header = element(
        "header",
        element("p", "versim · communication models side by side", class_="eyebrow"),
        element("h1", "Collectives"),
        element("p", network, class_="lead"),
        element("h3", "Models"),
        facts([(label, description, False) for label, description in sweep.models.items()]),
        element("h3", "Provenance"),
        facts([(key, value, key == "command") for key, value in sorted(provenance.items())]),
        class_="top",
        id="provenance",
    )
    main = element("main", element("section", *sweep_parts(swept, 0), id="sweep"), definitions_html())
    links = [("#provenance", "Models and provenance"), ("#sweep", "Collectives"), ("#definitions", "Definitions")]
    return document(
        "Communication models side by side", links, (header, main), {"comparisons": [], "sweeps": [sweep_data(swept)]}
    )
