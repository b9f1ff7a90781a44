"""What decides the exit status of a comparison: what differs too much, and what failed that nobody declared."""

from __future__ import annotations

import attrs
import pytest
from report_samples import AlphaBeta, predicted, ring
from versim import Check, Fixed, GraphBuilder, Mesh, Report, WorkloadReport, compare_predictions, pin


def report(reference_s: float = 1e-3, other_s: float = 2e-3) -> Report:
    """Two answers about one message, whose latency is given."""
    builder = GraphBuilder(Mesh.of(dp=2))
    builder.compute("nothing", [(Fixed(0.0), 1)])
    builder.collective("sum", "all_reduce", 8, axes=["dp"])
    inputs = pin(builder.build(), ring(2), label="given")
    answers = [predicted(inputs, AlphaBeta(s, 1e30), label) for label, s in (("a", reference_s), ("b", other_s))]
    comparison = compare_predictions(inputs, answers, "a")
    return Report(
        scenario="status",
        description="",
        workloads=(WorkloadReport(label="w", producer="test", comparisons=(comparison,)),),
    )


@pytest.mark.parametrize(("percent", "said"), [(101, 0), (99, 1)])
def test_a_difference_above_the_threshold_is_said(percent: float, said: int) -> None:
    """The reference itself never is."""
    assert len(report().over(percent)) == said
    assert all("w / given / b differs from 'a' by 100 %" in line for line in report().over(percent))


def test_a_difference_that_cannot_be_stated_counts_as_exceeded() -> None:
    """A reference of 0 was status 0, whatever the other took."""
    (line,) = report(reference_s=0.0).over(1e9)
    assert line == "w / given / b cannot be held against 'a', which counts as exceeded"


def test_failed_checks_are_those_that_nobody_declared() -> None:
    """What is declared reads so and is no failure."""
    made = report()
    (comparison,) = made.workloads[0].comparisons
    failed = Check(name="bisection", passed=False, detail="too fast")
    meant = Check(name="inputs", passed=None, detail="rounded", declared="whole microseconds")
    results = (comparison.results[0], attrs.evolve(comparison.results[1], checks=(failed, meant)))
    workload = attrs.evolve(made.workloads[0], comparisons=(attrs.evolve(comparison, results=results),))
    assert attrs.evolve(made, workloads=(workload,)).failed_checks() == ("w / given / b: bisection",)
