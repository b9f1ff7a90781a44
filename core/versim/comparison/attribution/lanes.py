"""In what order each rank served its resources, read off a timeline.

Compute is exclusive on every rank. Communication is serial only where a timeline shows it: communications of a lane
never overlap, and at least one of them was ready while another ran and started at the very instant that one ended.
Lanes are looked for from the widest to the narrowest: everything of a rank, if communication waits for compute or
compute for communication; all its communication; its sends and collectives; its collectives; and what runs over the
same axes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline
from versim.graph import NONE, Instances, Op
from versim.schedule import ready_of

Edges = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows before and rows after, of equal length."""


def compute_order(line: Timeline) -> Edges:
    """For each compute instance, the one that held the device, or the host, of its rank before it."""
    instances = line.instances
    rows = np.flatnonzero(instances.meeting == NONE)
    return _successions(line, rows, instances.processor[rows])


def serial_lanes(line: Timeline) -> NDArray[np.int64]:
    """The lane of each communication that is served one at a time; NONE for everything else; shape (instances,).

    Compute is in a lane only if it shares it with communication.
    """
    instances = line.instances
    ready, alone = ready_of(instances, line.end_ps), instances.meeting == NONE
    lanes = np.full(instances.count, NONE, dtype=np.int64)
    offset = 0
    for candidate in _candidates(instances):
        # What lasts no time cannot be seen to wait its turn, nor to make others wait.
        rows = np.flatnonzero((candidate != NONE) & (lanes == NONE) & (line.end_ps > line.start_ps))
        if not len(rows):
            continue
        lane = candidate[rows]
        before, after = _successions(line, rows, lane, allow_overlap=True)
        count = int(lane.max()) + 1
        used, overlaps, shown = (np.zeros(count, dtype=bool) for _ in range(3))
        used[lane] = True
        overlaps[candidate[after[line.start_ps[after] < line.end_ps[before]]]] = True
        turn = (line.start_ps[after] == line.end_ps[before]) & (ready[after] < line.start_ps[after])
        if alone[rows].any():
            # That like waits for like does not show that compute and communication wait for one another.
            turn &= alone[before] != alone[after]
        shown[candidate[after[turn]]] = True
        # A simulator serves all ranks alike, so a lane that never had to wait counts if all the others are serial.
        serial = used if shown.any() and not overlaps.any() else shown & ~overlaps
        chosen = rows[serial[lane]]
        lanes[chosen] = candidate[chosen] + offset
        offset += count
    return lanes


def lane_order(line: Timeline, lanes: NDArray[np.int64]) -> Edges:
    """For each communication in a lane, the one that held the lane before it."""
    rows = np.flatnonzero(lanes != NONE)
    return _successions(line, rows, lanes[rows])


def _candidates(instances: Instances) -> Iterator[NDArray[np.int64]]:
    """Possible lanes, widest first: the lane of each instance, NONE for what is in none."""
    yield instances.rank_class.astype(np.int64)
    graph = instances.graph
    op = graph.op[instances.node]
    rank = instances.rank_class.astype(np.int64)
    yield np.where(op != Op.COMPUTE, rank, NONE)
    yield np.where((op == Op.SEND) | (op == Op.COLLECTIVE), rank, NONE)
    yield np.where(op == Op.COLLECTIVE, rank, NONE)
    if graph.communication_count:
        scope = graph.scope[graph.match[instances.node]].astype(np.int64)
        narrow = scope * instances.classes.count + rank
        yield np.where((op == Op.SEND) | (op == Op.COLLECTIVE), narrow, NONE)


def _successions(
    line: Timeline, rows: NDArray[np.int64], lane: NDArray[np.int64], *, allow_overlap: bool = False
) -> Edges:
    """Neighbours within a lane, by start, then end, then program order; ``rows`` ascend."""
    # Rows ascend, and the sort is stable: of equals, the first in program order comes first.
    order = np.lexsort((line.end_ps[rows], line.start_ps[rows], lane))
    rows, lane = rows[order], lane[order]
    same = lane[1:] == lane[:-1]
    if not allow_overlap:
        # Two at once on an exclusive resource is a fault of the prediction; it is not passed on as an order.
        same &= line.end_ps[rows[:-1]] <= line.start_ps[rows[1:]]
    return rows[:-1][same], rows[1:][same]
