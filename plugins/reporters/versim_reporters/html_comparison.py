"""One comparison of the page: tables that stand without scripts, and places for its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from versim import Breakdown, Comparison, Result, Totals, WorkloadReport
from versim.terminal import printable

from versim_reporters import links
from versim_reporters.breakdown import compared_rows
from versim_reporters.cause_words import all_causes
from versim_reporters.explanation import explanations, reference_of, table_of
from versim_reporters.figures import count, share, short_time
from versim_reporters.html_sweep import sweep_parts
from versim_reporters.links import link_tables
from versim_reporters.markup import Markup, data_table, element
from versim_reporters.path_changes import change_sentences
from versim_reporters.paths import chain, facts_of
from versim_reporters.sections import inputs_of, notes_of, simulators_of, totals_cells, totals_legend
from versim_reporters.sweep import flat
from versim_reporters.verdict import outcome_of, title

CLASSES = 12
"""Rank classes that the timelines show at once, as in timeline.js."""

COLOURS = 8
MOST_BUSY = 12
"""Links of a network that are shown: the busiest."""

MOST_LINKS = 60
_PARTS = (("compute", 0), ("exposed communication", 3), ("idle", 7))


def comparison_section(
    workload: WorkloadReport, comparison: Comparison, figures: dict[str, Any], position: int, operations: int
) -> Markup:
    """Everything about one pin of one workload."""
    return element(
        "section",
        element("h2", title(workload, comparison)),
        _inputs(workload, comparison),
        *_totals(comparison),
        _figures(comparison, figures, position),
        *_terms(comparison),
        *sweep_parts(comparison.sweep, position),
        *_paths(comparison),
        *_breakdown(comparison, "group", lambda result: result.groups, operations),
        *_breakdown(comparison, "operation", lambda result: result.operations, operations),
        *_links(comparison),
        *_checks(comparison),
        *_notes(comparison),
        id=f"comparison-{position}",
    )


def _inputs(workload: WorkloadReport, comparison: Comparison) -> Markup:
    rows = [*inputs_of(workload, comparison), *(("ran", line) for line in simulators_of(comparison))]
    return element(
        "dl", *(part for name, text in rows for part in (element("dt", name), element("dd", text))), class_="facts"
    )


def _totals(comparison: Comparison) -> Iterator[Markup]:
    headings, rows = totals_cells(comparison)
    yield element("h3", "Totals")
    yield data_table(headings, rows, "l" + "r" * (len(headings) - 1))
    longest = max((result.prediction.makespan_ps or 0 for result in comparison.results), default=0)
    bars = [
        part
        for result in comparison.results
        if result.totals is not None and longest
        for part in (element("span", result.label), _bar(result.totals, longest))
    ]
    if bars:
        yield element("div", *bars, class_="bars")
        yield element("div", *(_key(name, colour) for name, colour in _PARTS), class_="key")
        yield element("p", totals_legend(comparison), class_="note")


def _bar(totals: Totals, longest_ps: int) -> Markup:
    """A bar as long as the makespan, in parts that sum to it."""
    times_ps = (totals.compute_ps, totals.exposed_communication_ps, totals.idle_ps)
    parts = [
        element(
            "span", class_=f"k{colour}", style=f"width:{100 * ps / longest_ps:.4f}%", title=f"{name} {short_time(ps)}"
        )
        for (name, colour), ps in zip(_PARTS, times_ps, strict=True)
    ]
    return element("div", *parts, class_="bar")


def _key(name: str, colour: int) -> Markup:
    return element("span", element("i", class_=f"k{min(colour, COLOURS - 1)}"), name)


def _figures(comparison: Comparison, figures: dict[str, Any], position: int) -> Markup:
    reference = reference_of(comparison)
    others = [(i, r) for i, r in enumerate(comparison.results) if r is not reference]
    # What completed and differs is worth seeing first.
    first = max(others, key=lambda pair: abs(pair[1].difference_ps or 0), default=(-1, None))[0]
    options = [
        element("option", result.label, value=i, selected="selected" if i == first else None) for i, result in others
    ]
    choice = element("label", "B: ", element("select", *options, class_="other")) if others else ""
    charts: list[Markup] = []
    if others:
        charts = [
            element(
                "div",
                element(
                    "div",
                    element("h3", "What explains the difference of B to A"),
                    element("div", class_="plot waterfall"),
                ),
                element(
                    "div",
                    element("h3", "Every operation: B against A"),
                    element("div", class_="plot scatter"),
                    element("ol", class_="worst"),
                ),
                class_="charts",
            ),
            element(
                "p",
                "Right: active duration of each operation in both predictions, on logarithmic axes; on the dotted line "
                "they agree, and the operations whose differences add up to most are numbered and named.",
                class_="note",
            ),
        ]
    return element(
        "div",
        element("h3", "Timelines and differences"),
        element("div", element("span", f"A, the reference: {printable(comparison.reference)}"), choice, class_="tools"),
        *charts,
        *_timeline(figures),
        class_="figures",
        id=f"figures-{position}",
    )


def _timeline(figures: dict[str, Any]) -> Iterator[Markup]:
    several = len(figures["lanes"]) > CLASSES
    pages = [
        element("button", "‹ ranks", type="button", class_="before"),
        element("span", class_="where"),
        element("button", "ranks ›", type="button", class_="after"),
    ]
    path = element("label", element("input", type="checkbox", class_="path", checked="checked"), " critical path")
    yield element("h3", "Timelines, by rank class")
    yield element(
        "div",
        element("button", "zoom in", type="button", class_="in"),
        element("button", "out", type="button", class_="out"),
        element("button", "all", type="button", class_="all"),
        path,
        element("span", class_="gap"),
        *(pages if several else ()),
        class_="tools",
    )
    categories = figures["categories"]
    yield element("div", *(_key(name, colour) for colour, name in enumerate(categories)), class_="key")
    canvas = element("canvas", tabindex=0, role="img", aria_label="Timelines of both predictions, by rank class")
    yield element("div", canvas, element("div", class_="tip", hidden="hidden"), class_="timeline")
    merged = sum(prediction["spans"] - prediction["blocks"] for prediction in figures["predictions"])
    spans = sum(prediction["spans"] for prediction in figures["predictions"])
    level = (
        f" Of {spans:,} spans, short neighbours are merged into blocks, as high as the lane was busy; none is left out."
        if merged
        else ""
    )
    yield element(
        "p",
        "Per rank class and prediction: compute above, communication below; pale is waiting for partners. Underlined "
        "is the critical path. Drag to zoom into a range, double-click for all, Ctrl and wheel to zoom, arrow keys to "
        f"move.{level}",
        class_="note",
    )


def _terms(comparison: Comparison) -> Iterator[Markup]:
    for explanation in explanations(comparison):
        rows = table_of(explanation)
        total = ("difference", short_time(explanation.difference_ps, signed=True), "", "")
        inner = [
            element("p", explanation.method, class_="note"),
            data_table(("term", "effect", "share", "detail"), [*rows, total], "lrrl"),
            *(element("p", text) for text in (*all_causes(explanation, comparison), *explanation.findings)),
        ]
        summary = element("summary", f"The difference of {explanation.label}, term by term")
        if explanation.sentence:
            yield element("p", explanation.sentence, class_="because")
        yield element("details", summary, *inner)


def _paths(comparison: Comparison) -> Iterator[Markup]:
    yield element("h3", "Critical paths")
    for result in comparison.results:
        path = result.critical_path
        if path is None:
            yield element(
                "p", element("b", result.label), ": none; it did not complete, or does not say when nodes ran"
            )
            continue
        yield element("p", element("b", result.label), ": ", ", ".join(facts_of(result, path, comparison.reference)))
        links = list(map(str, chain(path, comparison.inputs.graph)))
        if len(links) > MOST_LINKS:
            hidden = len(links) - MOST_LINKS
            links = [*links[: MOST_LINKS // 2], f"… {count(hidden, 'link')} …", *links[-MOST_LINKS // 2 :]]
        yield element("ol", *(element("li", link) for link in links), class_="path")
        yield from (element("p", text, class_="note") for text in change_sentences(result, comparison))
    agreeing = [
        f"{printable(r.label)} {share(r.shared_path_percent, 100)}"
        for r in comparison.results
        if r.label != comparison.reference and r.shared_path_percent is not None
    ]
    if agreeing:
        yield element("p", f"Of the reference's path, by time, others share: {', '.join(agreeing)}.", class_="note")


def _breakdown(
    comparison: Comparison, heading: str, of: Callable[[Result], tuple[Breakdown, ...]], most: int
) -> Iterator[Markup]:
    headings, rows, left_out = compared_rows(comparison, heading, of, most)
    if rows:
        yield element("h3", f"By {heading}, mean of one execution")
        yield data_table(headings, rows, "lr" + "r" * (len(headings) - 2))
    if left_out:
        yield element("p", f"Not shown: {left_out}.", class_="note")


def _links(comparison: Comparison) -> Iterator[Markup]:
    found = list(link_tables(comparison, MOST_BUSY))
    if found:
        yield element("h3", "Links of the network")
    for position, shown in enumerate(found):
        table = data_table(flat(links.HEADINGS), shown.rows, links.ALIGN)
        rest = element("p", f"Not shown: {shown.left_out}.", class_="note") if shown.left_out else ""
        yield element("details", element("summary", shown.title), table, rest, open=None if position else "open")
    if found:
        yield element("p", links.LEGEND, class_="note")


def _checks(comparison: Comparison) -> Iterator[Markup]:
    yield element("h3", "Checks")
    table = data_table(
        ("instance", "check", "outcome", "found"),
        [
            (result.label, check.name, outcome_of(check), " — ".join(filter(None, (check.detail, check.declared))))
            for result in comparison.results
            for check in result.checks
        ],
        "llll",
    )
    failed = [(result, check) for result in comparison.results for check in result.failed_checks]
    if not failed:
        total = sum(len(result.checks) for result in comparison.results)
        yield element("details", element("summary", f"All {total} made were passed"), table)
        return
    for result, check in failed:
        words = f"{printable(check.name)} of {printable(result.label)} failed: {printable(check.detail)}"
        yield element("p", words, class_="status bad")
    yield element("details", element("summary", "Every check"), table)


def _notes(comparison: Comparison) -> Iterator[Markup]:
    notes = notes_of(comparison)
    if notes:
        yield element("h3", "Notes")
        yield element("ul", *(element("li", element("b", label), ": ", text) for label, text in notes))
