"""Axes, keys and the configurations that remain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError, Registry, Scenario, VersimError, load_registry, load_scenario
from versim.sweeps.axes import axes_of, parse_axis
from versim.sweeps.keys import Settable
from versim.sweeps.space import Space, expand

LAB = Path(__file__).parent.parent.parent / "cli" / "lab.py"


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed plugins and the small one of the tests."""
    return load_registry([str(LAB)])


@pytest.fixture(scope="module")
def lab(registry: Registry) -> Scenario:
    """One second of compute, then an all-reduce."""
    return load_scenario("lab", registry)


@pytest.fixture(scope="module")
def llama(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A step whose memory is modelled."""
    file = tmp_path_factory.mktemp("llama") / "llama.yaml"
    file.write_text(
        """
        workloads:
          - {label: step, producer: transformer, options: {model: llama3-8b, gbs: 64, granularity: stage}}
        system: {preset: dgx-h100}
        pins: [{label: given, compute: roofline, folded: alpha-beta}]
        backends: [{label: sim, backend: deepflow, network: alpha-beta}]
        search: {vary: {tp: 1..8*2}, where: tp > 2}
        """
    )
    return load_scenario(file, registry)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("tp=1,2,4", [1, 2, 4]),
        ("tp=1..64*4", [1, 4, 16, 64]),
        ("tp=1..50*4,3", [1, 4, 16, 3]),
        ("tp=2..5", [2, 3, 4, 5]),
        ("f=1..1.3+0.1", [1.0, 1.1, 1.2, 1.3]),
        ("r=none,full", ["none", "full"]),
        ("l=[1, 2],[3]", [[1, 2], [3]]),
        ("b=true,200 GB/s", [True, "200 GB/s"]),
    ],
)
def test_values_are_lists_and_ranges(text: str, values: list[Any]) -> None:
    """Both ends of a range belong to it."""
    assert [
        pytest.approx(value) if isinstance(value, float) else value for (value,) in parse_axis(text).values
    ] == values


def test_keys_vary_in_step() -> None:
    """One value for each key at a time."""
    axis = parse_axis("pp, vp=[1, 1],[4, 2]")
    assert (axis.keys, axis.values) == (("pp", "vp"), ((1, 1), (4, 2)))
    assert axes_of({"pp,vp": [[1, 1], [4, 2]], "tp": "1..4*2"})[0] == axis


@pytest.mark.parametrize(
    "text",
    ["tp", "=1", "tp=", "tp=1,,2", "tp=1,1", "tp=4..1", "tp=0..8*2", "tp=1..2*1", "a,b=1,2", "a,=[1,2]", "tp=1..x"],
)
def test_what_is_no_axis_is_refused(text: str) -> None:
    """With the form that is expected."""
    with pytest.raises(VersimError, match="--vary"):
        parse_axis(text)


@given(st.integers(1, 50), st.integers(2, 5), st.integers(1, 5000))
def test_a_range_holds_its_powers(first: int, factor: int, last: int) -> None:
    """Every value below the end, none above."""
    if last < first:
        return
    values = [value for (value,) in parse_axis(f"x={first}..{last}*{factor}").values]
    assert values == [first * factor**n for n in range(20) if first * factor**n <= last]


def test_anything_in_a_scenario_can_be_set(registry: Registry, lab: Scenario) -> None:
    """Options of producers and instances, networks, and places of the written form."""
    settings = {
        "work_s": 2.0,
        "small.ranks": 4,
        "once.factor": 3,
        "twice.network.each": "1 s",
        "system.dimensions": [{"topology": "ring", "size": 4, "bandwidth": "1 GB/s", "latency": "1 us"}],
        "system.dimensions[0].bandwidth": "2 GB/s",
        "pins.given.compute": "constant",
    }
    scenario = Settable(lab, registry, list(settings)).with_settings(settings)
    assert dict(scenario.workloads[0].options) | {"work_s": 2.0, "ranks": 4} == dict(scenario.workloads[0].options)
    assert scenario.instance("once").options["factor"] == 3
    network = scenario.instance("twice").network
    assert network is not None
    assert network.options == {"each": "1 s"}
    assert scenario.system is not None
    assert scenario.system.dimensions is not None
    assert scenario.system.dimensions[0].link.bandwidth_bytes_per_s == 2e9
    compute = scenario.pin("given").compute
    assert compute is not None
    assert compute.timing == "constant"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("rank", "did you mean 'ranks'"),
        ("small.rank", "did you mean 'ranks'"),
        ("once.facto", "did you mean 'factor'"),
        ("pins.gives.compute", "did you mean 'given'"),
        ("backends[7].network", "has 2 items"),
        ("system.nods", "did you mean 'nodes'"),
        ("system.dimension[1].bandwidth", "system has no list 'dimension'$"),
        ("system..nodes", "is no place"),
        ("nothing.at.all", "no workload"),
    ],
)
def test_a_key_that_leads_nowhere_is_told_at_once(registry: Registry, lab: Scenario, key: str, said: str) -> None:
    """With what is meant perhaps."""
    with pytest.raises(VersimError, match=said):
        expand(lab, registry, [parse_axis(f"{key}=1,2")])


def test_a_key_into_a_list_says_which_there_are(registry: Registry, tmp_path: Path) -> None:
    """Or that a preset has none."""
    for system, key, said in (
        ("{preset: dgx-h100, nodes: 1}", "system.dimensions[1].size", "preset 'dgx-h100', whose options can be varied"),
        (
            "{dimensions: [{topology: ring, size: 2, bandwidth: 1 GB/s, latency: 1 us}]}",
            "system.dimension[0].size",
            "did you mean 'dimensions'",
        ),
    ):
        file = tmp_path / "scenario.yaml"
        file.write_text(
            f"workloads: [{{label: w, producer: line}}]\nsystem: {system}\nbackends: [{{label: a, backend: ideal}}]\n"
        )
        with pytest.raises(VersimError, match=said):
            expand(load_scenario(file, registry), registry, [parse_axis(f"{key}=1,2")])


def test_a_value_that_no_scenario_can_have_is_told_at_once(registry: Registry, lab: Scenario) -> None:
    """Every one of them, before anything is asked."""
    with pytest.raises(FaultsError) as caught:
        expand(lab, registry, axes_of(["ranks=2,two", "mood=calm,sad"]))
    assert len(caught.value.faults) == 2
    assert "ranks=two" in str(caught.value)
    assert "mood=sad" in str(caught.value)


def counted(space: Space) -> dict[str, int]:
    """How many fell out, by reason."""
    return {fallen.reason: fallen.count for fallen in space.fallen}


def test_every_combination_remains_or_has_a_reason(registry: Registry, lab: Scenario) -> None:
    """Numbers are places in the whole product, the last axis varying fastest."""
    space = expand(lab, registry, axes_of(["ranks=1..4", "work_s=1,2,3"]), ["ranks * work_s == 4 and ranks > 1"])
    assert space.combinations == 12
    assert [(one.number, dict(one.settings)) for one in space.configurations] == [
        (4, {"ranks": 2, "work_s": 2}),
        (9, {"ranks": 4, "work_s": 1}),
    ]
    assert counted(space) == {"not ranks * work_s == 4": 7, "not ranks > 1": 3}
    assert space.configurations[0].label == "ranks=2, work_s=2"


def test_memory_and_the_producer_decide_last(registry: Registry, llama: Scenario) -> None:
    """``fits`` is the memory model on the device; what the producer refuses is told in its words."""
    space = expand(llama, registry, axes_of(["tp=1..16*2", "pp=1,2,3", "mbs=1,128"]), ["fits", "tp * pp <= 8"])
    reasons = counted(space)
    assert reasons["not tp * pp <= 8"] == 12
    assert reasons["not fits"] > 0
    assert any("gbs" in reason and count > 1 for reason, count in reasons.items())
    assert len(space.configurations) + sum(reasons.values()) == space.combinations
    assert {one.settings["mbs"] for one in space.configurations} == {1}
    smaller = expand(llama, registry, axes_of(["tp=1..8*2", "system.device.memory_bytes=20 GB,80 GB"]), ["fits"])
    by_memory = {one.settings["system.device.memory_bytes"] for one in smaller.configurations}
    assert by_memory == {"80 GB"}


def test_a_sample_is_the_same_for_a_seed(registry: Registry, lab: Scenario) -> None:
    """And another for another; a limit takes the first."""
    axes = axes_of(["ranks=1..20", "work_s=1..20"])

    def numbers(**chosen: int) -> list[int]:
        return [one.number for one in expand(lab, registry, axes, **chosen).configurations]

    assert numbers(sample=9, seed=1) == numbers(sample=9, seed=1)
    assert numbers(sample=9, seed=1) != numbers(sample=9, seed=2)
    assert len(numbers(sample=9)) == 9
    assert numbers(limit=3) == [0, 1, 2]
    assert expand(lab, registry, axes, limit=3).left_out == 397


def test_conditions_know_their_names(registry: Registry, lab: Scenario) -> None:
    """Options that do not vary have a value, too; what nobody models is no reason to drop everything in silence."""
    assert len(expand(lab, registry, axes_of(["ranks=1,2"]), ["work_s == 1.0"]).configurations) == 2
    with pytest.raises(VersimError, match="nothing is called 'rnks'; did you mean 'ranks'"):
        expand(lab, registry, axes_of(["ranks=1,2"]), ["rnks == 1"])
    with pytest.raises(VersimError, match="no producer of scenario 'lab' says what memory"):
        expand(lab, registry, axes_of(["ranks=1,2"]), ["fits"])


def test_a_scenario_may_say_what_it_searches(llama: Scenario) -> None:
    """Nothing else looks at it."""
    assert llama.search is not None
    assert (dict(llama.search.vary), llama.search.where) == ({"tp": "1..8*2"}, ("tp > 2",))
