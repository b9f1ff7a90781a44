"""First come, first served: :func:`versim.replay` with a duration for every instance.

The same rules, tick for tick, as :func:`versim.schedule.replay` (what ends in one tick ends before anything is served,
and what becomes ready together is served in row order), but every part of a communication may end at a time
of its own, as it does in simulators that move messages. Prepared once and run for many sets of durations.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from versim.graph import NONE, Instances
from versim.prediction import NO_TIME


class Served:
    """The event-driven schedule of a graph."""

    def __init__(self, instances: Instances) -> None:
        self._count = instances.count
        self._devices = instances.classes.count
        self._device = instances.rank_class.tolist()
        self._meeting = instances.meeting.tolist()
        waits = np.diff(instances.dependency_start)
        self._missing = waits.tolist()
        self._roots = np.flatnonzero(waits == 0).tolist()
        order = np.argsort(instances.dependency, kind="stable")
        owners = np.repeat(np.arange(instances.count, dtype=np.int64), waits)[order].tolist()
        starts = np.zeros(instances.count + 1, dtype=np.int64)
        np.cumsum(np.bincount(instances.dependency, minlength=instances.count), out=starts[1:])
        self._followers = [tuple(owners[first:last]) for first, last in itertools.pairwise(starts.tolist())]
        self._part_start, self._part_rows = instances.parts()
        rows = self._part_rows.tolist()
        self._parts = [rows[first:last] for first, last in itertools.pairwise(self._part_start.tolist())]

    def run(self, durations_ps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start and end of every instance, NO_TIME for what is never reached; durations have shape (instances,)."""
        duration = durations_ps.tolist()
        even = self._even(durations_ps)
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
            if ended < 0 or any(other >> shift == now for other in events[1:3]):
                finished: list[int] = []
                while events and events[0] >> shift == now:
                    ended = ending[pop(events) & mask]
                    if ended >= 0:
                        busy[device[ended]] = False
                        finished.append(ended)
                    else:
                        finished.extend(batches[~ended])
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
        return np.array(start, dtype=np.int64), np.array(end, dtype=np.int64)

    def _even(self, durations_ps: NDArray[np.int64]) -> list[bool]:
        """Whether all parts of each meeting last the same."""
        if not self._parts:
            return []
        of_part = durations_ps[self._part_rows]
        heads = self._part_start[:-1]
        even: list[bool] = (np.maximum.reduceat(of_part, heads) == np.minimum.reduceat(of_part, heads)).tolist()
        return even
