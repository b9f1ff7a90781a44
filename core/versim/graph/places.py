"""Where every node stands, as one row per node and rank: what a span or an instance of a node is, by number."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph.columns import ExecutionGraph

ELSEWHERE = -1
"""The row of a node on a rank where it does not stand."""


@attrs.frozen(eq=False, kw_only=True)
class Places:
    """Rows for the nodes of a graph on some of its ranks, ordered by node, then rank.

    Attributes:
        first: int64 (nodes + 1,), where each node's rows begin.
        local: int32 (placements, world size), the place of a rank among those of a placement; ELSEWHERE for others.
        placement: int32 (nodes,), the graph's column.
    """

    first: NDArray[np.int64]
    local: NDArray[np.int32]
    placement: NDArray[np.int32]

    @classmethod
    def of(cls, graph: ExecutionGraph, ranks: NDArray[np.int64]) -> Places:
        """Of these ranks; whatever stands on others has no row."""
        world = graph.mesh.world_size
        chosen = np.zeros(world, dtype=bool)
        chosen[ranks] = True
        local = np.full((len(graph.placements), world), ELSEWHERE, dtype=np.int32)
        for code, placement in enumerate(graph.placements):
            here = graph.mesh.ranks(placement)
            here = here[chosen[here]]
            local[code, here] = np.arange(len(here))
        first = np.zeros(graph.node_count + 1, dtype=np.int64)
        np.cumsum((local != ELSEWHERE).sum(axis=1)[graph.placement], out=first[1:])
        return cls(first=first, local=local, placement=graph.placement)

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.first[-1])

    def rows(self, node: NDArray[np.integer[Any]], rank: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The row of each node on a rank, ELSEWHERE where it does not stand; all shapes are equal."""
        place = self.local[self.placement[node], rank]
        return np.where(place == ELSEWHERE, ELSEWHERE, self.first[node] + place)
