"""How far predictions are from measurements."""

from __future__ import annotations

import doctest
import math

import attrs
import numpy as np
import pytest
import versim.comparison.accuracy
from fakes import system_of
from hypothesis import given
from hypothesis import strategies as st
from versim import (
    Fixed,
    GraphBuilder,
    Mesh,
    Report,
    Status,
    WorkloadReport,
    compare_predictions,
    instances_of,
    pin,
    prediction_of,
    replay,
)
from versim.comparison.accuracy import accuracy, held_against_measurements, signed_error

times = st.floats(1e-9, 1e9)


def test_the_example_holds() -> None:
    """An example in a docstring that is wrong is worse than none."""
    assert doctest.testmod(versim.comparison.accuracy).failed == 0


def test_figures_worked_out_by_hand() -> None:
    """+50 % and −20 %: MAPE 35 %, factors 1.5 and 1.25."""
    found = accuracy([3.0, 4.0], [2.0, 5.0])
    assert found is not None
    assert found.mape == pytest.approx(0.35)
    assert found.geometric_mean_error == pytest.approx(math.sqrt(1.5 * 1.25) - 1)
    assert found.geometric_mean_ratio == pytest.approx(math.sqrt(1.5 * 0.8))


def test_the_error_has_a_sign() -> None:
    """Too short is below 0."""
    assert signed_error(0.5, 1.0) == -0.5
    assert signed_error(2.0, 1.0) == 1.0


@given(measured=st.lists(times, min_size=1, max_size=8), factor=st.floats(1.001, 1e3))
def test_being_off_by_a_factor_is_that_factor(measured: list[float], factor: float) -> None:
    """Too long and too short by the same factor have the same geometric-mean error; MAPE has not."""
    longer = accuracy([m * factor for m in measured], measured)
    shorter = accuracy([m / factor for m in measured], measured)
    assert longer is not None
    assert shorter is not None
    assert longer.geometric_mean_error == pytest.approx(factor - 1)
    assert shorter.geometric_mean_error == pytest.approx(factor - 1)
    assert shorter.geometric_mean_ratio == pytest.approx(1 / factor)
    assert shorter.mape < longer.mape


def test_what_is_missing_takes_part_in_nothing() -> None:
    """A simulation that did not complete has no error, and the count says so."""
    found = accuracy([1.0, None, 3.0], [1.0, 2.0, None])
    assert found is not None
    assert (found.count, found.mape) == (1, 0.0)
    assert accuracy([None], [1.0]) is None


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_impossible_times_are_refused(wrong: float) -> None:
    """A mean would hide them."""
    with pytest.raises(ValueError, match="not a positive finite number"):
        signed_error(wrong, 1.0)
    with pytest.raises(ValueError, match="not a positive finite number"):
        accuracy([1.0], [wrong])


def _report(cases: list[tuple[dict[str, int], dict[str, int] | None]]) -> Report:
    """Per workload, durations in ns of nodes that run one after the other: measured, and predicted or stuck (None)."""
    workloads = []
    for number, (measured, predicted) in enumerate(cases):
        builder = GraphBuilder(Mesh.of(rank=1))
        last: list[int] = []
        for name in measured:
            last = [builder.compute(name, [(Fixed(1e-9), 1)], after=last)]
        graph = builder.build()
        system = system_of(graph)
        pinned = pin(graph, system, label="pin")
        instances = instances_of(graph)
        answers = []
        for label, durations in (("truth", measured), ("simulated", predicted)):
            given_ps = np.array([1000 * (durations or measured)[name] for name in measured], dtype=np.int64)
            schedule = replay(instances, given_ps, np.zeros(0, dtype=np.int64))
            made = prediction_of(pinned, instances, schedule, simulator=label, engine="test")
            if durations is None:
                made = attrs.evolve(made, status=Status.DEADLOCK, makespan_ps=None)
            answers.append(attrs.evolve(made, label=label, measured=label == "truth"))
        comparison = compare_predictions(pinned.on(system), answers, "truth")
        workloads.append(WorkloadReport(label=f"case {number}", producer="test", comparisons=(comparison,)))
    return Report(scenario="", description="", workloads=tuple(workloads))


def test_instances_are_held_against_measured_references_over_the_whole_report() -> None:
    """Steps of every workload, and operations that were measured one by one."""
    (found,) = held_against_measurements(
        _report([({"a": 100, "b": 300}, {"a": 150, "b": 450}), ({"a": 200}, {"a": 160})])
    )
    assert found.label == "simulated"
    assert [(step.workload, step.pin, step.measured_ps, step.predicted_ps) for step in found.errors] == [
        ("case 0", "pin", 400_000, 600_000),
        ("case 1", "pin", 200_000, 160_000),
    ]
    assert [step.error for step in found.errors] == pytest.approx([0.5, -0.2])
    assert found.steps is not None
    assert found.steps.mape == pytest.approx(0.35)
    assert found.steps.geometric_mean_error == pytest.approx(math.sqrt(1.5 * 1.25) - 1)
    assert found.operations is not None
    assert (found.operations.count, found.operations.mape) == (3, pytest.approx(0.4))


def test_an_instance_that_completed_nothing_has_no_error() -> None:
    """It is named all the same: that it has none is an answer."""
    (found,) = held_against_measurements(_report([({"a": 100}, None)]))
    assert (found.label, found.errors, found.steps) == ("simulated", (), None)


def test_a_simulated_reference_is_no_truth() -> None:
    """Differences to it are no errors, even if a measurement stands beside it."""
    report = _report([({"a": 100}, {"a": 150})])
    comparison = report.workloads[0].comparisons[0]
    turned = attrs.evolve(comparison, reference="simulated")
    assert (
        held_against_measurements(
            attrs.evolve(report, workloads=(attrs.evolve(report.workloads[0], comparisons=(turned,)),))
        )
        == ()
    )
