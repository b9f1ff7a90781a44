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
from versim.graph import NONE

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
    for pair, rows, wait_ps in _held_within(chain, key, line.ready_ps, line.start_ps):
        waits = found[pair]
        waits.executions += len(rows)
        waits.wait_ps += sum(wait_ps.tolist())
        waits.ranks = tuple(sorted({*waits.ranks, *ranks[instances.rank_class[rows]].tolist()}))
    for pair, _, wait_ps in _held_within(chain, key, *_path_waits(chain.path, line.ready_ps, line.start_ps)):
        found[pair].on_path_ps += sum(wait_ps.tolist())
    return found


def _path_waits(
    path: Path, ready_ps: NDArray[np.int64], start_ps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From when to when each instance is the last one of the path that waits for a resource; shape (instances,)."""
    begin, end = np.zeros_like(ready_ps), np.zeros_like(ready_ps)
    claimed_from = np.iinfo(np.int64).max
    ordered = path.entry[path.ordered][::-1]
    columns = (ordered.tolist(), ready_ps[ordered].tolist(), start_ps[ordered].tolist())
    for entry, first, started in zip(*columns, strict=True):
        last = min(started, claimed_from)
        if first < last:
            begin[entry], end[entry] = first, last
            claimed_from = first
    return begin, end


def _held_within(
    chain: Chain, key: NDArray[np.int64], begin_ps: NDArray[np.int64], end_ps: NDArray[np.int64]
) -> list[tuple[Pair, NDArray[np.int64], NDArray[np.int64]]]:
    """Within [begin, end] of each instance, for how long its resource is held by each key.

    Returns:
        Pairs of keys, the instances they concern, and the time for each of them.
    """
    instances, line = chain.instances, chain.line
    # Computations share their rank's device, unless they share a lane; lanes are numbered behind the devices.
    device = np.where(instances.meeting == NONE, instances.rank_class, NONE)
    lane = np.where(chain.waits.lanes != NONE, chain.waits.lanes + instances.classes.count, device)
    serial = line.by_start[((lane != NONE) & (line.end_ps > line.start_ps))[line.by_start]]
    serial = serial[np.argsort(lane[serial], kind="stable")]
    bounds = 1 + np.flatnonzero(lane[serial[1:]] != lane[serial[:-1]])
    found = []
    for holders in np.split(serial, bounds):
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


def _held_until(
    start_ps: NDArray[np.int64], end_ps: NDArray[np.int64], until_ps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How long a resource was held before each moment, by spans that follow one another."""
    total = np.concatenate([[0], np.cumsum(end_ps - start_ps)])
    begun = np.searchsorted(start_ps, until_ps, side="right")
    running = np.maximum(end_ps[np.maximum(begun - 1, 0)] - until_ps, 0)
    return np.asarray(total[begun] - np.where(begun > 0, running, 0))
