"""What the shipped simulators say, explained: the bundled step, and steps in which sends wait behind all-reduces."""

from __future__ import annotations

from pathlib import Path

import pytest
import versim
from versim import Comparison, Report
from versim.comparison.attribution import Attribution, Policy, attribute


def explained(comparison: Comparison, label: str, **options: object) -> Attribution:
    """Why an instance differs from the reference."""
    reference = comparison.result(comparison.reference).prediction
    found = attribute(comparison.pinned, reference, comparison.result(label).prediction, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.fixture(scope="module")
def bundled() -> Report:
    """The shipped comparison."""
    return versim.compare("bundled")


def test_nothing_is_left_on_the_bundled_scenario(bundled: Report) -> None:
    """Under every pin, for every instance, less than 1 % of the difference is neither durations nor orders."""
    for workload in bundled.workloads:
        for comparison in workload.comparisons:
            for result in comparison.results:
                found = explained(comparison, result.label)
                assert found.policy is Policy.REPLAY
                assert abs(found.rest_ps) * 100 <= abs(found.difference_ps)


def test_from_astrasim_as_the_reference_little_is_left(bundled: Report) -> None:
    """The other way round the reference's orders and lanes are kept, and as much is explained."""
    comparison = bundled.workloads[0].comparisons[0]
    one, two = (comparison.result(label).prediction for label in ("astrasim", "deepflow"))
    found = attribute(comparison.pinned, one, two)
    assert found is not None
    assert found.policy is Policy.FIXED_ORDER
    assert found.difference_ps == -explained(comparison, "astrasim").difference_ps
    assert abs(found.rest_ps) * 100 <= abs(found.difference_ps)


def step(folder: Path, dp: int, pp: int, microbatches: int) -> Comparison:
    """A small model, through DeepFlow and ASTRA-sim, with nodes numbered as DeepFlow's converter creates them."""
    scenario = folder / "step.yaml"
    scenario.write_text(
        f"""
name: step
description: Sends wait behind all-reduces.
workloads:
  - label: step
    producer: deepflow-llm
    options: {{granularity: pipeline, model: small, dp: {dp}, pp: {pp}, microbatches: {microbatches}}}
pins:
  - {{label: deepflow, compute: deepflow, folded: deepflow}}
backends:
  - {{label: deepflow, backend: deepflow, network: deepflow}}
  - {{label: creation, backend: astrasim, options: {{node_order: creation}}}}
reference: deepflow
""",
        encoding="utf-8",
    )
    return versim.compare(scenario).workloads[0].comparisons[0]


@pytest.mark.parametrize(("dp", "pp", "microbatches"), [(2, 2, 2), (2, 4, 4)])
def test_sends_that_wait_behind_all_reduces_are_named(tmp_path: Path, dp: int, pp: int, microbatches: int) -> None:
    """One send or collective of a rank at a time, sends numbered last: that is what the report has to say, first."""
    found = explained(step(tmp_path, dp, pp, microbatches), "creation")
    first = found.patterns[0]
    assert (first.waiting, first.behind) == ("point_to_point over pp", "all_reduce over dp")
    assert first.ranks == tuple(range(1, pp))
    assert first.reference_wait_ps == 0
    assert 0 < first.on_path_ps <= first.wait_ps
    # Waiting in turn explains most of the difference, and durations the rest.
    assert found.schedule_order_ps * 2 > found.difference_ps
    assert abs(found.rest_ps) * 100 <= found.difference_ps
