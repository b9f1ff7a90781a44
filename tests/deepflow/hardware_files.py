"""A small invented device in the two structures of hardware files."""

from __future__ import annotations

from typing import Any


def deepflow_file() -> dict[str, Any]:
    """A device that never was, as a hardware file of DeepFlow."""
    network = {
        "latency": 1e-6,
        "nominal_frequency": 2e9,
        "nominal_voltage": 1.0,
        "nominal_energy_per_link": 2e-12,
        "nominal_area_per_link": 1e-3,
        "threshold_voltage": 0.3,
        "margin_voltage": 0.2,
        "num_links_per_mm": 100,
        "util": 0.9,
    }
    sram = {
        "dynamic_energy_per_bit": 2e-13,
        "static_power_per_bit": 1e-12,
        "area_per_bit": 1e-7,
        "bank_capacity": "16 KB",
        "controller_area_per_link": 0.0,
        "latency": 0,
        "overhead": 0.2,
        "util": 1,
    }
    return {
        "sw_param": {"kernel_launch_overhead": 5e-6, "precision": 2, "h2d_bandwidth": 1e10},
        "tech_param": {
            "core": {
                "nominal_power_per_mcu": 0.1,
                "nominal_flop_rate_per_mcu": 256,
                "nominal_voltage": 0.9,
                "threshold_voltage": 0.25,
                "margin_voltage": 0.3,
                "nominal_frequency": 1e9,
                "operating_area_per_mcu": 0.5,
                "num_mcu_per_bundle": 4,
                "FMA_d1": 8,
                "FMA_d2": 4,
                "dataflow": "best",
                "util": 0.8,
            },
            "DRAM": {
                "size": "16 GB",
                "bandwidth": "500 GB",
                "dynamic_energy_per_bit": 5e-12,
                "static_power_per_bit": 5e-13,
                "area_per_bit": 1e-9,
                "stack_capacity": "4 GB",
                "area_per_stack": 90,
                "latency": 2e-7,
                "mem_ctrl_area": 4,
                "nominal_frequency": 1e9,
                "nominal_voltage": 1.1,
                "threshold_voltage": 0.4,
                "margin_voltage": 0.5,
                "max_voltage": 1.7,
                "num_links_per_mm": 300,
                "num_links_per_stack": 1024,
                "util": 0.9,
            },
            "SRAM-L2": {**sram, "size": "8 MB", "bandwidth": "2 TB"},
            "SRAM-L1": {**sram, "size": "4 MB", "bandwidth": "8 TB"},
            "SRAM-R": {**sram, "size": "8 MB", "bandwidth": "40 TB"},
            "network": {"intra_node": dict(network), "inter_node": dict(network)},
        },
        "area_breakdown": {
            "device_area_budget": 1000,
            "proc_chip_area_budget": 500,
            "core": 200,
            "DRAM": 16,
            "L2": 60,
            "L1": 20,
            "reg_mem": 30,
            "network": {"intra_node": 40.0, "inter_node": 40.0},
        },
        "power_breakdown": {
            "TDP": 200,
            "core": 60,
            "DRAM": 30,
            "L2": 5,
            "L1": 20,
            "reg_mem": 50,
            "network": {"intra_node": 4.0, "inter_node": 3.0},
        },
        "perimeter_breakdown": {"DRAM": 0.4, "intra_node": 0.3, "inter_node": 0.3},
        "system_hierarchy": {
            "num_devices_per_node": 4,
            "num_nodes": 1,
            "inter_derate": 1,
            "intra_derate": 1,
            "kp1_inter": False,
            "kp2_inter": False,
            "dp_inter": False,
            "lp_inter": False,
        },
        "network_topology": {"inter_node": "ring", "intra_node": "ring"},
        "memory_hierarchy": {
            "l0": {"type": "SRAM-R", "scope": "mcu"},
            "l1": {"type": "SRAM-L1", "scope": "mcu-bundle"},
            "l2": {"type": "SRAM-L2", "scope": "global"},
            "l3": {"type": "DRAM", "scope": "global"},
        },
        "scheduling_param": {"dp": 2, "lp": 2, "mb": 2, "t": "CR", "kp1": 1, "kp2": 1},
    }


def leaves(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values of plain data stand."""
    if isinstance(content, dict):
        return [leaf for key, value in content.items() for leaf in leaves(value, (*path, key))]
    if isinstance(content, list):
        return [leaf for index, value in enumerate(content) for leaf in leaves(value, (*path, index))]
    return [path]


def put(content: Any, path: tuple[Any, ...], value: object) -> None:
    """Changes one value of plain data in place."""
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


def take_away(content: Any, path: tuple[Any, ...]) -> None:
    """Removes one value of plain data in place."""
    for key in path[:-1]:
        content = content[key]
    del content[path[-1]]
