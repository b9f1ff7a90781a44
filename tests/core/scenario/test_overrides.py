"""What a command line changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from versim import FaultsError, VersimError
from versim.registry import Registry
from versim.scenario import Scenario, TimingChoice, override, structure_scenario
from versim.scenario.overrides import parse_component


@pytest.fixture
def scenario(document: dict[str, Any], registry: Registry) -> Scenario:
    """The full scenario without borrowed durations."""
    document["pins"] = [{"label": "given"}, {"label": "hasty", "options": {"mood": "hasty"}, "backends": ["twice"]}]
    return structure_scenario(document, registry, "full")


def test_backends_replace_the_list(scenario: Scenario, registry: Registry) -> None:
    """Labels of the scenario keep their options, anything else is a backend with its defaults."""
    changed = override(
        scenario,
        registry,
        backends=["twice", "ideal:factor=3", "mine=ideal:network=constant,network.each='2 s'", "t2=twice:factor=4"],
    )
    assert [instance.label for instance in changed.backends] == ["twice", "ideal", "mine", "t2"]
    assert [instance.options.get("factor") for instance in changed.backends] == [2, 3, None, 4]
    assert changed.instance("mine").network == TimingChoice(timing="constant", options={"each": "2 s"})
    assert changed.instance("t2").network == TimingChoice(timing="constant")
    assert changed.reference is None


def test_picking_among_instances_leaves_out_what_is_limited_to_others(scenario: Scenario, registry: Registry) -> None:
    """`-b once` shows what the scenario has of that instance."""
    changed = override(scenario, registry, backends=["once"])
    assert [pin.label for pin in changed.pins] == ["given"]
    assert changed.reference == "once"
    assert [workload.backends for workload in changed.workloads] == [None, ("once",)]
    fresh = override(scenario, registry, backends=["new=ideal"])
    assert [pin.label for pin in fresh.pins] == ["given", "hasty"]
    assert [workload.backends for workload in fresh.workloads] == [None, None]


def test_options_are_set_by_label(scenario: Scenario, registry: Registry, tmp_path: Path) -> None:
    """Of an instance, of its network, or of a workload's producer; read as YAML."""
    changed = override(
        scenario,
        registry,
        options=[
            "twice.factor=5e-1",
            "slow.network.each_s=4",
            "once.network=constant",
            "small.work=3 s",
            "large.work_s=7",
            "small.table=t.yaml",
        ],
        folder=tmp_path,
    )
    assert changed.instance("twice").options == {"factor": 0.5}
    assert changed.instance("slow").network == TimingChoice(timing="constant", options={"each_s": 4})
    assert changed.instance("once").network == TimingChoice(timing="constant")
    assert changed.workload("small").options["work"] == "3 s"
    assert changed.workload("small").options["table"] == str(tmp_path / "t.yaml")
    assert changed.workload("large").options == {"ranks": 8, "work_s": 7}, "work: 2 s gives way"


def test_flags_go_to_every_workload_whose_producer_has_them(
    scenario: Scenario, registry: Registry, tmp_path: Path
) -> None:
    """`--table t.yaml`."""
    changed = override(scenario, registry, flags={"--table": "t.yaml"}, folder=tmp_path)
    assert [w.options["table"] for w in changed.workloads] == [str(tmp_path / "t.yaml")] * 2
    with pytest.raises(FaultsError, match="nothing in scenario 'full' has that option"):
        override(scenario, registry, flags={"--hardware": "x"})


def test_the_reference_is_one_of_the_instances(scenario: Scenario, registry: Registry) -> None:
    """Also after -b."""
    assert override(scenario, registry, reference="twice").reference == "twice"
    with pytest.raises(VersimError, match="no backend instance named 'twce'; did you mean 'twice'"):
        override(scenario, registry, reference="twce")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"backends": ["nothing"]},
            "-b nothing: no backend named 'nothing'.*\nInstances of this scenario: once, twice",
        ),
        ({"backends": ["ideal", "ideal:factor=2"]}, "'ideal' is given 2 times; tell them apart: -b LABEL=ideal"),
        ({"backends": ["ideal:factor"]}, "'factor' is not key=value"),
        ({"backends": ["ideal:"]}, "is not NAME or NAME:key=value"),
        ({"backends": [""]}, "is not NAME"),
        ({"backends": ["=ideal"]}, "not a usable label"),
        ({"backends": ["ideal:factr=1"]}, r"\$\.backends\[0\]\.options\.factr: no such key; did you mean 'factor'"),
        ({"backends": ["refuser:network=constant"]}, r"\$\.backends\[0\]\.options\.network: no such key"),
        ({"options": ["twice"]}, "-O twice: is not LABEL.key=value"),
        ({"options": ["twice.factor"]}, "is not LABEL.key=value"),
        ({"options": ["twice.=3"]}, "is not LABEL.key=value"),
        ({"options": ["twic.factor=3"]}, "labelled 'twic'; did you mean 'twice'"),
        ({"options": ["twice.factor=[1"]}, "'\\[1' is not a value"),
        ({"options": ["twice.factor=x"]}, r"\$\.backends\[1\]\.options\.factor: expected a number, got the text 'x'"),
        ({"options": ["small.rank=3"]}, r"\$\.workloads\[0\]\.options\.rank: no such key; did you mean 'ranks'"),
    ],
)
def test_a_change_that_cannot_be_made_is_explained(
    scenario: Scenario, registry: Registry, changes: dict[str, Any], message: str
) -> None:
    """The changed scenario is checked like a file."""
    with pytest.raises(VersimError, match=message):
        override(scenario, registry, **changes)


def test_a_label_of_two_things_is_ambiguous(document: dict[str, Any], registry: Registry) -> None:
    """-O cannot know which is meant, nor -b if a label hides a backend."""
    document["pins"] = [{"label": "given"}]
    document["workloads"][0].update(label="slow")
    document["backends"][0].update(label="refuser")
    document["backends"][3].update(label="other")
    document["workloads"][1].pop("backends")
    del document["reference"]
    scenario = structure_scenario(document, registry, "full")
    with pytest.raises(VersimError, match="'slow' is ambiguous, it labels a workload and a backend instance"):
        override(scenario, registry, options=["slow.ranks=2"])
    with pytest.raises(VersimError, match="'refuser' is both a backend and the label of an instance"):
        override(scenario, registry, backends=["refuser"])


def test_values_may_hold_commas_in_brackets_and_quotes() -> None:
    """As in YAML."""
    name, options = parse_component("x:a=[1, 2],b='c,d',e={f: 1, g: 2},h=")
    assert name == "x"
    assert options == {"a": [1, 2], "b": "c,d", "e": {"f": 1, "g": 2}, "h": ""}
