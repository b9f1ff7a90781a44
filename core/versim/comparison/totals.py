"""Where the time of a step goes: totals of a rank, and breakdowns by operation and by group."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline, is_communication, ranks_per_class
from versim.comparison.groups import exact_sums, in_program_order, node_keys
from versim.graph import Instances


@attrs.frozen(kw_only=True)
class Totals:
    """How one rank spends a step; compute, exposed communication and idle time add up to its makespan.

    Attributes:
        rank: The rank that finishes last, the lowest of several.
        compute_ps: Time with a compute node running.
        communication_ps: Time with a communication making progress (waiting for a partner is not communicating).
        exposed_communication_ps: That part of it with no compute node running.
        idle_ps: Time with neither.
    """

    rank: int
    compute_ps: int
    communication_ps: int
    exposed_communication_ps: int
    idle_ps: int

    @property
    def communication_ratio(self) -> float:
        """Communication over communication plus compute; 0 if there is neither."""
        busy = self.communication_ps + self.compute_ps
        return self.communication_ps / busy if busy else 0.0


@attrs.frozen(kw_only=True)
class Breakdown:
    """One row of a breakdown: what is done, how often, and how long it takes.

    Attributes:
        key: What the row is about, e.g. a node's name, or kind and axis.
        phase: Part of the step.
        count: Executions over all ranks.
        total_ps: Active time summed over all ranks.
        missing: Executions that never ended.
    """

    key: str
    phase: str
    count: int
    total_ps: int
    missing: int = 0

    @property
    def mean_ps(self) -> float:
        """Active time of one execution."""
        ended = self.count - self.missing
        return self.total_ps / ended if ended else 0.0


def totals(line: Timeline) -> Totals:
    """Totals of the rank that finishes last."""
    instances = line.instances
    classes = instances.classes
    finish = np.maximum(instances.last_of_class(line.end_ps), 0)
    representatives = classes.representatives()
    last = finish == finish.max(initial=0)
    rank = int(representatives[last].min())
    here = instances.of_class(int(classes.of_rank()[rank]))
    here = here if line.all_ran else here[line.ran[here]]
    communicates = is_communication(instances)[here]
    compute, traffic = (
        _union(line.active_ps[rows], line.end_ps[rows]) for rows in (here[~communicates], here[communicates])
    )
    compute_ps, communication_ps = _length(compute), _length(traffic)
    together = _length(_union(*(np.concatenate(ends) for ends in zip(compute, traffic, strict=True))))
    return Totals(
        rank=rank,
        compute_ps=compute_ps,
        communication_ps=communication_ps,
        exposed_communication_ps=together - compute_ps,
        idle_ps=int(finish.max(initial=0)) - together,
    )


def _union(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Disjoint intervals that cover the same time, ascending."""
    if not len(start):
        return start, end
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reach = np.maximum.accumulate(end)
    begins = np.concatenate([[True], start[1:] > reach[:-1]])
    first = np.flatnonzero(begins)
    return start[first], reach[np.concatenate([first[1:] - 1, [len(start) - 1]])]


def _length(intervals: tuple[NDArray[np.int64], NDArray[np.int64]]) -> int:
    start, end = intervals
    return int((end - start).sum())


def by_operation(line: Timeline) -> tuple[Breakdown, ...]:
    """One row per node name and phase, in program order."""
    graph = line.instances.graph
    phases = graph.phases
    node_key = graph.name.astype(np.int64) * len(phases) + graph.phase
    cells = _cells(line.instances, node_key, len(graph.names) * len(phases), _widths(line.instances))
    return _rows(line, cells, lambda code: (graph.names[code // len(phases)], phases[code % len(phases)]))


def by_group(line: Timeline) -> tuple[Breakdown, ...]:
    """One row per kind of communication, axis and phase, and one per phase for compute, in program order."""
    graph = line.instances.graph
    phases = graph.phases

    widths = _widths(line.instances)

    def grouped() -> tuple[_Cells, tuple[str, ...]]:
        key, labels = node_keys(graph)
        return _cells(line.instances, key * len(phases) + graph.phase, len(labels) * len(phases), widths), labels

    cells, labels = line.instances.kept(("totals.groups", widths.tobytes()), grouped)
    return _rows(line, cells, lambda code: (labels[code // len(phases)], phases[code % len(phases)]))


@attrs.frozen(eq=False)
class _Cells:
    """Instances by key, and by how many ranks their class stands for.

    Attributes:
        keys: In program order.
        of: int64 (instances,), the cell of each; those of one key follow one another.
        of_class: int64 (classes,), the width of each, see :func:`_widths`.
        counts: int64 (keys, widths), instances.
    """

    keys: tuple[int, ...]
    of: NDArray[np.int64]
    of_class: NDArray[np.int64]
    counts: NDArray[np.int64]


def _widths(instances: Instances) -> NDArray[np.int64]:
    """A number per class, the same for those that stand for equally many ranks; shape (classes,)."""
    return np.unique(ranks_per_class(instances), return_inverse=True)[1]


def _cells(instances: Instances, node_key: NDArray[np.int64], keys: int, of_class: NDArray[np.int64]) -> _Cells:
    times = np.diff(instances.first)
    standing = np.flatnonzero(times)
    codes, number = in_program_order(node_key[standing], keys)
    widths = int(of_class.max()) + 1
    of = np.repeat(number * widths, times[standing])
    if widths > 1:
        of += of_class[instances.rank_class]
    counts = np.bincount(of, minlength=len(codes) * widths).reshape(-1, widths)
    return _Cells(tuple(codes.tolist()), of, of_class, counts)


def _rows(line: Timeline, cells: _Cells, spell: Callable[[int], tuple[str, str]]) -> tuple[Breakdown, ...]:
    widths = cells.counts.shape[1]
    ranks = np.zeros(widths, dtype=np.int64)
    ranks[cells.of_class] = ranks_per_class(line.instances)
    absent = np.zeros_like(cells.counts)
    if not line.all_ran:
        absent = np.bincount(cells.of[~line.ran], minlength=absent.size).reshape(absent.shape)
    # Rank-picoseconds of a large step pass 2^63, and so may one duration times the ranks it stands for.
    sums = exact_sums(line.duration_ps, cells.of, absent.size)
    totals_ps = [
        sum(wide * one for wide, one in zip(ranks.tolist(), sums[start : start + widths], strict=True))
        for start in range(0, len(sums), widths)
    ]
    rows = []
    for place, code in enumerate(cells.keys):
        name, phase = spell(code)
        rows.append(
            Breakdown(
                key=name,
                phase=str(phase),
                count=int(cells.counts[place] @ ranks),
                total_ps=totals_ps[place],
                missing=int(absent[place] @ ranks),
            )
        )
    return tuple(rows)
