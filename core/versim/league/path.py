"""The chain of nodes that decides when a step ends, read off a prediction.

Walked back from the last end: a node began when its rank's device became free, or when the last thing it waited for
had ended; a communication when its last part was posted. Along this chain the step's length is a plain sum, so it says
what dominates, and to a first order how the step changes with any constant.
"""

from __future__ import annotations

from collections import Counter

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph import NONE, ExecutionGraph
from versim.prediction import Prediction, Spans

_LONGEST = 5_000_000


@attrs.frozen(kw_only=True)
class Path:
    """What lies on the chain.

    Attributes:
        works: Work code ─▶ how many nodes of it.
        communications: Communication ─▶ how often; their time runs from the last part's posting.
        waiting_ps: Time in which nothing on the chain ran.
    """

    works: Counter[int]
    communications: Counter[int]
    waiting_ps: int


def path_of(graph: ExecutionGraph, prediction: Prediction) -> Path:
    """The chain of a completed prediction that has spans; empty where it has none."""
    spans = prediction.spans
    works: Counter[int] = Counter()
    communications: Counter[int] = Counter()
    if not spans.count or prediction.makespan_ps is None:
        return Path(works=works, communications=communications, waiting_ps=prediction.makespan_ps or 0)
    start, end = spans.start_ps.tolist(), spans.end_ps.tolist()
    before = _Before.of(graph, spans)
    awaited, holder, posted = before.awaited.tolist(), before.holder.tolist(), before.posted.tolist()
    match, work = graph.match[spans.node].tolist(), graph.work[spans.node].tolist()
    waiting_ps = 0
    here = int(np.argmax(spans.end_ps))
    instant: set[int] = set()
    for _ in range(_LONGEST):
        if start[here] == end[here]:
            if here in instant:  # nodes that take no time could follow one another in a circle
                break
            instant.add(here)
        if match[here] == NONE:
            works[work[here]] += 1
            held_by = holder[here]
        else:
            communications[match[here]] += 1
            here, held_by = posted[here], NONE
        began, latest = start[here], awaited[here]
        if began == 0:
            break
        if latest == NONE or end[latest] < began:
            if held_by in {NONE, here}:
                waiting_ps += began - (end[latest] if latest != NONE else 0)
                if latest == NONE:
                    break
            else:
                latest = held_by
        here = latest
    return Path(works=works, communications=communications, waiting_ps=waiting_ps)


@attrs.frozen(eq=False)
class _Before:
    """What each span may have waited for, by its place among the spans; NONE where there is nothing.

    Attributes:
        awaited: int64 (spans,), what it depends on and ended last.
        holder: int64 (spans,), of a computation, the one that its device was busy with when it began.
        posted: int64 (spans,), of a part of a communication, the part that was posted last.
    """

    awaited: NDArray[np.int64]
    holder: NDArray[np.int64]
    posted: NDArray[np.int64]

    @classmethod
    def of(cls, graph: ExecutionGraph, spans: Spans) -> _Before:
        """Of all spans at once."""
        _, rank = np.unique(spans.rank, return_inverse=True)
        match = graph.match[spans.node]
        return cls(
            _awaited(graph, spans.node.astype(np.int64), rank, spans.end_ps),
            _holders(np.flatnonzero(match == NONE), rank, spans.start_ps, spans.end_ps),
            _posted(np.flatnonzero(match != NONE), match, spans.start_ps, spans.end_ps),
        )


def _awaited(
    graph: ExecutionGraph, node: NDArray[np.int64], rank: NDArray[np.int64], end_ps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Of what a span's node depends on, on its rank, the first that ended last; shape (spans,)."""
    ranks = int(rank.max()) + 1
    place = node * ranks + rank
    order = np.argsort(place, kind="stable")
    first, counts = graph.dependency_start[node].astype(np.int64), np.diff(graph.dependency_start)[node]
    owner = np.repeat(np.arange(len(node)), counts)
    edge = np.arange(len(owner)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    there = np.searchsorted(place[order], graph.dependency[edge].astype(np.int64) * ranks + rank[owner])
    found = order[there]
    some = np.flatnonzero(counts)
    last = np.zeros(len(node), dtype=np.int64)
    if len(some):
        last[some] = np.maximum.reduceat(end_ps[found], (np.cumsum(counts) - counts)[some])
    latest = np.flatnonzero(end_ps[found] == last[owner])
    return _firsts(owner[latest], found[latest], len(node))


def _holders(
    computing: NDArray[np.intp], rank: NDArray[np.int64], start_ps: NDArray[np.int64], end_ps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Of computations, the first one that ended on their rank when they began; shape (spans,)."""
    moments, coded = np.unique(np.concatenate([end_ps[computing], start_ps[computing]]), return_inverse=True)
    ended, began = (rank[computing] * len(moments) + part for part in np.split(coded, 2))
    order = np.argsort(ended, kind="stable")
    there = np.minimum(np.searchsorted(ended[order], began), max(0, len(order) - 1))
    found = np.full(len(rank), NONE, dtype=np.int64)
    same = ended[order][there] == began
    found[computing[same]] = computing[order][there[same]]
    return found


def _posted(
    parts: NDArray[np.intp], match: NDArray[np.int32], start_ps: NDArray[np.int64], end_ps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Of parts, the one of their communication that was posted last: of more than two, of those that end with it."""
    found = np.full(len(match), NONE, dtype=np.int64)
    if not len(parts):
        return found
    of_match = match[parts].astype(np.int64)
    moments, ended = np.unique(end_ps[parts], return_inverse=True)
    several = np.bincount(of_match)[of_match] > 2
    group = of_match * len(moments) + np.where(several, ended, 0)
    order = np.lexsort((parts, -start_ps[parts], group))
    _, first, which = np.unique(group[order], return_index=True, return_inverse=True)
    found[parts[order]] = parts[order][first[which]]
    return found


def _firsts(owner: NDArray[np.int64], value: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first value of each owner, in ascending order of owners; NONE for those without; shape (count,)."""
    found = np.full(count, NONE, dtype=np.int64)
    found[owner[::-1]] = value[::-1]
    return found
