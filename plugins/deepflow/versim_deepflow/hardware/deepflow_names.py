"""Where the fields of a device stand in a hardware file of DeepFlow (nanocad-lab/DeepFlow, llm-dev, 9c184bd).

Areas, powers and perimeters stand apart from the technology that they budget, so a path of ours is not one of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from versim.plain import path_of

from versim_deepflow.foreign import KeyPath

_TECH: KeyPath = ("tech_param",)
SRAM_BUDGET = {"SRAM-R": "reg_mem", "SRAM-L1": "L1", "SRAM-L2": "L2"}
"""Kinds of on-chip memory, innermost first, and what their budgets are called."""

MEMORY_ORDER = (*SRAM_BUDGET, "DRAM")
"""Kinds of memory, innermost first."""

HARDWARE: dict[str, KeyPath] = {
    "kernel_launch_overhead_s": ("sw_param", "kernel_launch_overhead"),
    "element_bytes": ("sw_param", "precision"),
    "chip_area_mm2": ("area_breakdown", "proc_chip_area_budget"),
    "package_area_mm2": ("area_breakdown", "device_area_budget"),
    "tdp_w": ("power_breakdown", "TDP"),
}
"""Fields of a :class:`~versim_deepflow.hardware.spec.HardwareSpec`."""

_FAULT = re.compile(r"\$\.(core|intra_node|inter_node|memory\[(\d)\])((?:\.\w+)*)(?=:)")


def _below(at: KeyPath, names: Mapping[str, str]) -> dict[str, KeyPath]:
    return {ours: (*at, theirs) for ours, theirs in names.items()}


def voltage(at: KeyPath) -> dict[str, KeyPath]:
    """Fields of a voltage specification."""
    return _below(
        at, {"nominal_v": "nominal_voltage", "threshold_v": "threshold_voltage", "margin_v": "margin_voltage"}
    )


CORE_AT: KeyPath = (*_TECH, "core")


def core() -> dict[str, KeyPath]:
    """Fields of the compute units."""
    names = {
        "bundles": "num_bundles",
        "units_per_bundle": "num_mcu_per_bundle",
        "unit_area_mm2": "operating_area_per_mcu",
        "nominal_unit_area_mm2": "nominal_area_per_mcu",
        "nominal_unit_power_w": "nominal_power_per_mcu",
        "flop_per_cycle": "nominal_flop_rate_per_mcu",
        "frequency_hz": "operating_frequency",
        "nominal_frequency_hz": "nominal_frequency",
        "array_rows": "FMA_d1",
        "array_depth": "FMA_d2",
        "dataflow": "dataflow",
        "utilization": "util",
    }
    return _below(CORE_AT, names) | {"area_mm2": ("area_breakdown", "core"), "power_w": ("power_breakdown", "core")}


def memory_at(kind: str) -> KeyPath:
    """Where a kind of memory stands."""
    return (*_TECH, kind)


def sram(kind: str) -> dict[str, KeyPath]:
    """Fields of an on-chip memory."""
    names = {
        "capacity_bytes": "size",
        "bandwidth_bytes_per_s": "bandwidth",
        "latency_s": "latency",
        "utilization": "util",
        "bank_bytes": "bank_capacity",
        "controller_area_mm2_per_link": "controller_area_per_link",
        "cell_overhead": "overhead",
        "energy_j_per_bit": "dynamic_energy_per_bit",
        "static_w_per_bit": "static_power_per_bit",
        "area_mm2_per_bit": "area_per_bit",
    }
    budget = SRAM_BUDGET[kind]
    return _below(memory_at(kind), names) | {
        "area_mm2": ("area_breakdown", budget),
        "power_w": ("power_breakdown", budget),
    }


def dram() -> dict[str, KeyPath]:
    """Fields of the stacked memory."""
    names = {
        "capacity_bytes": "size",
        "bandwidth_bytes_per_s": "bandwidth",
        "stacks": "num_stacks",
        "stack_bytes": "stack_capacity",
        "stack_area_mm2": "area_per_stack",
        "controller_area_mm2": "mem_ctrl_area",
        "links_per_stack": "num_links_per_stack",
        "links_per_mm": "num_links_per_mm",
        "frequency_hz": "operating_frequency",
        "nominal_frequency_hz": "nominal_frequency",
        "max_v": "max_voltage",
        "latency_s": "latency",
        "utilization": "util",
        "energy_j_per_bit": "dynamic_energy_per_bit",
        "static_w_per_bit": "static_power_per_bit",
    }
    return _below(memory_at("DRAM"), names) | {
        "controller_budget_mm2": ("area_breakdown", "DRAM"),
        "power_w": ("power_breakdown", "DRAM"),
        "perimeter_share": ("perimeter_breakdown", "DRAM"),
    }


def subnetwork_at(name: str) -> KeyPath:
    """Where a subnetwork stands."""
    return (*_TECH, "network", name)


def subnetwork(name: str) -> dict[str, KeyPath]:
    """Fields of the links within or between nodes."""
    names = {
        "latency_s": "latency",
        "nominal_frequency_hz": "nominal_frequency",
        "link_energy_j": "nominal_energy_per_link",
        "link_area_mm2": "nominal_area_per_link",
        "links_per_mm": "num_links_per_mm",
        "utilization": "util",
    }
    return _below(subnetwork_at(name), names) | {
        "area_mm2": ("area_breakdown", "network", name),
        "power_w": ("power_breakdown", "network", name),
        "perimeter_share": ("perimeter_breakdown", name),
    }


def in_file(fault: str, content: Mapping[str, Any]) -> str:
    """A fault of a derived figure with the path that its field has in a file, instead of ours.

    Args:
        fault: ``$.memory[2].power_w: leaves no power`` becomes ``$.power_breakdown.L2: leaves no power``.
        content: The file, which says what each memory level is.
    """
    found = _FAULT.match(fault)
    if found is None:
        return fault
    part, level, field = found[1], found[2], found[3].removeprefix(".")
    here: KeyPath
    if level is not None:
        here = ("memory_hierarchy", f"l{level}")
        kind = content["memory_hierarchy"][here[-1]]["type"]
        names = dram() if kind == "DRAM" else sram(kind)
        at = memory_at(kind)
    else:
        names, at = (core(), CORE_AT) if part == "core" else (subnetwork(part), subnetwork_at(part))
        here = at
    names |= {f"voltage.{ours}": path for ours, path in voltage(at).items()}
    return path_of(names.get(field, here)) + fault[found.end() :]
