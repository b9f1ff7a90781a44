"""What every simulator was given, as the document holds it: the system, and the graph as pinned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.fabric import Link, System
from versim.graph import Op
from versim.inputs import Inputs
from versim.storage.columns import ColumnWriter
from versim.storage.text import plain
from versim.units import NS_PER_S


def _link(link: Link) -> dict[str, Any]:
    return {"bandwidth_bytes_per_s": float(link.bandwidth_bytes_per_s), "latency_s": float(link.latency_s)}


def system_document(system: System) -> dict[str, Any]:
    """What the step runs on."""
    device = system.device
    return {
        "world_size": system.world_size,
        "dimensions": [
            {
                "topology": dimension.topology.value,
                "size": int(dimension.size),
                "link": _link(dimension.link),
                "oversubscription": float(dimension.oversubscription),
            }
            for dimension in system.dimensions
        ],
        "degraded": [
            {
                "dimension": int(one.dimension),
                "ranks": list(map(int, one.ranks)),
                "node": one.node,
                "link": list(map(int, one.link)),
                "bandwidth_factor": float(one.bandwidth_factor),
                "added_latency_s": float(one.added_latency_s),
                "down": one.down,
            }
            for one in system.degraded
        ],
        "axis_links": {axis: _link(system.axis_links[axis]) for axis in sorted(system.axis_links)},
        "device": {
            "name": device.name,
            "kernel_launch_overhead_s": float(device.kernel_launch_overhead_s),
            "peak_flop_per_s": {dtype: float(peak) for dtype, peak in sorted(device.peak_flop_per_s.items())},
            "memory_bandwidth_bytes_per_s": float(device.memory_bandwidth_bytes_per_s),
            "memory_bytes": int(device.memory_bytes),
            "parameters": plain(device.parameters),
        },
    }


def graph_document(pinned: Inputs, columns: ColumnWriter) -> dict[str, Any]:
    """The graph as pinned: everything but the work that the pinned seconds came from."""
    graph = pinned.graph
    compute_ns = int(pinned.compute_ns.sum())
    return {
        "mesh": [{"axis": a, "size": s} for a, s in zip(graph.mesh.names, graph.mesh.sizes, strict=True)],
        "world_size": graph.mesh.world_size,
        "node_count": graph.node_count,
        "dependency_count": len(graph.dependency),
        "communication_count": graph.communication_count,
        "compute_ns": compute_ns,
        "compute_s": compute_ns / NS_PER_S,
        "communication_bytes": sum(graph.size_bytes.tolist()),
        "notes": list(graph.notes),
        "names": list(graph.names),
        "ops": [op.name.lower() for op in Op],
        "phases": [phase.value for phase in graph.phases],
        "kinds": [kind.value for kind in graph.kinds],
        "placements": [[None if i is None else list(i) for i in place.indices] for place in graph.placements],
        "scopes": [{"axes": list(scope.axes), "ranks": list(scope.ranks)} for scope in graph.scopes],
        "algorithms": list(graph.algorithms),
        "nodes": columns.write(
            "nodes",
            {
                "op": graph.op,
                "placement": graph.placement,
                "name": graph.name,
                "phase": graph.phase,
                "layer": graph.layer,
                "microbatch": graph.microbatch,
                "communication": graph.match,
                "compute_ns": pinned.compute_ns,
                "compute_s": pinned.compute_s,
            },
        ),
        "dependencies": columns.write("dependencies", {"node": graph.dependents_of_edges(), "on": graph.dependency}),
        "communications": columns.write(
            "communications",
            {
                "kind": graph.kind,
                "size_bytes": graph.size_bytes,
                "scope": graph.scope,
                "algorithm": graph.algorithm,
                "tag": graph.tag,
            },
        ),
        "node_attributes": _attributes(graph.node_attributes, columns),
        "communication_attributes": _attributes(graph.communication_attributes, columns),
    }


def _attributes(attributes: Mapping[str, NDArray[np.int64]], columns: ColumnWriter) -> dict[str, Any]:
    return {name: columns.write("attribute", {"value": attributes[name]}) for name in sorted(attributes)}
