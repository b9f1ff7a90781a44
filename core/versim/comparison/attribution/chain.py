"""A timeline as a longest-path problem that reproduces it exactly and answers for other durations.

Over the waits of a timeline (:mod:`.waits`), with ``add(e)`` the duration of the instance whose end edge e leaves from,

    time(token) = max over its edges e of (time(source(e)) + add(e)) + lag(token)      [ps]

where the lag of each token is what is missing to the time that was observed. So the longest path through a chain with
its own durations and lags is its timeline by construction, whatever the simulator that made it does.

All sets of durations are evaluated at once, one vector operation per depth of the graph of waits. The path that decides
when the step ends, and how far everything else is from it, are walks through the same edges.
"""

from __future__ import annotations

import itertools
from functools import cached_property

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline
from versim.comparison.attribution.circles import depths
from versim.comparison.attribution.progress import Progress
from versim.comparison.attribution.waits import Wait, Waits, waits_of
from versim.graph import NONE, Instances
from versim.kernel.functions import Paths, compiled, lags, sources_first
from versim.progress import share_done

MOST_VALUES = 1 << 24
"""Edges × sets of durations evaluated at once; bounds memory to a few hundred megabytes."""


@attrs.frozen(eq=False, kw_only=True)
class Levels:
    """Edges by the depth of the token they lead to, so that a depth can be evaluated in one go.

    Attributes:
        edge: int64 (edges,), rows of the chain's edges.
        edge_start: int64 (targets + 1,), where each target's edges begin in ``edge``.
        token: int64 (targets,), the tokens that have edges, by depth.
        depth_start: int64 (depths + 1,), where each depth begins in ``token``.
    """

    edge: NDArray[np.int64]
    edge_start: NDArray[np.int64]
    token: NDArray[np.int64]
    depth_start: NDArray[np.int64]


