"""The shipped scenarios keep their promises; the real programs are measured: golden/deepflow/bundled.json."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import versim
from versim import (
    PS_PER_S,
    Comparison,
    Destination,
    Report,
    Result,
    Status,
    load_registry,
    structure_options,
)

SPREAD_OF_THE_ORIGINAL_S = 84e-6
"""The original numbers nodes by memory address; its runs of the bundled case differ by that much."""


def comparison(report: Report, workload: str, pin: str) -> Comparison:
    """One pin of one workload."""
    found = {(w.label, c.inputs.label): c for w in report.workloads for c in w.comparisons}
    return found[workload, pin]


def seconds(result: Result) -> float:
    """A completed prediction's makespan."""
    assert result.prediction.makespan_ps is not None, result.prediction.diagnosis
    return result.prediction.makespan_ps / PS_PER_S


@pytest.fixture(scope="module")
def bundled() -> Report:
    """The bundled comparison."""
    return versim.compare("bundled")


@pytest.mark.parametrize(
    ("workload", "pin", "label", "measured_s"),
    [
        ("pipeline", "folded by deepflow", "deepflow", 323.4972656660127),
        ("pipeline", "folded by astrasim", "hybrid", 339.6863212577927),
        ("transformer", "local work explicit", "deepflow", 12.324258734691877),
        ("transformer", "local work explicit", "hybrid", 13.316594418523641),
    ],
)
def test_deepflow_is_the_real_deepflow(bundled: Report, workload: str, pin: str, label: str, measured_s: float) -> None:
    """To 1e-9 relative, although every compute node is rounded to a nanosecond once."""
    predicted_s = seconds(comparison(bundled, workload, pin).result(label))
    assert predicted_s == pytest.approx(measured_s, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("pin", "measured_s"), [("folded by deepflow", 323.880117617), ("folded by astrasim", 340.057177617)]
)
def test_the_original_conversion_lies_within_its_own_spread(bundled: Report, pin: str, measured_s: float) -> None:
    """Whole microseconds, nodes in order of creation, rounded links."""
    predicted_s = seconds(comparison(bundled, "pipeline", pin).result("original"))
    assert abs(predicted_s - measured_s) <= SPREAD_OF_THE_ORIGINAL_S * (1 + 1e-9)


def test_the_transformer_graph_as_recorded_is_exact(bundled: Report) -> None:
    """One numbering is possible, so there is no spread."""
    result = comparison(bundled, "transformer", "local work as recorded").result("original")
    assert result.prediction.makespan_ps == 13_300_348_288_000


def test_every_prediction_of_the_bundled_scenario_can_be_right(bundled: Report) -> None:
    """Only the microseconds of the original conversion are loss, and the check of inputs says so."""
    for _, _, result in bundled.results():
        assert result.prediction.status is Status.COMPLETED
        assert result.failed_checks == ()
        failed = [check.name for check in result.checks if check.declared]
        assert failed == (["inputs"] if result.label == "original" else [])


def test_pins_are_never_mixed(bundled: Report) -> None:
    """Every comparison has a digest of its own, and every prediction in it is of that digest."""
    digests = [c.inputs.digest for w in bundled.workloads for c in w.comparisons]
    assert len(set(digests)) == len(digests) == 4
    for _, shown, result in bundled.results():
        assert result.prediction.digest == shown.inputs.digest


def adds_up(result: Result) -> bool:
    """Terms sum to the difference, and of those that were asked about the causes to the term, to the picosecond."""
    assert result.attribution is not None
    effects_ps = {term.name: term.effect_ps for term in result.attribution.terms}
    causes_ps = {found.term: sum(cause.effect_ps for cause in found.causes) for found in result.causes}
    return sum(effects_ps.values()) == result.difference_ps and causes_ps.items() <= effects_ps.items()


@pytest.mark.parametrize("label", ["astrasim", "original"])
@pytest.mark.parametrize("pin", ["folded by deepflow", "folded by astrasim"])
def test_the_causes_of_the_bundled_all_reduce_are_its_hops_and_add_up(bundled: Report, pin: str, label: str) -> None:
    """Of 232.95 ms 220.96 are four links that store and forward; what latency adds, the way takes back."""
    result = comparison(bundled, "pipeline", pin).result(label)
    assert adds_up(result)
    (found,) = result.causes
    assert (found.term, found.effect_ps, found.hops) == ("all_reduce over dp, backward", 232_953_056_742, 4)
    assert {cause.kind.value: cause.effect_ps for cause in found.causes} == {
        "way between peers": 220_963_906_832,
        "moving the bytes": 11_989_149_910,
        "latency": 30_076_600,
        "latency along the way": -30_076_600,
    }


