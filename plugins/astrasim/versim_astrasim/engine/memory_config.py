"""The remote-memory file of the original, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from versim_astrasim.engine.configuration_faults import UINT64_MAX, Faults, ignored_keys

MEMORY_TYPES = ("NO_MEMORY_EXPANSION", "PER_NPU_MEMORY_EXPANSION", "PER_NODE_MEMORY_EXPANSION", "MEMORY_POOL")

PER_NODE = "PER_NODE_MEMORY_EXPANSION"

_UNSIGNED_KEYS = ("remote-mem-latency", "remote-mem-bw")
_PER_NODE_KEYS = ("num-nodes", "num-npus-per-node")


@attrs.frozen(kw_only=True)
class RemoteMemoryConfig:
    """The remote memory that MEM_LOAD and MEM_STORE nodes reach.

    Attributes:
        memory_type: One of :data:`MEMORY_TYPES`.
        latency_ns: Paid by every access.
        bandwidth_bytes_per_ns: A whole number, as the original truncates it.
        num_nodes: Memory servers, for ``PER_NODE_MEMORY_EXPANSION`` only.
        num_npus_per_node: Ranks that share one server.
        warnings: What was found in the file and has no effect.
    """

    memory_type: str = "NO_MEMORY_EXPANSION"
    latency_ns: int = 0
    bandwidth_bytes_per_ns: int = 0
    num_nodes: int = 0
    num_npus_per_node: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> RemoteMemoryConfig:
        """Read the remote-memory JSON's object.

        Raises:
            ConfigurationError: Naming every malformed key, its value and what is allowed.
        """
        faults = Faults("remote memory configuration")
        mapping = faults.mapping(mapping)
        memory_type = mapping.get("memory-type", MEMORY_TYPES[0])
        if not isinstance(memory_type, str):
            faults.add_type("memory-type", memory_type, f"one of {', '.join(MEMORY_TYPES)}")
        elif memory_type not in MEMORY_TYPES:
            faults.add_unknown("memory-type", memory_type, MEMORY_TYPES)
        nodes = npus = 0
        if memory_type == PER_NODE:
            nodes, npus = (faults.integer(key, mapping.get(key, 0)) for key in _PER_NODE_KEYS)
        latency, bandwidth = (_unsigned(key, mapping.get(key, 0), faults) for key in _UNSIGNED_KEYS)
        faults.check()
        return cls(
            memory_type=str(memory_type),
            latency_ns=latency,
            bandwidth_bytes_per_ns=bandwidth,
            num_nodes=nodes,
            num_npus_per_node=npus,
            warnings=ignored_keys(mapping, ("memory-type", *_UNSIGNED_KEYS, *_PER_NODE_KEYS)),
        )


def _unsigned(key: str, value: object, faults: Faults) -> int:
    """A number of 64 bits, truncated; unlike elsewhere, the original takes no truth value for one."""
    if isinstance(value, bool):
        faults.add_type(key, value, f"a number from 0 to {UINT64_MAX}")
        return 0
    return faults.integer(key, value, 0, UINT64_MAX)
