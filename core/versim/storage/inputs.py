"""What every simulator was given, as a document states it: the system, and the graph as pinned.

Of the graph everything is kept but the work that the pinned seconds came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.fabric import Degradation, Device, Dimension, Link, System, Topology
from versim.graph import Op
from versim.storage.form import Choice, Columns, Flag, Free, Integer, Key, Many, Maybe, Named, Number, Record, Text
from versim.units import NS_PER_S

LINK = Record(
    "One directed link.",
    Link,
    name="link",
    keys={
        "bandwidth_bytes_per_s": Key(Number(), "Bytes per second in one direction."),
        "latency_s": Key(Number(), "Seconds from the first byte in to the first byte out."),
    },
)

_DIMENSION = Record(
    "One dimension of the network.",
    Dimension,
    keys={
        "topology": Key(Choice(Topology), "How its ranks are joined."),
        "size": Key(Integer(1), "Ranks along it."),
        "link": Key(LINK),
        "oversubscription": Key(
            Number(1), "What the endpoints of a block may send into it over what they can together.", before=1.0
        ),
    },
)

_DEGRADATION = Record(
    "Links of some ranks, of a node, or between two neighbours.",
    Degradation,
    keys={
        "dimension": Key(Integer(), "Theirs, 0 the innermost."),
        "ranks": Key(Many(Integer()), "All links of these ranks."),
        "node": Key(Maybe(Integer()), "All links of this block's ranks."),
        "link": Key(Many(Integer()), "The two ends of one link."),
        "bandwidth_factor": Key(Number(), "What is left of the bandwidth."),
        "added_latency_s": Key(Number(0), "Seconds more."),
        "down": Key(Flag(), "True if nothing passes."),
    },
)

_DEVICE = Record(
    "What computes.",
    Device,
    keys={
        "name": Key(Text(), "For people."),
        "kernel_launch_overhead_s": Key(Number(), "Seconds paid per kernel launch."),
        "peak_flop_per_s": Key(Named(Number(), "Dense floating-point operations per second by dtype."), before={}),
        "memory_bandwidth_bytes_per_s": Key(Number(), "Of device memory; 0 where nobody said.", before=0.0),
        "memory_bytes": Key(Integer(), "Of device memory; 0 where nobody said.", before=0),
        "parameters": Key(
            Free(), "What a compute timing knows beyond that; free form, defined by the plugin that reads it."
        ),
    },
)


def _system(world_size: int, **parts: Any) -> System:
    return System(endpoints=world_size, **parts)


SYSTEM = Record(
    "What the step ran on.",
    _system,
    name="system",
    keys={
        "world_size": Key(Integer(1), "Endpoints of the network: the first of the places that the dimensions span."),
        "dimensions": Key(Many(_DIMENSION), "Innermost first."),
        "degraded": Key(Many(_DEGRADATION), "Links that are slower than their dimension's, or down.", before=()),
        "axis_links": Key(Named(LINK, "Links of axes of parallelism that differ from the dimension's.")),
        "device": Key(_DEVICE),
    },
)

_AXIS = Record(
    "One axis.",
    dict,
    keys={"axis": Key(Text(), "Name."), "size": Key(Integer(1), "Ranks along it.")},
)

_SCOPE = Record(
    "Who takes part: the ranks that differ along axes, or the ranks listed.",
    keys={
        "axes": Key(Many(Text()), "Names of axes."),
        "ranks": Key(Many(Integer()), "An explicit group in its own order, else empty."),
    },
)


def _each(attributes: Mapping[str, NDArray[np.int64]]) -> dict[str, dict[str, NDArray[np.int64]]]:
    return {name: {"value": column} for name, column in attributes.items()}


_ATTRIBUTE = Columns("attribute", "One whole number per row.")

GRAPH = Record(
    "The execution graph as pinned.",
    name="graph",
    keys={
        "mesh": Key(
            Many(_AXIS),
            "Axes of parallelism, outermost first.",
            lambda given, _: [
                {"axis": axis, "size": size}
                for axis, size in zip(given.graph.mesh.names, given.graph.mesh.sizes, strict=True)
            ],
        ),
        "world_size": Key(Integer(), "Ranks.", lambda given, _: given.graph.mesh.world_size),
        "node_count": Key(Integer(), "Rows; a node may stand for many ranks.", lambda given, _: given.graph.node_count),
        "dependency_count": Key(Integer(), "Edges between nodes.", lambda given, _: len(given.graph.dependency)),
        "communication_count": Key(Integer(), "Communications.", lambda given, _: given.graph.communication_count),
        "compute_ns": Key(
            Integer(),
            "Pinned compute summed over nodes, each counted once.",
            lambda given, _: given.compute_ns.sum(),
            kept=False,
        ),
        "compute_s": Key(Number(), "The same.", lambda given, _: int(given.compute_ns.sum()) / NS_PER_S, kept=False),
        "communication_bytes": Key(
            Integer(),
            "Full tensor sizes summed over communications, each counted once.",
            lambda given, _: sum(given.graph.size_bytes.tolist()),
            kept=False,
        ),
        "notes": Key(Many(Text()), "What the producer says about it.", lambda given, _: given.graph.notes),
        "names": Key(Many(Text()), "Decodes nodes.name.", lambda given, _: given.graph.names),
        "ops": Key(Many(Text()), "Decodes nodes.op.", lambda *_: [op.name.lower() for op in Op]),
        "phases": Key(
            Many(Text()), "Decodes nodes.phase.", lambda given, _: [phase.value for phase in given.graph.phases]
        ),
        "kinds": Key(
            Many(Text()), "Decodes communications.kind.", lambda given, _: [kind.value for kind in given.graph.kinds]
        ),
        "placements": Key(
            Many(Many(Maybe(Many(Integer())))),
            "Decodes nodes.placement: per axis the indices that a node stands on, null for all of them.",
            lambda given, _: [place.indices for place in given.graph.placements],
        ),
        "scopes": Key(Many(_SCOPE), "Decodes communications.scope.", lambda given, _: given.graph.scopes),
        "algorithms": Key(
            Many(Text()),
            "Decodes communications.algorithm; empty where the simulator may choose.",
            lambda given, _: given.graph.algorithms,
        ),
        "nodes": Key(
            Columns("nodes", "One row per node, in program order."),
            get=lambda given, _: {
                **{name: getattr(given.graph, name) for name in ("op", "placement", "name", "phase")},
                **{name: getattr(given.graph, name) for name in ("layer", "microbatch")},
                "communication": given.graph.match,
                "compute_ns": given.compute_ns,
                "compute_s": given.compute_s,
            },
        ),
        "dependencies": Key(
            Columns("dependencies", "One row per dependency, ordered by node."),
            get=lambda given, _: {"node": given.graph.dependents_of_edges(), "on": given.graph.dependency},
        ),
        "communications": Key(
            Columns("communications", "One row per communication."),
            get=lambda given, _: {
                name: getattr(given.graph, name) for name in ("kind", "size_bytes", "scope", "algorithm", "tag")
            },
        ),
        "node_attributes": Key(
            Named(
                _ATTRIBUTE,
                "By name, whole numbers of the graph's producer, one per node, that travel with the graph.",
            ),
            get=lambda given, _: _each(given.graph.node_attributes),
            before={},
        ),
        "communication_attributes": Key(
            Named(_ATTRIBUTE, "The same, one per communication."),
            get=lambda given, _: _each(given.graph.communication_attributes),
            before={},
        ),
    },
)
