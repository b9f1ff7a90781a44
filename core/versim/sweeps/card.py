"""A sweep as a notebook shows it: how far it is, and the fastest configurations as bars."""

from __future__ import annotations

from html import escape

from versim.storage.listing import Listing
from versim.sweeps.results import select
from versim.sweeps.settings import label_of
from versim.terminal import printable

SHOWN = 10


def sweep_card(heading: str, rows: Listing) -> str:
    """HTML that needs neither script nor style sheet; names are escaped.

    Args:
        heading: How far the sweep is.
        rows: Of its store.
    """
    ranked = [row for row in select(rows, sort="makespan_s") if row["status"] == "completed"]
    longest = max((row["makespan_s"] for row in ranked[:SHOWN]), default=0.0) or 1.0
    cells = "".join(
        f"<tr><td style='text-align:left'>{escape(printable(label_of(row['settings'])))}</td>"
        f"<td style='text-align:left'>{escape(printable(row['instance']))}</td><td>{row['makespan_s']:.5g} s</td>"
        "<td style='width:40%'>"
        f"<div style='height:1em;background:#0072b2;width:{100 * row['makespan_s'] / longest:.2f}%'></div></td></tr>"
        for row in ranked[:SHOWN]
    )
    verdict = heading
    if ranked:
        verdict += f"; fastest: {label_of(ranked[0]['settings'])} by {ranked[0]['instance']}"
    if len(ranked) > SHOWN:
        cells += f"<tr><td style='text-align:left'>… and {len(ranked) - SHOWN:,} more</td></tr>"
    return f"<div><b>{escape(printable(verdict))}</b><table style='width:100%;max-width:60em'>{cells}</table></div>"
