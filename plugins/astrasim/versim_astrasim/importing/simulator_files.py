"""ASTRA-sim's own files, traces and configuration, as a scenario.

What the program reads from its files and its command line becomes workload, system and options of the backend. Files
are known by what they hold; where several hold the same, one of the usual name is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from versim import VersimError
from versim.plain import UnreadableError

from versim_astrasim.engine import NetworkConfig, RemoteMemoryConfig, SystemConfig
from versim_astrasim.importing.options import SimulatorFiles
from versim_astrasim.importing.sources import TraceFilesError, mapping_in, trace_files
from versim_astrasim.options import ABSENT

NETWORK_NAMES = ("network.yml", "network.yaml", "network.json")
SYSTEM_NAMES = ("system.json",)
MEMORY_NAMES = ("remote_memory.json", "memory.json", "remote-memory.json")
GROUP_NAMES = ("comm_groups.json", "groups.json", "comm_group.json")

_LARGEST_LOOKED_AT = 1 << 20
_ENDINGS = (".json", ".yml", ".yaml")
_TOPOLOGIES = {"Ring": "ring", "FullyConnected": "fully_connected", "Switch": "switch"}
_STEMS = {
    "all-reduce": "all_reduce",
    "all-gather": "all_gather",
    "reduce-scatter": "reduce_scatter",
    "all-to-all": "all_to_all",
}
_NO_REDUCTION_BYTES_PER_S = 1e30
"""Without local-mem-bw reductions take no time."""


def scenario_of(place: Path, given: SimulatorFiles) -> Mapping[str, Any] | None:
    """The scenario of files at a place; None if there are no traces.

    Raises:
        VersimError: Traces are there, and a file is missing or malformed.
    """
    try:
        traces = trace_files(place)
    except TraceFilesError:
        if not place.is_dir() or not any(entry.suffix in (".et", ".eg") for entry in place.iterdir()):
            return None
        raise
    folder = traces[0].parent
    found = _Found(folder, place)
    network_file = found.file(given.network, NETWORK_NAMES, _is_network)
    system_file = found.file(given.system, SYSTEM_NAMES, _is_system)
    memory_file = found.file(given.remote_memory, MEMORY_NAMES, _is_memory)
    groups_file = found.file(given.comm_groups, GROUP_NAMES, _is_groups)
    if network_file is None:
        raise VersimError(
            f"there are traces at {place}, and no network file beside them (topology, npus_count, bandwidth, latency); "
            "name it with --network"
        )
    network = mapping_in(network_file)
    dimensions = _dimensions(network, network_file)
    system = mapping_in(system_file) if system_file else {}
    backend, workload, pin = _settings(system, system_file, len(dimensions))
    workload["network"] = str(network_file)
    if system_file:
        workload["system"] = str(system_file)
    if groups_file:
        workload["comm_groups"] = str(groups_file)
    if memory_file:
        backend |= _memory(mapping_in(memory_file), memory_file)
        if backend.get("remote_memory", "NO_MEMORY_EXPANSION") != "NO_MEMORY_EXPANSION":
            workload |= {"memory_nodes": "simulated", "remote_memory": str(memory_file)}
    path = place if place.is_dir() else folder / traces[0].name.rsplit(".", 2)[0]
    label = traces[0].name.rsplit(".", 2)[0]
    return {
        "name": place.name,
        "workloads": [{"label": label, "producer": "chakra", "options": {"path": str(path), **workload}}],
        "system": {"dimensions": dimensions},
        **({"pins": [pin]} if pin else {}),
        "backends": [{"label": "astrasim", "backend": "astrasim", "options": backend}],
    }


class _Found:
    """The files beside traces that may be configuration."""

    def __init__(self, folder: Path, place: Path) -> None:
        self._place = place
        self._contents: dict[Path, Mapping[str, Any]] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix not in _ENDINGS or not path.is_file() or path.stat().st_size > _LARGEST_LOOKED_AT:
                continue
            try:
                self._contents[path] = mapping_in(path)
            except (VersimError, UnreadableError):
                continue  # what is asked for by name is told when it is read

    def file(self, given: str, names: Sequence[str], is_one: Callable[[Mapping[str, Any]], bool]) -> Path | None:
        """The file given, else the one beside the traces."""
        if given:
            return Path(given)
        fitting = [path for path, content in self._contents.items() if is_one(content)]
        usual = [path for name in names for path in fitting if path.name == name]
        if usual or not fitting:
            return usual[0] if usual else None
        if len(fitting) > 1:
            listed = ", ".join(path.name for path in fitting[:8])
            raise VersimError(
                f"beside the traces at {self._place} there are several files of one kind ({listed}), none of them "
                f"named {names[0]}; name the one that is meant with its option"
            )
        return fitting[0]


def _is_network(content: Mapping[str, Any]) -> bool:
    return {"topology", "npus_count"} <= content.keys()


def _is_system(content: Mapping[str, Any]) -> bool:
    known = {"preferred-dataset-splits", "active-chunks-per-dimension", "local-mem-bw", "scheduling-policy"}
    return any(str(key).partition("-implementation")[0] in _STEMS for key in content) or len(known & content.keys()) > 1


def _is_memory(content: Mapping[str, Any]) -> bool:
    return "memory-type" in content


def _is_groups(content: Mapping[str, Any]) -> bool:
    return bool(content) and all(str(key).isdecimal() and isinstance(ranks, list) for key, ranks in content.items())


def _dimensions(network: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The network file's dimensions as a scenario has them, in the units of the file."""
    try:
        config = NetworkConfig.from_mapping(network, congestion_aware=False)
    except VersimError as error:
        raise VersimError(f"{path}: {error}") from error
    columns = (config.topology, config.npus_count, config.bandwidth_gib_per_s, config.latency_ns)
    return [
        {
            "topology": _TOPOLOGIES[topology],
            "size": size,
            "bandwidth": f"{_plain(bandwidth)} GiB/s",
            "latency": f"{_plain(latency)} ns",
        }
        for topology, size, bandwidth, latency in zip(*columns, strict=True)
    ]


