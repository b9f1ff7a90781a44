"""The three configuration files of the original, typed: network, system, remote memory.

Parsing refuses only what the original cannot read at all, and reports every fault at once. Values it reads and then
hangs, aborts or loops on are accepted: what becomes of them is an outcome of the simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs
from versim import FaultsError, did_you_mean

from versim_astrasim.engine.topologies import LINKED_TOPOLOGIES


class _Faults:
    """Collects what is wrong with one file."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.faults: list[str] = []

    def add(self, key: str, value: object, allowed: str) -> None:
        self.faults.append(f"{key}: {value!r} is not {allowed}")

    def number(self, key: str, value: object) -> float:
        """A number; booleans count as 0 and 1."""
        if isinstance(value, bool | int | float) and math.isfinite(value):
            return value
        self.add(key, value, "a finite number")
        return 0

    def integer(self, key: str, value: object) -> int:
        """A number, truncated like the original does."""
        return int(self.number(key, value))

    def check(self) -> None:
        if self.faults:
            raise FaultsError(self.subject, self.faults)


@attrs.frozen(kw_only=True)
class NetworkConfig:
    """A network: one entry per dimension in every list, dimension 0 first (its ranks are neighbours in number).

    Attributes:
        topology: ``Ring``, ``FullyConnected`` or ``Switch``.
        npus_count: Ranks along the dimension.
        bandwidth_gib_per_s: Bandwidth of each link. The original writes GB/s and means 2^30 bytes.
        latency_ns: Latency of each link.
        congestion_aware: Whether messages wait for one another on links; then there is exactly one dimension.
    """

    topology: tuple[str, ...]
    npus_count: tuple[int, ...]
    bandwidth_gib_per_s: tuple[float, ...]
    latency_ns: tuple[float, ...]
    congestion_aware: bool = True

    @property
    def rank_count(self) -> int:
        """Number of ranks."""
        return math.prod(self.npus_count)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, congestion_aware: bool = True) -> NetworkConfig:
        """Read the network YAML's mapping.

        Args:
            mapping: ``topology``, ``npus_count``, ``bandwidth`` (GiB/s) and ``latency`` (ns), each a list with one
                entry per dimension. Other keys are ignored, as the original does.
            congestion_aware: Which of the two back-ends is meant.

        Raises:
            FaultsError: Naming every key that is missing or malformed, with what is allowed.
        """
        faults = _Faults("network configuration")
        columns: dict[str, list[Any]] = {}
        for key in ("topology", "npus_count", "bandwidth", "latency"):
            value = mapping.get(key)
            if isinstance(value, str) or not isinstance(value, Sequence) or not value:
                faults.add(key, value, "a list with one entry per dimension")
            else:
                columns[key] = list(value)
        if len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"{key} {len(column)}" for key, column in columns.items())
            faults.faults.append(f"all lists need one entry per dimension, but their lengths are: {lengths}")
        if congestion_aware and len(columns.get("topology", ())) > 1:
            faults.add("topology", columns["topology"], "one dimension, all that the congestion-aware network supports")
        for index, name in enumerate(columns.get("topology", ())):
            if name not in LINKED_TOPOLOGIES:
                faults.faults.append(
                    f"topology[{index}]: {name!r} is unknown{did_you_mean(str(name), LINKED_TOPOLOGIES)}"
                )
        legalities: tuple[tuple[str, str, Callable[[float], bool]], ...] = (
            ("npus_count", "an integer larger than 1", lambda x: x == int(x) and x > 1),
            ("bandwidth", "a number larger than 0", lambda x: x > 0),
            ("latency", "a number of at least 0", lambda x: x >= 0),
        )
        for key, allowed, legal in legalities:
            for index, value in enumerate(columns.get(key, ())):
                number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                if not number or not legal(value):
                    faults.add(f"{key}[{index}]", value, allowed)
        faults.check()
        return cls(
            topology=tuple(columns["topology"]),
            npus_count=tuple(int(count) for count in columns["npus_count"]),
            bandwidth_gib_per_s=tuple(float(bandwidth) for bandwidth in columns["bandwidth"]),
            latency_ns=tuple(float(latency) for latency in columns["latency"]),
            congestion_aware=congestion_aware,
        )


