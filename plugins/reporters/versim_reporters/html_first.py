"""The first screen of the page: who says what, as bars, and why the furthest differs, as a waterfall with causes."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from versim import Comparison, Report, Result, WorkloadReport
from versim.terminal import printable

from versim_reporters.cause_words import why
from versim_reporters.explanation import explanation_of, reference_of
from versim_reporters.figures import NOTHING, percent, short_time
from versim_reporters.markup import Markup, data_table, element
from versim_reporters.summary import SANITY, beside, sanity_cells
from versim_reporters.verdict import title

MOST_CAUSES = 3
_PARTS = (("compute", 0), ("exposed communication", 3), ("idle", 7))


@attrs.frozen
class _Furthest:
    """The prediction that is furthest from its reference.

    Attributes:
        position: Of its comparison on the page.
        other: Its place among the results.
        workload: What is simulated.
        comparison: With whom.
    """

    position: int
    other: int
    workload: WorkloadReport
    comparison: Comparison

    @property
    def result(self) -> Result:
        """Itself."""
        return self.comparison.results[self.other]


def first_screen(report: Report) -> Markup:
    """Both charts beside one another; one where there is nothing to explain."""
    compared = [(workload, comparison) for workload in report.workloads for comparison in workload.comparisons]
    bars = [part for workload in report.workloads for part in _bars(workload, several=len(compared) > 1)]
    if not bars:
        return Markup("")
    key = [element("span", element("i", class_=f"k{colour}"), name) for name, colour in _PARTS]
    key.append(element("span", "of the rank that finishes last"))
    said = element("div", element("h2", "Who predicts what"), *bars, element("div", *key, class_="key"), class_="says")
    return element("section", said, *_why(_furthest(compared), len(compared)), class_="first")


def _bars(workload: WorkloadReport, *, several: bool) -> Iterator[Markup]:
    """All pins of a workload on one scale, because they are answers to one question."""
    results = [result for comparison in workload.comparisons for result in comparison.results]
    longest_ps = max((result.prediction.makespan_ps or 0 for result in results), default=0)
    if not longest_ps:
        return
    for comparison in workload.comparisons:
        if several:
            yield element("h4", " · ".join((title(workload, comparison), *beside(workload, comparison))))
        rows = [
            element(
                "div",
                element("span", result.label, class_="who"),
                element("div", *_parts(result, longest_ps), class_="bar"),
                element("span", element("b", _time(result)), " ", _difference(result, comparison), class_="figure"),
                class_="answer",
                data_makespan_ps=result.prediction.makespan_ps,
                data_difference_ps=result.difference_ps,
            )
            for result in comparison.results
        ]
        yield element("div", *rows, class_="answers")
        if any(result.sanity for result in comparison.results):
            memory_bytes = comparison.inputs.system.device.memory_bytes
            cells = [[result.label, *sanity_cells(result, memory_bytes)] for result in comparison.results]
            yield data_table(["", *SANITY], cells, "lrrr")


def _parts(result: Result, longest_ps: int) -> Iterator[Markup]:
    """A bar as long as the makespan: its parts where they are known, which sum to it."""
    totals, makespan_ps = result.totals, result.prediction.makespan_ps or 0
    if totals is None:
        parts = [(makespan_ps, 7, "makespan")]
    else:
        times_ps = (totals.compute_ps, totals.exposed_communication_ps, totals.idle_ps)
        parts = [(ps, colour, name) for ps, (name, colour) in zip(times_ps, _PARTS, strict=True)]
    for time_ps, colour, name in parts:
        wide = f"width:{100 * time_ps / longest_ps:.4f}%"
        yield element("span", class_=f"k{colour}", style=wide, title=f"{name} {short_time(time_ps)}")


def _time(result: Result) -> str:
    makespan_ps = result.prediction.makespan_ps
    return NOTHING if makespan_ps is None else short_time(makespan_ps, digits=5)


def _difference(result: Result, comparison: Comparison) -> str:
    if result.prediction.makespan_ps is None:
        return result.prediction.status.value.replace("_", " ")
    if result.label == comparison.reference:
        return "measured" if result.prediction.measured else "reference"
    return "" if result.difference_percent is None else f"{percent(result.difference_percent)} %"


def _furthest(compared: list[tuple[WorkloadReport, Comparison]]) -> _Furthest | None:
    found = [
        (abs(result.difference_percent), _Furthest(position, other, workload, comparison))
        for position, (workload, comparison) in enumerate(compared)
        for other, result in enumerate(comparison.results)
        if result.difference_percent is not None and result.difference_ps
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _why(furthest: _Furthest | None, comparisons: int) -> Iterator[Markup]:
    """The waterfall of one difference, which the script draws, and its largest terms with their causes."""
    if furthest is None:
        return
    result, comparison = furthest.result, furthest.comparison
    explained = explanation_of(result, reference_of(comparison))
    if explained is None:
        return
    taken = short_time(abs(explained.difference_ps), digits=4)
    longer = "longer" if explained.difference_ps > 0 else "less"
    heading = f"Why {printable(result.label)} takes {taken} {longer} than {printable(comparison.reference)}"
    where = element("p", title(furthest.workload, comparison), class_="note") if comparisons > 1 else ""
    items = []
    for bar in explained.largest(MOST_CAUSES):
        words = why(bar, result)
        effect = element("b", short_time(bar.effect_ps, digits=3, signed=True))
        items.append(element("li", effect, f" {bar.name}{f': {words}' if words else ''}"))
    plot = element(
        "div",
        class_="plot why",
        data_comparison=furthest.position,
        data_other=furthest.other,
        role="img",
        aria_label=heading,
    )
    yield element("div", element("h2", heading), where, plot, element("ul", *items, class_="causes"))
