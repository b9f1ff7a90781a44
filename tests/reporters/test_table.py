"""The table: within its width, honest about small differences, safe with any name."""

from __future__ import annotations

import re
import unicodedata

import attrs
import pytest
import versim_reporters.table
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import (
    NETWORKS,
    AlphaBeta,
    comparison_of,
    measured_report,
    pipeline_graph,
    reports,
    sample_report,
)
from versim import Destination, Report, WorkloadReport, compare_predictions
from versim_reporters.table import TableOptions, TableReporter


def rendered(report: Report, **options: int) -> str:
    """What the reporter writes."""
    content = TableReporter().render(report, TableOptions(**{"full": True, **options}), Destination()).content
    assert isinstance(content, str)
    return content


def columns(line: str) -> int:
    """Columns a terminal gives a line."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def row(text: str, label: str) -> list[str]:
    """The cells of the first table row that starts with a label."""
    return next(re.split(r"\s{2,}", line) for line in text.splitlines() if re.match(rf"{label}  +\S", line))


@settings(max_examples=50)
@given(report=reports(), width=st.integers(20, 200), operations=st.integers(1, 30))
def test_every_line_fits_and_is_printable(report: Report, width: int, operations: int) -> None:
    """Whatever names, labels and figures there are, also of deadlocked and lossy predictions."""
    text = rendered(report, width=width, operations=operations)
    for line in text.splitlines():
        assert columns(line) <= width, line
        assert line == line.rstrip()
    visible = text.replace("\n", "")
    assert not [c for c in visible if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


def test_the_verdict_comes_first() -> None:
    """Who differs by how much and mainly where, before any table."""
    lines = rendered(sample_report()).splitlines()
    verdict = "\n".join(lines[2 : lines.index("pipeline: all pins")])
    assert "pipeline, pin deepflow: the reference, analytical, takes 218.970157547 s" in verdict
    assert "astrasim  +0.159 % (+348.99 ms): gradient all-reduce, on the critical path, takes 536.88 ms" in verdict
    assert "instead of 257.70 ms (+279.18 ms)" in verdict
    assert "stuck: the reference, analytical, did not complete: deadlock: rank 0: node 0 ('reduce a') waits" in verdict
    assert "checks: FAILED complete of analytical" in verdict


def test_the_main_table_has_one_row_per_instance() -> None:
    """Makespans to the nanosecond, signed differences, where the time went."""
    text = rendered(sample_report())
    after = text[text.index("pipeline, pin deepflow\n") :]
    assert row(after, "analytical")[:3] == ["analytical", "218.970157547", "reference"]
    assert row(after, "astrasim") == [
        *("astrasim", "219.319151640", "+0.348994093", "+0.159"),
        *("124.924", "0.715909", "0.648773", "0.0057", "0.012"),
    ]


def test_the_sample_in_the_docstring_is_true() -> None:
    """Documentation that shows output shows this program's output."""
    documentation = versim_reporters.table.__doc__ or ""

    def lines(text: str) -> list[str]:
        masked = re.sub(r"digest [0-9a-f]{12}", "digest", text)
        return [line.strip() for line in masked.splitlines() if line.strip()]

    sample = lines(documentation.partition("::")[2])
    printed = lines(rendered(sample_report()))
    assert len(sample) > 10
    position = 0
    for line in sample:
        if line != "…":
            position = printed.index(line, position)


def test_a_tiny_difference_is_not_printed_as_zero() -> None:
    """Three picoseconds of 219 s are a difference."""
    original = sample_report().workloads[0].comparisons[0]
    first = original.results[0].prediction
    assert first.makespan_ps is not None
    spans = first.spans
    late = spans.end_ps.copy()
    late[spans.end_ps == spans.end_ps.max()] += 3
    finish = first.finish_ps.copy()
    finish[finish == finish.max()] += 3
    second = attrs.evolve(
        first,
        label="later",
        makespan_ps=first.makespan_ps + 3,
        finish_ps=finish,
        spans=attrs.evolve(spans, end_ps=late),
    )
    comparison = compare_predictions(original.inputs, [first, second], "analytical")
    text = rendered(report_of(comparison))
    assert "later  +1.4e-12 % (+3 ps)" in text
    assert row(text, "later")[1:4] == ["218.970157547", "+0.000000000003", "+1.4e-12"]


