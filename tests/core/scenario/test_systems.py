"""Systems of scenarios by name, and what is different about them."""

from __future__ import annotations

from typing import Any

import pytest
from versim import Device, Dimension, FaultsError, Link, System
from versim.plain.yaml_text import parse_yaml
from versim.registry import Registry
from versim.scenario import Scenario, dump_scenario, structure_scenario

GB = 1e9


def scenario_on(document: dict[str, Any], registry: Registry, system: dict[str, Any], **of_large: Any) -> Scenario:
    """The scenario with another system, and perhaps another one for its workload ``large``."""
    document["system"] = system
    document["workloads"][1]["system"] = of_large or None
    return structure_scenario(document, registry, "full")


def test_a_system_is_named_and_varied(document: dict[str, Any], registry: Registry) -> None:
    """Quantities with units, a device by name with figures of its own, a layout; and what is dumped is read back."""
    scenario = scenario_on(
        document,
        registry,
        {
            "preset": "gb200-nvl72",
            "nodes": 32,
            "nvlink_domain": 64,
            "nic": "25 GB/s",
            "layout": ["tp", "pp"],
            "device": {"preset": "gb300", "peak": {"bf16": "2 Pflop/s"}, "memory": "100 GiB"},
        },
    )
    system = scenario.system_of(scenario.workloads[0], None, 128)
    assert [(d.size, d.link.bandwidth_bytes_per_s / GB) for d in system.dimensions] == [(64, 900), (2, 25)]
    assert (system.device.name, system.device.peak("bf16"), system.device.peak("fp4")) == (
        "NVIDIA GB300 288GB",
        2e15,
        15e15,
    )
    assert system.device.memory_bytes == 100 * 2**30
    assert scenario.system_part(scenario.workloads[0]).layout == ("tp", "pp")
    assert structure_scenario(parse_yaml(dump_scenario(scenario)), registry, "again") == scenario


def test_the_last_block_of_a_network_may_be_partly_filled(document: dict[str, Any], registry: Registry) -> None:
    """Said beside the dimensions, or by a number of trays that fills no racks; other dimensions are not told so."""
    switches = [
        {"topology": "switch", "size": size, "bandwidth": "1 GB/s", "latency_s": 0.0} for size in (8, 3)
    ]  # fmt: skip
    scenario = scenario_on(document, registry, {"dimensions": switches, "endpoints": 20}, dimensions=switches[:1])
    assert scenario.system_of(scenario.workloads[0], None).world_size == 20
    assert scenario.system_of(scenario.workloads[1], None).world_size == 8
    assert structure_scenario(parse_yaml(dump_scenario(scenario)), registry, "again") == scenario
    scenario = scenario_on(document, registry, {"preset": "gb300-nvl72", "nodes": 19})
    assert scenario.system_of(scenario.workloads[0], None).endpoints == 76
    scenario = scenario_on(document, registry, {"dimensions": switches, "endpoints": 9})
    with pytest.raises(FaultsError, match=r"\$\.system\.endpoints: endpoints must be from 17 to 24"):
        scenario.system_of(scenario.workloads[0], None)


def test_a_workload_varies_the_scenarios_system(document: dict[str, Any], registry: Registry) -> None:
    """Its figures win, and dimensions of its own are another network altogether."""
    switch = {"topology": "switch", "size": 8, "bandwidth": "1 GB/s", "latency_s": 0.0, "oversubscription": 2}
    scenario = scenario_on(document, registry, {"preset": "dgx-h100", "nodes": 2}, nodes=4, device="h200")
    system = scenario.system_of(scenario.workloads[1], None)
    assert system.world_size == 32
    assert system.device.name == "NVIDIA H200 SXM 141GB"
    scenario = scenario_on(document, registry, {"preset": "dgx-h100", "nic": "1 GB/s"}, dimensions=[switch])
    system = scenario.system_of(scenario.workloads[1], None, 8)
    assert (system.world_size, system.dimensions[0].oversubscription) == (8, 2)
    scenario = scenario_on(document, registry, {"preset": "dgx-h100", "nic": "1 GB/s"}, preset="dgx-a100")
    assert scenario.system_of(scenario.workloads[1], None, 16).dimensions[1].link.bandwidth_bytes_per_s == 25 * GB


def test_a_named_system_keeps_what_the_producer_knows_of_its_device(
    document: dict[str, Any], registry: Registry
) -> None:
    """A data sheet lacks the parameters that a compute timing of its own needs; links per axis go with the network."""
    slow = Link(bandwidth_bytes_per_s=1.0, latency_s=0.0)
    proposal = System(
        dimensions=(Dimension(topology="ring", size=16, link=slow),),
        device=Device(name="theirs", kernel_launch_overhead_s=9e-6, parameters={"cores": 3}),
        axis_links={"dp": slow},
    )
    scenario = scenario_on(document, registry, {"preset": "dgx-h100"})
    system = scenario.system_of(scenario.workloads[0], proposal, 16)
    assert (system.device.name, system.device.parameters) == ("NVIDIA H100 SXM 80GB", {"cores": 3})
    assert system.device.kernel_launch_overhead_s == 9e-6
    assert system.axis_links == {}


