"""The page: complete in one file, equal to the JSON, and deaf to what names try to make it do."""

from __future__ import annotations

import base64
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import load, needs_chromium
from hypothesis import given, settings
from report_samples import NETWORKS, comparison_of, predicted, reports, ring, sample_report
from versim import (
    Comparison,
    Destination,
    Fixed,
    GraphBuilder,
    Kind,
    Mesh,
    Report,
    WorkloadReport,
    compare_predictions,
    pin,
    report_document,
)
from versim_reporters.html import HtmlOptions, HtmlReporter

MOST_BYTES = 6_000_000

ATTACK = (
    "</script><script>document.title='planted'</script><img src=x onerror=\"document.title='planted'\">\u2028'\"&amp;"
)
"""What a trace could call an operation."""


def written(report: Report, **options: int) -> str:
    """The page."""
    content = HtmlReporter().render(report, HtmlOptions(**options), Destination(to_file=True)).content
    assert isinstance(content, bytes)
    return content.decode()


def data_of(page: str) -> Any:
    """What the figures draw."""
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


def column(text: str, dtype: str) -> Any:
    """A column as the browser reads it."""
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def planted(name: str = ATTACK) -> Comparison:
    """A comparison in which everything is called ``name``."""
    builder = GraphBuilder(Mesh((name, "pp"), (2, 2)))
    first = builder.compute(name, [(Fixed(0.5), 1.0)])
    builder.collective(name, Kind.ALL_REDUCE, 1 << 20, axes=[name], after=[first])
    builder.note(name)
    pinned = pin(builder.build(), ring(4), label=name, provenance={name: name})
    predictions = [
        predicted(pinned, network, f"{label}{name}", diagnosis=(name,), engine=name, provenance={name: name})
        for label, network in NETWORKS.items()
    ]
    return compare_predictions(
        pinned, ring(4), predictions, f"analytical{name}", dict.fromkeys([f"hybrid{name}"], name)
    )


def planted_report() -> Report:
    """The same everywhere else."""
    workload = WorkloadReport(label=ATTACK, producer=ATTACK, comparisons=(planted(),))
    return Report(scenario=ATTACK, description=ATTACK, workloads=(workload,), provenance={ATTACK: ATTACK})


class Elements(html.parser.HTMLParser):
    """Counts elements and collects text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.handlers: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count it; remember event handlers and what would be fetched."""
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.sources += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]


def test_the_page_is_complete_and_small() -> None:
    """It refers to nothing outside itself; scripts are those that the policy allows."""
    page = written(sample_report())
    assert len(page.encode()) < MOST_BYTES
    found = Elements()
    found.feed(page)
    assert found.sources == found.handlers == []
    assert found.tags["script"] == 4
    assert "img" not in found.tags
    policy = re.search(r'content="(default-src.*?)"', page)
    assert policy is not None
    assert policy.group(1).count("sha256-") == 3


def test_the_figures_are_those_of_the_document() -> None:
    """Tables show the makespans; timelines end at them; waterfalls sum to the differences."""
    report = sample_report()
    page = written(report)
    document, _ = report_document(report)
    drawn = iter(data_of(page)["comparisons"])
    for workload in document["workloads"]:
        for comparison in workload["comparisons"]:
            figures = next(drawn)
            for result, prediction, fall in zip(
                comparison["results"], figures["predictions"], figures["waterfalls"], strict=True
            ):
                assert prediction["makespan_ps"] == result["makespan_ps"]
                if result["makespan_ps"] is None:
                    assert result["status"].replace("_", " ") in page
                    continue
                assert f"{result['makespan_s']:.9f}".rstrip("0") in page
                assert prediction["end_ps"] == result["makespan_ps"]
                if fall is not None:
                    assert fall["difference_ps"] == result["difference_ps"]
                    assert sum(bar[1] for bar in fall["bars"]) == result["difference_ps"]
            assert comparison["digest"] in page


def test_merged_timelines_drop_nothing() -> None:
    """Counts and busy times of the blocks sum to those of the spans, however few blocks there may be."""
    builder = GraphBuilder(Mesh.of(pp=2))
    previous: list[int] = []
    for step in range(2_000):
        row = builder.compute(f"op {step % 7}", [(Fixed(1e-3 * (1 + step % 5)), 1.0)], after=previous)
        previous = [row]
        if step % 10 == 0:
            previous = [builder.collective("sum", Kind.ALL_REDUCE, 1 << 20, axes=["pp"], after=previous)]
    comparison = comparison_of(builder.build(), NETWORKS)
    workload = WorkloadReport(label="long", producer="test", comparisons=(comparison,))
    report = Report(scenario="long", description="", workloads=(workload,))
    fine = data_of(written(report))["comparisons"][0]["predictions"]
    coarse = data_of(written(report, blocks=1_000))["comparisons"][0]["predictions"]
    for one, other in zip(fine, coarse, strict=True):
        assert other["blocks"] < one["blocks"] == one["spans"] == other["spans"]
        assert column(one["count"], "<i4").sum() == column(other["count"], "<i4").sum()
        assert column(one["busy"], "<f8").sum() == pytest.approx(column(other["busy"], "<f8").sum(), rel=1e-12)
        lanes = [column(p["lane"], "<i4") for p in (one, other)]
        for lane in np.unique(lanes[0]):
            busy = [column(p["busy"], "<f8")[at == lane].sum() for p, at in zip((one, other), lanes, strict=True)]
            assert busy[0] == pytest.approx(busy[1], rel=1e-12)


def test_nothing_in_a_name_becomes_markup() -> None:
    """The same elements as with harmless names: neither in text, attributes nor scripts."""
    found = Elements()
    found.feed(written(planted_report()))
    assert found.tags["script"] == 4
    assert "img" not in found.tags
    assert found.handlers == []


@settings(max_examples=8)
@given(report=reports())
def test_any_report_makes_a_page(report: Report) -> None:
    """Names of any characters, deadlocks, figures that are not finite."""
    page = written(report)
    assert page.count("</script>") == 4
    assert "\u2028" not in page


@needs_chromium
def test_it_loads_without_a_word_on_the_console(tmp_path: Path) -> None:
    """In light and dark; every figure is drawn, a deadlock too."""
    path = tmp_path / "report.html"
    path.write_text(written(sample_report()))
    for flags in ((), ("--blink-settings=preferredColorScheme=0", "--window-size=480,900")):
        loaded = load(path, *flags)
        assert loaded.console == ()
        assert 'data-drawn="yes"' in loaded.dom
        assert loaded.dom.count('class="main-svg"') >= 4
        # The waterfall of the instance that differs most, as it is drawn: 348.994093 ms.
        assert "+349 ms" in loaded.dom


@needs_chromium
def test_the_console_is_heard(tmp_path: Path) -> None:
    """Without this, silence would prove nothing; and the policy stops scripts that are not the page's own."""
    path = tmp_path / "report.html"
    page = written(sample_report())
    path.write_text(page.replace("</body>", "<script>document.title='planted'</script></body>"))
    loaded = load(path)
    assert any("Content Security Policy" in line for line in loaded.console)
    assert "<title>planted" not in loaded.dom


@needs_chromium
def test_a_script_in_a_name_does_not_run(tmp_path: Path) -> None:
    """Not from the tables, not from labels of figures, not from the data."""
    path = tmp_path / "report.html"
    path.write_text(written(planted_report()))
    loaded = load(path)
    assert loaded.console == ()
    assert 'data-drawn="yes"' in loaded.dom
    assert "<title>planted" not in loaded.dom
    assert not re.search(r"<img[^>]*onerror", loaded.dom)
