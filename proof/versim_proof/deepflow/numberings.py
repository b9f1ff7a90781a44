"""Other numberings that DeepFlow's converter might have arrived at.

It goes through Python sets of objects, which are in the order of their memory addresses: among nodes that may come
next, any may. Shuffling the rows of a graph has the same effect on a numbering by order of creation.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ExecutionGraph, Inputs

DRAWN = 40
"""Numberings that are tried; of four recorded runs of a step, up to four differ."""


def numberings(pinned: Inputs) -> Iterator[Inputs]:
    """The same step with its rows as they are, then in orders drawn at random, each time the same ones."""
    yield pinned
    random = np.random.default_rng(0)
    for _ in range(DRAWN):
        yield _in_order(pinned, random.permutation(pinned.graph.node_count))


def _in_order(pinned: Inputs, order: NDArray[np.int64]) -> Inputs:
    graph = pinned.graph
    waits_for = [graph.dependencies(row) for row in order.tolist()]
    start = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum([len(rows) for rows in waits_for], out=start[1:])
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    shuffled: ExecutionGraph = attrs.evolve(
        graph,
        **{
            name: getattr(graph, name)[order]
            for name in ("op", "placement", "name", "work", "phase", "layer", "microbatch", "match")
        },
        dependency_start=start,
        dependency=place[np.concatenate(waits_for)] if len(graph.dependency) else graph.dependency,
    )
    return attrs.evolve(pinned, graph=shuffled, compute_s=pinned.compute_s[order], compute_ns=pinned.compute_ns[order])
