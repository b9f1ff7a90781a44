"""Which node gets which id on its rank.

Among nodes that are ready, ASTRA-sim starts the one with the lowest id first, and it runs one send or collective of a
rank at a time: numbering decides who waits. ``program`` numbers a rank's nodes in the order of the graph's rows.
``creation`` numbers as DeepFlow's converter does, for comparison with its figures: compute and collectives breadth
first along their dependencies, then messages in the order in which the nodes that need them come up. A graph that was
read from a trace keeps the trace's ids in ``program`` order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Instances, Op


@attrs.frozen(eq=False, kw_only=True)
class Numbering:
    """Ids of instances: counted from 0 on each rank, or those of the trace a graph was read from.

    Attributes:
        order: int64 (numbered,), instances that stand in a trace, sorted by rank, then id.
        start: int64 (ranks + 1,), where each rank begins in ``order``.
        ids: int64 (instances,), the id of each instance, with the bits of the unsigned id; also of those that are left
            out, so that they have their place when the trace is read back.
        full_order: int64 (instances,), all instances sorted by rank, then id.
        full_start: int64 (ranks + 1,), where each rank begins in ``full_order``.
    """

    order: NDArray[np.int64]
    start: NDArray[np.int64]
    ids: NDArray[np.int64]
    full_order: NDArray[np.int64]
    full_start: NDArray[np.int64]

    def instance_of(self, ranks: NDArray[np.int64], node_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Instances behind trace nodes; -1 where there is none, as for a placeholder."""
        result = np.full(len(ranks), -1, dtype=np.int64)
        ordered = self.ids[self.order].view(np.uint64)
        by_rank = np.argsort(ranks, kind="stable")
        known = np.flatnonzero(np.diff(self.start))
        begins = np.searchsorted(ranks[by_rank], known, side="left")
        ends = np.searchsorted(ranks[by_rank], known, side="right")
        wanted = node_ids.view(np.uint64)
        for rank, begin, end in zip(known.tolist(), begins.tolist(), ends.tolist(), strict=True):
            asked = by_rank[begin:end]
            first, last = int(self.start[rank]), int(self.start[rank + 1])
            place = np.minimum(np.searchsorted(ordered[first:last], wanted[asked]), last - first - 1) + first
            found = ordered[place] == wanted[asked]
            result[asked[found]] = self.order[place[found]]
        return result


def number(
    instances: Instances, kept: NDArray[np.bool_], node_order: str, node_id: NDArray[np.int64] | None = None
) -> Numbering:
    """Number the instances of a graph with one class per rank, in ``program`` or ``creation`` order.

    Only compute may be left out: a message has two ends.

    Args:
        instances: Of the graph.
        kept: Which stand in a trace.
        node_order: ``program`` or ``creation``.
        node_id: Ids per row to keep in ``program`` order, ascending on every rank; None counts from 0.
    """
    rank_count = instances.classes.count
    rows = np.arange(instances.count, dtype=np.int64)
    if node_order == "creation":
        rows = np.fromiter(_creation_order(instances), dtype=np.int64, count=instances.count)
    ranks = instances.rank_class[rows]
    by_rank = stable_order(ranks, rank_count)
    full_order = rows[by_rank]
    full_start = _starts(ranks, rank_count)
    ids = np.empty(instances.count, dtype=np.int64)
    if node_id is not None and node_order == "program":
        ids = node_id[instances.node]
    else:
        ids[full_order] = np.arange(instances.count) - full_start[instances.rank_class[full_order]]
    order = full_order[kept[full_order]]
    return Numbering(
        order=order,
        start=_starts(instances.rank_class[order], rank_count),
        ids=ids,
        full_order=full_order,
        full_start=full_start,
    )


def stable_order(column: NDArray[np.integer[Any]], limit: int) -> NDArray[np.int64]:
    """As ``np.argsort(column, kind="stable")``, of numbers from 0 on that are below ``limit``.

    numpy counts digits of 16 bits instead of comparing.
    """
    order = np.argsort(column.astype(np.uint16), kind="stable")
    for shift in range(16, (limit - 1).bit_length(), 16):
        digits = (column >> shift).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order


def _starts(ranks: NDArray[np.integer[Any]], rank_count: int) -> NDArray[np.int64]:
    start = np.zeros(rank_count + 1, dtype=np.int64)
    np.cumsum(np.bincount(ranks, minlength=rank_count), out=start[1:])
    return start


