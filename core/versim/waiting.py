"""Who waits for whom, when a simulation ends with work left over."""

from __future__ import annotations

import numpy as np

from versim.graph import NONE, Instances
from versim.prediction import NO_TIME
from versim.schedule import Schedule

MOST_LINES = 12
"""A stalled step leaves thousands of nodes behind; the first of each rank say why."""


def waiting_nodes(instances: Instances, schedule: Schedule) -> tuple[tuple[int, int], ...]:
    """(representative rank, row) of every node that never ended, by rank, then program order."""
    ranks = instances.classes.representatives()
    left = np.flatnonzero(schedule.end_ps == NO_TIME)
    return tuple(sorted((int(ranks[instances.rank_class[row]]), int(instances.node[row])) for row in left.tolist()))


def explain(instances: Instances, schedule: Schedule) -> tuple[str, ...]:
    """One sentence per rank on what its first stuck node waits for.

    A node is stuck at the front if its own dependencies have ended: it waits for the other parts of its
    communication. Those are named with what they wait for in turn, which closes the circle of a deadlock.
    """
    graph = instances.graph
    ranks = instances.classes.representatives()
    ended = schedule.end_ps != NO_TIME
    part_start, parts = instances.parts()

    def spelt(row: int) -> str:
        node = int(instances.node[row])
        return f"node {node} ({graph.node_name(node)!r})"

    def rank(row: int) -> int:
        return int(ranks[instances.rank_class[row]])

    def unmet(row: int) -> list[int]:
        on = instances.dependency[instances.dependency_start[row] : instances.dependency_start[row + 1]]
        return [int(other) for other in on if not ended[other]]

    lines = []
    for row in np.flatnonzero(~ended).tolist():
        if unmet(row):
            continue
        met = int(instances.meeting[row])
        if met == NONE:
            lines.append(f"rank {rank(row)}: {spelt(row)} was never started")
            continue
        others = [
            int(part) for part in parts[part_start[met] : part_start[met + 1]] if part != row and unmet(int(part))
        ]
        if not others:
            lines.append(f"rank {rank(row)}: {spelt(row)} never ended")
            continue
        other, behind = others[0], unmet(others[0])[0]
        lines.append(
            f"rank {rank(row)}: {spelt(row)} waits for {spelt(other)} on rank {rank(other)}, "
            f"which waits for {spelt(behind)}"
        )
    more = len(lines) - MOST_LINES
    return (*lines[:MOST_LINES], *([f"… and {more} more"] if more > 0 else []))
