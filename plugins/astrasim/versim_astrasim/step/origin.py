"""Where a graph came from: the ids and groups of its trace, so that it can be written again as it was.

They belong to one simulator and travel as attributes of the graph's nodes and communications, through unrolling and
saved reports. What export would choose anyway is not kept, so that a graph that versim exported comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import HOST, UNTIMED, ExecutionGraph

from versim_astrasim.step.program_faults import BREAKS

NODE_ID = "chakra.node_id"
"""Attribute of nodes: the id in the rank's file, with the bits of the unsigned id."""

GROUP = "chakra.group"
"""Attribute of communications: the id of the communicator group, 0 for the world and for messages."""


MEMORY_KIND = "chakra.memory"
"""Attribute of nodes: the type of a memory node, 0 for others."""

MEMORY_BYTES = "chakra.memory_bytes"
"""Attribute of nodes: the bytes a memory node loads or stores."""


@attrs.frozen(eq=False, kw_only=True)
class MemoryNodes:
    """Nodes that load from remote memory or store to it; columns have shape (nodes,).

    Attributes:
        kind: int64, the trace format's type of a memory node, 0 for others.
        size_bytes: int64.
    """

    kind: NDArray[np.int64]
    size_bytes: NDArray[np.int64]


@attrs.frozen(eq=False, kw_only=True)
class Origin:
    """Ids and groups of the trace a graph was read from.

    Attributes:
        node_id: int64 (nodes,), each row's id in its rank's file, with the bits of the unsigned id; None if they are
            those that export gives.
        group: int64 (communications,), id of the communicator group, 0 for the world and for messages; None if they
            are those that export gives.
        groups: Communicator groups by id, in the order of their file.
        memory: Memory nodes, None if there are none to simulate.
    """

    node_id: NDArray[np.int64] | None
    group: NDArray[np.int64] | None
    groups: Mapping[int, tuple[int, ...]]
    memory: MemoryNodes | None = None


def with_origin(
    graph: ExecutionGraph,
    node_id: NDArray[np.int64] | None,
    group: NDArray[np.int64] | None,
    memory: MemoryNodes | None = None,
    untimed: NDArray[np.int64] | None = None,
    host: NDArray[np.int64] | None = None,
    breaks: NDArray[np.int64] | None = None,
) -> ExecutionGraph:
    """A graph that says where it came from; None is what export chooses, or that there are none."""
    return attrs.evolve(
        graph,
        node_attributes={
            **({} if node_id is None else {NODE_ID: node_id}),
            **({} if host is None else {HOST: host}),
            **({} if breaks is None else {BREAKS: breaks}),
            **({} if untimed is None else {UNTIMED: untimed}),
            **({} if memory is None else {MEMORY_KIND: memory.kind, MEMORY_BYTES: memory.size_bytes}),
        },
        communication_attributes={} if group is None else {GROUP: group},
    )


def origin_of(graph: ExecutionGraph) -> Origin:
    """Where a graph came from, as far as it says."""
    group = graph.communication_attributes.get(GROUP)
    groups: dict[int, tuple[int, ...]] = {}
    if group is not None:
        numbers, firsts = np.unique(group, return_index=True)
        groups = {
            number: graph.scopes[graph.scope[first]].ranks
            for number, first in zip(numbers.tolist(), firsts.tolist(), strict=True)
            if number
        }
    attributes = graph.node_attributes
    memory = None
    if MEMORY_KIND in attributes and MEMORY_BYTES in attributes:
        memory = MemoryNodes(kind=attributes[MEMORY_KIND], size_bytes=attributes[MEMORY_BYTES])
    return Origin(node_id=attributes.get(NODE_ID), group=group, groups=groups, memory=memory)
