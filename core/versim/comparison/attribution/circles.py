"""Circles of waits: where they come from, and how they are cut.

Things that happen at one instant can be ordered wrongly: which of two computations without length came first does not
show in a timeline. And a faulty prediction may contradict the graph. So where edges form circles, first those orders
along which no time passes are dropped, then every edge along which none does; what remains is free of circles because
time passes along it. What a dropped edge explained becomes a lag, so the timeline stays exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.kernel.functions import compiled, counting_sort, kahn


def without_circles(
    source: NDArray[np.integer[Any]],
    target: NDArray[np.integer[Any]],
    time_ps: NDArray[np.int64],
    *,
    removable: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The edges to keep, ascending.

    Args:
        source: (edges,), the token an edge leaves from.
        target: (edges,), the token it leads to.
        time_ps: (tokens,), when each token happened.
        removable: (edges,), orders, which may have been read off wrongly.
    """
    kept = np.arange(len(source))
    stands_still = time_ps[source] >= time_ps[target]
    for droppable in (removable & stands_still, stands_still):
        # Where time never runs backwards, a circle consists of edges along which it stands still.
        backwards = (time_ps[source[kept]] > time_ps[target[kept]]).any()
        suspects = kept if backwards else kept[stands_still[kept]]
        _, left = depths(source[suspects], target[suspects], len(time_ps))
        if not left.any():
            return kept
        circular = suspects[left[source[suspects]] & left[target[suspects]]]
        # What is merely behind a circle is left over as well; from the other end it can be sorted.
        _, left = depths(target[circular], source[circular], len(time_ps))
        on_circle = circular[left[source[circular]] & left[target[circular]]]
        kept = np.setdiff1d(kept, on_circle[droppable[on_circle]], assume_unique=True)
    return kept


def depths(
    source: NDArray[np.integer[Any]], target: NDArray[np.integer[Any]], tokens: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Kahn's algorithm.

    Returns:
        The most edges on a path that leads to each token, and which tokens are on or behind a circle.
    """
    if compiled():
        begin, rows = counting_sort(source, tokens)
        _, deepest, missed = kahn(begin, target[rows], np.bincount(target, minlength=tokens))
        # What stands on or behind a circle has no depth yet.
        return np.where(missed > 0, 0, deepest).astype(np.int64), missed > 0
    order = np.argsort(source, kind="stable")
    starts = np.zeros(tokens + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=tokens), out=starts[1:])
    begins, followers = starts.tolist(), target[order].tolist()
    missing_column = np.bincount(target, minlength=tokens)
    missing = missing_column.tolist()
    depth = [0] * tokens
    queue = np.flatnonzero((missing_column == 0) & (np.diff(starts) > 0)).tolist()
    for token in queue:
        next_depth = depth[token] + 1
        for follower in followers[begins[token] : begins[token + 1]]:
            # The queue is in order of depth, so the last edge to arrive is the deepest.
            left = missing[follower] - 1
            missing[follower] = left
            if left == 0:
                depth[follower] = next_depth
                queue.append(follower)
    return np.array(depth, dtype=np.int64), np.array(missing, dtype=np.int64) > 0
