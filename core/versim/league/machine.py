"""The machine of a record: a cluster of presets, with what the record says about its network.

Names of GPUs in records are looked up in ``machines.json`` beside this module; a name that is a device or cluster
preset itself is taken as it is.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import attrs

from versim.errors import VersimError
from versim.fabric import CLUSTERS, DATA_SHEETS, ClusterChoice, System
from versim.league.record import RunRecord

GB = 10**9
GIB = 1 << 30

_NODE_TO_NODE = re.compile(r"(\d+(?:\.\d+)?)\s*Gbps node-node", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Machine:
    """What a run ran on.

    Attributes:
        preset: Name of the cluster.
        device: Name of the device's data sheet.
        system: Both, for so many nodes.
        choice: How a scenario asks for it.
        caveats: What is assumed.
    """

    preset: str
    device: str
    system: System
    choice: ClusterChoice
    caveats: tuple[str, ...] = ()


class NoMachineError(VersimError):
    """No preset describes what a record ran on."""


def machine_of(run: RunRecord) -> Machine:
    """The machine of a record.

    Raises:
        NoMachineError: Its GPU is not known, or its GPUs do not fill nodes.
    """
    entry = _entry(run.gpu)
    cluster = CLUSTERS[entry["cluster"]]
    per_node = run.gpus_per_node or cluster.gpus_per_node
    per_node = min(per_node, run.gpus, cluster.gpus_per_node)
    nic, said = _nic_bytes_per_s(run, per_node)
    choice = ClusterChoice(
        preset=entry["cluster"],
        gpus_per_node=per_node if per_node != cluster.gpus_per_node else None,
        nodes=run.gpus // per_node if run.gpus % per_node == 0 else None,
        nic_bytes_per_s=nic,
        nics_per_node=per_node if nic else None,
    )
    try:
        system = choice.system(run.gpus)
    except VersimError as error:
        raise NoMachineError(f"no system of {run.gpus} {run.gpu}: {error}") from None
    device = DATA_SHEETS[entry["device"]].device
    device = attrs.evolve(
        device,
        memory_bytes=int(entry["memory_gib"] * GIB) if "memory_gib" in entry else device.memory_bytes,
        memory_bandwidth_bytes_per_s=entry.get("memory_bytes_per_s", device.memory_bandwidth_bytes_per_s),
        peak_flop_per_s={dtype: peak * entry.get("peak_factor", 1.0) for dtype, peak in device.peak_flop_per_s.items()},
    )
    caveats = [entry["caveat"]] if "caveat" in entry else []
    if not said and run.gpus > (run.gpus_per_node or cluster.gpus_per_node):
        caveats.append("the source does not print the NIC: the preset's")
    return Machine(
        preset=entry["cluster"],
        device=entry["device"],
        system=attrs.evolve(system, device=device),
        choice=choice,
        caveats=tuple(caveats),
    )


def _nic_bytes_per_s(run: RunRecord, per_node: int) -> tuple[float | None, bool]:
    """What the record says about each GPU's share of the network, and whether it says anything."""
    if run.nic_gb_s is not None:
        return run.nic_gb_s * GB, True
    found = _NODE_TO_NODE.search(run.note)
    if found:
        return float(found.group(1)) / 8 * GB / per_node, True
    return None, False


def generation_of(gpu: str) -> str:
    """The architecture of a GPU's name in records (``hopper``); "" where it is not known."""
    return str(_machines().get(gpu.strip().lower(), {}).get("generation", ""))


def _entry(gpu: str) -> dict[str, Any]:
    name = gpu.strip().lower()
    known = _machines()
    if name in known:
        return known[name]
    for preset, cluster in CLUSTERS.items():
        if name in (preset, cluster.device):
            return {"cluster": preset, "device": cluster.device}
    raise NoMachineError(f"no preset of a cluster of GPU {gpu!r}")


@functools.cache
def _machines() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("machines.json").read_text(encoding="utf-8"))
    return found
