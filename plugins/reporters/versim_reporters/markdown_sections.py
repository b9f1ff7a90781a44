"""The sections of the Markdown document."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from versim import Breakdown, Comparison, Report, Result, WorkloadReport

from versim_reporters import accuracy, links
from versim_reporters.accuracy import accuracy_rows
from versim_reporters.breakdown import compared_rows
from versim_reporters.cause_words import all_causes
from versim_reporters.explanation import explanations, table_of
from versim_reporters.figures import count
from versim_reporters.gfm import plain_text, table
from versim_reporters.links import link_tables
from versim_reporters.path_changes import change_sentences
from versim_reporters.paths import chain, facts_of
from versim_reporters.provenance import provenance_rows
from versim_reporters.sections import inputs_of, notes_of, simulators_of, totals_cells
from versim_reporters.sweep import flat, swept_sentences, swept_table, swept_title
from versim_reporters.verdict import checks_in_a_word, differences, headline, outcome_of, said_first, title

SHOWN_TERMS = 3
MOST_BUSY = 8
"""Links of a network that are shown: the busiest."""

MOST_LINKS = 40
"""Links of a critical path that are written out."""


def report_lines(report: Report, operations: int, *, explain: bool) -> Iterator[str]:
    """The whole document, line by line."""
    for line in said_first(report):
        yield from (f"**{plain_text(line)}**", "")
    yield f"# {plain_text(report.scenario) or 'versim'}"
    if report.description:
        yield from ("", plain_text(report.description))
    yield from ("", "## Verdict")
    for workload in report.workloads:
        for comparison in workload.comparisons:
            yield from ("", f"**{plain_text(headline(workload, comparison))}**", "")
            for label, text in differences(comparison):
                yield f"- **{plain_text(label)}**: {plain_text(text)}"
            yield f"- checks: {plain_text(checks_in_a_word(comparison))}"
    rows = accuracy_rows(report)
    if rows:
        yield from ("", "## Against what was measured", "")
        yield from (*table(flat(accuracy.HEADINGS), rows, accuracy.ALIGN), "", plain_text(accuracy.LEGEND))
    for workload in report.workloads:
        for comparison in workload.comparisons:
            yield from ("", f"## {plain_text(title(workload, comparison))}", "")
            yield from _comparison(workload, comparison, operations, explain=explain)
    made_by = provenance_rows(report)
    if made_by:
        yield from ("", "## Made by", "")
        yield from table(("what", "value"), made_by, "ll")


def _comparison(workload: WorkloadReport, comparison: Comparison, operations: int, *, explain: bool) -> Iterator[str]:
    for name, text in inputs_of(workload, comparison):
        yield f"- {name}: {plain_text(text)}"
    yield from (f"- ran: {plain_text(line)}" for line in simulators_of(comparison))
    headings, rows = totals_cells(comparison)
    yield from ("", *table(headings, rows, "l" + "r" * (len(headings) - 1)))
    for explanation in explanations(comparison):
        yield from ("", f"### Why {plain_text(explanation.label)} differs", "")
        if explanation.sentence:
            yield from (plain_text(explanation.sentence), "")
        yield from (plain_text(explanation.method), "")
        terms = table_of(explanation, None if explain else SHOWN_TERMS)
        yield from table(("term", "effect", "share", "detail"), terms, "lrrl")
        yield from (f"- {plain_text(text)}" for text in (*all_causes(explanation, comparison), *explanation.findings))
    yield from _breakdown(comparison, "group", lambda result: result.groups, operations)
    yield from _breakdown(comparison, "operation", lambda result: result.operations, operations)
    yield from ("", "### Critical paths", "")
    for result in comparison.results:
        yield f"- **{plain_text(result.label)}**: {plain_text(_path(result, comparison))}"
        yield from (f"  - {plain_text(text)}" for text in change_sentences(result, comparison))
    for shown in link_tables(comparison, MOST_BUSY):
        yield from ("", f"### {plain_text(shown.title)}", "", *table(flat(links.HEADINGS), shown.rows, links.ALIGN))
        yield from ("", plain_text(f"{links.LEGEND}{f' Not shown: {shown.left_out}.' if shown.left_out else ''}"))
    for swept in comparison.sweep or ():
        headings, cells, align = swept_table(swept)
        yield from ("", f"### Alone: {plain_text(swept_title(swept))}", "", *table(flat(headings), cells, align), "")
        yield from (f"- {plain_text(text)}" for text in swept_sentences(swept))
    yield from ("", "### Checks", "")
    checks = [
        (result.label, check.name, outcome_of(check), " — ".join(filter(None, (check.detail, check.declared))))
        for result in comparison.results
        for check in result.checks
    ]
    yield from table(("instance", "check", "outcome", "found"), checks, "llll")
    notes = notes_of(comparison)
    if notes:
        yield from ("", "### Notes", "")
        yield from (f"- {plain_text(label)}: {plain_text(text)}" for label, text in notes)


def _breakdown(
    comparison: Comparison, heading: str, of: Callable[[Result], tuple[Breakdown, ...]], most: int
) -> Iterator[str]:
    headings, rows, left_out = compared_rows(comparison, heading, of, most)
    if rows:
        yield from ("", f"### By {heading}, mean of one execution", "")
        yield from table(headings, rows, "lr" + "r" * (len(headings) - 2))
    if left_out:
        yield from ("", plain_text(f"Not shown: {left_out}."))


def _path(result: Result, comparison: Comparison) -> str:
    path = result.critical_path
    if path is None:
        return "none; it did not complete, or does not say when nodes ran"
    links = list(map(str, chain(path, comparison.inputs.graph)))
    if len(links) > MOST_LINKS:
        hidden = len(links) - MOST_LINKS
        links = [*links[: MOST_LINKS // 2], f"… {count(hidden, 'link')} …", *links[-MOST_LINKS // 2 :]]
    return f"{', '.join(facts_of(result, path, comparison.reference))}. {' → '.join(links)}"
