"""Communications alone, by size, as charts with the table of what each model implies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from versim import SweptCommunication
from versim.terminal import spelt_size

from versim_reporters.markup import Markup, data_table, element
from versim_reporters.sweep import LEGEND, flat, model_name, swept_sentences, swept_table, swept_title


def sweep_data(sweep: Sequence[SweptCommunication]) -> list[dict[str, Any]]:
    """What the charts draw."""
    return [_chart_data(swept) for swept in sweep]


def _chart_data(swept: SweptCommunication) -> dict[str, Any]:
    models = list(dict.fromkeys(curve.model for curve in swept.curves))
    algorithms = list(dict.fromkeys(curve.algorithm for curve in swept.curves))
    return {
        "sizes_bytes": list(swept.sizes_bytes),
        "in_step": [[size, count] for size, count in swept.in_step],
        "curves": [
            {
                "name": model_name(curve, swept),
                "model": models.index(curve.model),
                "algorithm": algorithms.index(curve.algorithm),
                "times_s": list(curve.times_s),
                "bus_bytes_per_s": [curve.bus_bandwidth(size) for size in curve.sizes_bytes],
            }
            for curve in swept.curves
        ],
        "crossings_bytes": [crossing.size_bytes for crossing in swept.crossings],
    }


def sweep_parts(sweep: Sequence[SweptCommunication] | None, position: int) -> Iterator[Markup]:
    """Heading, charts and tables; a word where nothing was asked."""
    yield element("h3", "Communication alone, by size")
    if sweep is None:
        yield element("p", "Not asked; versim compare --sweep does.", class_="note")
        return
    if not sweep:
        yield element("p", "The step has no communication.", class_="note")
        return
    options = (element("option", text, value=value) for text, value in (("time", "time"), ("bus bandwidth", "bus")))
    choice = element("select", *options, class_="what")
    dotted = " Dotted lines stand at sizes of the step." if any(swept.in_step for swept in sweep) else ""
    yield element("div", element("label", "Show: ", choice), class_="tools")
    yield element("div", *map(_chart, sweep), class_="charts sweep", id=f"sweep-{position}")
    yield element("p", f"{LEGEND}{dotted}", class_="note")


def _chart(swept: SweptCommunication) -> Markup:
    headings, rows, align = swept_table(swept)
    sizes = f"{spelt_size(swept.sizes_bytes[0])} to {spelt_size(swept.sizes_bytes[-1])}" if swept.sizes_bytes else ""
    return element(
        "div",
        element("h4", swept_title(swept)),
        element("div", class_="plot", role="img", aria_label=f"{swept_title(swept)}: time by size, {sizes}"),
        data_table(flat(headings), rows, align),
        *(element("p", text, class_="note") for text in swept_sentences(swept)),
    )
