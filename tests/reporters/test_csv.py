"""The CSV files: tidy, equal to the report's figures, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from report_samples import reports, sample_report
from versim import Destination, Report
from versim_reporters.csv_files import CsvOptions, CsvReporter


def files(report: Report, *, spans: bool = False) -> dict[str, list[dict[str, str]]]:
    """Every file, parsed."""
    content = CsvReporter().render(report, CsvOptions(spans=spans), Destination(to_file=True)).content
    assert not isinstance(content, str | bytes)
    parsed = {}
    for name, text in content.items():
        assert isinstance(text, str)
        text.encode()
        parsed[name] = list(csv.DictReader(io.StringIO(text)))
        for row in parsed[name]:
            assert None not in row
            assert None not in row.values(), (name, row)
    return parsed


def test_the_figures_are_those_of_the_report() -> None:
    """In picoseconds, unrounded; nothing is missing."""
    report = sample_report()
    found = files(report, spans=True)
    for row, (workload, comparison, result) in zip(found["predictions.csv"], report.results(), strict=True):
        assert (row["workload"], row["pin"], row["instance"]) == (workload.label, comparison.pinned.label, result.label)
        makespan_ps = result.prediction.makespan_ps
        assert row["makespan_ps"] == ("" if makespan_ps is None else str(makespan_ps))
    spans = sum(result.prediction.spans.count for _, _, result in report.results())
    assert len(found["spans.csv"]) == spans
    nodes = sum(c.pinned.graph.node_count for w in report.workloads for c in w.comparisons)
    assert len(found["nodes.csv"]) == nodes
    assert "spans.csv" not in files(report)


def test_explanations_sum_to_the_difference() -> None:
    """Exactly, per instance."""
    report = sample_report()
    effects: dict[tuple[str, str, str], int] = {}
    for row in files(report)["explanations.csv"]:
        key = (row["workload"], row["pin"], row["instance"])
        effects[key] = effects.get(key, 0) + int(row["effect_ps"])
    assert len(effects) == 4
    for workload, comparison, result in report.results():
        key = (workload.label, comparison.pinned.label, result.label)
        assert effects.get(key, 0) == (result.difference_ps or 0)


@settings(max_examples=20)
@given(report=reports())
def test_any_report_makes_files_that_parse_and_hold_no_formula(report: Report) -> None:
    """Names of any characters, deadlocks, figures that are not finite."""
    for name, rows in files(report, spans=True).items():
        for row in rows:
            for column, cell in row.items():
                number = column.endswith(("_ps", "_s", "_ns", "_percent", "_bytes"))
                assert number or not cell.startswith(("=", "+", "-", "@")), (name, column, cell)
