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

from versim.codes import Codes
from versim.comparison.align import Timeline
from versim.comparison.attribution.circles import without_circles
from versim.comparison.attribution.lanes import device_before, lane_before, serial_lanes
from versim.comparison.attribution.progress import Progress, progress
from versim.graph import NONE, Instances
from versim.kernel.functions import compiled, sources_first, waits

Rows = NDArray[np.int32]


class Wait(enum.IntEnum, metaclass=Codes):
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
        edge_start: int64 (tokens + 1,), where the edges of each token begin.
        source: int32 (edges,), the token an edge leaves from.
        adds: int32 (edges,), the instance whose duration it adds; ``instances`` where it adds none.
        owner: int32 (edges,), the instance whose end it leaves from; NONE for other edges.
        kind: int8 (edges,), see :class:`Wait`.
        order: int32 (tokens,), sources before targets; None where it was not needed so far.
    """

    line: Timeline
    progress: Progress
    lanes: NDArray[np.int32]
    edge_start: NDArray[np.int64]
    source: NDArray[np.int32]
    adds: NDArray[np.int32]
    owner: NDArray[np.int32]
    kind: NDArray[np.int8]
    order: NDArray[np.int32] | None

    @property
    def instances(self) -> Instances:
        """What the rows are."""
        return self.line.instances

    @property
    def target(self) -> NDArray[np.int32]:
        """The token that each edge leads to; shape (edges,)."""
        return np.repeat(np.arange(len(self.edge_start) - 1, dtype=np.int32), np.diff(self.edge_start))

    @property
    def time_ps(self) -> NDArray[np.int64]:
        """When each token happened; shape (tokens,)."""
        return _times(self.line, self.progress)


def waits_of(line: Timeline) -> Waits:
    """The waits of a timeline in which every instance ran; they never form a circle."""
    instances = line.instances
    advance = progress(line)
    lanes = serial_lanes(line)
    before = (device_before(line), lane_before(line, lanes))
    order = None
    if compiled():
        meetings = len(instances.meeting_match)
        given = (instances.dependency_start, instances.dependency, instances.meeting, meetings, advance.late, before)
        edges = waits(*given)
        order = sources_first(edges[0], edges[1])
    if order is None:
        edges = _listed(line, advance, before)
    edge_start, source, adds, owner, kind = edges
    return Waits(
        line=line,
        progress=advance,
        lanes=lanes,
        edge_start=edge_start,
        source=source,
        adds=adds,
        owner=owner,
        kind=kind,
        order=order,
    )


def _times(line: Timeline, advance: Progress) -> NDArray[np.int64]:
    return np.concatenate([np.where(advance.late, line.end_ps, line.start_ps), advance.begin_ps, [0]])


def _listed(
    line: Timeline, advance: Progress, before: tuple[NDArray[np.int32], NDArray[np.int32]]
) -> tuple[NDArray[np.int64], Rows, Rows, Rows, NDArray[np.int8]]:
    """The columns of edges, family by family, then sorted; circles are cut.

    The kernel's ``versim_waits`` puts edges in their places at once, and leaves what has circles to this.
    """
    instances, time = line.instances, _times(line, advance)
    count, meetings = instances.count, len(instances.meeting_match)
    # Tokens and edges are numbered in 32 bits, as instances are: half the memory of the largest thing there is.
    to_meeting = np.int32(count) + instances.meeting
    awaited = np.flatnonzero((instances.meeting != NONE) & ~advance.late).astype(np.int32)
    late = np.flatnonzero(advance.late).astype(np.int32)
    end_token = np.arange(count, dtype=np.int32)
    end_adds = np.where(advance.late, np.int32(count), end_token)
    end_token[awaited] = to_meeting[awaited]

    def from_ends(before: NDArray[np.int32], after: NDArray[np.integer[Any]]) -> tuple[Rows, ...]:
        return end_token[before], after.astype(np.int32, copy=False), end_adds[before], before

    def held(before: NDArray[np.int32]) -> tuple[Rows, ...]:
        after = np.flatnonzero(before != NONE)
        return from_ends(before[after], after)

    def plain(source: Rows, target: Rows) -> tuple[Rows, ...]:
        return source, target, np.full(len(source), count, dtype=np.int32), nobody(len(source))

    def nobody(rows: int) -> Rows:
        return np.full(rows, NONE, dtype=np.int32)

    owners = np.repeat(np.arange(count, dtype=np.int32), np.diff(instances.dependency_start))
    families = [
        (Wait.DEPENDENCY, from_ends(instances.dependency, owners)),
        (Wait.DEPENDENCY, plain(awaited, to_meeting[awaited])),
        (Wait.ORDER, held(before[0])),
        (Wait.ORDER, held(before[1])),
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
    order = np.argsort(target, kind="stable")
    edge_start = np.zeros(len(time) + 1, dtype=np.int64)
    np.cumsum(np.bincount(target, minlength=len(time)), out=edge_start[1:])
    return edge_start, source[order], adds[order], owner[order], kind[order]