def _plain(value: float) -> str:
    """A number as text that reads back to the same number, without an exponent."""
    text = format(Decimal(repr(float(value))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _settings(
    system: Mapping[str, Any], path: Path | None, dimensions: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Options of the backend and of the producer, and the pin, that a system file amounts to."""
    # The congestion-aware program has one dimension.
    unaware: dict[str, Any] = {"congestion": "unaware"} if dimensions > 1 else {}
    if path is None:
        return unaware, {}, {}
    try:
        config = SystemConfig.from_mapping(system)
    except VersimError as error:
        raise VersimError(f"{path}: {error}") from error
    memory_bytes_per_s = config.local_mem_bw_gb_per_s * 1e9 or _NO_REDUCTION_BYTES_PER_S
    backend = {
        **unaware,
        "endpoint_delay_ns": config.effective_endpoint_delay_ns,
        "active_chunks_per_dimension": config.active_chunks_per_dimension,
        **({"preferred_dataset_splits": config.preferred_dataset_splits} if config.preferred_dataset_splits else {}),
        "local_memory_bytes_per_s": memory_bytes_per_s,
    }
    for kind, names in config.implementations.items():
        if names:
            absent = [ABSENT] * (dimensions - len(names)) if not names[0].startswith("one") else []
            backend[_STEMS[kind.value]] = "+".join([*names, *absent])
    if config.collective_optimization:
        backend["collective_optimization"] = config.collective_optimization
    if config.scheduling_policy:
        backend["scheduling_policy"] = config.scheduling_policy
    backend |= _customs(system, path)
    if config.replay_only:
        backend["replay_only"] = True
    if config.model_shared_bus:
        names = ("bus_latency_ns", "bus_overhead_ns", "bus_gap_ns", "bus_gap_ns_per_byte", "local_reduction_delay_ns")
        backend |= {"model_shared_bus": True, **{name: getattr(config, name) for name in names}}
    peak_flop_per_s = config.peak_perf_tflop_per_s * 1e12
    if config.roofline_enabled:
        timing = {
            "timing": "astrasim",
            "options": {"peak_flop_per_s": peak_flop_per_s, "local_memory_bytes_per_s": memory_bytes_per_s},
        }
        return backend, {"compute": "work"}, {"label": "roofline", "compute": timing}
    return backend, {"compute": "recorded"}, {}


def _customs(system: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Trace-described collectives; the program looks for them from the folder it is started in."""
    found: dict[str, Any] = {}
    for stem, kind in _STEMS.items():
        prefixes = system.get(f"{stem}-implementation-custom")
        if prefixes:
            found[f"{kind}_custom"] = str(_sought(str(prefixes[0]), path, ".0.et"))
    per_node = system.get("per-node-custom-implementation")
    if per_node:
        found["per_node_custom"] = str(_sought(str(per_node), path, ""))
    return found


def _sought(name: str, path: Path, ending: str) -> Path:
    """A path of the system file's, from the current folder, or from the file's own or one around it."""
    for folder in (Path.cwd(), *path.absolute().parents):
        if (folder / f"{name}{ending}").is_file():
            return folder / name
    return Path(name).absolute()


def _memory(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    try:
        config = RemoteMemoryConfig.from_mapping(content)
    except VersimError as error:
        raise VersimError(f"{path}: {error}") from error
    figures = {
        "remote_memory_latency_ns": config.latency_ns,
        "remote_memory_bytes_per_ns": config.bandwidth_bytes_per_ns,
        "remote_memory_nodes": config.num_nodes,
        "remote_memory_npus_per_node": config.num_npus_per_node,
    }
    return {"remote_memory": config.memory_type, **{name: value for name, value in figures.items() if value}}
