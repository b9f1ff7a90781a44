"""Reading the hardware files of DeepFlow (nanocad-lab/DeepFlow, llm-dev, 9c184bd) as they are.

One such file describes the device, the cluster and how the model is spread over it, so reading it gives three values.
Amounts follow that program: a text such as ``80 GB`` on the third level of the file is a whole number of bytes with K,
M, G, T = 2**10 … 2**40, a small ``b`` means bits; nothing else is converted. Zero in an optional field means "not
given". ``h2d_bandwidth`` defaults to 12.4 * 2**30 bytes per second, and -1 leaves host copies out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from versim import Topology
from versim.plain import read_yaml

from versim_deepflow.documents import Document, KeyPath, checked, count, flag, not_negative, number, one_of, positive
from versim_deepflow.hardware import deepflow_names
from versim_deepflow.hardware.deepflow_names import MEMORY_ORDER
from versim_deepflow.hardware.spec import (
    CoreSpec,
    DramSpec,
    HardwareSpec,
    SramSpec,
    SubnetworkSpec,
    VoltageSpec,
)
from versim_deepflow.parallelism import Parallelism, TensorScheme

_AMOUNT = re.compile(r"^\s*(?P<amount>\d{1,18})\s+(?P<prefix>[KMGT])(?P<unit>[bB])\S*\s*$")
_PREFIX = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DEFAULT_HOST_BANDWIDTH_BYTES_PER_S = 12.4 * 2**30
_SHARED_BY = {"mcu": "unit", "mcu-bundle": "bundle", "global": "device"}
_TENSOR = {"CR": TensorScheme.COLUMN_ROW, "RC": TensorScheme.ROW_COLUMN}
_TOPOLOGIES = {"ring": Topology.RING, "switch": Topology.SWITCH}


@attrs.frozen(kw_only=True)
class ClusterSpec:
    """How devices are joined to nodes, and which parallelism leaves a node.

    Attributes:
        nodes: Nodes.
        devices_per_node: Devices in each.
        inter_derate: What inter-node bandwidth is divided by.
        intra_derate: What intra-node bandwidth is divided by; 0 means there are no intra-node links.
        dp_crosses_nodes: Whether data-parallel traffic leaves the node.
        pp_crosses_nodes: Likewise for pipeline traffic.
        tp1_crosses_nodes: Likewise for the first dimension of tensor parallelism.
        tp2_crosses_nodes: Likewise for the second.
        topology: Topology of the links within a node.
    """

    nodes: int = checked(count)
    devices_per_node: int = checked(count)
    inter_derate: float = checked(positive)
    intra_derate: float = checked(not_negative)
    dp_crosses_nodes: bool = checked(flag)
    pp_crosses_nodes: bool = checked(flag)
    tp1_crosses_nodes: bool = checked(flag)
    tp2_crosses_nodes: bool = checked(flag)
    topology: Topology = Topology.RING

    @property
    def world_size(self) -> int:
        """Devices in total."""
        return self.nodes * self.devices_per_node


@attrs.frozen(kw_only=True)
class DeepFlowHardware:
    """What one hardware file of DeepFlow says.

    Attributes:
        hardware: The device.
        cluster: How devices are joined.
        parallelism: How the model is spread.
    """

    hardware: HardwareSpec
    cluster: ClusterSpec
    parallelism: Parallelism


def load_deepflow_hardware(path: Path) -> DeepFlowHardware:
    """Reads a hardware file of DeepFlow; :class:`versim.FaultsError` with everything wrong with it."""
    return read_deepflow_hardware(read_yaml(path), str(path))


def read_deepflow_hardware(content: object, subject: str) -> DeepFlowHardware:
    """What plain data in the structure of DeepFlow's hardware files says.

    Args:
        content: Plain data, as YAML gives it.
        subject: What it is, for the error.

    Raises:
        FaultsError: Fields that are missing, mistyped or out of range, each by its path.
    """
    document = Document(_with_amounts(content), subject)
    hardware = document.structure(
        HardwareSpec,
        names=deepflow_names.HARDWARE,
        name=Path(subject).stem,
        source=subject,
        host_bandwidth_bytes_per_s=_host_bandwidth(document),
        core=_core(document),
        memory=tuple(_memory(document, level) for level in range(_memory_levels(document))),
        intra_node=_subnetwork(document, "intra_node"),
        inter_node=_subnetwork(document, "inter_node"),
    )
    cluster = _cluster(document)
    parallelism = _parallelism(document)
    document.raise_faults()
    return DeepFlowHardware(hardware=hardware, cluster=cluster, parallelism=parallelism)


def _with_amounts(content: object) -> object:
    """The file with texts such as ``80 GB`` replaced by bytes, on the third level as DeepFlow does it."""
    if not isinstance(content, Mapping):
        return content
    return {key: _amounts_below(value, 1) for key, value in content.items()}


def _amounts_below(value: Any, depth: int) -> Any:
    if depth < 3 and isinstance(value, Mapping):
        return {key: _amounts_below(inner, depth + 1) for key, inner in value.items()}
    if depth == 3 and isinstance(value, str) and (match := _AMOUNT.match(value)):
        size = int(match["amount"]) * _PREFIX[match["prefix"]]
        return size / 8 if match["unit"] == "b" else size
    return value


def _host_bandwidth(document: Document) -> float | None:
    path: KeyPath = ("sw_param", "h2d_bandwidth")
    if document.get(path) is None:
        return _DEFAULT_HOST_BANDWIDTH_BYTES_PER_S
    value: float | None = document.take(path, number)
    return value if value is not None and value > 0 else None


def _voltage(document: Document, at: KeyPath) -> VoltageSpec:
    return document.structure(VoltageSpec, names=deepflow_names.voltage(at))


def _core(document: Document) -> CoreSpec:
    return document.structure(
        CoreSpec,
        names=deepflow_names.core(),
        zero_is_absent=True,
        voltage=_voltage(document, deepflow_names.CORE_AT),
    )


def _memory_levels(document: Document) -> int:
    levels = document.get(("memory_hierarchy",))
    expected = [f"l{level}" for level in range(4)]
    if not isinstance(levels, Mapping) or sorted(map(str, levels)) != expected:
        document.fault(("memory_hierarchy",), "must hold exactly the levels l0, l1, l2 and l3")
        return 0
    return len(expected)


def _memory(document: Document, level: int) -> SramSpec | DramSpec:
    at: KeyPath = ("memory_hierarchy", f"l{level}")
    kind = document.take((*at, "type"), one_of(*MEMORY_ORDER))
    scope = document.take((*at, "scope"), one_of(*_SHARED_BY))
    shared_by = _SHARED_BY.get(scope, "device")
    if kind is None:
        kind = MEMORY_ORDER[level]
    elif kind != MEMORY_ORDER[level]:
        document.fault(
            (*at, "type"), f"must be {MEMORY_ORDER[level]}, got {kind}: levels stand innermost first, each kind once"
        )
    return _dram(document, shared_by) if kind == "DRAM" else _sram(document, kind, shared_by)


def _sram(document: Document, kind: str, shared_by: str) -> SramSpec:
    return document.structure(SramSpec, names=deepflow_names.sram(kind), zero_is_absent=True, shared_by=shared_by)


def _dram(document: Document, shared_by: str) -> DramSpec:
    return document.structure(
        DramSpec,
        names=deepflow_names.dram(),
        zero_is_absent=True,
        shared_by=shared_by,
        voltage=_voltage(document, deepflow_names.memory_at("DRAM")),
    )


def _subnetwork(document: Document, name: str) -> SubnetworkSpec:
    return document.structure(
        SubnetworkSpec,
        names=deepflow_names.subnetwork(name),
        voltage=_voltage(document, deepflow_names.subnetwork_at(name)),
    )


def _cluster(document: Document) -> ClusterSpec:
    names = {
        "nodes": "num_nodes",
        "devices_per_node": "num_devices_per_node",
        "inter_derate": "inter_derate",
        "intra_derate": "intra_derate",
        "dp_crosses_nodes": "dp_inter",
        "pp_crosses_nodes": "lp_inter",
        "tp1_crosses_nodes": "kp1_inter",
        "tp2_crosses_nodes": "kp2_inter",
    }
    # Older files name topologies the program no longer knows ("hic", "none"); it takes them as fully connected.
    topology = str(document.get(("network_topology", "intra_node"))).lower()
    return document.structure(
        ClusterSpec,
        names={ours: ("system_hierarchy", theirs) for ours, theirs in names.items()},
        topology=_TOPOLOGIES.get(topology, Topology.FULLY_CONNECTED),
    )


def _parallelism(document: Document) -> Parallelism:
    at: KeyPath = ("scheduling_param",)

    def degree(name: str) -> int:
        value = document.take((*at, name), count, optional=True)
        return 1 if value is None else int(value)

    if document.get((*at, "auto")) not in (None, False):
        document.fault((*at, "auto"), "must be false; the program's own search for a spread does not work")
    scheme = document.take((*at, "t"), one_of("CR", "RC", "none", "None"), optional=True)
    if scheme in ("none", "None") and degree("kp1") * degree("kp2") > 1:
        # Left out, every device computes everything; as a word, the program does not know it.
        document.fault((*at, "t"), "must be CR or RC where kp1 or kp2 is above 1")
    return Parallelism(
        dp=document.take((*at, "dp"), count) or 1,
        pp=document.take((*at, "lp"), count) or 1,
        tensor=_TENSOR.get(scheme, TensorScheme.NONE),
        tp1=degree("kp1"),
        tp2=degree("kp2"),
        microbatches=degree("mb"),
    )
