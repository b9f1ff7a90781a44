"""Configurations from a scenario and what is varied in it."""

from __future__ import annotations

import attrs
import pytest
from versim import Registry, Scenario, VersimError, load_registry, load_scenario
from versim.sweeps.variations import of_scenarios, parse_axis, varied


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed plugins."""
    return load_registry()


@pytest.fixture
def scenario(registry: Registry) -> Scenario:
    """A scenario of one step."""
    return load_scenario("compute_bound", registry)


def test_every_combination_is_a_configuration(registry: Registry, scenario: Scenario) -> None:
    """The last option varies fastest, and each label says what was chosen."""
    found = varied(scenario, registry, {"pp": ["1", "2"], "step.microbatches": ["4", "8"]})
    assert [c.label for c in found] == [
        "pp=1, step.microbatches=4",
        "pp=1, step.microbatches=8",
        "pp=2, step.microbatches=4",
        "pp=2, step.microbatches=8",
    ]
    last = found[-1].scenario
    assert last is not None
    assert (last.workload("step").options["pp"], last.workload("step").options["microbatches"]) == (2, 8)


def test_an_option_of_several_workloads_is_varied_in_all(registry: Registry) -> None:
    """A step and a layer of it have to stay of one size."""
    (one, _) = varied(load_scenario("bundled", registry), registry, {"batch_size": ["1024", "512"]})
    assert one.scenario is not None
    assert {w.options["batch_size"] for w in one.scenario.workloads} == {1024}


def test_a_faulty_value_stays_with_its_fault(registry: Registry, scenario: Scenario) -> None:
    """The others are still a choice."""
    good, bad = varied(scenario, registry, {"pp": ["2", "two"]})
    assert good.fault == ""
    assert bad.scenario is None
    assert "pp" in bad.fault


def test_an_option_that_nobody_has_is_named(registry: Registry, scenario: Scenario) -> None:
    """With a near one."""
    with pytest.raises(VersimError, match="did you mean 'microbatches'"):
        varied(scenario, registry, {"microbatchs": ["1", "2"]})


def test_too_many_combinations_are_refused_before_any_is_made(registry: Registry, scenario: Scenario) -> None:
    """A slip of the keyboard should not take an hour."""
    values = [str(value) for value in range(101)]
    with pytest.raises(VersimError, match="1030301 combinations are more than 10000"):
        varied(scenario, registry, {"pp": values, "dp": values, "tp": values})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dp=1,2,4", ("dp", ("1", "2", "4"))),
        ("step.nodes=1", ("step.nodes", ("1",))),
        ("crosses_nodes=[dp, pp],[]", ("crosses_nodes", ("[dp, pp]", "[]"))),
        ("size=1 kB, 2 kB", ("size", ("1 kB", "2 kB"))),
    ],
)
def test_an_axis_is_a_key_and_its_values(text: str, found: tuple[str, tuple[str, ...]]) -> None:
    """Commas within brackets belong to a value."""
    assert parse_axis(text) == found


@pytest.mark.parametrize("text", ["dp", "=1", "dp=", "dp=1,,2", "dp=1,1"])
def test_what_is_no_axis_is_refused(text: str) -> None:
    """It would vary nothing, or one value twice."""
    with pytest.raises(VersimError, match="--vary"):
        parse_axis(text)


def test_scenarios_are_told_apart_by_name_or_file(scenario: Scenario) -> None:
    """Two files may hold scenarios of one name."""
    other = attrs.evolve(scenario, name="other")
    assert [c.label for c in of_scenarios([("a.yaml", scenario), ("b.yaml", other)])] == ["compute_bound", "other"]
    assert [c.label for c in of_scenarios([("a.yaml", scenario), ("b.yaml", scenario)])] == ["a.yaml", "b.yaml"]
    with pytest.raises(VersimError, match="given twice"):
        of_scenarios([("a.yaml", scenario), ("a.yaml", scenario)])
