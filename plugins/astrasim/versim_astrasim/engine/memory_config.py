"""The remote-memory file of the original, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from versim import did_you_mean

from versim_astrasim.engine.configuration_faults import Faults

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
        faults = Faults("remote memory configuration")
        memory_type = mapping.get("memory-type")
        if memory_type not in MEMORY_TYPES:
            faults.add(f"memory-type: {memory_type!r} is unknown{did_you_mean(str(memory_type), MEMORY_TYPES)}")
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
