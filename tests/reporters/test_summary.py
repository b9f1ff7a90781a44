"""The answer in forty lines: a verdict with numbers first, then causes, ground and where to look next."""

from __future__ import annotations

import re

import attrs
import pytest
import versim
from hypothesis import given, settings
from report_samples import reports, sample_report
from versim import Check, Destination, Report
from versim_reporters.explanation import Bar, Explanation
from versim_reporters.summary import MOST_LINES, _terms
from versim_reporters.table import TableOptions, TableReporter


def rendered(report: Report, **options: float) -> str:
    """What the reporter writes."""
    content = TableReporter().render(report, TableOptions(**options), Destination()).content  # type: ignore[arg-type]
    assert isinstance(content, str)
    return content


def with_check(report: Report, check: Check) -> Report:
    """The same with one more check of its last prediction."""
    *workloads, workload = report.workloads
    *comparisons, comparison = workload.comparisons
    *results, result = comparison.results
    result = attrs.evolve(result, checks=(*result.checks, check))
    comparison = attrs.evolve(comparison, results=(*results, result))
    workload = attrs.evolve(workload, comparisons=(*comparisons, comparison))
    return attrs.evolve(report, workloads=(*workloads, workload))


def test_it_fits_on_a_screen_and_begins_with_numbers() -> None:
    """Whoever looks at a terminal sees the answer without scrolling."""
    report = sample_report()
    lines = rendered(report).splitlines()
    assert len(lines) <= MOST_LINES
    assert re.search(r"\d+(\.\d+)? (s|ms|µs)", lines[0])
    assert any(re.search(r"[+-]\d\S* %", line) for line in lines[:3])


def test_it_says_what_it_rests_on_and_where_to_look() -> None:
    """Inputs, seconds of compute, checks."""
    text = rendered(sample_report())
    for name in ("inputs ", "compute ", "checks ", "next "):
        assert f"\n{name}" in text


def test_every_simulator_has_a_row_and_every_difference_a_reason() -> None:
    """With the terms of most effect under it."""
    report = sample_report()
    text = rendered(report)
    for _, comparison, result in report.results():
        assert re.search(rf"(?m)^{result.label} +\S", text)
        if result.difference_ps and len(report.results()) == len(comparison.results):
            assert f"Why {result.label} takes" in text


def test_where_causes_have_no_place_below_the_verdict_says_them() -> None:
    """Five pins share a table; why they differ is told all the same."""
    lines = rendered(versim.compare("modes")).splitlines()
    assert len(lines) <= MOST_LINES
    assert not any(line.startswith("Why ") for line in lines)
    text = " ".join(" ".join(lines).split())
    assert (
        "flattened, pin full: deepflow 323.5 s, astrasim +26.0 %; most of it reduce_scatter over tp, forward: peers "
        "are 3 links apart, and each link stores and forwards (+32.9 s), bus bandwidth 134 GB/s instead of 178 "
    ) in text


def test_brief_is_one_line_per_comparison() -> None:
    """For scripts, and for many workloads."""
    report = sample_report()
    lines = rendered(report, brief=True).splitlines()
    assert len(lines) == sum(len(workload.comparisons) for workload in report.workloads)


@pytest.mark.parametrize("width", [20, 100, 400])
def test_brief_shows_every_figure_whole(width: int) -> None:
    """A line cut in its middle hid how far simulators are apart; the term goes first, the figures never."""
    report = sample_report()
    for line, (_, comparison) in zip(
        rendered(report, brief=True, width=width).splitlines(),
        [(workload, comparison) for workload in report.workloads for comparison in workload.comparisons],
        strict=True,
    ):
        assert all(f"{result.label} " in line for result in comparison.results)
        assert ("; most of it " in line) <= (len(line) <= width)


def test_brief_says_who_was_on_another_network_or_had_other_inputs() -> None:
    """Also where it is declared: such a figure does not answer the others' question."""
    report = sample_report()
    for name, said in (("network", "another network"), ("inputs", "other inputs")):
        for passed, declared in ((False, ""), (None, "it is meant")):
            check = Check(name=name, passed=passed, detail="it differs", declared=declared)
            assert f" ({said})" in rendered(with_check(report, check), brief=True)
    assert "(" not in rendered(with_check(report, Check(name="network", passed=True, detail="")), brief=True)


def test_a_term_that_is_nothing_beside_the_others_is_a_smaller_one() -> None:
    """117 ps are no reason for half a millisecond; the terms still add up to the difference."""
    bars = (Bar(name="a", effect_ps=10**9), Bar(name="b", effect_ps=-117), Bar(name="c", effect_ps=-117))
    explained = Explanation(label="x", difference_ps=sum(bar.effect_ps for bar in bars), bars=bars, method="")
    _, _, result = sample_report().results()[0]
    assert list(_terms(result, explained, 100, 3)) == ["  +1.00 ms  a", "   -234 ps  2 smaller terms"]


def test_pins_that_one_simulator_answers_are_held_against_the_first() -> None:
    """Levels of detail of one workload are answers to one question."""
    report = sample_report()
    workload = report.workloads[0]
    one, other = (
        attrs.evolve(
            workload.comparisons[0],
            inputs=attrs.evolve(workload.comparisons[0].inputs, label=label),
            results=(result,),
            reference=result.label,
        )
        for label, result in zip("ab", workload.comparisons[0].results[:2], strict=True)
    )
    levels = attrs.evolve(report, workloads=(attrs.evolve(workload, comparisons=(one, other)),))
    first, second = rendered(levels, brief=True).splitlines()
    assert " to pin" not in first
    assert re.search(r"[+-]?\d\S* % to pin a$", second)


def test_many_comparisons_share_a_table() -> None:
    """Forty lines hold sixteen answers under one heading, and the verdicts of thirty comparisons."""
    report = sample_report()
    workload = report.workloads[0]
    comparison = workload.comparisons[0]
    for count, tables in ((1, 1), (4, 1), (5, 1), (12, 0)):
        many = attrs.evolve(workload, comparisons=(comparison,) * count)
        text = rendered(attrs.evolve(report, workloads=(many,)))
        assert text.count("predicts") == tables
        assert len(text.splitlines()) <= MOST_LINES


@settings(max_examples=20, deadline=None)
@given(report=reports())
def test_any_report_has_a_summary(report: Report) -> None:
    """Failed, empty, measured, with names that move a cursor."""
    text = rendered(report)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "next" in text or not any(workload.comparisons for workload in report.workloads)


@pytest.mark.parametrize("width", [40, 100])
def test_no_line_is_wider_than_asked(width: int) -> None:
    """Figures are shown whole, text is broken."""
    content = TableReporter().render(sample_report(), TableOptions(width=width), Destination()).content
    assert isinstance(content, str)
    assert max(map(len, content.splitlines())) <= width
