"""First come, first served: :func:`versim.replay` with a duration for every instance.

The same rules, tick for tick, as :func:`versim.schedule.replay`, but every part of a communication may end at a time
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
        push, pop = heapq.heappush, heapq.heappop
        # An event is one number, its time above the order of starting: numbers compare faster than tuples.
        shift = self._count.bit_length()
        mask = (1 << shift) - 1
        events: list[int] = []
        ending: list[list[int] | int] = []
        now = 0

        # Written out rather than called per instance: the loop below is all there is to the time this takes.
        arrived = self._roots
        freed: Iterable[int] = range(self._devices)
        while True:
            for row in arrived:
                met = meeting[row]
                if met == NONE:
                    queues[device[row]].append(row)
                    continue
                start[row] = now
                absent[met] -= 1
                if absent[met]:
                    continue
                if even[met]:
                    push(events, (now + duration[row]) << shift | len(ending))
                    ending.append(parts_of[met])
                else:
                    together: dict[int, list[int]] = {}
                    for part in parts_of[met]:
                        together.setdefault(duration[part], []).append(part)
                    for lasts, rows in together.items():
                        push(events, (now + lasts) << shift | len(ending))
                        ending.append(rows)
            for place in freed:
                if not busy[place] and queues[place]:
                    row = queues[place].popleft()
                    busy[place] = True
                    start[row] = now
                    push(events, (now + duration[row]) << shift | len(ending))
                    ending.append(row)
            if not events:
                break
            event = pop(events)
            now = event >> shift
            ended = ending[event & mask]
            arrived = []
            if isinstance(ended, int):
                end[ended] = now
                place = device[ended]
                busy[place] = False
                freed = (place,)
                for follower in followers[ended]:
                    missing[follower] -= 1
                    if missing[follower] == 0:
                        arrived.append(follower)
            else:
                for row in ended:
                    end[row] = now
                    for follower in followers[row]:
                        missing[follower] -= 1
                        if missing[follower] == 0:
                            arrived.append(follower)
                freed = [device[row] for row in ended]
        return np.array(start, dtype=np.int64), np.array(end, dtype=np.int64)

    def _even(self, durations_ps: NDArray[np.int64]) -> list[bool]:
        """Whether all parts of each meeting last the same."""
        if not self._parts:
            return []
        of_part = durations_ps[self._part_rows]
        heads = self._part_start[:-1]
        even: list[bool] = (np.maximum.reduceat(of_part, heads) == np.minimum.reduceat(of_part, heads)).tolist()
        return even
