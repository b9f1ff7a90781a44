"""The sentence on what makes two predictions differ: checked by hand, from the document alone."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import versim
from report_samples import sample_report
from versim import Report, report_document
from versim_reporters.explanation import explanations


def sentences(report: Report) -> dict[tuple[str, str, str], str]:
    """By workload, pin and instance."""
    return {
        (workload.label, comparison.inputs.label, found.label): found.sentence
        for workload in report.workloads
        for comparison in workload.comparisons
        for found in explanations(comparison)
    }


@pytest.fixture(scope="module")
def bundled() -> Report:
    """The scenario that versim compares without arguments."""
    return versim.compare("bundled")


def test_what_makes_deepflow_and_astrasim_differ_is_said_in_one_sentence(bundled: Report) -> None:
    """The sentence that docs/bundled.md derives."""
    assert sentences(bundled)["pipeline", "folded by deepflow", "astrasim"] == (
        "astrasim takes 270.25 ms longer than deepflow, because all-reduce embedding gradients, on the critical path, "
        "takes 306.97 ms instead of 74.016 ms (+232.95 ms); and all_reduce over dp waits behind all_reduce over dp on "
        "rank 0 (+37.298 ms)."
    )


def test_the_sentence_can_be_checked_by_hand_from_the_document(bundled: Report) -> None:
    """Every figure of it is a figure of the document, and they add up."""
    document, _ = report_document(bundled)
    comparison: Any = document["workloads"][0]["comparisons"][0]
    reference, _, result, _ = comparison["results"]
    means = [
        next(row["mean_s"] for row in r["operations"] if row["key"] == "all-reduce embedding gradients")
        for r in (reference, result)
    ]
    effects = {term["name"]: term["effect_ps"] for term in result["attribution"]["terms"]}
    waiting = result["attribution"]["patterns"][0]
    assert result["makespan_ps"] - reference["makespan_ps"] == sum(effects.values())
    assert [step["name"] for step in reference["critical_path"]["steps"]].count("all-reduce embedding gradients") == 1
    assert means == pytest.approx([0.0740158, 0.306969], rel=1e-5)
    assert effects["all_reduce over dp, backward"] == pytest.approx((means[1] - means[0]) * 1e12, rel=1e-9)
    assert effects["schedule order"] == waiting["on_path_ps"] - waiting["reference_on_path_ps"]


def test_an_operation_that_is_only_part_of_the_reason_is_called_so(bundled: Report) -> None:
    """Its own change is less than the effect of its group."""
    said = sentences(bundled)["transformer", "local work explicit", "hybrid"]
    assert "because reduce_scatter over tp, forward, above all attention_score forward reduce_scatter, " in said
    assert said.endswith("; and of all else (-2.0169 ms).")


def test_several_executions_on_the_critical_path_are_counted() -> None:
    """Three messages, each twice as long."""
    said = sentences(sample_report())["pipeline", "deepflow", "astrasim"]
    assert "activation send, 3 times on the critical path, takes 22.379 ms instead of 10.742 ms (+34.909 ms)" in said


def test_nothing_to_explain_is_no_sentence() -> None:
    """Of equal predictions, and of what never completed."""
    report = sample_report()
    comparison = report.workloads[0].comparisons[0]
    same = attrs.evolve(comparison, results=(comparison.results[0],))
    assert explanations(same) == []
    assert ("stuck", "", "analytical") not in sentences(report)
