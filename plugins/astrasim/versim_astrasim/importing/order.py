"""Whether dependencies fix the order in which a rank starts a sequence of nodes.

Communications are matched by count: the k-th of a group on each rank belong together. That holds for every simulator
only where each waits for the one before it, directly or through others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_VISITS = 20_000_000
"""Nodes times sequences that are looked at on one rank; beyond, the order is not checked, and that is said."""


def topological(offsets: NDArray[np.int64], targets: NDArray[np.int64]) -> tuple[list[int] | None, list[int]]:
    """Positions of a rank's nodes, each after what it waits for; ascending where that is such an order.

    Args:
        offsets: Where each node's dependencies begin; shape (nodes + 1,).
        targets: Positions waited for.

    Returns:
        The order, or None if there is a circle; and one circle.
    """
    count = len(offsets) - 1
    owners = np.repeat(np.arange(count), np.diff(offsets))
    if (targets < owners).all():
        return list(range(count)), []
    starts, waits = offsets.tolist(), targets.tolist()
    missing = np.diff(offsets).tolist()
    dependents: list[list[int]] = [[] for _ in range(count)]
    for owner, target in zip(owners.tolist(), waits, strict=True):
        dependents[target].append(owner)
    free = [node for node in range(count) if not missing[node]]
    order: list[int] = []
    while free:
        node = free.pop()
        order.append(node)
        for dependent in dependents[node]:
            missing[dependent] -= 1
            if not missing[dependent]:
                free.append(dependent)
    if len(order) == count:
        return order, []
    # Every node left waits for another one left: walking back from any of them runs into a circle.
    left = {node for node in range(count) if missing[node]}
    path: dict[int, int] = {}
    node = min(left)
    while node not in path:
        path[node] = len(path)
        node = next(target for target in waits[starts[node] : starts[node + 1]] if target in left)
    circle = list(path)[path[node] :]
    return None, circle[::-1]


def first_loose(
    sequence: Sequence[int], offsets: Sequence[int], targets: Sequence[int], order: Sequence[int]
) -> tuple[int, int] | None:
    """The first two neighbours of a sequence of which the later does not wait for the earlier; None if there are none.

    Args:
        sequence: Positions of nodes, in the order that is asked about.
        offsets: Where each node's dependencies begin.
        targets: Positions waited for.
        order: A topological order of the rank's nodes.
    """
    number = {node: index for index, node in enumerate(sequence)}
    # How many of the sequence, counted from its beginning without a gap, a node waits for (itself included).
    behind = [0] * len(order)
    loose = len(sequence)
    for node in order:
        reached = 0
        for target in targets[offsets[node] : offsets[node + 1]]:
            reached = max(reached, behind[target])
        place = number.get(node)
        if place is not None:
            if place and reached != place and place < loose:
                loose = place
            reached = max(reached, place + 1)
        behind[node] = reached
    return None if loose == len(sequence) else (sequence[loose - 1], sequence[loose])
