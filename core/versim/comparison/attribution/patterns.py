"""What waits behind what: where the order in which a rank serves its resources costs time.

An execution waits from the moment its dependencies have ended until it starts. What occupies its resource meanwhile is
what it waits behind:

    wait(i behind group g) = time within [ready(i), start(i)] in which the resource of i is held by g      [ps]

On the critical path every moment counts once, for the last execution of the path that is waiting at that moment: a
send that stands behind two all-reduces is charged for both of them, not the second all-reduce for the first.
"""

from __future__ import annotations

from collections import defaultdict

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.attribution.chain import Chain, Path
from versim.comparison.attribution.model import Pattern
from versim.comparison.groups import node_keys
from versim.distinct import grouped
from versim.graph import NONE
from versim.kernel.functions import compiled, held_within

Pair = tuple[int, int]
"""Keys of what waits, and of what it waits behind."""


@attrs.define
class _Waits:
    """Waits of one pair of keys in one timeline."""

    executions: int = 0
    wait_ps: int = 0
    on_path_ps: int = 0
    ranks: tuple[int, ...] = ()


def patterns_of(reference: Chain, other: Chain) -> tuple[Pattern, ...]:
    """Waits that differ between two timelines of the same instances, what costs most on the critical path first."""
    key, labels = node_keys(other.instances.graph)
    before, after = _waits_of(reference, key), _waits_of(other, key)
    found = []
    for pair in {**after, **before}:
        mine, theirs = after.get(pair, _Waits()), before.get(pair, _Waits())
        if (mine.wait_ps, mine.on_path_ps) != (theirs.wait_ps, theirs.on_path_ps):
            found.append(
                Pattern(
                    waiting=labels[pair[0]],
                    behind=labels[pair[1]],
                    ranks=mine.ranks,
                    executions=mine.executions,
                    wait_ps=mine.wait_ps,
                    on_path_ps=mine.on_path_ps,
                    reference_wait_ps=theirs.wait_ps,
                    reference_on_path_ps=theirs.on_path_ps,
                )
            )
    return tuple(
        sorted(
            found,
            key=lambda p: (
                p.reference_on_path_ps - p.on_path_ps,
                p.reference_wait_ps - p.wait_ps,
                p.waiting,
                p.behind,
            ),
        )
    )


def _waits_of(chain: Chain, key: NDArray[np.int64]) -> dict[Pair, _Waits]:
    instances, line = chain.instances, chain.line
    ranks = instances.classes.representatives()
    found: dict[Pair, _Waits] = defaultdict(_Waits)
    on_path = _path_waits(chain.path, line.ready_ps, line.start_ps)
    if compiled():
        names = key.astype(np.int32)[instances.node], int(key.max(initial=0)) + 1
        classes = instances.rank_class, instances.classes.count
        times_ps = (line.start_ps, line.end_ps, line.ready_ps)
        for (waiting, behind), sums, there in held_within(_serial(chain), times_ps, names, classes, on_path):
            executions, wait_ps, on_path_ps = sums
            of_ranks = tuple(sorted(ranks[there].tolist()))
            found[waiting, behind] = _Waits(executions, wait_ps, on_path_ps, of_ranks)
        return found
    for pair, rows, held_ps in _held_within(chain, key, line.ready_ps, line.start_ps):
        waits = found[pair]
        waits.executions += len(rows)
        waits.wait_ps += sum(held_ps.tolist())
        waits.ranks = tuple(sorted({*waits.ranks, *ranks[instances.rank_class[rows]].tolist()}))
    begin_ps, end_ps = np.zeros_like(line.ready_ps), np.zeros_like(line.ready_ps)
    begin_ps[on_path[0]], end_ps[on_path[0]] = on_path[1:]
    for pair, _, held_ps in _held_within(chain, key, begin_ps, end_ps):
        found[pair].on_path_ps += sum(held_ps.tolist())
    return found


def _path_waits(
    path: Path, ready_ps: NDArray[np.int64], start_ps: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Instances of the path, ascending, and from when to when each is the last one that waits for a resource."""
    claims = {}
    claimed_from = np.iinfo(np.int64).max
    ordered = path.entry[path.ordered][::-1]
    columns = (ordered.tolist(), ready_ps[ordered].tolist(), start_ps[ordered].tolist())
    for entry, first, started in zip(*columns, strict=True):
        last = min(started, claimed_from)
        if first < last:
            claims[entry] = first, last
            claimed_from = first
    rows = sorted(claims)
    begin, end = np.array([claims[row] for row in rows], dtype=np.int64).reshape(-1, 2).T
    return np.array(rows, dtype=np.int32), begin, end


def _held_within(
    chain: Chain, key: NDArray[np.int64], begin_ps: NDArray[np.int64], end_ps: NDArray[np.int64]
) -> list[tuple[Pair, NDArray[np.int64], NDArray[np.int64]]]:
    """Within [begin, end] of each instance, for how long its resource is held by each key.

    Returns:
        Pairs of keys, the instances they concern, and the time for each of them.
    """
    instances, line = chain.instances, chain.line
    starts, serial = _serial(chain)
    found = []
    for holders in np.split(serial, starts[1:-1]):
        rows = holders[begin_ps[holders] < end_ps[holders]]
        if not len(rows):
            continue
        held_by, waiting = key[instances.node[holders]], key[instances.node[rows]]
        for behind in np.unique(held_by).tolist():
            these = holders[held_by == behind]
            held = _held_until(line.start_ps[these], line.end_ps[these], end_ps[rows])
            held -= _held_until(line.start_ps[these], line.end_ps[these], begin_ps[rows])
            for kind in np.unique(waiting[held > 0]).tolist():
                chosen = (held > 0) & (waiting == kind)
                found.append(((kind, behind), rows[chosen], held[chosen]))
    return found


def _serial(chain: Chain) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Instances in the order in which each resource served them, and where each resource begins."""
    instances, line = chain.instances, chain.line
    # Computations share their rank's device, unless they share a lane; lanes are numbered behind the devices.
    classes, lanes = instances.classes.count, chain.waits.lanes
    device = np.where(instances.meeting == NONE, instances.rank_class, NONE)
    resource = np.where(lanes != NONE, lanes + classes, device)
    serial = line.by_start[((resource != NONE) & (line.end_ps > line.start_ps))[line.by_start]]
    starts, order = grouped(resource[serial], classes + int(lanes.max(initial=NONE)) + 1)
    return starts, serial[order]


def _held_until(
    start_ps: NDArray[np.int64], end_ps: NDArray[np.int64], until_ps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How long a resource was held before each moment, by spans that follow one another."""
    total = np.concatenate([[0], np.cumsum(end_ps - start_ps)])
    begun = np.searchsorted(start_ps, until_ps, side="right")
    running = np.maximum(end_ps[np.maximum(begun - 1, 0)] - until_ps, 0)
    return np.asarray(total[begun] - np.where(begun > 0, running, 0))