def report_of(*comparisons: object) -> Report:
    """A report of one workload."""
    workload = WorkloadReport(label="w", producer="p", comparisons=comparisons)  # type: ignore[arg-type]
    return Report(scenario="s", description="", workloads=(workload,))


def test_small_steps_are_shown_in_small_units() -> None:
    """A micro-benchmark of microseconds is exact to the picosecond."""
    graph = pipeline_graph(stages=1, microbatches=1, layer_s=1.25e-6)
    comparison = comparison_of(graph, {"a": AlphaBeta(1e-6, 1e15), "b": AlphaBeta(2e-6, 1e15)})
    text = rendered(report_of(comparison))
    assert re.search(r"makespan +difference +diff\.", text)
    assert re.search(r"\[ms\] +\[ms\] +\[%\]", text)


def test_identical_predictions_are_said_to_be_identical() -> None:
    """Not 0.00 %."""
    text = rendered(report_of(comparison_of(pipeline_graph(), {"a": NETWORKS["hybrid"], "b": NETWORKS["hybrid"]})))
    assert "b  the same makespan, to the picosecond" in text


def test_pins_stand_side_by_side_once() -> None:
    """With the words that their inputs differ; a pin that did not ask an instance has a dash."""
    graph = pipeline_graph()
    one = comparison_of(graph, NETWORKS, label="one")
    two = comparison_of(graph, {"hybrid": NETWORKS["hybrid"]}, label="two", scale=2.0)
    text = rendered(report_of(one, two))
    table = text[text.index("w: all pins") : text.index("w, pin one\n=")]
    assert re.search(r"^one +[0-9a-f]{12} +218\.970157547 +218\.983586320 +219\.319151640$", table, re.MULTILINE)
    assert re.search(r"^two +[0-9a-f]{12} +– +437\.631586320 +–$", table, re.MULTILINE)
    assert "These pins have different inputs" in table
    assert "These pins" not in rendered(report_of(one))


def test_what_simulators_lose_and_say_is_noted() -> None:
    """Loss with its reason, surprises, and what the original program would print."""
    original = comparison_of(pipeline_graph(), {"a": NETWORKS["hybrid"]})
    prediction = original.results[0].prediction
    consumed = attrs.evolve(
        prediction.consumed,
        compute_ns=prediction.consumed.compute_ns // 1000 * 1000 + 7,
        notes=("whole microseconds only",),
    )
    lossy = attrs.evolve(prediction, consumed=consumed, reported_s=1.5, diagnosis=("clocks ran backwards",))
    comparison = compare_predictions(original.inputs, [lossy], "a")
    text = rendered(report_of(comparison))
    assert "checks: FAILED inputs of a, durations of a; see below" in text
    assert "FAILED inputs of a: 44 compute nodes changed by 308 ns in all (net 308 ns)" in text
    for note in (
        "- a: consumed: whole microseconds only",
        "- a: clocks ran backwards",
        "- a: the original program would print 1.5 s",
    ):
        assert note in text


def test_many_instances_are_split_into_several_tables() -> None:
    """The reference stands in each of them, and no name is cut below what tells it apart."""
    networks = {f"network-{i}": AlphaBeta(1e-6 * (i + 1), 25e9) for i in range(12)}
    text = rendered(report_of(comparison_of(pipeline_graph(), networks)))
    headings = [line for line in text.splitlines() if line.startswith("operation ")]
    assert len(headings) == 4
    assert all("network-0 " in line for line in headings)


def test_what_is_not_shown_is_said() -> None:
    """Rows without time and rows over the limit are counted."""
    text = rendered(sample_report(), operations=3)
    assert "Not shown: 6 operations of less time in all (see option operations); 1 operation of no time in" in text


def test_paths_repeat_neither_names_nor_themselves() -> None:
    """Runs and repeated sequences are folded; a path of the same steps is not printed twice."""
    text = rendered(sample_report())
    assert "4 × (embedding → transformer) (41.7 s) → 3 × (activation send → transformer) (31.2 s)" in text
    assert "of the reference's path, through the same steps" in text