@attrs.frozen(eq=False, kw_only=True)
class Path:
    """The executions on a longest path, earliest first; columns have shape (links,).

    Attributes:
        row: int32, the instance whose duration is on the path.
        entry: int32, the instance through which the path enters it: of a communication, the part that was posted last.
        start_ps: int64, when the entry started.
        end_ps: int64, when the row ended.
        ordered: True if the entry waited for a resource, False for a dependency or the start of the step.
        carries: False for a late part whose data had long arrived: its duration is not on the path.
    """

    row: NDArray[np.int32]
    entry: NDArray[np.int32]
    start_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]
    ordered: NDArray[np.bool_]
    carries: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Number of executions."""
        return len(self.row)


# Not slotted: what is computed on demand is kept in the instance's dictionary.
@attrs.frozen(eq=False, kw_only=True, slots=False)
class Chain:
    """The longest-path problem of one timeline.

    Attributes:
        waits: Its edges.
        lag_ps: int64 (tokens,), waiting that no edge explains.
    """

    waits: Waits
    lag_ps: NDArray[np.int64]

    @property
    def line(self) -> Timeline:
        """The timeline."""
        return self.waits.line

    @property
    def instances(self) -> Instances:
        """What the rows are."""
        return self.waits.line.instances

    @property
    def progress(self) -> Progress:
        """The timeline's durations."""
        return self.waits.progress

    @cached_property
    def levels(self) -> Levels:
        """Edges by depth; takes about a second per million edges, and only evaluation needs it."""
        source, target = self.waits.source.astype(np.int64), self.waits.target.astype(np.int64)
        depth, _ = depths(source, target, len(self.lag_ps))
        edge = np.argsort(depth[target], kind="stable")
        heads = _heads(target[edge])
        token = target[edge][heads]
        return Levels(
            edge=edge,
            edge_start=np.append(heads, len(edge)),
            token=token,
            depth_start=np.append(_heads(depth[token]), len(token)),
        )

    def weights(self, durations_ps: NDArray[np.int64], lag_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """What every edge adds, by level.

        Args:
            durations_ps: (instances, sets).
            lag_ps: (tokens,).

        Returns:
            Shape (edges, sets).
        """
        edge, waits = self.levels.edge, self.waits
        padded = np.concatenate([durations_ps, np.zeros((1, durations_ps.shape[1]), dtype=np.int64)])
        weights = padded[waits.adds[edge]]
        weights += np.where(waits.kind[edge] == Wait.ARRIVAL, 0, lag_ps[waits.target[edge]])[:, None]
        return weights

    def ends(self, durations_ps: NDArray[np.int64], lag_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """End of every instance under each set of durations; shapes as for :meth:`weights`."""
        levels = self.levels
        weights = self.weights(durations_ps, lag_ps)
        source = self.waits.source[levels.edge]
        time = np.zeros((len(self.lag_ps), durations_ps.shape[1]), dtype=np.int64)
        edge_start, depth_start = levels.edge_start.tolist(), levels.depth_start.tolist()
        for begin, end in itertools.pairwise(depth_start):
            first, last = edge_start[begin], edge_start[end]
            arrivals = time[source[first:last]]
            arrivals += weights[first:last]
            time[levels.token[begin:end]] = np.maximum.reduceat(arrivals, levels.edge_start[begin:end] - first)
        return np.asarray(time[self.end_token] + np.where(self.progress.late[:, None], 0, durations_ps))

    def bound_ps(self, durations_ps: NDArray[np.int64]) -> int:
        """No path through the chain lasts longer with these durations, (instances,), and its own lags."""
        weights = self.weights(durations_ps[:, None], np.maximum(self.lag_ps, 0))[:, 0]
        if not len(weights):
            return int(durations_ps.max(initial=0))
        levels = self.levels
        heads = levels.edge_start[levels.depth_start[:-1]]
        longest: list[int] = np.maximum.reduceat(weights, heads).tolist()
        return sum(longest) + int(durations_ps.max())

    @cached_property
    def _compiled(self) -> Paths:
        """The problem in columns, as the kernel reads it."""
        waits = self.waits
        order = sources_first(waits.edge_start, waits.source) if waits.order is None else waits.order
        if order is None:
            raise ValueError("waits form a circle")
        return Paths(
            edge_start=waits.edge_start,
            source=waits.source,
            adds=waits.adds,
            owner=waits.owner,
            kind=waits.kind,
            order=order,
        )

    def _end(self, duration_ps: NDArray[np.int64], lag_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """As :meth:`ends`, of one set of durations, by the kernel."""
        time = self._compiled.time(lag_ps, duration_ps)
        return np.asarray(time[self.end_token] + np.where(self.progress.late, 0, duration_ps))

    @property
    def end_token(self) -> NDArray[np.int32]:
        """The token from which the duration of each instance leads to its end; a late part's own."""
        count, late, meeting = self.instances.count, self.progress.late, self.instances.meeting
        return np.where((meeting >= 0) & ~late, np.int32(count) + meeting, np.arange(count, dtype=np.int32))

    def makespans_ps(self, durations_ps: NDArray[np.int64], lag_ps: NDArray[np.int64] | None = None) -> list[int]:
        """The last end under each set of durations; ``durations_ps`` has shape (instances, sets)."""
        lag = self.lag_ps if lag_ps is None else lag_ps
        if compiled():
            return [int(self._end(column, lag).max(initial=0)) for column in durations_ps.T]
        at_once = max(1, MOST_VALUES // max(1, len(self.waits.source)))
        found: list[int] = []
        for first in range(0, durations_ps.shape[1], at_once):
            found.extend(self.ends(durations_ps[:, first : first + at_once], lag).max(axis=0, initial=0).tolist())
        return found

    def first_come_ps(
        self,
        group: NDArray[np.int32],
        durations_ps: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
        choices: NDArray[np.uint8],
    ) -> list[int | None]:
        """Makespans if every rank serves first come, first served, where that is in the order of this chain.

        The chain has no lags, lanes or late parts. For others the answer is None: :class:`versim.schedule.EventLoop`
        finds their order. Arguments are those of :meth:`versim.kernel.functions.Paths.first_come`.
        """
        instances = self.instances
        device = np.where(instances.meeting == NONE, instances.rank_class, NONE)
        return self._compiled.first_come(instances.classes.count, device, group, durations_ps, choices, share_done)

    def lag_of(self, other: Chain) -> NDArray[np.int64]:
        """The lags of ``other`` on the tokens of this chain.

        A late part's token is its end and carries its tail, which belongs to the schedule that made it late.
        """
        lag = other.lag_ps.copy()
        lag[: self.instances.count] += self.progress.tail_ps - other.progress.tail_ps
        return lag

    @cached_property
    def path(self) -> Path:
        """The longest path, through the timeline to its last end; ties go to dependencies."""
        waits, line = self.waits, self.line
        last = int(np.argmax(line.end_ps))
        if compiled():
            given = (self.lag_ps, self.progress.duration_ps, waits.time_ps, self.instances.meeting, self.progress.late)
            row, entry, edge, carries = self._compiled.path(last, *given)
        else:
            row, entry, edge, carries = self._walked(last)
        return Path(
            row=row,
            entry=entry,
            start_ps=line.start_ps[entry],
            end_ps=line.end_ps[row],
            ordered=waits.kind[edge] == Wait.ORDER,
            carries=carries,
        )

    def _walked(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Rows, entries, deciding edges and what carries, of the path to the end of a row."""
        instances, late = self.instances, self.progress.late
        source, owner, kind = self.waits.source, self.waits.owner, self.waits.kind
        time_ps = self.waits.time_ps
        links: list[tuple[int, int, int, bool]] = []
        while row != NONE:
            entry, carries = row, True
            if late[row]:
                carries = bool(kind[self._binding(row, time_ps)] == Wait.ARRIVAL)
            if carries and instances.meeting[row] != NONE:
                entry = int(source[self._binding(instances.count + int(instances.meeting[row]), time_ps)])
                if entry >= instances.count:
                    break  # cut loose from its parts because they ran in a circle
            edge = self._binding(entry, time_ps, arrivals=False)
            links.append((row, entry, edge, carries))
            row = int(owner[edge])
        columns = np.array(links[::-1], dtype=np.int32).reshape(-1, 4).T
        return columns[0], columns[1], columns[2], columns[3] != 0

    def _binding(self, token: int, times_ps: NDArray[np.int64], *, arrivals: bool = True) -> int:
        """The edge that decides the time of a token, given the times of all."""
        waits = self.waits
        best, latest = NONE, 0
        for edge in range(int(waits.edge_start[token]), int(waits.edge_start[token + 1])):
            arrival = waits.kind[edge] == Wait.ARRIVAL
            if arrival and not arrivals:
                continue
            adds = int(waits.adds[edge])
            time_ps = int(times_ps[waits.source[edge]])
            time_ps += int(self.progress.duration_ps[adds]) if adds < self.instances.count else 0
            time_ps += 0 if arrival else int(self.lag_ps[token])
            if best == NONE or time_ps > latest:
                best, latest = edge, time_ps
        return best

    @cached_property
    def slack_ps(self) -> NDArray[np.int64]:
        """How much later each instance could end without a later end of the step; shape (instances,).

        latest(token) = min over edges e that leave it of (latest(target(e)) − add(e) − lag(target(e)))
        slack(i)      = min over edges e that leave the end of i of (latest(target(e)) − lag(target(e))) − end(i)
        """
        line, advance = self.line, self.progress
        makespan = int(line.end_ps.max(initial=0))
        if compiled():
            ends = (self.instances.meeting, advance.late, makespan)
            latest = self._compiled.latest(self.lag_ps, advance.duration_ps, *ends)
            return self._compiled.slack(self.lag_ps, latest, line.end_ps)
        target, owner = self.waits.target, self.waits.owner
        latest = np.full(len(self.lag_ps), np.iinfo(np.int64).max // 2)
        np.minimum.at(latest, self.end_token, np.where(advance.late, makespan, makespan - advance.duration_ps))
        self._lower(latest)
        slack = makespan - line.end_ps
        owned = owner != NONE
        allowed = latest[target[owned]] - self.lag_ps[target[owned]] - line.end_ps[owner[owned]]
        np.minimum.at(slack, owner[owned], allowed)
        return slack

    def _lower(self, latest: NDArray[np.int64]) -> None:
        """Take the edges that leave each token into account."""
        levels = self.levels
        weights = self.weights(self.progress.duration_ps[:, None], self.lag_ps)[:, 0]
        source, target = self.waits.source[levels.edge], self.waits.target[levels.edge]
        edge_start, depth_start = levels.edge_start.tolist(), levels.depth_start.tolist()
        for end, begin in itertools.pairwise(reversed(depth_start)):
            edges = slice(edge_start[begin], edge_start[end])
            np.minimum.at(latest, source[edges], latest[target[edges]] - weights[edges])


def chain_of(line: Timeline) -> Chain:
    """The chain of a timeline in which every instance ran."""
    waits = waits_of(line)
    time_ps = waits.time_ps
    if compiled():
        edges = (waits.source, waits.adds, waits.kind)
        lag = lags(waits.edge_start, edges, waits.progress.duration_ps, time_ps)
        return Chain(waits=waits, lag_ps=lag)
    tokens = len(time_ps)
    duration = np.append(waits.progress.duration_ps, 0)
    arrivals = time_ps[waits.source] + duration[waits.adds]
    arrivals[waits.kind == Wait.ARRIVAL] = np.iinfo(np.int64).min
    lag = np.zeros(tokens, dtype=np.int64)
    # Every token but the last, the start of the step, has an edge.
    if tokens > 1:
        lag[:-1] = time_ps[:-1] - np.maximum.reduceat(arrivals, waits.edge_start[:-2])
    return Chain(waits=waits, lag_ps=lag)


def _heads(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where runs of equal values begin."""
    if not len(column):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], column[1:] != column[:-1]]))
