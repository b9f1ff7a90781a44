"""The critical path: the chain of work and waiting that decides when a step ends.

Walked back from the last end. What an instance waited for is the dependency that ended last, or, where it was ready
earlier, whatever held its resource until it started; a communication waited for the part that was posted last.
"""

from __future__ import annotations

import bisect

import attrs
import numpy as np

from versim.comparison.align import Timeline, is_communication


@attrs.frozen(kw_only=True)
class PathStep:
    """One step of a critical path, earliest first.

    Attributes:
        node: Row of the graph, of a communication the part that was posted last.
        rank: The representative rank it ran on.
        start_ps: When it began to make progress.
        end_ps: When it ended, or for the step that a later one cut short, when that one took over.
        waited_for: Why it did not start earlier: ``dependency``, ``resource``, ``start`` (nothing before it).
    """

    node: int
    rank: int
    start_ps: int
    end_ps: int
    waited_for: str

    @property
    def duration_ps(self) -> int:
        """Time the path spends in this step."""
        return self.end_ps - self.start_ps


@attrs.frozen(kw_only=True)
class CriticalPath:
    """Steps from the start of the path to the last end.

    Attributes:
        steps: Earliest first.
        compute_ps: Time in compute nodes.
        communication_ps: Time in communication.
        gap_ps: Time in neither: between a step and what it waited for.
    """

    steps: tuple[PathStep, ...]
    compute_ps: int
    communication_ps: int
    gap_ps: int


def critical_path(line: Timeline) -> CriticalPath:
    """The critical path of a completed prediction."""
    instances = line.instances
    if not line.ran.any():
        return CriticalPath(steps=(), compute_ps=0, communication_ps=0, gap_ps=0)
    holders = _Holders(line)
    start, end, active = line.start_ps, line.end_ps, line.active_ps
    representatives = instances.classes.representatives()
    communication = is_communication(instances)
    part_start, parts = instances.parts()
    current = int(np.argmax(end))
    steps: list[PathStep] = []
    visited: set[int] = set()
    totals = {True: 0, False: 0}
    gap_ps = 0
    reached = int(end[current])
    while current not in visited:
        visited.add(current)
        if communication[current]:
            met = int(instances.meeting[current])
            members = parts[part_start[met] : part_start[met + 1]]
            members = members[(end[members] >= 0) & (start[members] <= active[current])]
            last = members[np.argmax(start[members])] if len(members) else current
            poster = current if start[current] == start[last] else int(last)
        else:
            poster = current
        begin = min(int(active[current]), reached)
        totals[bool(communication[current])] += reached - begin
        before, why = _waited_for(line, holders, poster, visited)
        steps.append(
            PathStep(
                node=int(instances.node[poster]),
                rank=int(representatives[instances.rank_class[poster]]),
                start_ps=begin,
                end_ps=reached,
                waited_for=why,
            )
        )
        if before is None:
            gap_ps += begin
            break
        reached = min(int(end[before]), begin)
        gap_ps += begin - reached
        current = before
    return CriticalPath(
        steps=tuple(reversed(steps)), compute_ps=totals[False], communication_ps=totals[True], gap_ps=gap_ps
    )


def _waited_for(line: Timeline, holders: _Holders, row: int, visited: set[int]) -> tuple[int | None, str]:
    """What ``row`` waited for: a dependency, or the instance that held its resource until it started.

    Nodes of no duration in one tick seem to have held a resource for one another; what is on the path already (in
    ``visited``) cannot be what it waited for.
    """
    instances = line.instances
    begin = int(line.start_ps[row])
    dependencies = instances.dependency[instances.dependency_start[row] : instances.dependency_start[row + 1]]
    ready, last = 0, None
    if len(dependencies):
        last = int(dependencies[np.argmax(line.end_ps[dependencies])])
        ready = int(line.end_ps[last])
    if begin > ready:
        holder = holders.until(row, begin, visited)
        if holder is not None and int(line.end_ps[holder]) > ready:
            return holder, "resource"
    return last, "start" if last is None else "dependency"


class _Holders:
    """Who held each rank's device or its communication until when."""

    def __init__(self, line: Timeline) -> None:
        self._line = line
        self._communication = is_communication(line.instances)
        self._ends: dict[tuple[int, bool], list[tuple[int, int]]] = {}

    def until(self, row: int, begin_ps: int, visited: set[int]) -> int | None:
        """The instance on the same rank and kind of resource that ended last, at or before ``begin_ps``."""
        rank_class, kind = int(self._line.instances.rank_class[row]), bool(self._communication[row])
        ends = self._ends.get((rank_class, kind))
        if ends is None:
            same = (self._line.instances.rank_class == rank_class) & (self._communication == kind) & self._line.ran
            rows = np.flatnonzero(same)
            ends = self._ends[rank_class, kind] = sorted(
                zip(self._line.end_ps[rows].tolist(), rows.tolist(), strict=True)
            )
        position = bisect.bisect_right(ends, (begin_ps, self._line.instances.count)) - 1
        while position >= 0 and (ends[position][1] == row or ends[position][1] in visited):
            position -= 1
        return ends[position][1] if position >= 0 else None


def shared_ps(path: CriticalPath, reference: CriticalPath) -> int:
    """Time of ``reference`` spent in nodes that ``path`` runs through as well."""
    nodes = {step.node for step in path.steps}
    return sum(step.duration_ps for step in reference.steps if step.node in nodes)