def _creation_order(instances: Instances) -> Iterable[int]:
    """Instances in the order in which DeepFlow's converter makes them; ranks are interleaved."""
    op = instances.graph.op[instances.node]
    is_task = (op == Op.COMPUTE) | (op == Op.COLLECTIVE)
    starts, dependency = instances.dependency_start.tolist(), instances.dependency.tolist()
    task = is_task.tolist()
    tasks: list[list[int]] = [[] for _ in range(instances.classes.count)]
    for row, rank in zip(np.flatnonzero(is_task).tolist(), instances.rank_class[is_task].tolist(), strict=True):
        tasks[rank].append(row)
    breadth_first = [_breadth_first(rows, starts, dependency, task) for rows in tasks]
    for rows in breadth_first:
        yield from rows
    made = is_task.copy()
    part_start, parts = instances.parts()
    meeting, is_recv = instances.meeting.tolist(), (op == Op.RECV).tolist()

    def message(row: int) -> Iterable[int]:
        met = meeting[row]
        ends = parts[part_start[met] : part_start[met + 1]].tolist()
        for end in sorted(ends, key=is_recv.__getitem__):
            if not made[end]:
                made[end] = True
                yield end

    for rows in breadth_first:
        for row in rows:
            for needed in dependency[starts[row] : starts[row + 1]]:
                if is_recv[needed]:
                    yield from message(needed)
    for row in np.flatnonzero(~made).tolist():
        yield from message(row)


def _breadth_first(rows: list[int], starts: list[int], dependency: list[int], task: list[bool]) -> list[int]:
    """One rank's compute and collectives: those that wait for none first, then what each of them sets free."""
    dependents: dict[int, list[int]] = {}
    missing: dict[int, int] = {}
    for row in rows:
        needed = {on for on in dependency[starts[row] : starts[row + 1]] if task[on]}
        missing[row] = len(needed)
        for on in needed:
            dependents.setdefault(on, []).append(row)
    queue = deque(row for row in rows if missing[row] == 0)
    order = []
    while queue:
        row = queue.popleft()
        order.append(row)
        for dependent in dependents.get(row, ()):
            missing[dependent] -= 1
            if missing[dependent] == 0:
                queue.append(dependent)
    return order


def joined_dependencies(
    instances: Instances, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """The dependencies of kept instances, with those on left-out instances replaced by what those wait for.

    Returns:
        Owners and targets of every dependency, both kept, sorted by owner; each pair once.
    """
    if kept.all():
        waiting, needed = instances.waiting, instances.dependency
        if ((waiting[1:] != waiting[:-1]) | (needed[1:] > needed[:-1])).all():
            return waiting, needed  # in order as they are, and none twice
    owner = np.repeat(np.arange(instances.count, dtype=np.int64), np.diff(instances.dependency_start))
    target = instances.dependency.astype(np.int64)
    straight = kept[owner] & kept[target]
    pairs = owner[straight] * instances.count + target[straight]
    detours = kept[owner] & ~kept[target]
    if detours.any():
        behind = nearest_kept(instances, kept)
        joined = [
            waiting * instances.count + reached
            for waiting, left_out in zip(owner[detours].tolist(), target[detours].tolist(), strict=True)
            for reached in behind[left_out]
        ]
        pairs = np.concatenate([pairs, np.array(joined, dtype=np.int64)])
    # Sorted by owner already, which a merging sort makes use of.
    pairs.sort(kind="stable")
    pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if len(pairs) else pairs
    return pairs // instances.count, pairs % instances.count


def nearest_kept(instances: Instances, kept: NDArray[np.bool_]) -> dict[int, set[int]]:
    """For each left-out instance, the kept ones that it waits for directly or through other left-out ones."""
    starts, dependency, keep = instances.dependency_start.tolist(), instances.dependency.tolist(), kept.tolist()
    reached: dict[int, set[int]] = {}
    for first in np.flatnonzero(~kept).tolist():
        stack = [first]
        while stack:
            row = stack[-1]
            needed = dependency[starts[row] : starts[row + 1]]
            open_ = [on for on in needed if not keep[on] and on not in reached]
            if open_ and row not in reached:
                stack.extend(open_)
                continue
            stack.pop()
            nearest: set[int] = set()
            for on in needed:
                nearest |= {on} if keep[on] else reached[on]
            reached[row] = nearest
    return reached
