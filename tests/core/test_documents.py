"""The library as a notebook uses it: a scenario from a dict, what is shown of it, data frames, and files by ending."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import versim
from versim import FaultsError, Report, UnknownNameError, VersimError

NAME = "<img src=x onerror=alert(1)>"
SCENARIO = {
    "description": NAME,
    "workloads": [
        {
            "label": "it",
            "producer": "collective",
            "options": {"kind": "all_reduce", "participants": 4, "size_bytes": [1 << 20]},
        }
    ],
    "system": {
        "device": {
            "name": "x",
            "peak_flop_per_s": {"bf16": 1e15},
            "memory_bandwidth_bytes_per_s": 1e12,
            "memory_bytes": 100_000_000_000,
        },
        "dimensions": [{"topology": "ring", "size": 4, "bandwidth": "450 GB/s", "latency": "2 us"}],
    },
    "backends": [
        {"label": "a", "backend": "deepflow", "network": "alpha-beta"},
        {"label": "b", "backend": "astrasim"},
    ],
}


@pytest.fixture(scope="module", name="report")
def _report() -> Report:
    return versim.compare({"name": "mine", **SCENARIO})


def test_a_dict_is_a_scenario(report: Report) -> None:
    """Nobody writes a file to try something; faults are told as a file's are."""
    assert report.scenario == "mine"
    assert versim.compare(SCENARIO).scenario == "unnamed"
    with pytest.raises(FaultsError, match=r"\$\.workloads\[0\]\.producer: no producer named 'colective'"):
        versim.compare({**SCENARIO, "workloads": [{"label": "it", "producer": "colective"}]})


def test_what_is_shown_is_short(report: Report) -> None:
    """A notebook prints the last value of every cell; a page of numbers hides what was asked for."""
    comparison = report.workloads[0].comparisons[0]
    registry = versim.load_registry()
    shown = (
        report,
        report.workloads[0],
        comparison,
        comparison.results[0],
        comparison.results[0].prediction,
        comparison.inputs,
        comparison.inputs.graph,
        comparison.inputs.system,
        versim.load_scenario("bundled", registry),
        registry,
    )
    assert all(len(repr(value)) < 350 for value in shown)
    assert repr(comparison.results[0].prediction).startswith("<Prediction by 'deepflow': ")
    assert repr(shown[-2]) == "<Scenario 'bundled': pipeline, transformer through deepflow, hybrid, astrasim, original>"
    assert repr(report).startswith("<Report 'mine': a ")
    assert "(reference), b " in repr(report)


class _Tags(HTMLParser):
    """Counts elements."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        assert not any(name.startswith("on") for name, _ in attrs)
        self.seen.add(tag)


def test_a_notebook_shows_charts(report: Report) -> None:
    """With every prediction's makespan, and names that stay text."""
    comparison = report.workloads[0].comparisons[0]
    for value in (report, comparison, comparison.inputs.system, comparison.inputs.graph):
        tags = _Tags()
        tags.feed(value._repr_html_())
        assert tags.seen & {"table", "svg"}
        assert not tags.seen & {"img", "script"}
    units_ps = {"s": 1e12, "ms": 1e9, "µs": 1e6, "ns": 1e3}
    told = re.findall(r">([\d.e+]+) (s|ms|µs|ns)\b", report._repr_html_())
    makespans_ps = [result.prediction.makespan_ps for result in comparison.results]
    assert [float(number) * units_ps[unit] for number, unit in told] == pytest.approx(makespans_ps, rel=1e-4)


def test_frames_hold_the_report(report: Report) -> None:
    """A row per prediction, operation or execution, in seconds."""
    pytest.importorskip("pandas")
    comparison = report.workloads[0].comparisons[0]
    totals = report.to_dataframe()
    assert totals["instance"].tolist() == ["a", "b"]
    assert totals["makespan_s"].tolist() == [
        (result.prediction.makespan_ps or 0) / 1e12 for result in comparison.results
    ]
    assert (totals["compute_s"] + totals["exposed_communication_s"] + totals["idle_s"]).tolist() == pytest.approx(
        totals["makespan_s"].tolist()
    )
    assert len(report.to_dataframe("operations")) == sum(len(result.operations) for result in comparison.results)
    spans = comparison.to_dataframe("spans")
    assert len(spans) == sum(len(result.prediction.spans.node) for result in comparison.results)
    assert spans.groupby("instance")["end_s"].max().tolist() == pytest.approx(totals["makespan_s"].tolist())
    with pytest.raises(VersimError, match="no table 'total'"):
        report.to_dataframe("total")


def test_a_report_is_saved_by_its_ending(report: Report, tmp_path: Path) -> None:
    """As `versim compare -o` does; what says nothing is refused, for nobody sees a table in a file called x.xlsx."""
    report.save(tmp_path / "x.html")
    assert (tmp_path / "x.html").read_text(encoding="utf-8").startswith("<!doctype html")
    report.save(str(tmp_path / "x.json"))
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["scenario"]
    report.save(tmp_path / "folder", "csv")
    assert (tmp_path / "folder" / "predictions.csv").is_file()
    with pytest.raises(UnknownNameError, match=r"no reporter for the ending named '.xlsx'"):
        report.save(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"content": 5}, "content cannot be int"),
        ({"content": None}, "content cannot be NoneType"),
        ({"content": {"a.txt": 5}}, "content cannot be int"),
        ({"content": {"": "x"}}, "content has to name files, got ''"),
        ({"content": {"a\0b": "x"}}, r"content has to name files, got 'a\\x00b'"),
        ({"content": {"..": b"", 3: b""}}, "content has to name files, got 3"),
        ({"content": "half \ud800"}, "surrogates not allowed"),
        ({"content": "", "attachments": {"a": "text"}}, "attachments cannot be str"),
        ({"content": "", "attachments": [b"x"]}, "attachments"),
    ],
)
def test_what_cannot_be_written_is_no_rendering(made: dict[str, Any], said: str) -> None:
    """It is the reporter's fault, and told as such; it ended versim with a traceback where it was written."""
    with pytest.raises((ValueError, TypeError), match=said):
        versim.Rendering(**made)
