"""The answer in forty lines: a verdict with numbers first, then causes, ground and where to look next."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from report_samples import reports, sample_report
from versim import Destination, Report
from versim_reporters.summary import MOST_LINES
from versim_reporters.table import TableOptions, TableReporter


def rendered(report: Report, **options: bool) -> str:
    """What the reporter writes."""
    content = TableReporter().render(report, TableOptions(**options), Destination()).content  # type: ignore[arg-type]
    assert isinstance(content, str)
    return content


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


def test_brief_is_one_line_per_comparison() -> None:
    """For scripts, and for many workloads."""
    report = sample_report()
    lines = rendered(report, brief=True).splitlines()
    assert len(lines) == sum(len(workload.comparisons) for workload in report.workloads)


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
