"""Questions, ranks, and which configurations are ranked together."""

from __future__ import annotations

import attrs
import pytest
from versim import Dimension, Link, Registry, Scenario, Topology, VersimError, load_registry, load_scenario
from versim.scenario import SystemPart
from versim.sweeps.choice import Question, choice_among, choice_in
from versim.sweeps.decision_report import as_text
from versim.sweeps.sweep import sweep


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed plugins."""
    return load_registry()


@pytest.fixture
def steps(registry: Registry) -> Scenario:
    """Two workloads under one pin, of one short collective each."""
    workload = attrs.evolve(
        load_scenario("compute_bound", registry).workloads[0],
        label="one",
        producer="collective",
        options={"participants": 2, "size_bytes": 1000},
    )
    scenario = load_scenario("compute_bound", registry)
    return attrs.evolve(
        scenario,
        workloads=(workload, attrs.evolve(workload, label="two", options={"participants": 2, "size_bytes": 2000})),
        pins=(),
        system=_ring(2),
        backends=[attrs.evolve(scenario.instance("hybrid"), label=name) for name in ("a", "b")],
        reference="a",
    )


def _ring(size: int) -> SystemPart:
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
    return SystemPart(dimensions=(Dimension(topology=Topology.RING, size=size, link=link),))


def test_equal_makespans_share_the_better_rank() -> None:
    """And what did not complete has none."""
    question = Question(
        workload="w",
        pin="p",
        configurations=("a", "b", "c", "d"),
        makespans_ps={"s": (30, 10, 30, None)},
        wall_s={"s": 1.0},
        reference="s",
        decisions=(),
    )
    assert [question.rank("s", row) for row in range(4)] == [2, 1, 2, None]
    assert question.makespan_s("s", 3) is None


def test_workloads_are_ranked_apart(registry: Registry, steps: Scenario) -> None:
    """The makespan of one says nothing about the other's."""
    swept = sweep(steps, {"count": [1, 2, 3]}, registry=registry).run()
    choice = choice_in(swept.store, swept.number)
    swept.close()
    assert [(q.workload, q.pin) for q in choice.questions] == [("one", "as given"), ("two", "as given")]
    for question in choice.questions:
        assert question.reference == "a"
        assert [question.rank("b", row) for row in range(3)] == [1, 2, 3]
        assert question.decisions[0].kendall_tau_b == 1.0
    assert "two / as given: 3 configurations, held against a" in as_text(choice)


def test_scenarios_are_one_question_if_each_is_one_step(registry: Registry, steps: Scenario) -> None:
    """Whatever their steps are called; by the names they were given, not by their settings, of which there are none."""
    one, two = ([workload] for workload in steps.workloads)
    choice = choice_among({"x": attrs.evolve(steps, workloads=two), "y": attrs.evolve(steps, workloads=one)}, registry)
    (question,) = choice.questions
    assert (question.workload, question.pin, question.configurations) == ("", "", ("y", "x"))


def test_scenarios_with_nothing_in_common_are_no_choice(registry: Registry, steps: Scenario) -> None:
    """Several workloads of other labels cannot be matched; somebody has to say which belong together."""
    renamed = attrs.evolve(steps, workloads=[attrs.evolve(w, label=f"other {w.label}") for w in steps.workloads])
    with pytest.raises(VersimError, match="no workload and pin is in two configurations"):
        choice_among({"x": steps, "y": renamed}, registry)
