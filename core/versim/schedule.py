"""When does each node run, given how long it takes: an event-driven schedule.

Used by backends that take durations from a timing model, and by the analysis, which substitutes durations of one
prediction into the schedule of another. Compute nodes take their rank's device one at a time, first come, first
served; a communication starts when all its parts are ready. Communications of one rank run side by side.

What ends in one tick ends before anything is served; nodes that become ready together are served in row order, so that
replicas which are simulated once and replicas which are simulated each give the same answer. What never becomes ready
keeps NO_TIME, so a deadlock shows as an incomplete schedule.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph import NONE, Instances
from versim.kernel.functions import Problem, compiled, counting_sort, last_ended
from versim.kernel.passes import Straight
from versim.picoseconds import LONGEST_PS, TooLongError
from versim.prediction import NO_TIME
from versim.progress import share_done
from versim.units import PS_PER_S

TOLD_EVERY = 1024
"""Communications after which the loop in Python says how far it is."""


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
        meeting_ps: (meetings,), duration of each communication from its last part's readiness to its end, which is
            that of all its parts.
        runs: (instances,), False for instances that are never started; None runs all.

    Raises:
        TooLongError: An instance ends later than picoseconds are counted.
    """
    if runs is None and compiled():
        straight = instances.kept("schedule.straight", lambda: _straight(instances))
        found = straight.run(compute_ps, meeting_ps, LONGEST_PS) if straight.whole else None
        if found is not None:
            return Schedule(ready_ps=found[0], start_ps=found[0], end_ps=found[1])
    duration_ps = compute_ps[instances.node]
    parts = instances.meeting != NONE
    duration_ps[parts] = meeting_ps[instances.meeting[parts]]
    start_ps, end_ps = EventLoop(instances, runs).run(duration_ps)
    return Schedule(ready_ps=ready_of(instances, end_ps), start_ps=start_ps, end_ps=end_ps)


def _straight(instances: Instances) -> Straight:
    """Instances as they are run where none waits for its device: what is free to start does."""
    part_start, part = instances.parts()
    return Straight(
        devices=instances.classes.count,
        node=instances.node,
        device=instances.rank_class,
        meeting=instances.meeting,
        dependency_start=instances.dependency_start,
        dependency=instances.dependency,
        part_start=part_start,
        part=part,
        by_device=instances.by_class(),
    )


