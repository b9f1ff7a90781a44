"""Where a graph came from: the ids and groups of its trace, so that it can be written again as it was.

They belong to one simulator and travel as attributes of the graph's nodes and communications, through unrolling and
saved reports. What export would choose anyway is not kept, so that a graph that versim exported comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ExecutionGraph

NODE_ID = "chakra.node_id"
"""Attribute of nodes: the id in the rank's file, with the bits of the unsigned id."""

GROUP = "chakra.group"
"""Attribute of communications: the id of the communicator group, 0 for the world and for messages."""


@attrs.frozen(eq=False, kw_only=True)
class Origin:
    """Ids and groups of the trace a graph was read from.

    Attributes:
        node_id: int64 (nodes,), each row's id in its rank's file, with the bits of the unsigned id; None if they are
            those that export gives.
        group: int64 (communications,), id of the communicator group, 0 for the world and for messages; None if they
            are those that export gives.
        groups: Communicator groups by id, in the order of their file.
    """

    node_id: NDArray[np.int64] | None
    group: NDArray[np.int64] | None
    groups: Mapping[int, tuple[int, ...]]


def with_origin(
    graph: ExecutionGraph, node_id: NDArray[np.int64] | None, group: NDArray[np.int64] | None
) -> ExecutionGraph:
    """A graph that says where it came from; None is what export chooses."""
    return attrs.evolve(
        graph,
        node_attributes={} if node_id is None else {NODE_ID: node_id},
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
    return Origin(node_id=graph.node_attributes.get(NODE_ID), group=group, groups=groups)
