"""The chain of nodes that decides when a step ends, read off a prediction.

Walked back from the last end: a node began when its rank's device became free, or when the last thing it waited for
had ended; a communication when its last part was posted. Along this chain the step's length is a plain sum, so it says
what dominates, and to a first order how the step changes with any constant.
"""

from __future__ import annotations

from collections import Counter

import attrs
import numpy as np

from versim.graph import NONE, ExecutionGraph
from versim.prediction import Prediction

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
    # Spans by (node, rank), and by (rank, end) for those that occupy a device.
    _, rank = np.unique(spans.rank, return_inverse=True)
    ranks = int(rank.max()) + 1
    by_place_key = spans.node.astype(np.int64) * ranks + rank
    by_place = np.argsort(by_place_key, kind="stable")
    place_keys = by_place_key[by_place]
    computing = np.flatnonzero(graph.match[spans.node] == NONE)
    order = computing[np.lexsort((spans.end_ps[computing], rank[computing]))]
    ended = spans.end_ps[order]
    first_of_rank = np.searchsorted(rank[order], np.arange(ranks + 1))
    match_of_span = graph.match[spans.node]
    parts = np.flatnonzero(match_of_span != NONE)
    parts = parts[np.argsort(match_of_span[parts], kind="stable")]
    part_matches = match_of_span[parts]
    start, end, node = spans.start_ps, spans.end_ps, spans.node

    def span_at(row: int, on: int) -> int:
        position = int(np.searchsorted(place_keys, row * ranks + on))
        return int(by_place[position])

    def occupied_until(on: int, moment: int) -> int:
        low, high = int(first_of_rank[on]), int(first_of_rank[on + 1])
        position = low + int(np.searchsorted(ended[low:high], moment))
        return int(order[position]) if position < high and ended[position] == moment else NONE

    waiting_ps = 0
    here = int(np.argmax(end))
    instant: set[int] = set()
    for _ in range(_LONGEST):
        if start[here] == end[here]:
            if here in instant:  # nodes that take no time could follow one another in a circle
                break
            instant.add(here)
        match = int(match_of_span[here])
        if match == NONE:
            works[int(graph.work[node[here]])] += 1
        else:
            communications[match] += 1
            low, high = np.searchsorted(part_matches, [match, match + 1])
            members = parts[low:high]
            members = members[end[members] == end[here]] if high - low > 2 else members
            here = int(members[np.argmax(start[members])])
        began, on = int(start[here]), int(rank[here])
        if began == 0:
            break
        before = graph.dependencies(int(node[here]))
        candidates = [span_at(int(row), on) for row in before]
        latest = max(candidates, key=lambda span: int(end[span]), default=NONE)
        if latest == NONE or int(end[latest]) < began:
            holder = occupied_until(on, began) if match == NONE else NONE
            if holder in {NONE, here}:
                waiting_ps += began - (int(end[latest]) if latest != NONE else 0)
                if latest == NONE:
                    break
            else:
                latest = holder
        here = latest
    return Path(works=works, communications=communications, waiting_ps=waiting_ps)
