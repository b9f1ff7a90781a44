"""In what order each rank served its resources, read off a timeline.

Compute is exclusive on every rank. Communication is serial only where a timeline shows it: communications of a lane
never overlap, and at least one of them was ready while another ran and started at the very instant that one ended.
Lanes are looked for from the widest to the narrowest: everything of a rank, if communication waits for compute or
compute for communication; all its communication; its sends and collectives; its collectives; and what runs over the
same axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline
from versim.graph import NONE, Instances, Op
from versim.kernel.functions import MOST_ROWS, Lanes, compiled

Signs = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
"""Per lane: whether it is used, whether two things overlap in it, and whether one waits its turn."""


def device_before(line: Timeline) -> NDArray[np.int32]:
    """For each compute instance, the one that held the device, or the host, of its rank before it; (instances,).

    NONE for the first, for communication, and where two hold it at once, which is a fault of the prediction and is not
    passed on as an order.
    """
    instances = line.instances
    return held_before(line, np.where(instances.meeting == NONE, instances.processor, NONE))


def serial_lanes(line: Timeline) -> NDArray[np.int32]:
    """The lane of each communication that is served one at a time; NONE for everything else; shape (instances,).

    Compute is in a lane only if it shares it with communication.
    """
    instances = line.instances
    lanes = np.full(instances.count, NONE, dtype=np.int32)
    # What lasts no time cannot be seen to wait its turn, nor to make others wait.
    free = line.end_ps > line.start_ps
    turn = free & instances.communicates & (line.ready_ps < line.start_ps)
    offset = 0
    for candidate in _candidates(instances):
        lane = np.where(free, candidate, np.int32(NONE))
        used, overlaps, shown = _signs(line, lane)
        # A simulator serves all ranks alike, so a lane that never had to wait counts if all the others are serial.
        serial = used if shown.any() and not overlaps.any() else shown & ~overlaps
        if serial.any():
            chosen = np.flatnonzero(np.append(serial, False)[lane])  # NONE, which is -1, reads the last
            lanes[chosen] = lane[chosen] + offset
            free[chosen] = False
        if not turn.any():
            break  # all further lanes are of communication only, none of which waits its turn
        offset += len(used)
    return lanes


def lane_before(line: Timeline, lanes: NDArray[np.int32]) -> NDArray[np.int32]:
    """For each instance in a lane, the one that held the lane before it, NONE where there is none; (instances,)."""
    if not (lanes != NONE).any():
        return lanes
    return held_before(line, lanes)


def _candidates(instances: Instances) -> Iterator[NDArray[np.int32]]:
    """Possible lanes, widest first: the lane of each instance, NONE for what is in none."""
    rank = instances.rank_class
    yield rank
    graph = instances.graph
    op = graph.op[instances.node]
    none = np.int32(NONE)
    yield np.where(op != Op.COMPUTE, rank, none)
    sent = (op == Op.SEND) | (op == Op.COLLECTIVE)
    yield np.where(sent, rank, none)
    yield np.where(op == Op.COLLECTIVE, rank, none)
    if graph.communication_count:
        # Compute, whose match is NONE (-1), reads a scope that is of no account.
        narrow = graph.scope[graph.match[instances.node]].astype(np.int64) * instances.classes.count + rank
        if len(graph.scopes) * instances.classes.count > MOST_ROWS:
            narrow = np.unique(narrow, return_inverse=True)[1]
        yield np.where(sent, narrow.astype(np.int32), none)


def held_before(line: Timeline, lane: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """What held the lane of each instance before it; a lane is of one rank. Shape (instances,).

    NONE for the first of a lane, for what is in none (NONE), and where the one before had not ended.
    """
    if compiled():
        return Lanes(order=line.by_start, lane=lane, start_ps=line.start_ps, end_ps=line.end_ps).held_before()
    before, after = _neighbours(line, lane)
    apart = line.end_ps[before] <= line.start_ps[after]
    held = np.full(len(lane), NONE, dtype=np.int32)
    held[after[apart]] = before[apart]
    return held


def _signs(line: Timeline, lane: NDArray[np.int32]) -> Signs:
    """Whether lanes are used, and how; a lane is of one rank."""
    instances = line.instances
    compute = instances.meeting == NONE
    # That like waits for like does not show that compute and communication wait for one another.
    unlike = bool((compute & (lane != NONE)).any())
    if compiled():
        lanes = Lanes(order=line.by_start, lane=lane, start_ps=line.start_ps, end_ps=line.end_ps)
        return lanes.signs(line.ready_ps, instances.meeting, unlike=unlike)
    used, overlaps, shown = (np.zeros(int(lane.max(initial=NONE)) + 1, dtype=bool) for _ in range(3))
    used[lane[lane != NONE]] = True
    before, after = _neighbours(line, lane)
    overlaps[lane[after[line.start_ps[after] < line.end_ps[before]]]] = True
    turn = (line.start_ps[after] == line.end_ps[before]) & (line.ready_ps[after] < line.start_ps[after])
    if unlike:
        turn &= compute[before] != compute[after]
    shown[lane[after[turn]]] = True
    return used, overlaps, shown


def _neighbours(
    line: Timeline, lane: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Rows that follow one another within a lane, by start, then end, then program order: before and after."""
    rows = line.by_start[lane[line.by_start] != NONE]
    rows = rows[np.argsort(lane[rows], kind="stable")]
    same = lane[rows[1:]] == lane[rows[:-1]]
    return rows[:-1][same], rows[1:][same]
