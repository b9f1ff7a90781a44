"""A prediction's timeline for drawing: blocks on lanes, merged where there are more than a reader could see.

A lane is a rank class and a resource. Where a timeline has more spans than it may draw, spans shorter than a bin are
merged with their neighbours in the same bin of the same lane: a block then says how many spans it stands for and how
long they were busy together. Nothing is dropped, so busy times and counts of a lane sum to those of its spans.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import CriticalPath, Op, Timeline

FEWEST_BINS = 16


@attrs.frozen(eq=False, kw_only=True)
class Blocks:
    """What is drawn of one prediction; columns of equal length, ordered by lane and start.

    Attributes:
        lane: int32, twice the rank class, plus 1 for communication.
        start_ps: int64, when it was posted or started; below 2^53 ps, so that a browser's numbers hold it exactly.
        active_ps: int64, when it began to make progress.
        end_ps: int64.
        busy_ps: int64, active time of all spans it stands for.
        spans: int32, how many it stands for.
        node: int32, row of the graph, of several spans that of the longest.
        critical: int8, 1 if any of them is on the critical path.
        slack_ps: int64, the least slack of those it stands for; None where slack is not known.
    """

    lane: NDArray[np.int32]
    start_ps: NDArray[np.int64]
    active_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]
    busy_ps: NDArray[np.int64]
    spans: NDArray[np.int32]
    node: NDArray[np.int32]
    critical: NDArray[np.int8]
    slack_ps: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.lane)


def blocks(line: Timeline, path: CriticalPath | None, most: int, slack_ps: NDArray[np.int64] | None = None) -> Blocks:
    """A timeline in about ``most`` blocks, or one per span if that is fewer."""
    instances = line.instances
    rows = np.flatnonzero(line.ran)
    communication = instances.graph.op[instances.node[rows]] != Op.COMPUTE
    lane = instances.rank_class[rows].astype(np.int64) * 2 + communication
    start, active, end = (column[rows] for column in (line.start_ps, line.active_ps, line.end_ps))
    critical = _critical(line, path)[rows]
    spread = _bins(lane, start, end, most)
    # Ordered by lane and bin, of each the longest last; a span that stands alone has a bin of its own.
    order = np.lexsort((end - start, spread, lane))
    changes = (np.diff(lane[order]) != 0) | (np.diff(spread[order]) != 0)
    first = np.flatnonzero(np.concatenate([[True], changes])) if len(order) else order
    last = np.concatenate([first[1:], [len(order)]])[: len(first)] - 1
    longest = order[last]

    def reduced(operation: np.ufunc, column: NDArray[Any]) -> NDArray[Any]:
        return operation.reduceat(column[order], first) if len(first) else column[:0]

    made = {
        "lane": lane[longest].astype(np.int32),
        "start_ps": reduced(np.minimum, start).astype(np.int64),
        "active_ps": reduced(np.minimum, active).astype(np.int64),
        "end_ps": reduced(np.maximum, end).astype(np.int64),
        "busy_ps": reduced(np.add, end - active).astype(np.int64),
        "spans": reduced(np.add, np.ones(len(rows), dtype=np.int64)).astype(np.int32),
        "node": instances.node[rows][longest].astype(np.int32),
        "critical": reduced(np.maximum, critical).astype(np.int8),
    }
    if slack_ps is not None:
        made["slack_ps"] = reduced(np.minimum, slack_ps[rows]).astype(np.int64)
    by_start = np.lexsort((made["start_ps"], made["lane"]))
    return Blocks(**{name: column[by_start] for name, column in made.items()})


def _bins(lane: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """For each span a number that spans to be merged share: their bin; of a span that stays alone its own, negative."""
    alone = -1 - np.arange(len(lane), dtype=np.int64)
    if len(lane) <= most:
        return alone
    lanes = len(np.unique(lane))
    width = max(1, -(-int(end.max()) // max(FEWEST_BINS, most // lanes)))
    while True:
        short = end - start < width
        spread = np.where(short, start // width, alone)
        merged = len(np.unique(lane[short] * (int(end.max()) // width + 1) + spread[short]))
        if merged + int((~short).sum()) <= 2 * most or width > int(end.max()):
            return spread
        width *= 2


def _critical(line: Timeline, path: CriticalPath | None) -> NDArray[np.int8]:
    """1 for instances on the critical path, which names nodes and representative ranks."""
    instances = line.instances
    if path is None or not path.steps:
        return np.zeros(instances.count, dtype=np.int8)
    nodes = np.array([step.node for step in path.steps], dtype=np.int64)
    classes = instances.classes.of_rank()[[step.rank for step in path.steps]]
    keys = instances.node.astype(np.int64) * instances.classes.count + instances.rank_class
    return np.isin(keys, nodes * instances.classes.count + classes).astype(np.int8)


def packed(column: NDArray[Any]) -> str:
    """A column of integers as text that a browser turns back into the same numbers.

    What one value is more than the one before, as int64 in little-endian order, all first bytes before all second ones,
    deflated, in base64: neighbours differ by little, so that most bytes are zeros that stand together.
    """
    steps = np.diff(column.astype(np.int64), prepend=0).astype("<i8")
    planes = steps.view(np.uint8).reshape(-1, steps.itemsize).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()
