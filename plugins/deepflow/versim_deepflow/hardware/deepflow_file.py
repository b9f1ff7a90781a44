"""Reading the hardware files of DeepFlow (nanocad-lab/DeepFlow, llm-dev, 9c184bd) as they are.

One such file describes the device, the cluster and how the model is spread over it, so reading it gives three values.
Amounts follow that program: a text such as ``80 GB`` on the third level of the file is a whole number of bytes with K,
M, G, T = 2**10 … 2**40, a small ``b`` means bits; nothing else is converted. Zero in an optional field means "not
given". ``h2d_bandwidth`` defaults to 12.4 * 2**30 bytes per second, and -1 leaves host copies out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from versim import Topology
from versim.plain import read_yaml

from versim_deepflow.foreign import ForeignFile, KeyPath
from versim_deepflow.hardware import deepflow_names
from versim_deepflow.hardware.deepflow_names import MEMORY_ORDER
from versim_deepflow.hardware.spec import CoreSpec, DramSpec, HardwareSpec, SramSpec
from versim_deepflow.parallelism import Parallelism, TensorScheme
from versim_deepflow.ranges import Count, NotNegative, Positive

_AMOUNT = re.compile(r"^\s*(?P<amount>\d{1,18})\s+(?P<prefix>[KMGT])(?P<unit>[bB])\S*\s*$")
_PREFIX = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DEFAULT_HOST_BANDWIDTH_BYTES_PER_S = 12.4 * 2**30
_SHARED_BY = {"mcu": "unit", "mcu-bundle": "bundle", "global": "device"}
_TENSOR = {"CR": TensorScheme.COLUMN_ROW, "RC": TensorScheme.ROW_COLUMN}
_CLUSTER = {
    "nodes": "num_nodes",
    "devices_per_node": "num_devices_per_node",
    "inter_derate": "inter_derate",
    "intra_derate": "intra_derate",
    "dp_crosses_nodes": "dp_inter",
    "pp_crosses_nodes": "lp_inter",
    "tp1_crosses_nodes": "kp1_inter",
    "tp2_crosses_nodes": "kp2_inter",
}
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

    nodes: Count
    devices_per_node: Count
    inter_derate: Positive
    intra_derate: NotNegative
    dp_crosses_nodes: bool
    pp_crosses_nodes: bool
    tp1_crosses_nodes: bool
    tp2_crosses_nodes: bool
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
    file = ForeignFile(_with_amounts(content), subject)
    _check_memory(file)
    given: dict[KeyPath, Any] = {
        ("hardware", "name"): Path(subject).stem,
        ("hardware", "source"): subject,
        ("hardware", "host_bandwidth_bytes_per_s"): _host_bandwidth(file),
        ("cluster", "topology"): _topology(file),
        **{("parallelism", field): value for field, value in _parallelism(file).items()},
    }
    for level, kind in enumerate(MEMORY_ORDER):
        given["hardware", "memory", level, "kind"] = "dram" if kind == "DRAM" else "sram"
        scope = file.at(("memory_hierarchy", f"l{level}", "scope"))
        given["hardware", "memory", level, "shared_by"] = _SHARED_BY.get(str(scope), "device")
    absent = {ours for ours in _MAY_BE_ZERO if file.at(_NAMES[ours]) in (0, None)}
    made: DeepFlowHardware = file.read(
        DeepFlowHardware, {ours: theirs for ours, theirs in _NAMES.items() if ours not in absent}, given
    )
    return made


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


def _host_bandwidth(file: ForeignFile) -> float | None:
    path: KeyPath = ("sw_param", "h2d_bandwidth")
    if file.at(path) is None:
        return _DEFAULT_HOST_BANDWIDTH_BYTES_PER_S
    value: float | None = file.held(path, float)
    if value is None or -math.inf < value <= 0:
        return None
    return float(file.held(path, Positive) or 0) or None


def _check_memory(file: ForeignFile) -> None:
    levels = file.at(("memory_hierarchy",))
    expected = [f"l{level}" for level in range(len(MEMORY_ORDER))]
    if not isinstance(levels, Mapping) or sorted(map(str, levels)) != expected:
        file.refuse(("memory_hierarchy",), "must hold exactly the levels l0, l1, l2 and l3")
        return
    for level, kind in zip(expected, MEMORY_ORDER, strict=True):
        at: KeyPath = ("memory_hierarchy", level)
        said = file.held((*at, "type"), Literal[MEMORY_ORDER])
        if said is not None and said != kind:
            message = f"must be {kind}, got {said}: levels stand innermost first, each kind once"
            file.refuse((*at, "type"), message)
        file.held((*at, "scope"), Literal[tuple(_SHARED_BY)])


def _topology(file: ForeignFile) -> Topology:
    # Older files name topologies the program no longer knows ("hic", "none"); it takes them as fully connected.
    named = str(file.at(("network_topology", "intra_node"))).lower()
    return _TOPOLOGIES.get(named, Topology.FULLY_CONNECTED)


def _parallelism(file: ForeignFile) -> dict[str, Any]:
    at: KeyPath = ("scheduling_param",)

    def degree(name: str) -> int:
        return 1 if file.at((*at, name)) is None else int(file.held((*at, name), Count) or 1)

    if file.at((*at, "auto")) not in (None, False):
        file.refuse((*at, "auto"), "must be false; the program's own search for a spread does not work")
    scheme = None
    if file.at((*at, "t")) is not None:
        scheme = file.held((*at, "t"), Literal["CR", "RC", "none", "None"])
    if scheme in ("none", "None") and degree("kp1") * degree("kp2") > 1:
        # Left out, every device computes everything; as a word, the program does not know it.
        file.refuse((*at, "t"), "must be CR or RC where kp1 or kp2 is above 1")
    return {
        "dp": file.held((*at, "dp"), Count) or 1,
        "pp": file.held((*at, "lp"), Count) or 1,
        "tensor": _TENSOR.get(str(scheme), TensorScheme.NONE),
        "tp1": degree("kp1"),
        "tp2": degree("kp2"),
        "microbatches": degree("mb"),
    }


def _names() -> dict[KeyPath, KeyPath]:
    """Where each field of ours stands in the file."""
    parts: dict[KeyPath, dict[str, KeyPath]] = {
        (): deepflow_names.HARDWARE,
        ("core",): deepflow_names.core(),
        ("core", "voltage"): deepflow_names.voltage(deepflow_names.CORE_AT),
    }
    for level, kind in enumerate(MEMORY_ORDER):
        parts["memory", level] = deepflow_names.dram() if kind == "DRAM" else deepflow_names.sram(kind)
        if kind == "DRAM":
            parts["memory", level, "voltage"] = deepflow_names.voltage(deepflow_names.memory_at(kind))
    for name in ("intra_node", "inter_node"):
        parts[name,] = deepflow_names.subnetwork(name)
        parts[name, "voltage"] = deepflow_names.voltage(deepflow_names.subnetwork_at(name))
    names = {("hardware", *at, ours): path for at, fields in parts.items() for ours, path in fields.items()}
    return names | {("cluster", ours): ("system_hierarchy", theirs) for ours, theirs in _CLUSTER.items()}


_NAMES = _names()

_DERIVED = {
    field.name for spec in (CoreSpec, SramSpec, DramSpec) for field in attrs.fields(spec) if field.default is None
}
_MAY_BE_ZERO = [ours for ours in _NAMES if ours[1] in ("core", "memory") and ours[-1] in _DERIVED]
"""Fields of which 0 means "not given"."""
