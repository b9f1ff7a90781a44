"""What went wrong or unlooked-for in a simulation, in words of the graph instead of the trace."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from versim import GIB, NO_TIME, NONE, NS_PER_S, Op

from versim_astrasim.engine import Outcome
from versim_astrasim.step.numbering import joined_dependencies, stable_order
from versim_astrasim.step.translate import Translation

MOST_LINES = 40
"""A deadlock of a thousand ranks says the same thing a thousand times."""


def findings(outcome: Outcome, translation: Translation) -> tuple[str, ...]:
    """The engine's findings, each with its rank and the graph's row."""
    lines = []
    for finding in outcome.diagnosis:
        where = "" if finding.rank is None else f"rank {finding.rank}: "
        row = row_of(translation, finding.rank, finding.node_id)
        lines.append(f"{where}{finding.text}" + ("" if row is None else f" [row {row} of the graph]"))
    return bounded(lines)


def bounded(lines: list[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    return (*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more")


def row_of(translation: Translation, rank: int | None, node_id: int | None) -> int | None:
    """The graph's row behind a trace node, None if there is none."""
    if rank is None or node_id is None or not 0 <= node_id < 2**63:
        return None
    instance = int(translation.instance_of(np.array([rank]), np.array([node_id]))[0])
    return None if instance < 0 else int(translation.instances.node[instance])


def instant_sends(translation: Translation) -> list[str]:
    """Messages that leave in no time at the very start, on which the real program aborts, and what to do about it."""
    instances, meetings = translation.instances, translation.meetings
    network = translation.given.network_config()
    bytes_per_ns = max(network.bandwidth_gib_per_s) * GIB / NS_PER_S
    owners, _ = joined_dependencies(instances, translation.kept)
    waits_for = np.bincount(owners, minlength=instances.count)
    candidates = np.flatnonzero((instances.graph.op[instances.node] == Op.SEND) & (waits_for == 0))
    sizes = meetings.comm_size[instances.meeting[candidates]]
    return [
        f"rank {instances.rank_class[row]} sends {size_bytes} bytes at the very start, in less than 1 ns: "
        f"{_spelt(translation, row)}; let it wait for compute of at least 1 ns"
        for row, size_bytes in zip(candidates.tolist(), sizes.tolist(), strict=True)
        if size_bytes < bytes_per_ns
    ]


def _spelt(translation: Translation, instance: int) -> str:
    row = int(translation.instances.node[instance])
    return f"{translation.instances.graph.node_name(row)!r} (row {row})"


def waits(translation: Translation, start_ps: NDArray[np.int64], end_ps: NDArray[np.int64]) -> list[str]:
    """Who waits for whom: every communication that began and did not end, with the parts that never began.

    Args:
        translation: The graph.
        start_ps: Per instance, NO_TIME if it never began.
        end_ps: Per instance, NO_TIME if it never ended.
    """
    instances = translation.instances
    stuck = np.flatnonzero((start_ps != NO_TIME) & (end_ps == NO_TIME) & (instances.meeting != NONE))
    held_by: dict[int, int] = {}
    for instance in stuck.tolist():
        held_by.setdefault(int(instances.rank_class[instance]), instance)
    start, parts = instances.parts()

    lines = []
    for instance in stuck.tolist():
        meeting = int(instances.meeting[instance])
        absent = [part for part in parts[start[meeting] : start[meeting + 1]].tolist() if start_ps[part] == NO_TIME]
        for part in absent[:1]:
            rank, other = int(instances.rank_class[instance]), int(instances.rank_class[part])
            line = f"rank {rank} is in {_spelt(translation, instance)} and waits for rank {other} to begin "
            line += _spelt(translation, part)
            if other in held_by:
                line += f", which is in {_spelt(translation, held_by[other])}"
            lines.append(line)
    return lines


def crossed_collectives(translation: Translation, start_ps: NDArray[np.int64]) -> Iterator[str]:
    """Collectives that ranks of one group started in different order.

    ASTRA-sim pairs collectives by their order of starting, not by node, so each was simulated with the other's
    partners.
    """
    instances, meetings = translation.instances, translation.meetings
    rows = np.flatnonzero(instances.meeting != NONE)
    rows = rows[(meetings.source[instances.meeting[rows]] < 0) & (start_ps[rows] != NO_TIME)]
    group = meetings.group[instances.meeting[rows]]
    rank = instances.ranks[rows]
    if _in_step(translation, rows, group, start_ps):
        return
    order = np.lexsort((translation.numbering.ids[rows], start_ps[rows], rank, group))
    rows, group, rank = rows[order], group[order], rank[order]
    for begin, end in _runs(group):
        sequences = [instances.meeting[rows[begin + a : begin + b]] for a, b in _runs(rank[begin:end])]
        ranks = rank[begin:end][[a for a, _ in _runs(rank[begin:end])]].tolist()
        for other, sequence in zip(ranks[1:], sequences[1:], strict=True):
            length = min(len(sequence), len(sequences[0]))
            differs = np.flatnonzero(sequence[:length] != sequences[0][:length])
            if len(differs):
                mine, theirs = (int(column[differs[0]]) for column in (sequences[0], sequence))
                yield (
                    f"ranks {ranks[0]} and {other} started collectives in different order, and ASTRA-sim pairs them by "
                    f"order: {_named(translation, mine)} met {_named(translation, theirs)}"
                )
                break


def _in_step(
    translation: Translation, rows: NDArray[np.int64], group: NDArray[np.int64], start_ps: NDArray[np.int64]
) -> bool:
    """Whether every rank started a group's collectives in the order of its trace, which is that of the others."""
    instances, ids = translation.instances, translation.numbering.ids[rows]
    line = group * instances.classes.count + instances.rank_class[rows]
    by_line = stable_order(line, int(line.max(initial=0)) + 1)
    line, rows, ids, group = line[by_line], rows[by_line], ids[by_line], group[by_line]
    follows, start = line[1:] == line[:-1], start_ps[rows]
    in_turn = (start[1:] > start[:-1]) | ((start[1:] == start[:-1]) & (ids[1:] > ids[:-1]))
    if not len(rows) or not in_turn[follows].all():
        return not len(rows)
    heads = np.flatnonzero(np.concatenate([[True], ~follows]))
    turn = np.arange(len(rows)) - np.repeat(heads, np.diff(np.append(heads, len(rows))))
    turns = int(turn.max()) + 1
    if (int(group.max()) + 1) * turns > _MOST_TURNS * len(rows):
        return False
    meeting, at = instances.meeting[rows], group * turns + turn
    of_turn = np.zeros((int(group.max()) + 1) * turns, dtype=np.int32)
    of_turn[at] = meeting
    return bool((of_turn[at] == meeting).all())


_MOST_TURNS = 16
"""Turns of groups, per collective on a rank, of which a table is made."""


def _named(translation: Translation, meeting: int) -> str:
    graph = translation.instances.graph
    row = int(np.argmax(graph.match == translation.instances.meeting_match[meeting]))
    return f"{graph.node_name(row)!r} (row {row})"


def _runs(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Begin and end of every stretch of equal values."""
    if not len(values):
        return []
    cuts = np.flatnonzero(np.diff(values)) + 1
    edges = [0, *cuts.tolist(), len(values)]
    return list(pairwise(edges))
