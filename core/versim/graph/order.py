"""Topological order and cycles.

Dependencies are acyclic *per rank*. A graph whose rows name earlier rows only is acyclic at a glance; otherwise rows
are sorted, and only what cannot be sorted is looked at rank class by rank class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from versim.graph.columns import ExecutionGraph
from versim.kernel.functions import compiled, counting_sort, kahn


def names_earlier_rows_only(graph: ExecutionGraph) -> bool:
    """True if every dependency stands above the row that waits for it."""
    return bool((graph.dependency < graph.dependents_of_edges()).all())


def topological_order(start: NDArray[np.int64], dependency: NDArray[np.int32]) -> tuple[list[int], list[int]]:
    """Kahn's algorithm over a CSR pair, lowest ready row first within a wave.

    Returns:
        The rows that can be ordered, in order, and those left over because they are on or behind a cycle.
    """
    nodes = len(start) - 1
    waiting_for = np.diff(start)
    if compiled():
        begins, rows = counting_sort(dependency, nodes)
        waiting = np.repeat(np.arange(nodes, dtype=np.int32), waiting_for)
        ordered, _, missing = kahn(begins, waiting[rows], waiting_for)
        return ordered.tolist(), np.flatnonzero(missing).tolist()
    dependents_start = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(dependency, minlength=nodes), out=dependents_start[1:])
    owners = np.repeat(np.arange(nodes, dtype=np.int32), waiting_for)
    dependents = owners[np.argsort(dependency, kind="stable")].tolist()
    starts, left = dependents_start.tolist(), waiting_for.tolist()
    order = [node for node in range(nodes) if left[node] == 0]
    for node in order:
        for dependent in dependents[starts[node] : starts[node + 1]]:
            left[dependent] -= 1
            if left[dependent] == 0:
                order.append(dependent)
    if len(order) == nodes:
        return order, []
    return order, [node for node in range(nodes) if left[node] > 0]


def cycle_of(graph: ExecutionGraph) -> list[int] | None:
    """The rows of one cycle that closes on some rank, or None."""
    if names_earlier_rows_only(graph):
        return None
    _, rest = topological_order(graph.dependency_start, graph.dependency)
    if not rest:
        return None
    # The rows form a cycle; whether it closes on any one rank shows only rank class by rank class.
    left = set(rest)
    groups: dict[frozenset[int], list[int]] = {}
    for node in rest:
        ranks = frozenset(graph.mesh.ranks(graph.placements[graph.placement[node]]).tolist())
        groups.setdefault(ranks, []).append(node)
    for rank in sorted(set().union(*groups)):
        here = {node for ranks, nodes in groups.items() if rank in ranks for node in nodes}
        cycle = _cycle_within(graph, here & left)
        if cycle is not None:
            return cycle
    return None


def _cycle_within(graph: ExecutionGraph, nodes: set[int]) -> list[int] | None:
    """One cycle among ``nodes`` only, if they have one."""
    waits = {node: [on for on in graph.dependencies(node).tolist() if on in nodes] for node in sorted(nodes)}
    dependents: dict[int, list[int]] = {}
    for node, ons in waits.items():
        for on in ons:
            dependents.setdefault(on, []).append(node)
    missing = {node: len(ons) for node, ons in waits.items()}
    settled = [node for node, count in missing.items() if count == 0]
    for node in settled:
        for dependent in dependents.get(node, ()):
            missing[dependent] -= 1
            if missing[dependent] == 0:
                settled.append(dependent)
    rest = nodes.difference(settled)
    if not rest:
        return None
    node = min(rest)
    seen: dict[int, int] = {}
    while node not in seen:
        seen[node] = len(seen)
        node = next(on for on in waits[node] if on in rest)
    return list(seen)[seen[node] :][::-1]