def test_the_whole_report_names_them(bundled: Report) -> None:
    """As text and as Markdown, with a part for each."""
    for form, options in (("table", {"full": True}), ("markdown", {})):
        reporter = load_registry().reporter(form)
        made = reporter.render(bundled, structure_options(reporter, options), Destination())
        assert (
            "all_reduce over dp, backward: peers are 4 links apart, and each link stores and forwards (+220.96 ms); "
            "bus bandwidth 153 GB/s instead of 178 (+11.989 ms); latency of 40.0 µs each instead of 10.0 µs "
            "(+30.077 µs); latency on the way between its peers counts less (-30.077 µs)"
        ) in " ".join(str(made.content).replace("\\", "").split())


def test_the_causes_of_the_default_comparison_add_up() -> None:
    """Of every simulator: three terms with causes, all terms to the difference."""
    (only,) = versim.compare().workloads[0].comparisons
    others = [result for result in only.results if result.label != only.reference]
    assert {result.label for result in others} >= {"nccl", "astrasim"}
    for result in others:
        assert adds_up(result)
        assert len(result.causes) >= 2
        assert all(found.effect_ps for found in result.causes)


def test_a_compute_bound_step_differs_in_communication_only() -> None:
    """Below 1e-6 in total: equal compute times leave nothing else to differ in."""
    for _, _, result in versim.compare("compute_bound").results():
        assert result.difference_percent is not None
        assert abs(result.difference_percent) < 1e-4
        assert not result.failed_checks
    report = versim.compare("compute_bound")
    (only,) = report.workloads[0].comparisons
    reference = only.result("deepflow").groups
    for result in only.results:
        for group, there in zip(result.groups, reference, strict=True):
            assert group.key == there.key
            if group.key == "compute":
                assert group.total_ps == there.total_ps


def test_a_communication_heavy_step_is_decided_by_the_network_model() -> None:
    """The reason to compare at all."""
    (only,) = versim.compare("communication_heavy").workloads[0].comparisons
    astrasim = only.result("astrasim")
    assert astrasim.totals is not None
    assert astrasim.totals.communication_ratio > 0.5
    assert astrasim.difference_percent is not None
    assert astrasim.difference_percent > 100


def test_the_modes_stand_side_by_side() -> None:
    """Analytical, hybrid and hierarchical are pins of one step, and agree within a few percent."""
    report = versim.compare("modes")
    step = next(workload for workload in report.workloads if workload.label == "step")
    makespans_s = {c.inputs.label: seconds(c.results[0]) for c in step.comparisons}
    assert makespans_s["analytical"] == pytest.approx(323.4972656660127, rel=1e-9, abs=0)
    assert makespans_s["hybrid"] == pytest.approx(339.6863212577927, rel=1e-9, abs=0)
    assert makespans_s["analytical"] < makespans_s["hybrid"] < makespans_s["hierarchical"] < 1.1 * makespans_s["hybrid"]


def test_the_attribution_that_is_explained_is_the_real_one(bundled: Report) -> None:
    """docs/bundled.md derives the difference term by term; the terms are these, and nothing is left."""
    text = (Path(__file__).parent.parent / "docs" / "bundled.md").read_text("utf-8")
    rows = dict(re.findall(r"(?m)^\| ([a-z_, ]+?) \| (\S.*?) \| \S.*? \|$", text.split("| term |")[1].split("\n\n")[0]))
    explained = {name: int(figure.replace("−", "-").replace(" ", "")) for name, figure in rows.items()}
    attribution = comparison(bundled, "pipeline", "folded by deepflow").result("astrasim").attribution
    assert attribution is not None
    shown = {term.name: term.effect_ps for term in attribution.terms if term.effect_ps}
    assert {name: value for name, value in explained.items() if value and name != "difference"} == shown
    assert explained["difference"] == attribution.difference_ps == sum(shown.values())
    original = comparison(bundled, "pipeline", "folded by deepflow").result("original").attribution
    assert original is not None
    first = original.patterns[0]
    assert (first.waiting, first.behind, first.ranks) == ("point_to_point over pp", "all_reduce over dp", (1, 2, 3))


def test_hardly_anything_of_the_bundled_difference_is_left_unexplained(bundled: Report) -> None:
    """Under 1 % of it, under every pin and for every instance."""
    for _, _, result in bundled.results():
        if result.attribution is not None:
            assert sum(term.effect_ps for term in result.attribution.terms) == result.difference_ps
            assert abs(result.attribution.rest_ps) <= abs(result.attribution.difference_ps) / 100
