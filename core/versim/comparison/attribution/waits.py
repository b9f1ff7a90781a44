"""What waits for what in a timeline: tokens, and the edges between them.

A token is the start of an instance or the beginning of a meeting; of a late part (see :mod:`.progress`) it is the end.
Edges are dependencies, the order in which a rank served its resources, and the parts a meeting waits for.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline
from versim.comparison.attribution.circles import without_circles
from versim.comparison.attribution.lanes import compute_order, lane_order, serial_lanes
from versim.comparison.attribution.progress import Progress, progress
from versim.graph import NONE, Instances
from versim.kernel.functions import compiled, counting_sort


class Wait(enum.IntEnum):
    """Why a token waits for another; ties between edges go to the lower one."""

    DEPENDENCY = 0
    """For the end of an instance, for a part of a meeting to be posted, or for the start of the step."""
    ORDER = 1
    """For whatever held the resource before."""
    ARRIVAL = 2
    """A late part, for its data."""


@attrs.frozen(eq=False, kw_only=True)
class Waits:
    """The edges of a timeline, sorted by the token they lead to, then by kind.

    Instance i has token i, meeting m token instances + m, and the start of the step is the last token.

    Attributes:
        line: The timeline.
        progress: Its durations.
        lanes: The lane of what is served one at a time besides compute, see :mod:`.lanes`; shape (instances,).
        time_ps: int64 (tokens,), when each token happened.
        source: int32 (edges,), the token an edge leaves from.
        target: int32 (edges,), the token it leads to.
        adds: int32 (edges,), the instance whose duration it adds; ``instances`` where it adds none.
        owner: int32 (edges,), the instance whose end it leaves from; NONE for other edges.
        kind: int8 (edges,), see :class:`Wait`.
    """

    line: Timeline
    progress: Progress
    lanes: NDArray[np.int64]
    time_ps: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    adds: NDArray[np.int32]
    owner: NDArray[np.int32]
    kind: NDArray[np.int8]

    @property
    def instances(self) -> Instances:
        """What the rows are."""
        return self.line.instances


def waits_of(line: Timeline) -> Waits:
    """The waits of a timeline in which every instance ran; they never form a circle."""
    instances = line.instances
    count, meetings = instances.count, len(instances.meeting_match)
    advance = progress(line)
    lanes = serial_lanes(line)
    time = np.concatenate([np.where(advance.late, line.end_ps, line.start_ps), advance.begin_ps, [0]])
    # Tokens and edges are numbered in 32 bits, as instances are: half the memory of the largest thing there is.
    to_meeting = np.int32(count) + instances.meeting
    awaited = np.flatnonzero((instances.meeting != NONE) & ~advance.late).astype(np.int32)
    late = np.flatnonzero(advance.late).astype(np.int32)
    end_token = np.arange(count, dtype=np.int32)
    end_adds = np.where(advance.late, np.int32(count), end_token)
    end_token[awaited] = to_meeting[awaited]

    def from_ends(edges: tuple[NDArray[np.integer[Any]], ...]) -> tuple[NDArray[np.int32], ...]:
        before, after = (column.astype(np.int32, copy=False) for column in edges)
        return end_token[before], after, end_adds[before], before

    def plain(source: NDArray[np.int32], target: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
        return source, target, np.full(len(source), count, dtype=np.int32), nobody(len(source))

    def nobody(rows: int) -> NDArray[np.int32]:
        return np.full(rows, NONE, dtype=np.int32)

    waits = np.diff(instances.dependency_start)
    families = [
        (Wait.DEPENDENCY, from_ends((instances.dependency, np.repeat(np.arange(count, dtype=np.int32), waits)))),
        (Wait.DEPENDENCY, plain(awaited, to_meeting[awaited])),
        (Wait.ORDER, from_ends(compute_order(line))),
        (Wait.ORDER, from_ends(lane_order(line, lanes))),
        (Wait.ARRIVAL, (to_meeting[late], late, late, nobody(len(late)))),
    ]
    source, target, adds, owner = (np.concatenate(c) for c in zip(*(columns for _, columns in families), strict=True))
    kind = np.repeat(np.array([k for k, _ in families], dtype=np.int8), [len(columns[0]) for _, columns in families])

    kept = without_circles(source, target, time, removable=kind == Wait.ORDER)
    if len(kept) < len(source):
        source, target, adds, owner, kind = (column[kept] for column in (source, target, adds, owner, kind))
    # What waits for nothing waits for the start of the step; the arrival of data alone does not start a part.
    waiting = np.zeros(count + meetings + 1, dtype=bool)
    waiting[target[kind != Wait.ARRIVAL]] = True
    waiting[-1] = True
    free = np.flatnonzero(~waiting).astype(np.int32)
    begin = plain(np.full(len(free), count + meetings, dtype=np.int32), free)
    # In front, so that a stable sort by target keeps edges in order of kind.
    source, target, adds, owner = (
        np.concatenate(pair) for pair in zip(begin, (source, target, adds, owner), strict=True)
    )
    kind = np.concatenate([np.full(len(free), Wait.DEPENDENCY, dtype=np.int8), kind])
    order = counting_sort(target, len(time))[1] if compiled() else np.argsort(target, kind="stable")
    return Waits(
        line=line,
        progress=advance,
        lanes=lanes,
        time_ps=time,
        source=source[order],
        target=target[order],
        adds=adds[order],
        owner=owner[order],
        kind=kind[order],
    )
