"""Two predictions operation by operation: the points of the scatter, and which of them to name."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Timeline

MOST_POINTS = 4_000
FINEST_PER_DECADE = 400
LEAST_SHARE = 200
"""What is less than this part of the largest difference is not worth a name."""


@attrs.frozen(kw_only=True)
class Points:
    """Executions of equal operation and equal durations, gathered.

    Attributes:
        node: int32 (points,), a row of the graph that shows which operation it is.
        one_ps: float64 (points,), active duration in the first prediction.
        other_ps: float64 (points,), in the other.
        executions: int64 (points,), how many instances a point stands for.
        one_slack_ps: int64 (points,), their least slack in the first prediction; None where slack is not known.
        other_slack_ps: The same in the other.
        worst: Positions of the points with the largest differences over all their executions, largest first, one per
            operation.
        untimed: Instances that take no time in one of the two, which a logarithmic axis cannot show.
    """

    node: NDArray[np.int32]
    one_ps: NDArray[np.float64]
    other_ps: NDArray[np.float64]
    executions: NDArray[np.int64]
    one_slack_ps: NDArray[np.int64] | None
    other_slack_ps: NDArray[np.int64] | None
    worst: tuple[int, ...]
    untimed: int


def points(
    one: Timeline,
    other: Timeline,
    slacks_ps: tuple[NDArray[np.int64] | None, NDArray[np.int64] | None] = (None, None),
    named: int = 6,
    most: int = MOST_POINTS,
) -> Points:
    """The points of two timelines of the same instances; durations are rounded together if there are too many."""
    graph = one.instances.graph
    both = one.ran & other.ran
    timed = both & (one.duration_ps > 0) & (other.duration_ps > 0)
    rows = np.flatnonzero(timed)
    name = graph.name[one.instances.node[rows]].astype(np.int64)
    x, y = one.duration_ps[rows].astype(np.float64), other.duration_ps[rows].astype(np.float64)
    per_decade = FINEST_PER_DECADE
    keys = np.stack([name.astype(np.float64), x, y])
    _, first, inverse, counts = _unique(keys)
    while len(first) > most and per_decade >= 1:
        # Names of which there are too many fall together last: where durations lie says more than who has them.
        keys = np.stack(
            [name * (per_decade > 25), np.rint(np.log10(x) * per_decade), np.rint(np.log10(y) * per_decade)]
        )
        _, first, inverse, counts = _unique(keys)
        per_decade //= 2
    difference = np.bincount(inverse, weights=y - x, minlength=len(first)) if len(rows) else np.zeros(0)
    worst: dict[int, int] = {}
    least = np.abs(difference).max(initial=0) / LEAST_SHARE
    for position in np.argsort(-np.abs(difference), kind="stable").tolist():
        if abs(difference[position]) > least and len(worst) < named:
            worst.setdefault(int(name[first[position]]), position)
    return Points(
        node=one.instances.node[rows][first].astype(np.int32),
        one_ps=x[first],
        other_ps=y[first],
        executions=counts,
        one_slack_ps=_least(slacks_ps[0], rows, inverse, len(first)),
        other_slack_ps=_least(slacks_ps[1], rows, inverse, len(first)),
        worst=tuple(worst.values()),
        untimed=int((both & ~timed).sum()),
    )


def _least(
    slack_ps: NDArray[np.int64] | None, rows: NDArray[np.int64], point: NDArray[np.int64], count: int
) -> NDArray[np.int64] | None:
    """The least slack of each point's instances."""
    if slack_ps is None:
        return None
    least = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(least, point, slack_ps[rows])
    return least


def _unique(
    keys: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct columns, where each first occurs, which one each column is, and how often they occur."""
    order = np.lexsort(keys)
    if not len(order):
        return keys, order, order, order
    ordered = keys[:, order]
    begins = np.concatenate([[True], (np.diff(ordered, axis=1) != 0).any(axis=0)])
    first = np.flatnonzero(begins)
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.cumsum(begins) - 1
    return ordered[:, first], order[first], inverse, np.diff(np.append(first, len(order)))
