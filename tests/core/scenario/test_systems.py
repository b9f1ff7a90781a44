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
