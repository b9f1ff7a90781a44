"""What a scenario says about systems, merged over what a producer proposes; and dumps of any scenario."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim import Device, Dimension, FaultsError, Link, System, Topology, UnknownNameError
from versim.plain.yaml_text import parse_yaml
from versim.scenario import (
    DevicePart,
    DurationSource,
    Instance,
    Pin,
    Scenario,
    SystemPart,
    TimingChoice,
    Workload,
    dump_scenario,
)
from versim.scenario.form import plain_form, scenario_from

FAST = Link(bandwidth_bytes_per_s=1e12, latency_s=0.0)
SLOW = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
RING = Dimension(topology=Topology.RING, size=8, link=SLOW)
PROPOSAL = System(
    dimensions=(RING,),
    device=Device(name="proposed", kernel_launch_overhead_s=1e-6, parameters={"a": 1, "b": 2}),
    axis_links={"dp": SLOW, "tp": SLOW},
)


def scenario_with(workload: SystemPart | None = None, system: SystemPart | None = None) -> Scenario:
    """One workload."""
    return Scenario(
        name="s",
        workloads=[Workload(label="w", producer="p", system=workload)],
        backends=[Instance(label="b", backend="x")],
        system=system,
    )


def test_without_a_system_the_proposal_stands() -> None:
    """The producer's file already says what the step runs on."""
    scenario = scenario_with()
    assert scenario.system_of(scenario.workloads[0], PROPOSAL) == PROPOSAL


def test_each_part_is_merged_over_the_proposal() -> None:
    """Only what is said changes."""
    part = SystemPart(device=DevicePart(parameters={"b": 3}), axis_links={"dp": FAST})
    scenario = scenario_with(system=part)
    found = scenario.system_of(scenario.workloads[0], PROPOSAL)
    assert found.dimensions == (RING,)
    assert found.device == Device(name="proposed", kernel_launch_overhead_s=1e-6)
    assert found.device.parameters == {"a": 1, "b": 3}
    assert found.axis_links == {"dp": FAST, "tp": SLOW}


def test_the_workload_speaks_before_the_scenario() -> None:
    """And dimensions of either are taken whole."""
    pair = attrs.evolve(RING, size=2)
    scenario = scenario_with(
        SystemPart(dimensions=[pair], device=DevicePart(kernel_launch_overhead_s=0.0)),
        SystemPart(dimensions=[RING], device=DevicePart(name="theirs", kernel_launch_overhead_s=3.0)),
    )
    found = scenario.system_of(scenario.workloads[0], None)
    assert found.dimensions == (pair,)
    assert found.device == Device(name="theirs", kernel_launch_overhead_s=0.0)


def test_a_network_has_to_come_from_somewhere() -> None:
    """The message says from where."""
    scenario = scenario_with(system=SystemPart(device=DevicePart(name="d")))
    with pytest.raises(FaultsError, match=r"\$\.system\.dimensions: is missing, and the workload's producer proposes"):
        scenario.system_of(scenario.workloads[0], None)


def test_a_negative_overhead_is_refused() -> None:
    """As core's device does."""
    with pytest.raises(ValueError, match="kernel_launch_overhead_s"):
        DevicePart(kernel_launch_overhead_s=-1.0)


def test_labels_lead_to_their_parts() -> None:
    """With a guess where one is mistyped."""
    scenario = scenario_with()
    assert scenario.instance("b").backend == "x"
    assert scenario.reference_of(scenario.backends) == scenario.backends[0]
    for look_up in (scenario.workload, scenario.pin, scenario.instance):
        with pytest.raises(UnknownNameError):
            look_up("nothing")


labels = st.text(min_size=1, max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(max_size=8)
plain = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(labels, inner, max_size=3), max_leaves=6
)
options = st.dictionaries(labels, plain, max_size=3)
label_lists = st.none() | st.lists(labels, max_size=3)
positive = st.floats(min_value=1e-12, max_value=1e15)
links = st.builds(Link, bandwidth_bytes_per_s=positive, latency_s=st.floats(0, 10))
timings = st.builds(TimingChoice, timing=labels, options=options)
systems = st.builds(
    SystemPart,
    dimensions=st.none()
    | st.lists(
        st.builds(Dimension, topology=st.sampled_from(Topology), size=st.integers(1, 10**6), link=links),
        min_size=1,
        max_size=3,
    ),
    device=st.none()
    | st.builds(
        DevicePart,
        name=st.none() | labels,
        kernel_launch_overhead_s=st.none() | st.floats(0, 1),
        parameters=options,
    ),
    axis_links=st.dictionaries(labels, links, max_size=2),
)
scenarios = st.builds(
    Scenario,
    name=labels,
    description=st.text(max_size=20),
    workloads=st.lists(
        st.builds(
            Workload,
            label=labels,
            producer=labels,
            options=options,
            system=st.none() | systems,
            pins=label_lists,
            backends=label_lists,
        ),
        min_size=1,
        max_size=2,
    ),
    pins=st.lists(
        st.builds(
            Pin,
            label=labels,
            compute=st.none() | timings,
            folded=st.none() | timings,
            options=options,
            backends=label_lists,
            durations=st.lists(
                st.builds(DurationSource, nodes=labels, workload=labels, backend=labels, pin=st.none() | labels),
                max_size=2,
            ),
        ),
        max_size=2,
    ),
    system=st.none() | systems,
    backends=st.lists(
        st.builds(Instance, label=labels, backend=labels, options=options, network=st.none() | timings),
        min_size=1,
        max_size=2,
    ),
    reference=st.none() | labels,
)


@settings(max_examples=40)
@given(scenarios)
def test_any_scenario_survives_being_written_and_read(scenario: Scenario) -> None:
    """Whatever the texts look like (numbers, dates, colons, control characters), and to the last bit of a number."""
    form = plain_form(scenario)
    assert scenario_from(form) == (scenario, ())
    assert scenario_from(parse_yaml(dump_scenario(scenario))) == (scenario, ())


def test_infinite_numbers_survive_too() -> None:
    """In options, where they may mean something."""
    scenario = attrs.evolve(scenario_with(), backends=[Instance(label="b", backend="x", options={"a": -math.inf})])
    assert scenario_from(parse_yaml(dump_scenario(scenario))) == (scenario, ())


def test_links_that_were_proposed_for_another_network_are_dropped() -> None:
    """Else a timing that knows links per axis would simulate the proposed network and the others the one given."""
    fast_ring = attrs.evolve(RING, link=FAST)
    scenario = scenario_with(system=SystemPart(dimensions=[fast_ring]))
    found = scenario.system_of(scenario.workloads[0], PROPOSAL)
    assert found.dimensions == (fast_ring,)
    assert found.axis_links == {}
    assert found.link("dp") == FAST
    both = scenario_with(system=SystemPart(dimensions=[fast_ring], axis_links={"tp": SLOW}))
    assert both.system_of(both.workloads[0], PROPOSAL).axis_links == {"tp": SLOW}