class CollectiveKind(Enum):
    """The collectives the original carries out; the value is the stem of its keys in the system file."""

    ALL_REDUCE = "all-reduce"
    ALL_GATHER = "all-gather"
    REDUCE_SCATTER = "reduce-scatter"
    ALL_TO_ALL = "all-to-all"


SCHEDULING_POLICIES = ("LIFO", "FIFO", "EXPLICIT")
LOCAL_BW_AWARE, BASELINE = "localBWAware", "baseline"
COLLECTIVE_OPTIMIZATIONS = (LOCAL_BW_AWARE, BASELINE)

DEFAULT_ENDPOINT_DELAY_NS = 10
"""Used when the key is absent, and then not scaled."""

_IGNORED_KEYS = ("boost-mode", "intra-dimension-scheduling", "inter-dimension-scheduling")
"""Keys the original's own examples carry and the original ignores."""


@attrs.frozen(kw_only=True)
class SystemConfig:
    """The system layer's settings.

    Attributes:
        implementations: Algorithm names per collective kind, one per dimension; a missing kind must not be used.
        custom_implementations: Path prefix of a trace-described algorithm per collective kind.
        per_node_custom_path: YAML file that maps node ids to path prefixes.
        endpoint_delay_ns: Paid before a message may leave, truncated but not yet scaled; None if absent.
        injection_scale: Multiplies the endpoint delay if that is given.
        active_chunks_per_dimension: Chunks worked on at once in a dimension, over all its queues.
        preferred_dataset_splits: Chunks a collective is cut into; 0 divides by zero at the first collective.
        num_queues_per_dim: Queues (lanes) per dimension.
        collective_optimization: ``localBWAware`` or ``baseline``; None leaves it unset, which matters only with more
            than one dimension: the original then acts on uninitialised memory (``localBWAware`` is assumed here).
        scheduling_policy: ``LIFO``, ``FIFO`` or ``EXPLICIT``; without observable effect.
        local_mem_bw_gb_per_s: Local memory bandwidth (10^9 B/s), for reductions and the roofline.
        peak_perf_tflop_per_s: Peak performance (10^12 FLOP/s), for the roofline.
        roofline_enabled: Time compute from operations and bytes rather than from its recorded duration.
        replay_only: Run every node, collectives included, for its recorded duration.
        rendezvous: Precede every message by a handshake.
        model_shared_bus: Pay endpoint steps on a shared bus of the four LogGP parameters below.
        bus_latency_ns: The bus's ``L``.
        bus_overhead_ns: The bus's ``o``.
        bus_gap_ns: The bus's ``g``.
        bus_gap_ns_per_byte: The bus's ``G``.
        local_reduction_delay_ns: Per 100 bytes, on the shared bus only.
        warnings: What was found in the file and has no effect.
    """

    implementations: Mapping[CollectiveKind, tuple[str, ...]] = attrs.field(factory=dict)
    custom_implementations: Mapping[CollectiveKind, str] = attrs.field(factory=dict)
    per_node_custom_path: str | None = None
    endpoint_delay_ns: int | None = None
    injection_scale: float = 1.0
    active_chunks_per_dimension: int = 1
    preferred_dataset_splits: int = 0
    num_queues_per_dim: int = 1
    collective_optimization: str | None = None
    scheduling_policy: str | None = None
    local_mem_bw_gb_per_s: float = 0.0
    peak_perf_tflop_per_s: float = 0.0
    roofline_enabled: bool = False
    replay_only: bool = False
    rendezvous: bool = False
    model_shared_bus: bool = False
    bus_latency_ns: int = 0
    bus_overhead_ns: int = 0
    bus_gap_ns: int = 0
    bus_gap_ns_per_byte: float = 0.0
    local_reduction_delay_ns: int = 1
    warnings: tuple[str, ...] = ()

    @property
    def effective_endpoint_delay_ns(self) -> int:
        """The endpoint delay after scaling."""
        if self.endpoint_delay_ns is None:
            return DEFAULT_ENDPOINT_DELAY_NS
        return int(self.endpoint_delay_ns * self.injection_scale)

    @property
    def lane_width(self) -> int:
        """Chunks a lane works on at once."""
        return math.ceil(self.active_chunks_per_dimension / self.num_queues_per_dim)

    @classmethod
    def from_mapping(
        cls,
        mapping: Mapping[str, Any],
        *,
        num_queues_per_dim: int = 1,
        injection_scale: float = 1.0,
        rendezvous: bool = False,
    ) -> SystemConfig:
        """Read the system JSON's object; the other arguments are command-line options of the original.

        Raises:
            FaultsError: Naming every malformed key, its value and what is allowed.
        """
        return SystemReader(mapping).read(num_queues_per_dim, injection_scale, rendezvous=rendezvous)


