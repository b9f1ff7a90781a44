"""Scenarios from files: all faults at once, each by its path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from versim import FaultsError, UnknownNameError, VersimError
from versim.plain.yaml_text import parse_yaml
from versim.registry import Registry
from versim.scenario import (
    Instance,
    Pin,
    Scenario,
    TimingChoice,
    Workload,
    check_scenario,
    dump_scenario,
    load_scenario,
    structure_scenario,
)

Spoil = Callable[[dict[str, Any]], Any]


def test_every_part_of_the_form_is_understood(document: dict[str, Any], registry: Registry) -> None:
    """What is written is what is in the model."""
    scenario = structure_scenario(document, registry, "full", Path("/base"))
    small, large = scenario.workloads
    assert small.options == {"ranks": 2, "table": "/base/table.yaml"}
    assert large.backends == ("once", "twice")
    assert large.system is not None
    assert large.system.dimensions is None
    borrowed = scenario.pin("borrowed")
    assert borrowed.compute == TimingChoice(timing="constant")
    assert borrowed.folded == TimingChoice(timing="constant", options={"each": "5 ms"})
    assert borrowed.durations[0].nodes == "work*"
    assert scenario.instance("twice").network == TimingChoice(timing="constant")
    assert scenario.system is not None
    assert scenario.system.axis_links["rank"].bandwidth_bytes_per_s == 25e9
    assert scenario.system.device is not None
    assert scenario.system.device.kernel_launch_overhead_s == 5e-6
    assert [pin.label for pin in scenario.pins_of(small)] == ["given"]
    assert [instance.label for instance in scenario.instances_of(large, borrowed)] == ["once"]
    assert scenario.producer_options(large, borrowed)["mood"] == "hasty"


def test_dumping_and_loading_gives_the_same_scenario(document: dict[str, Any], registry: Registry) -> None:
    """YAML loses nothing, not even a bit of a bandwidth."""
    ring = {"topology": "ring", "size": 8, "bandwidth": "166.60458 GiB/s", "latency": "5 us"}
    document["system"]["dimensions"] = [ring]
    scenario = structure_scenario(document, registry, "full")
    again = structure_scenario(parse_yaml(dump_scenario(scenario)), registry, "again")
    assert again == scenario
    assert again.system is not None
    assert again.system.dimensions is not None
    assert again.system.dimensions[0].link.bandwidth_bytes_per_s == 166.60458 * 2**30


def test_a_file_is_loaded_with_paths_seen_from_its_folder(
    document: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    """Wherever versim is run; the name may be left to the file."""
    del document["name"]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(document))
    scenario = load_scenario(file, registry)
    assert scenario.name == "mine"
    assert scenario.workloads[0].options["table"] == str(tmp_path / "table.yaml")


def test_a_bare_name_is_a_shipped_scenario(registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of that name in the current folder changes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("lab").touch()
    assert load_scenario("lab", registry).name == "lab"
    with pytest.raises(UnknownNameError, match=r"no scenario named 'lob'; did you mean 'lab'\?"):
        load_scenario("lob", registry)
    with pytest.raises(VersimError, match=r"lob\.yaml: no such file"):
        load_scenario("lob.yaml", registry)


SPOILT: list[tuple[Spoil, str]] = [
    (lambda d: d.update(worklods=d.pop("workloads")), "$.worklods: no such key; did you mean 'workloads'?"),
    (lambda d: d.pop("backends"), "$.backends: is missing"),
    (lambda d: d.update(workloads=[]), "$.workloads"),
    (lambda d: d.update(workloads="small"), "$.workloads: expected a list, got the text 'small'"),
    (lambda d: d["workloads"][0].pop("label"), "$.workloads[0].label: is missing"),
    (lambda d: d["workloads"][0].update(label=5), "$.workloads[0].label: expected text, got the number 5"),
    (lambda d: d["workloads"][0].update(label="a=b"), "$.workloads[0].label: 'a=b' is not a usable label"),
    (lambda d: d["workloads"][0].update(label=" "), "$.workloads[0].label: ' ' is not a usable label"),
    (lambda d: d["workloads"][0].update(producer="lime"), "no producer named 'lime'; did you mean 'line'?"),
    (lambda d: d["workloads"][0]["options"].update(rank=1), "$.workloads[0].options.rank: no such key; did you mean"),
    (lambda d: d["workloads"][0]["options"].update(ranks=0), "$.workloads[0].options.ranks: 'ranks' must be >= 1: 0"),
    (lambda d: d["workloads"][0].update(pins=["gven"]), "$.workloads[0].pins[0]: no pin is labelled 'gven'; did you"),
    (lambda d: d["workloads"][1].update(backends=["x"]), "$.workloads[1].backends[0]: no backend instance is labelled"),
    (lambda d: d["workloads"].append(d["workloads"][0]), "$.workloads[0].label: 'small' is the label of several"),
    (lambda d: d["pins"].append({"label": "given"}), "$.pins[0].label: 'given' is the label of several"),
    (lambda d: d["pins"][1].update(compute="konstant"), "$.pins[1].compute: no timing named 'konstant'; did you mean"),
    (lambda d: d["pins"][1].update(compute=5), "$.pins[1].compute: expected a mapping with timing, options; got"),
    (lambda d: d["pins"][1]["folded"]["options"].update(each=5), "$.pins[1].folded.options.each: say the unit"),
    (lambda d: d["pins"][1]["options"].update(mood="wild"), "$.pins[1].options.mood: the text 'wild' is not a choice"),
    (lambda d: d["pins"][1]["durations"][0].update(workload="x"), "$.pins[1].durations[0].workload: no workload"),
    (lambda d: d["pins"][1]["durations"][0].update(backend="x"), "$.pins[1].durations[0].backend: no backend instance"),
    (lambda d: d["pins"][1]["durations"][0].update(backend="twice", pin="borrowed"), "does not apply to workload"),
    (lambda d: d["workloads"][0].update(pins=["given", "borrowed"]), "go round in a circle (small ─▶ small)"),
    (lambda d: d["workloads"][0].update(backends=["slow"]), "'once' does not simulate workload 'small' under pin"),
    (lambda d: d["system"].update(dimensions=[{"topology": "rng"}]), "$.system.dimensions[0].topology: the text 'rng'"),
    (lambda d: d["system"].update(dimensions=[]), "$.system.dimensions: Length of 'dimensions' must be >= 1: 0"),
    (lambda d: d["system"]["axis_links"]["rank"].update(bandwidth="5 GB"), "$.system.axis_links.rank.bandwidth: unkno"),
    (lambda d: d["system"]["axis_links"]["rank"].update(latency_s=-1), "$.system.axis_links.rank.latency_s: latency_s"),
    (lambda d: d["system"]["device"].update(kernel_launch_overhead="-1 s"), "$.system.device.kernel_launch_overhead: "),
    (
        lambda d: d["backends"][0].update(backend="ideel"),
        "$.backends[0].backend: no backend named 'ideel'; did you mea",
    ),
    (lambda d: d["backends"][1]["options"].update(factr=1), "$.backends[1].options.factr: no such key; did you mean"),
    (lambda d: d["backends"][1].update(network="x"), "$.backends[1].network: no timing named 'x'"),
    (lambda d: d["backends"][3].update(network="constant"), "$.backends[3].network: refuser models the network itself"),
    (lambda d: d.update(reference="onze"), "$.reference: no backend instance is labelled 'onze'; did you mean 'once'?"),
    (lambda d: d["pins"][0].update(backends=["x"]), "$.pins[0].backends[0]: no backend instance is labelled 'x'"),
]


@pytest.mark.parametrize(("spoil", "fault"), SPOILT, ids=[fault[:40] for _, fault in SPOILT])
def test_a_fault_is_named_by_its_path(document: dict[str, Any], registry: Registry, spoil: Spoil, fault: str) -> None:
    """And with what would have been right, where that can be guessed."""
    spoil(document)
    with pytest.raises(FaultsError) as caught:
        structure_scenario(document, registry, "full.yaml")
    assert str(caught.value).startswith("full.yaml: ")
    assert any(fault in found for found in caught.value.faults), caught.value.faults


@pytest.mark.parametrize("size", [0, -1, 1.5, "many", float("nan"), True])
@pytest.mark.parametrize("bandwidth", [0, -1, float("nan"), float("inf"), "0 GB/s", "fast"])
def test_a_network_needs_sizes_that_exist(
    document: dict[str, Any], registry: Registry, size: Any, bandwidth: Any
) -> None:
    """Both faults are reported together."""
    ring = {"topology": "ring", "size": size, "bandwidth_bytes_per_s": bandwidth, "latency": "5 us"}
    document["system"]["dimensions"] = [ring]
    with pytest.raises(FaultsError) as caught:
        structure_scenario(document, registry, "full.yaml")
    text = str(caught.value)
    assert "$.system.dimensions[0]." in text
    if isinstance(size, float | str | bool) and isinstance(bandwidth, str):
        assert "dimensions[0].size" in text


def test_all_faults_are_reported_at_once(document: dict[str, Any], registry: Registry) -> None:
    """A mistyped key hides neither an unknown plugin nor a dangling reference."""
    document["pinss"] = document["pins"]
    document["backends"][0]["backend"] = "ideel"
    document["backends"][1]["options"] = {"factr": 1}
    document["reference"] = "onze"
    with pytest.raises(FaultsError) as caught:
        structure_scenario(document, registry, "full.yaml")
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize("document", [None, 5, "text", [], {}, {"name": None}, {"workloads": {}, "backends": 5}])
def test_what_is_no_scenario_at_all_is_refused(document: Any, registry: Registry) -> None:
    """Without a traceback."""
    with pytest.raises(FaultsError):
        structure_scenario(document, registry, "nonsense.yaml")


def test_pins_may_be_left_out(document: dict[str, Any], registry: Registry) -> None:
    """A graph of fixed durations needs no timing."""
    del document["pins"]
    document["workloads"][0].pop("pins")
    scenario = structure_scenario(document, registry, "full.yaml")
    assert [pin.label for pin in scenario.pins] == ["as given"]
    assert "pins" not in yaml.safe_load(dump_scenario(scenario))


def test_scenarios_are_made_and_varied_in_python(registry: Registry) -> None:
    """The file is one way among others, held to the same rules."""
    scenario = Scenario(
        name="mine",
        workloads=[Workload(label="w", producer="line", options={"ranks": 4})],
        pins=[Pin(label="p")],
        backends=[Instance(label="b", backend="ideal")],
    )
    check_scenario(scenario, registry)
    assert structure_scenario(parse_yaml(dump_scenario(scenario)), registry, "again") == scenario
    varied = attrs.evolve(scenario, backends=[*scenario.backends, Instance(label="b", backend="ideel")])
    with pytest.raises(FaultsError, match="scenario 'mine': 2 faults"):
        check_scenario(varied, registry)


def test_options_of_a_scenario_cannot_change_under_it() -> None:
    """A scenario keeps copies."""
    options = {"numbers": [1]}
    workload = Workload(label="w", producer="line", options=options)
    options["numbers"].append(2)
    assert workload.options == {"numbers": [1]}
