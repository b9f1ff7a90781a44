"""When does each node run, given how long it takes: an event-driven schedule.

Used by backends that take durations from a timing model, and by the analysis, which substitutes durations of one
prediction into the schedule of another. Compute nodes take their rank's device one at a time, first come, first
served; a communication starts when all its parts are ready and ends for all of them together. Communications of one
rank run side by side.
"""

from __future__ import annotations

import heapq
from collections import deque

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph import NONE, Instances
from versim.graph.columns import Op
from versim.prediction import NO_TIME


@attrs.frozen(eq=False, kw_only=True)
class Schedule:
    """When each instance ran; all columns have shape (instances,) and hold NO_TIME for what never happened.

    Attributes:
        ready_ps: When its last dependency had finished.
        start_ps: When it took its resource; for a part of a communication, when that part was ready.
        end_ps: When it finished.
    """

    ready_ps: NDArray[np.int64]
    start_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]

    @property
    def completed(self) -> bool:
        """True if every instance ran."""
        return bool((self.end_ps != NO_TIME).all())

    @property
    def makespan_ps(self) -> int:
        """The last end."""
        return int(self.end_ps.max(initial=0))


def replay(
    instances: Instances,
    compute_ps: NDArray[np.int64],
    meeting_ps: NDArray[np.int64],
    *,
    runs: NDArray[np.bool_] | None = None,
) -> Schedule:
    """Run a graph with given durations.

    Args:
        instances: The graph per rank class.
        compute_ps: (nodes,), duration of each compute node.
        meeting_ps: (meetings,), duration of each communication from its last part's readiness to its end.
        runs: (instances,), False for instances that are never started; None runs all.

    What ends in one tick ends before anything is served; nodes that become ready together are served in row order, so
    that replicas which are simulated once and replicas which are simulated each give the same answer. Instances that
    never become ready keep NO_TIME, so a deadlock shows as an incomplete schedule.
    """
    graph, count = instances.graph, instances.count
    dependents_start, dependents = _dependents(instances)
    missing = np.diff(instances.dependency_start).tolist()
    is_compute = (graph.op[instances.node] == Op.COMPUTE).tolist()
    device = instances.rank_class.tolist()
    duration = compute_ps[instances.node].tolist()
    meeting = instances.meeting.tolist()
    meeting_duration = meeting_ps.tolist()
    part_start, part_rows = instances.parts()
    part_starts, parts = part_start.tolist(), part_rows.tolist()
    absent = np.diff(part_start).tolist()
    allowed = [True] * count if runs is None else runs.tolist()

    ready = [NO_TIME] * count
    start = [NO_TIME] * count
    end = [NO_TIME] * count
    queues: list[deque[int]] = [deque() for _ in range(instances.classes.count)]
    busy = [False] * instances.classes.count
    # An event is (time, what ends): an instance, or ~meeting.
    events: list[tuple[int, int]] = []
    now = 0

    def arrive(row: int) -> None:
        ready[row] = now
        if not allowed[row]:
            return
        if is_compute[row]:
            queues[device[row]].append(row)
            return
        start[row] = now
        met = meeting[row]
        absent[met] -= 1
        if absent[met] == 0:
            heapq.heappush(events, (now + meeting_duration[met], ~met))

    def serve(place: int) -> None:
        if not busy[place] and queues[place]:
            row = queues[place].popleft()
            busy[place] = True
            start[row] = now
            heapq.heappush(events, (now + duration[row], row))

    for row in range(count):
        if missing[row] == 0:
            arrive(row)
    for place in range(len(queues)):
        serve(place)
    while events:
        now = events[0][0]
        finished: list[int] = []
        while events and events[0][0] == now:
            _, ended = heapq.heappop(events)
            if ended >= 0:
                busy[device[ended]] = False
                finished.append(ended)
            else:
                finished.extend(parts[part_starts[~ended] : part_starts[~ended + 1]])
        arriving: list[int] = []
        for row in finished:
            end[row] = now
            for dependent in dependents[dependents_start[row] : dependents_start[row + 1]]:
                missing[dependent] -= 1
                if missing[dependent] == 0:
                    arriving.append(dependent)
        # Everything that ends in a tick ends before anything is served, and arrivals queue in row order: otherwise
        # the answer would depend on how replicas interleave, and folding would change it.
        for row in sorted(arriving):
            arrive(row)
        for place in {device[row] for row in finished}:
            serve(place)
    return Schedule(
        ready_ps=np.array(ready, dtype=np.int64),
        start_ps=np.array(start, dtype=np.int64),
        end_ps=np.array(end, dtype=np.int64),
    )


def longest_chain_ps(instances: Instances, compute_ps: NDArray[np.int64]) -> int:
    """The longest chain of compute through dependencies and communications: no simulation can be faster."""
    free = np.zeros(len(instances.meeting_match), dtype=np.int64)
    unlimited = _unlimited_replay(instances, compute_ps, free)
    return int(unlimited.max(initial=0))


def _unlimited_replay(
    instances: Instances, compute_ps: NDArray[np.int64], meeting_ps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """End of each instance if devices were unlimited."""
    dependents_start, dependents = _dependents(instances)
    missing = np.diff(instances.dependency_start).tolist()
    part_start, part_rows = instances.parts()
    part_starts, parts = part_start.tolist(), part_rows.tolist()
    absent = np.diff(part_start).tolist()
    meeting = instances.meeting.tolist()
    duration = compute_ps[instances.node].tolist()
    meeting_duration = meeting_ps.tolist()
    ready = [0] * instances.count
    end = [NO_TIME] * instances.count
    queue = [row for row in range(instances.count) if missing[row] == 0]
    for row in queue:
        met = meeting[row]
        if met == NONE:
            finished = [row]
            end[row] = ready[row] + duration[row]
        else:
            absent[met] -= 1
            if absent[met]:
                continue
            finished = parts[part_starts[met] : part_starts[met + 1]]
            at = max(ready[part] for part in finished) + meeting_duration[met]
            for part in finished:
                end[part] = at
        for ended in finished:
            for dependent in dependents[dependents_start[ended] : dependents_start[ended + 1]]:
                ready[dependent] = max(ready[dependent], end[ended])
                missing[dependent] -= 1
                if missing[dependent] == 0:
                    queue.append(dependent)
    return np.array(end, dtype=np.int64)


def _dependents(instances: Instances) -> tuple[list[int], list[int]]:
    """The dependency CSR turned round: starts and rows that wait, in row order."""
    waits = np.diff(instances.dependency_start)
    owners = np.repeat(np.arange(instances.count, dtype=np.int32), waits)
    start = np.zeros(instances.count + 1, dtype=np.int64)
    np.cumsum(np.bincount(instances.dependency, minlength=instances.count), out=start[1:])
    return start.tolist(), owners[np.argsort(instances.dependency, kind="stable")].tolist()
