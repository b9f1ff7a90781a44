"""The page: complete in one file, equal to the JSON, and deaf to what names try to make it do."""

from __future__ import annotations

import base64
import html.parser
import json
import re
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from chromium import load, measured, needs_chromium
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import (
    NETWORKS,
    comparison_of,
    loads,
    measured_report,
    predicted,
    reports,
    ring,
    sample_report,
    swept,
)
from versim import (
    Comparison,
    Destination,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    Report,
    System,
    WorkloadReport,
    compare_predictions,
    pin,
    report_document,
)
from versim.asking.contestants import Contestant
from versim.curves import SweepRange
from versim.sweeps.collectives import sweep_collectives
from versim_reporters.html import HtmlOptions, HtmlReporter
from versim_reporters.lanes import packed

MOST_BYTES = 1_500_000

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


def column(text: str) -> Any:
    """A column as the browser reads it."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    return np.cumsum(np.ascontiguousarray(planes.reshape(8, -1).T).view("<i8")[:, 0])


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
    planted_loads = loads([name], [1 << 20])
    predictions[1] = attrs.evolve(predictions[1], links=planted_loads, measured=True)
    comparison = compare_predictions(
        pinned.on(ring(4)), predictions, f"hybrid{name}", dict.fromkeys([f"hybrid{name}"], name)
    )
    sweep = [
        attrs.evolve(
            found,
            name=name,
            algorithm=name,
            curves=tuple(attrs.evolve(curve, model=name, refusal=name) for curve in found.curves[:1]),
            crossings=(),
        )
        for found in swept(NETWORKS)
    ]
    return attrs.evolve(comparison, sweep=tuple(sweep))


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


class Answers(html.parser.HTMLParser):
    """Figures of the first screen: (makespan, difference) of each bar, its parts' shares, and the waterfalls drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: list[tuple[int | None, int | None]] = []
        self.shares: list[float] = []
        self.whys: list[tuple[int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what is drawn."""
        given = dict(attrs)
        if given.get("class") == "answer":
            one, other = (given.get(f"data-{name}-ps") for name in ("makespan", "difference"))
            self.figures.append((int(one) if one else None, int(other) if other else None))
            self.shares.append(0.0)
        elif given.get("class") == "plot why":
            self.whys.append((int(given["data-comparison"] or ""), int(given["data-other"] or "")))
        elif tag == "span" and (given.get("style") or "").startswith("width:") and self.figures:
            self.shares[-1] += float(str(given["style"]).removeprefix("width:").removesuffix("%"))


def test_the_first_screen_says_who_says_what_and_why() -> None:
    """Bars as long as the document's makespans, all pins of a workload on one scale, and the widest difference."""
    report = sample_report()
    page = written(report)
    first = page[page.index('<section class="first"') : page.index('id="verdict"')]
    document, _ = report_document(report)
    found = Answers()
    found.feed(first)
    expected, lengths, differing = [], [], []
    position = 0
    for workload in document["workloads"]:
        results = [result for comparison in workload["comparisons"] for result in comparison["results"]]
        longest = max((result["makespan_ps"] or 0 for result in results), default=0)
        expected += [(result["makespan_ps"], result["difference_ps"]) for result in results if longest]
        lengths += [100 * (result["makespan_ps"] or 0) / longest for result in results if longest]
        for comparison in workload["comparisons"]:
            for place, result in enumerate(comparison["results"]):
                differing.append((abs(result["difference_percent"] or 0), position, place))
            position += 1
    assert found.figures == expected
    assert found.shares == pytest.approx(lengths, abs=1e-3)
    assert found.whys == [max(differing)[1:]]
    assert page.index('class="first"') < page.index('id="verdict"') < page.index('id="comparison-0"')
    assert page.index('id="comparison-0"') < page.index('id="provenance"')


def test_sweeps_are_drawn_as_they_were_asked() -> None:
    """Times, bus bandwidths and sizes of the step; the line that each implies stands in the table below."""
    page = written(sample_report())
    reduced, sent = data_of(page)["sweeps"][0]
    sweep = sample_report().workloads[0].comparisons[0].sweep
    assert sweep is not None
    assert reduced["in_step"] == [[6 << 30, 8]]
    assert [curve["name"] for curve in reduced["curves"]] == ["analytical", "hybrid", "astrasim"]
    assert [curve["times_s"] for curve in reduced["curves"]] == [list(curve.times_s) for curve in sweep[0].curves]
    assert sent["curves"][-1]["bus_bytes_per_s"] == [None] * 7
    first, *numbers = ("analytical", "5.000 µs", "25", "0", "257.7 ms")
    assert f"<td>{first}</td>" + "".join(f'<td class="n">{cell}</td>' for cell in numbers) in page
    assert "Not asked; versim compare --sweep does." in written(measured_report())


def test_slack_is_beside_what_it_is_of() -> None:
    """Of every block, and of what differs most in both predictions."""
    report = sample_report()
    comparison = report.workloads[0].comparisons[0]
    figures = data_of(written(report))["comparisons"][0]
    for prediction, slack in zip(figures["predictions"], [r.slack_ps for r in comparison.results], strict=True):
        assert slack is not None
        assert sorted(column(prediction["slack"]).tolist()) == sorted(slack.tolist())
        critical = column(prediction["critical"]) == 1
        assert (column(prediction["slack"])[critical] == 0).all()
    scatter = figures["scatters"][2]
    assert len(scatter["one_slack_ps"]) == len(scatter["other_slack_ps"]) == len(scatter["name"])
    assert data_of(written(report))["comparisons"][2]["predictions"][0]["slack"] is None


def test_errors_against_measurements_open_the_page() -> None:
    """Before provenance, with MAPE and geometric-mean error."""
    page = written(measured_report())
    assert page.index("Against what was measured") < page.index('id="provenance"')
    assert '<td class="n">15.0</td><td class="n">17.3</td><td class="n">0.938</td>' in page


def collectives_page(label: str = "a") -> str:
    """The page of a sweep of three lines, one of which has a choice of algorithm."""

    def ask(kind: Kind, size_bytes: int, algorithm: str, system: System) -> tuple[float | None, str]:
        if algorithm == "direct" and kind is Kind.ALL_GATHER:
            return None, f"no direct {label}"
        return (5e-6 if algorithm else 1e-6) + size_bytes * (1e-10 if algorithm else 1e-9) * system.world_size, ""

    swept = SweepRange(
        kinds=(Kind.ALL_REDUCE, Kind.ALL_GATHER),
        sizes_bytes=(1 << 10, 1 << 20, 1 << 30),
        ranks=(4,),
        algorithms=("", "direct"),
        link=Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6),
    )
    models = [Contestant(label=f"{label}{n}", description=label, ask=ask) for n in range(3)]
    rendering = HtmlReporter().render_collectives(
        sweep_collectives(swept, models), {"command": label}, HtmlOptions(), Destination(to_file=True)
    )
    assert isinstance(rendering.content, bytes)
    return rendering.content.decode()


def test_collectives_have_a_page_of_their_own() -> None:
    """A chart per kind and number of ranks, every model with each algorithm, and where they cross."""
    page = collectives_page()
    (sweep,) = data_of(page)["sweeps"]
    assert len(sweep) == 2
    names = [curve["name"] for curve in sweep[0]["curves"]]
    assert names == ["a0 (auto)", "a0 (direct)", "a1 (auto)", "a2 (auto)", "a1 (direct)", "a2 (direct)"]
    assert "a0 (auto) is faster up to" in page
    assert "a1 (direct) answers for 0 of 3 sizes: no direct a" in page
    assert "1 GB/s and 1 µs per link" in page


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
        assert column(one["count"]).sum() == column(other["count"]).sum()
        assert column(one["busy"]).sum() == column(other["busy"]).sum()
        lanes = [column(p["lane"]) for p in (one, other)]
        for lane in np.unique(lanes[0]):
            busy = [column(p["busy"])[at == lane].sum() for p, at in zip((one, other), lanes, strict=True)]
            assert busy[0] == busy[1]


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
def test_the_page_of_collectives_loads_without_a_word(tmp_path: Path) -> None:
    """With names that try to be scripts."""
    path = tmp_path / "collectives.html"
    path.write_text(collectives_page(ATTACK))
    loaded = load(path)
    assert loaded.console == ()
    assert 'data-drawn="yes"' in loaded.dom
    assert loaded.dom.count('class="main-svg"') >= 4
    assert "<title>planted" not in loaded.dom


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


@settings(max_examples=50)
@given(values=st.lists(st.integers(-(2**53), 2**53), max_size=40))
def test_packed_columns_are_read_as_they_were(values: list[int]) -> None:
    """Every integer that a browser's numbers hold, in any order."""
    assert column(packed(np.array(values, dtype=np.int64))).tolist() == values


@needs_chromium
def test_the_browser_reads_the_integers_that_were_packed(tmp_path: Path) -> None:
    """To the last picosecond, up to the largest that its numbers hold."""
    columns: list[list[int]] = [
        [],
        [0],
        [2**53 - 1, 0, -(2**53) + 1, 2**32, 2**32 - 1, -(2**32), 1, -1],
        np.random.default_rng(7).integers(-(2**53), 2**53, 2_000).tolist(),
        np.random.default_rng(8).integers(-9, 9, 2_000).tolist(),
    ]
    script = files("versim_reporters").joinpath("page", "timeline.js").read_text("utf-8")
    given = json.dumps([packed(np.array(values, dtype=np.int64)) for values in columns])
    path = tmp_path / "columns.html"
    path.write_text(
        f"<!doctype html><pre></pre><script>{script}\nPromise.all({given}.map(column)).then((read) => "
        "{ document.querySelector('pre').textContent = JSON.stringify(read.map((values) => [...values])); });</script>"
    )
    found = re.search(r"<pre>(.*?)</pre>", load(path).dom)
    assert found is not None
    assert json.loads(found.group(1)) == columns


@needs_chromium
def test_the_first_screen_holds_both_charts(tmp_path: Path) -> None:
    """At 1400 × 900: who predicts what, and why, with its causes; nobody scrolls for the answer."""
    places = measured(
        written(sample_report()), tmp_path, 1400, 900, (".says .answers", ".plot.why .main-svg", ".causes")
    )
    for left, top, right, bottom in places.rectangles:
        assert 0 <= left < right <= 1400
        assert 0 <= top < bottom <= 900


@needs_chromium
@pytest.mark.parametrize("width", [320, 420, 1400])
def test_nothing_is_wider_than_the_screen(tmp_path: Path, width: int) -> None:
    """Wide tables scroll in themselves; the page and its charts do not."""
    places = measured(written(sample_report()), tmp_path, width, 900, (".plot.why .main-svg", ".scatter .main-svg"))
    assert places.scroll_width <= width
    assert all(0 <= left < right <= width for left, _, right, _ in places.rectangles)