def test_a_stream_that_knows_only_ascii_gets_ascii() -> None:
    """No UnicodeEncodeError on an old terminal."""
    content = TableReporter().render(sample_report(), TableOptions(full=True), Destination(encoding="ascii")).content
    assert isinstance(content, str)
    assert b"4 x (embedding > transformer)" in content.encode("ascii")


@pytest.mark.parametrize("options", [{"width": 19}, {"operations": 0}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=next(iter(options))):
        TableOptions(**options)


def test_what_explains_most_follows_the_totals() -> None:
    """Three terms with their share; the whole chain, exact and with details, on request."""
    brief, full = rendered(sample_report()), rendered(sample_report(), explain=True)
    section = brief.partition("Why astrasim differs by +348.99 ms")[2].partition("\n\n")[0]
    assert brief.index("makespan − compute") < brief.index("Why astrasim differs") < brief.index("\ngroup ")
    assert len(section.splitlines()) == 6
    assert "80.0 %" in section
    assert "schedule order" not in section
    chain = full.partition("Why astrasim differs by +348.99 ms")[2].partition("\n\n")[0]
    assert "+279.17687424 ms" in chain
    assert "what is left" in chain
    assert "in this order: " in " ".join(chain.split())


@pytest.mark.parametrize(
    ("terminal", "option", "expected"), [(None, 100, 100), (70, 100, 70), (30, 100, 30), (10, 100, 20), (200, 90, 90)]
)
def test_no_line_is_wider_than_the_terminal(terminal: int | None, option: int, expected: int) -> None:
    """Nor than asked for; below 20 columns there is nothing to be read."""
    destination = Destination(columns=terminal)
    content = TableReporter().render(sample_report(), TableOptions(full=True, width=option), destination).content
    assert isinstance(content, str)
    assert max(map(columns, content.splitlines())) == expected


@settings(max_examples=15)
@given(report=reports())
def test_colour_changes_nothing_but_colour(report: Report) -> None:
    """Without its escape sequences the text is the plain one, whatever names hold; there is none unless wanted."""
    reporter = TableReporter()
    plain = reporter.render(report, TableOptions(full=True), Destination()).content
    shown = reporter.render(report, TableOptions(full=True), Destination(colour=True, columns=100)).content
    assert isinstance(plain, str)
    assert isinstance(shown, str)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == plain


def test_what_failed_is_red() -> None:
    """And still says so in a word."""
    shown = TableReporter().render(sample_report(), TableOptions(full=True), Destination(colour=True)).content
    assert isinstance(shown, str)
    assert "\x1b[1;31mFAILED\x1b[0m complete of analytical" in shown


def test_a_measurement_is_called_one_and_errors_are_summed_up() -> None:
    """A tenth too long and a fifth too short: MAPE 15 %, off by a factor of √(1.1 · 1.25)."""
    text = rendered(measured_report())
    assert "short: the measurement, machine, took 124.869 s" in text
    assert text.index("against what was measured") < text.index("instance  makespan")
    cells = row(text, "model")
    assert cells[:6] == ["model", "2", "-20.0 to +10.0", "15.0", "17.3", "0.938"]
    assert cells[7:] == ["15.0", "17.3"]
    assert " error" in text.partition("makespan")[2].splitlines()[0]


def test_links_and_sweeps_are_part_of_the_whole_chain() -> None:
    """Busiest links with their share of the makespan; of each communication alone the line that times imply."""
    brief, full = rendered(sample_report()), rendered(sample_report(), explain=True)
    assert "Links of" not in brief
    assert "Alone:" not in brief
    links = full.partition("Links of astrasim: 2 links carried 3.25 GiB in all")[2]
    # 3 GiB at 40 ps a byte, half as long waited for, of a makespan of 219.3 s.
    assert row(links, "0->1") == ["0->1", "3 GiB", "7", "128.85 ms", "0.1", "64.425 ms"]
    alone = full.partition("Alone: all_reduce over dp, 2 ranks (0, 4)")[2]
    assert row(alone, "analytical") == ["analytical", "5.000 µs", "25", "0", "257.7 ms"]
    assert "- astrasim answers for 0 of 7 sizes: no messages here" in full
