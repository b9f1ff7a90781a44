"""The verdict of the page in words, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from versim import Comparison, Report, Result, WorkloadReport
from versim.terminal import printable

from versim_reporters import accuracy
from versim_reporters.accuracy import accuracy_rows
from versim_reporters.explanation import explanations, reference_of
from versim_reporters.figures import exact_time, percent
from versim_reporters.html_first import first_screen
from versim_reporters.markup import Markup, data_table, element
from versim_reporters.provenance import provenance_rows
from versim_reporters.sweep import flat
from versim_reporters.verdict import against, checks_in_a_word, differences, said_first, title


def opening(report: Report) -> Markup:
    """Name, the first screen's charts, and the verdict."""
    cards = [_card(workload, comparison) for workload in report.workloads for comparison in workload.comparisons]
    return element(
        "header",
        element("p", "versim · comparison of simulators", class_="eyebrow"),
        element("h1", report.scenario or "versim"),
        element("p", report.description, class_="lead") if report.description else "",
        *(element("p", line, class_="status bad") for line in said_first(report)),
        first_screen(report),
        element("div", *cards, class_="verdicts", id="verdict"),
        *_accuracy(report),
        class_="top",
    )


def _card(workload: WorkloadReport, comparison: Comparison) -> Markup:
    reference = reference_of(comparison)
    others = [result for result in comparison.results if result is not reference]
    failed = any(result.failed_checks for result in comparison.results)
    said = {explanation.label: explanation.sentence for explanation in explanations(comparison)}
    rows = [
        part
        for result, (label, text) in zip(others, differences(comparison), strict=True)
        for part in (element("dt", label, element("b", _figure(result))), element("dd", said.get(label) or text))
    ]
    return element(
        "article",
        element("h3", title(workload, comparison)),
        element("p", against(comparison)),
        element("dl", *rows) if rows else "",
        element("div", f"checks: {checks_in_a_word(comparison)}", class_=f"status {'bad' if failed else 'good'}"),
        class_="verdict",
    )


def _accuracy(report: Report) -> Iterator[Markup]:
    rows = accuracy_rows(report)
    if rows:
        yield element("h3", "Against what was measured")
        yield data_table(flat(accuracy.HEADINGS), rows, accuracy.ALIGN)
        yield element("p", accuracy.LEGEND, class_="note")


def _figure(result: Result) -> str:
    """The one figure of a prediction: by how much it differs, or how it ended."""
    if result.prediction.makespan_ps is None:
        return result.prediction.status.value.replace("_", " ")
    if result.difference_percent is None:
        return exact_time(result.prediction.makespan_ps)
    return f"{percent(result.difference_percent)} %"


def provenance(report: Report) -> Markup:
    """Who made the page from what: versions, the command, digests of the inputs."""
    said = [(key, value, key == "command") for key, value in provenance_rows(report)]
    for workload in report.workloads:
        for comparison in workload.comparisons:
            name = f"digest of {printable(workload.label)} {printable(comparison.inputs.label)}".strip()
            said.append((name, comparison.inputs.digest, True))
    return element(
        "section",
        element("h2", "Provenance"),
        element(
            "p",
            "Predictions are compared only where the digest of their inputs is the same: sha256 over everything that "
            "a simulator may consume, pinned compute times included.",
            class_="note",
        ),
        facts(said),
        id="provenance",
    )


def facts(said: Iterable[tuple[str, str, bool]]) -> Markup:
    """What is said about what, and whether that is code."""
    rows = (
        part
        for name, value, code in said
        for part in (element("dt", name), element("dd", value, class_="code" if code else None))
    )
    return element("dl", *rows, class_="facts")
