"""DeepFlow's hardware model: what a device can do, derived from areas, power budgets and technology."""

from versim_deepflow.hardware.deepflow_file import (
    ClusterSpec,
    DeepFlowHardware,
    load_deepflow_hardware,
    read_deepflow_hardware,
)
from versim_deepflow.hardware.deepflow_names import in_file
from versim_deepflow.hardware.derive import Core, Derived, Memory, Subnetwork, derive, refuse_disorder
from versim_deepflow.hardware.device import DeviceModel, MemoryLevel
from versim_deepflow.hardware.links import AXES, axis_bandwidths, axis_links
from versim_deepflow.hardware.preset import load_file, load_preset, preset_content, preset_names, read_spec
from versim_deepflow.hardware.spec import CoreSpec, DramSpec, HardwareSpec, SramSpec, SubnetworkSpec, VoltageSpec

__all__ = [
    "AXES",
    "ClusterSpec",
    "Core",
    "CoreSpec",
    "DeepFlowHardware",
    "Derived",
    "DeviceModel",
    "DramSpec",
    "HardwareSpec",
    "Memory",
    "MemoryLevel",
    "SramSpec",
    "Subnetwork",
    "SubnetworkSpec",
    "VoltageSpec",
    "axis_bandwidths",
    "axis_links",
    "derive",
    "in_file",
    "load_deepflow_hardware",
    "load_file",
    "load_preset",
    "preset_content",
    "preset_names",
    "read_deepflow_hardware",
    "read_spec",
    "refuse_disorder",
]