class EventLoop:
    """The event-driven schedule of a graph, prepared once and run for any number of sets of durations.

    What is written here runs where there is no kernel; ``versim_event_loop`` in ``kernel/core.cpp`` does the same.
    """

    def __init__(self, instances: Instances, runs: NDArray[np.bool_] | None = None) -> None:
        """Prepare to run ``instances``, of which those that are False in ``runs``, (instances,), are never started."""
        self._instances = instances
        self._count = instances.count
        self._devices = instances.classes.count
        self._runs = runs
        self._problem = _problem(instances, runs) if compiled() else None
        if self._problem is None:
            self._prepare()

    def _prepare(self) -> None:
        """Lay out lists, which Python reads faster than columns."""
        instances, runs = self._instances, self._runs
        self._device = instances.rank_class.tolist()
        self._meeting = instances.meeting.tolist()
        waits = np.diff(instances.dependency_start)
        if runs is not None:
            # One thing more to wait for, which never happens.
            waits = waits + ~runs
        self._missing = waits.tolist()
        self._roots = np.flatnonzero(waits == 0).tolist()
        starts, owners = _dependents(instances)
        self._followers = [tuple(owners[first:last]) for first, last in itertools.pairwise(starts)]
        self._part_start, self._part_rows = instances.parts()
        rows = self._part_rows.tolist()
        self._parts = [rows[first:last] for first, last in itertools.pairwise(self._part_start.tolist())]

    def run(self, duration_ps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start and end of every instance; all shapes are (instances,).

        Every part of a communication may end at a time of its own, as in simulators that move messages: its duration
        runs from the readiness of the last part.

        Raises:
            TooLongError: An instance ends later than picoseconds are counted.
        """
        if self._problem is not None:
            found = self._problem.run(duration_ps, LONGEST_PS, share_done)
            if found is not None:
                return found
            self._prepare()  # integers of any length say what takes so long
        duration = duration_ps.tolist()
        even = self._even(duration_ps)
        device, meeting, followers, parts_of = self._device, self._meeting, self._followers, self._parts
        missing = self._missing.copy()
        absent = [len(parts) for parts in parts_of]
        start = [NO_TIME] * self._count
        end = [NO_TIME] * self._count
        queues: list[deque[int]] = [deque() for _ in range(self._devices)]
        busy = [False] * self._devices
        push, pop, replace = heapq.heappush, heapq.heappop, heapq.heapreplace
        # An event is one number, its time above the order of starting: numbers compare faster than tuples. What ends
        # is an instance, or ~batch.
        shift = self._count.bit_length()
        mask = (1 << shift) - 1
        events: list[int] = []
        ending: list[int] = []
        batches: list[list[int]] = []

        def post(row: int, now: int) -> None:
            start[row] = now
            met = meeting[row]
            absent[met] -= 1
            if absent[met]:
                return
            together: dict[int, list[int]] = {}
            if even[met]:
                together[duration[row]] = parts_of[met]
            else:
                for part in parts_of[met]:
                    together.setdefault(duration[part], []).append(part)
            for lasts, rows in together.items():
                push(events, (now + lasts) << shift | len(ending))
                ending.append(~len(batches))
                batches.append(rows)

        def serve(places: Iterable[int], now: int) -> None:
            for place in places:
                if not busy[place] and queues[place]:
                    row = queues[place].popleft()
                    busy[place] = True
                    start[row] = now
                    push(events, (now + duration[row]) << shift | len(ending))
                    ending.append(row)

        for row in self._roots:
            if meeting[row] == NONE:
                queues[device[row]].append(row)
            else:
                post(row, 0)
        serve(range(self._devices), 0)
        while events:
            event = events[0]
            now = event >> shift
            ended = ending[event & mask]
            # Whatever else ends in this tick lies right below the top of the heap.
            if ended < 0 or (len(events) > 1 and min(events[1:3]) >> shift == now):
                finished: list[int] = []
                while events and events[0] >> shift == now:
                    ended = ending[pop(events) & mask]
                    if ended >= 0:
                        busy[device[ended]] = False
                        finished.append(ended)
                    else:
                        finished.extend(batches[~ended])
                        if not ~ended % TOLD_EVERY:
                            share_done(len(ending) / self._count)
                arriving: list[int] = []
                for row in finished:
                    end[row] = now
                    for follower in followers[row]:
                        missing[follower] -= 1
                        if missing[follower] == 0:
                            arriving.append(follower)
                for row in sorted(arriving):
                    if meeting[row] == NONE:
                        queues[device[row]].append(row)
                    else:
                        post(row, now)
                serve({device[row] for row in finished}, now)
                continue
            # Most events are a computation that ends by itself, and they decide how long a run takes: what depends on
            # it is on its rank, in row order, and whatever is posted now ends behind this event, which stays on top
            # until it is replaced.
            end[ended] = now
            place = device[ended]
            queue = queues[place]
            for follower in followers[ended]:
                left = missing[follower] - 1
                missing[follower] = left
                if left == 0:
                    if meeting[follower] == NONE:
                        queue.append(follower)
                    else:
                        post(follower, now)
            if queue:
                row = queue.popleft()
                start[row] = now
                replace(events, (now + duration[row]) << shift | len(ending))
                ending.append(row)
            else:
                busy[place] = False
                pop(events)
        if max(end, default=0) > LONGEST_PS:
            row = end.index(max(end, default=0))
            node = int(self._instances.node[row])
            name = self._instances.graph.node_name(node)
            raise TooLongError(f"node {node} ({name!r}) ends at", end[row] / PS_PER_S)
        return np.array(start, dtype=np.int64), np.array(end, dtype=np.int64)

    def _even(self, duration_ps: NDArray[np.int64]) -> list[bool]:
        """Whether all parts of each meeting last the same."""
        if not self._parts:
            return []
        of_part = duration_ps[self._part_rows]
        heads = self._part_start[:-1]
        even: list[bool] = (np.maximum.reduceat(of_part, heads) == np.minimum.reduceat(of_part, heads)).tolist()
        return even


def ready_of(instances: Instances, end_ps: NDArray[np.int64]) -> NDArray[np.int64]:
    """When the last dependency of each instance had ended, 0 without any, NO_TIME where one never did.

    Both shapes are (instances,).
    """
    if compiled():
        return last_ended(instances.dependency_start, instances.dependency, end_ps)
    waits = instances.kept("schedule.waits", lambda: _waits_of(instances))
    # A row more stands for what is waited for where there is nothing.
    ends = np.append(end_ps, 0)
    first, second = ends[waits.first], ends[waits.second]
    ready: NDArray[np.int64] = np.maximum(first, second)
    if end_ps.min(initial=0) == NO_TIME:
        ready[(first == NO_TIME) | (second == NO_TIME)] = NO_TIME
    if len(waits.longer):
        listed = ends[waits.listed]
        never = np.minimum.reduceat(listed, waits.heads) == NO_TIME
        ready[waits.longer] = np.where(never, NO_TIME, np.maximum.reduceat(listed, waits.heads))
    return ready


@attrs.frozen(eq=False)
class _Waits:
    """What instances wait for; most for one or two, and these are looked up faster in columns than in lists.

    Attributes:
        first: int32 (instances,), the number of instances where there is none.
        second: The same.
        longer: Instances that wait for more than two.
        listed: What these wait for, one after another.
        heads: Where the list of each of them begins.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    longer: NDArray[np.int64]
    listed: NDArray[np.int32]
    heads: NDArray[np.int64]


def _waits_of(instances: Instances) -> _Waits:
    start, counts = instances.dependency_start, np.diff(instances.dependency_start)
    padded = np.append(instances.dependency, np.int32(instances.count))
    none = len(instances.dependency)
    first, second = (padded[np.where(counts > number, start[:-1] + number, none)] for number in range(2))
    longer = np.flatnonzero(counts > 2)
    lengths = counts[longer]
    heads = np.cumsum(lengths) - lengths
    listed = instances.dependency[np.arange(int(lengths.sum())) + np.repeat(start[longer] - heads, lengths)]
    return _Waits(first, second, longer, listed, heads)


def longest_chain_ps(instances: Instances, compute_ps: NDArray[np.int64]) -> int:
    """The longest chain of compute through dependencies and communications: no simulation can be faster.

    ``compute_ps`` has shape (nodes,). Devices are unlimited, and communications take no time.
    """
    if compiled():
        return _problem(instances).longest_chain(compute_ps[instances.node])
    followers_start, followers = _dependents(instances)
    missing = np.diff(instances.dependency_start).tolist()
    part_start, part_rows = (column.tolist() for column in instances.parts())
    absent = [last - first for first, last in itertools.pairwise(part_start)]
    meeting = instances.meeting.tolist()
    duration = compute_ps[instances.node].tolist()
    ready = [0] * instances.count
    longest = 0
    queue = [row for row in range(instances.count) if missing[row] == 0]
    for row in queue:
        met = meeting[row]
        if met == NONE:
            finished, end = [row], ready[row] + duration[row]
        else:
            absent[met] -= 1
            if absent[met]:
                continue
            finished = part_rows[part_start[met] : part_start[met + 1]]
            end = max(ready[part] for part in finished)
        longest = max(longest, end)
        for ended in finished:
            for follower in followers[followers_start[ended] : followers_start[ended + 1]]:
                ready[follower] = max(ready[follower], end)
                missing[follower] -= 1
                if missing[follower] == 0:
                    queue.append(follower)
    return longest


def _problem(instances: Instances, runs: NDArray[np.bool_] | None = None) -> Problem:
    """The columns of a graph as the kernel reads them."""
    problem = instances.kept("schedule.problem", lambda: _problem_of_all(instances))
    return problem if runs is None else attrs.evolve(problem, waits=problem.waits + ~runs)


def _problem_of_all(instances: Instances) -> Problem:
    start, order = counting_sort(instances.dependency, instances.count)
    part_start, part = instances.parts()
    return Problem(
        devices=instances.classes.count,
        device=instances.rank_class,
        meeting=instances.meeting,
        waits=np.diff(instances.dependency_start),
        follower_start=start,
        follower=instances.waiting[order],
        part_start=part_start,
        part=part,
    )


def _dependents(instances: Instances) -> tuple[list[int], list[int]]:
    """The dependency CSR turned round: starts and rows that wait, in row order."""
    waits = np.diff(instances.dependency_start)
    owners = np.repeat(np.arange(instances.count, dtype=np.int32), waits)
    start = np.zeros(instances.count + 1, dtype=np.int64)
    np.cumsum(np.bincount(instances.dependency, minlength=instances.count), out=start[1:])
    return start.tolist(), owners[np.argsort(instances.dependency, kind="stable")].tolist()