_INTEGERS = {
    "active-chunks-per-dimension": "active_chunks_per_dimension",
    "preferred-dataset-splits": "preferred_dataset_splits",
    "local-reduction-delay": "local_reduction_delay_ns",
    "endpoint-delay": "endpoint_delay_ns",
    "L": "bus_latency_ns",
    "o": "bus_overhead_ns",
    "g": "bus_gap_ns",
}
_NUMBERS = {
    "local-mem-bw": "local_mem_bw_gb_per_s",
    "peak-perf": "peak_perf_tflop_per_s",
    "G": "bus_gap_ns_per_byte",
}
_SWITCHES = {"roofline-enabled": "roofline_enabled", "replay-only": "replay_only"}
_NO_TIMING = ("trace-enabled", "track-local-mem", "local-mem-trace-filename")
"""Switches of the original's logging; they change no time."""


class SystemReader:
    """Reads a system JSON's object key by key, collecting faults and warnings."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping
        self._faults = _Faults("system configuration")
        self._values: dict[str, Any] = {}
        self._warnings: list[str] = []

    def read(self, num_queues_per_dim: int, injection_scale: float, *, rendezvous: bool) -> SystemConfig:
        """The configuration, or all faults at once."""
        if num_queues_per_dim < 1:
            self._faults.add("num-queues-per-dim", num_queues_per_dim, "an integer of at least 1")
        self._read_numbers()
        self._read_choices()
        implementations, customs = self._read_implementations()
        self._warn_of_unknown_keys()
        self._faults.check()
        return SystemConfig(
            implementations=implementations,
            custom_implementations=customs,
            num_queues_per_dim=num_queues_per_dim,
            injection_scale=injection_scale,
            rendezvous=rendezvous,
            warnings=tuple(self._warnings),
            **self._values,
        )

    def _read_numbers(self) -> None:
        mapping, values, faults = self._mapping, self._values, self._faults
        for key in mapping.keys() & _INTEGERS.keys():
            values[_INTEGERS[key]] = faults.integer(key, mapping[key])
        for key in mapping.keys() & _NUMBERS.keys():
            values[_NUMBERS[key]] = float(faults.number(key, mapping[key]))
        if "model-shared-bus" in mapping:
            values["model_shared_bus"] = faults.integer("model-shared-bus", mapping["model-shared-bus"]) == 1
        for key in mapping.keys() & _SWITCHES.keys():
            value = mapping[key]
            # The original compares JSON values: false is not the number 0, so it switches the feature on.
            values[_SWITCHES[key]] = isinstance(value, bool) or value != 0
            if value is False:
                self._warnings.append(f"{key}: false switches the feature on, because only the number 0 is off")

    def _read_choices(self) -> None:
        for key, name, allowed in (
            ("scheduling-policy", "scheduling_policy", SCHEDULING_POLICIES),
            ("collective-optimization", "collective_optimization", COLLECTIVE_OPTIMIZATIONS),
        ):
            if key in self._mapping:
                value = self._mapping[key]
                if value in allowed:
                    self._values[name] = value
                else:
                    self._faults.faults.append(f"{key}: {value!r} is unknown{did_you_mean(str(value), allowed)}")
        if "per-node-custom-implementation" in self._mapping:
            path = self._mapping["per-node-custom-implementation"]
            if isinstance(path, str):
                self._values["per_node_custom_path"] = path
            else:
                self._faults.add("per-node-custom-implementation", path, "the path of a YAML file")

    def _read_implementations(self) -> tuple[dict[CollectiveKind, tuple[str, ...]], dict[CollectiveKind, str]]:
        implementations: dict[CollectiveKind, tuple[str, ...]] = {}
        customs: dict[CollectiveKind, str] = {}
        for kind in CollectiveKind:
            key = f"{kind.value}-implementation"
            if key in self._mapping:
                names = self._mapping[key]
                if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
                    implementations[kind] = tuple(names)
                else:
                    self._faults.add(key, names, "a list of algorithm names, one per dimension")
            key = f"{kind.value}-implementation-custom"
            if key in self._mapping:
                paths = self._mapping[key]
                if isinstance(paths, list | tuple) and len(paths) == 1 and isinstance(paths[0], str):
                    customs[kind] = paths[0]
                else:
                    self._faults.add(key, paths, "a list of exactly one path prefix")
        return implementations, customs

    def _warn_of_unknown_keys(self) -> None:
        known = {*_INTEGERS, *_NUMBERS, *_SWITCHES, *_NO_TIMING, "model-shared-bus", "scheduling-policy"}
        known |= {"collective-optimization", "per-node-custom-implementation"}
        for kind in CollectiveKind:
            known |= {f"{kind.value}-implementation", f"{kind.value}-implementation-custom"}
        for key in self._mapping:
            if key not in known and key not in _IGNORED_KEYS:
                self._warnings.append(f"{key}: unknown key, without effect{did_you_mean(str(key), known)}")


MEMORY_TYPES = ("NO_MEMORY_EXPANSION", "PER_NPU_MEMORY_EXPANSION", "PER_NODE_MEMORY_EXPANSION", "MEMORY_POOL")


@attrs.frozen(kw_only=True)
class RemoteMemoryConfig:
    """The remote memory that MEM_LOAD and MEM_STORE nodes reach.

    Attributes:
        memory_type: One of :data:`MEMORY_TYPES`.
        latency_ns: Paid by every access.
        bandwidth_bytes_per_ns: A whole number, as the original truncates it.
        num_nodes: Memory servers, for ``PER_NODE_MEMORY_EXPANSION`` only.
        num_npus_per_node: Ranks that share one server.
    """

    memory_type: str = "NO_MEMORY_EXPANSION"
    latency_ns: int = 0
    bandwidth_bytes_per_ns: int = 0
    num_nodes: int = 0
    num_npus_per_node: int = 0

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> RemoteMemoryConfig:
        """Read the remote-memory JSON's object.

        Raises:
            FaultsError: Naming every malformed key.
        """
        faults = _Faults("remote memory configuration")
        memory_type = mapping.get("memory-type")
        if memory_type not in MEMORY_TYPES:
            faults.faults.append(
                f"memory-type: {memory_type!r} is unknown{did_you_mean(str(memory_type), MEMORY_TYPES)}"
            )
        keys = ("remote-mem-latency", "remote-mem-bw", "num-nodes", "num-npus-per-node")
        latency, bandwidth, nodes, npus = (faults.integer(key, mapping.get(key, 0)) for key in keys)
        faults.check()
        return cls(
            memory_type=str(memory_type),
            latency_ns=latency,
            bandwidth_bytes_per_ns=bandwidth,
            num_nodes=nodes,
            num_npus_per_node=npus,
        )