@pytest.mark.parametrize(
    ("system", "fault"),
    [
        ({"preset": "dgx-h10", "nodes": 1}, r"\$\.system\.preset: no system preset named 'dgx-h10'"),
        ({"preset": "dgx-h100", "device": "h10"}, r"\$\.system\.device: no device preset named 'h10'"),
        ({"preset": "dgx-h100", "device": {"preset": "x"}}, r"\$\.system\.device\.preset: no device preset"),
        ({"preset": "dgx-h100", "layout": "megatorn"}, r"\$\.system\.layout: no layout named 'megatorn'"),
        ({"endpoints": 3}, r"\$\.system\.endpoints: belongs to dimensions, and none are given"),
        ({"nodes": 3}, r"\$\.system\.nodes: belongs to a preset, and none is named"),
        ({"preset": "dgx-h100", "nodes": 0}, r"\$\.system\.nodes: nodes must be at least 1"),
        ({"preset": "dgx-h100", "nic": "3 us"}, r"\$\.system\.nic: .*unit"),
        ({"device": {"peak": {"bf16": "3 GB/s"}}}, r"\$\.system\.device\.peak\.bf16: .*unit"),
        (
            {
                "dimensions": [
                    {"topology": "ring", "size": 2, "bandwidth_bytes_per_s": 1, "latency_s": 0, "oversubscription": 2}
                ]
            },
            "oversubscription is for switches",
        ),
        (
            {
                "preset": "dgx-h100",
                "dimensions": [{"topology": "ring", "size": 2, "bandwidth_bytes_per_s": 1, "latency_s": 0}],
            },
            r"\$\.system: a preset and dimensions are two networks",
        ),
    ],
)
def test_a_system_that_is_none_is_a_fault_with_its_place(
    document: dict[str, Any], registry: Registry, system: dict[str, Any], fault: str
) -> None:
    """Found when the scenario is read, before anything runs."""
    with pytest.raises(FaultsError, match=fault):
        scenario_on(document, registry, system)


def test_what_is_broken_and_slow_is_read_and_dumped(document: dict[str, Any], registry: Registry) -> None:
    """With units; and a workload's own replaces the scenario's."""
    scenario = scenario_on(
        document,
        registry,
        {
            "preset": "dgx-h100",
            "nodes": 2,
            "degraded": [{"dimension": 1, "ranks": [3], "added_latency": "5 us"}],
            "slow_devices": [{"ranks": [1], "factor": 1.5}],
        },
        degraded=[{"dimension": 0, "node": 1, "bandwidth_factor": 0.5}],
    )
    system = scenario.system_of(scenario.workloads[0], None)
    assert system.degraded[0].added_latency_s == 5e-6
    assert scenario.system_of(scenario.workloads[1], None).degraded[0].node == 1
    assert scenario.system_part(scenario.workloads[1]).slow_devices[0].factor == 1.5
    assert structure_scenario(parse_yaml(dump_scenario(scenario)), registry, "again") == scenario


@pytest.mark.parametrize(
    ("degraded", "fault"),
    [
        ({"dimension": 1, "ranks": [3]}, r"\$\.system\.degraded\[0\]: .*needs a bandwidth_factor"),
        ({"dimension": 1, "ranks": [3], "bandwidth_factor": 7}, r"\$\.system\.degraded\[0\]\.bandwidth_factor: "),
        ({"dimension": 1, "rank": 3, "down": True}, r"\$\.system\.degraded\[0\]\.rank: no such key"),
    ],
)
def test_a_degradation_that_is_none_is_a_fault_with_its_place(
    document: dict[str, Any], registry: Registry, degraded: dict[str, Any], fault: str
) -> None:
    """Found when the scenario is read."""
    with pytest.raises(FaultsError, match=fault):
        scenario_on(document, registry, {"preset": "dgx-h100", "nodes": 2, "degraded": [degraded]})


def test_a_degradation_of_a_link_that_the_network_lacks_is_named(document: dict[str, Any], registry: Registry) -> None:
    """Only with the system at hand, which a producer may propose."""
    wrong = [{"dimension": 1, "ranks": [16], "down": True}]
    scenario = scenario_on(document, registry, {"preset": "dgx-h100", "nodes": 2, "degraded": wrong})
    with pytest.raises(FaultsError, match=r"\$\.system\.degraded\[0\]: rank 16 is outside the network of 16"):
        scenario.system_of(scenario.workloads[0], None)
