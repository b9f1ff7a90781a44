"""The CSV files: tidy, equal to the report's figures, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from report_samples import measured_report, reports, sample_report
from versim import Destination, Report
from versim_reporters import csv_text
from versim_reporters.csv_files import CsvOptions, CsvReporter
from versim_reporters.tidy import TidyTable

NUMBERS = {"error", "beta_s_per_byte"}
"""Columns of numbers that may be below 0 and have no unit of their own."""


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
        assert (row["workload"], row["pin"], row["instance"]) == (workload.label, comparison.inputs.label, result.label)
        makespan_ps = result.prediction.makespan_ps
        assert row["makespan_ps"] == ("" if makespan_ps is None else str(makespan_ps))
    spans = sum(result.prediction.spans.count for _, _, result in report.results())
    assert len(found["spans.csv"]) == spans
    nodes = sum(c.inputs.graph.node_count for w in report.workloads for c in w.comparisons)
    assert len(found["nodes.csv"]) == nodes
    assert "spans.csv" not in files(report)


def test_a_name_is_made_fit_once_however_many_rows_it_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of two thousand layers has two million cells and a few thousand names."""
    made: list[object] = []

    def counted(text: object) -> str:
        made.append(text)
        return str(text)

    monkeypatch.setattr(csv_text, "printable", counted)
    rows = [(position, "=name", True, None, 0.5) for position in range(1000)]
    lines = csv_text.csv_text(TidyTable("t", ("a", "b", "c", "d", "e"), rows)).splitlines()
    assert lines[:3] == ["a,b,c,d,e", "0,'=name,true,,0.5", "1,'=name,true,,0.5"]
    assert made == ["=name"]


def test_explanations_sum_to_the_difference() -> None:
    """Exactly, per instance."""
    report = sample_report()
    effects: dict[tuple[str, str, str], int] = {}
    for row in files(report)["explanations.csv"]:
        key = (row["workload"], row["pin"], row["instance"])
        effects[key] = effects.get(key, 0) + int(row["effect_ps"])
    assert len(effects) == 4
    for workload, comparison, result in report.results():
        key = (workload.label, comparison.inputs.label, result.label)
        assert effects.get(key, 0) == (result.difference_ps or 0)


def test_slack_is_a_row_per_instance_and_prediction() -> None:
    """Node, class of ranks and prediction; what never completed has none."""
    report = sample_report()
    rows = files(report)["slack.csv"]
    expected = 0
    for workload in report.workloads:
        for comparison in workload.comparisons:
            for result in comparison.results:
                slack = result.slack_ps
                expected += 0 if slack is None else len(slack)
                key = (workload.label, comparison.inputs.label, result.label)
                mine = [row for row in rows if (row["workload"], row["pin"], row["instance"]) == key]
                assert [int(row["slack_ps"]) for row in mine] == ([] if slack is None else slack.tolist())
    assert len(rows) == expected


def test_links_sweeps_and_errors_have_tables() -> None:
    """With what follows from their columns, so that nobody has to compute it again."""
    found = files(sample_report())
    busiest = found["links.csv"][0]
    assert busiest["link"] == "0->1"
    assert busiest["carried_bytes"] == str(3 << 30)
    assert busiest["queueing_ps"] == str(20 * (3 << 30))
    assert float(busiest["utilization"]) == pytest.approx(40 * (3 << 30) / 219319151640e3, rel=1e-6)
    swept = [row for row in found["sweep.csv"] if row["instance"] == "analytical" and row["in_step"] == "8"]
    assert {row["size_bytes"] for row in swept} == {str(6 << 30)}
    assert float(swept[0]["bus_bandwidth_bytes_per_s"]) == pytest.approx(25e9, rel=1e-3)
    assert found["accuracy.csv"] == []
    errors = {row["workload"]: float(row["error"]) for row in files(measured_report())["accuracy.csv"]}
    assert errors == {"short": pytest.approx(0.1), "long": pytest.approx(-0.2)}


@settings(max_examples=20)
@given(report=reports())
def test_any_report_makes_files_that_parse_and_hold_no_formula(report: Report) -> None:
    """Names of any characters, deadlocks, figures that are not finite."""
    for name, rows in files(report, spans=True).items():
        for row in rows:
            for column, cell in row.items():
                number = column.endswith(("_ps", "_s", "_ns", "_percent", "_bytes")) or column in NUMBERS
                assert number or not cell.startswith(("=", "+", "-", "@")), (name, column, cell)
