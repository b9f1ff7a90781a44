"""Ids, dependencies, and nodes that never run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from versim import Finding

from versim_astrasim.engine.trace import COMP, INVALID
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import Program, Step


def check(step: Step) -> Iterator[Finding]:
    """Findings of every distinct program."""
    if step.network is not None and len(step.programs) < step.network.rank_count:
        yield finding(
            "missing-rank",
            f"the network has {step.network.rank_count} ranks, but there are traces for {len(step.programs)}",
            len(step.programs),
        )
    for rank in range(step.world_size, len(step.programs)):
        yield finding("extra-rank", f"the network has {step.world_size} ranks; this trace is never read", rank)
    for rank, program in step.distinct():
        yield from _of(rank, program, roofline=step.system is not None and step.system.roofline_enabled)


def _of(rank: int, program: Program, *, roofline: bool) -> Iterator[Finding]:
    if not len(program):
        yield finding("empty-trace", "the trace has no nodes, on which the program aborts", rank)
        return
    for position in program.repeated:
        yield finding(
            "duplicate-id",
            "the id is defined more than once; the last definition counts, with the dependencies of all",
            rank,
            program.ids[position],
        )
    for position, name in program.dangling:
        yield finding(
            "dangling-dependency",
            f"{program.name(position)} depends on node {name}, which does not exist; the program aborts",
            rank,
            program.ids[position],
        )
    if not program.roots:
        yield finding("no-root", "every node waits for another, on which the program aborts", rank)
    stuck = program.never_run
    if stuck:
        circle = _circle(program, stuck)
        through = " → ".join(str(program.ids[position]) for position in [*circle[:8], circle[0]])
        yield finding(
            "dependency-cycle",
            f"nodes wait for themselves or one another ({through}): {len(stuck)} of {len(program)} never run; the rank "
            "does not wait for them, and reports that it finished",
            rank,
            program.ids[circle[0]],
        )
    yield from _skipped(rank, program, stuck, roofline=roofline)


def _circle(program: Program, stuck: frozenset[int]) -> list[int]:
    """One circle among nodes each of which waits for another of them."""
    path: dict[int, int] = {}
    position = min(stuck)
    while position not in path:
        path[position] = len(path)
        position = next(needed for needed in program.needs[position] if needed in stuck)
    return list(path)[path[position] :][::-1]


def _skipped(rank: int, program: Program, stuck: frozenset[int], *, roofline: bool) -> Iterator[Finding]:
    """Nodes that end without the rank looking for what they free: invalid ones, and compute on 0 bytes by roofline."""
    kind = program.column("node_type")
    of_no_bytes = (kind == COMP) & (program.column("tensor_size") == 0) & (program.column("is_cpu_op") == 0) & roofline
    invalid = [
        position for position in np.flatnonzero((kind == INVALID) | of_no_bytes).tolist() if position not in stuck
    ]
    if not invalid:
        return
    needed_by: dict[int, list[int]] = {}
    for position, needs in enumerate(program.needs):
        for needed in needs:
            needed_by.setdefault(needed, []).append(position)
    others = len(program) - len(stuck) - len(invalid)
    for position in invalid:
        waiting = needed_by.get(position, [])
        # What completes besides the node's own dependents makes the rank look again; that there is such a node is
        # certain only if none is: then nothing ever does.
        if waiting and others <= len(_behind(position, needed_by)):
            yield finding(
                "invalid-strands",
                f"{program.name(waiting[0])} (node {program.ids[waiting[0]]}) waits for a node that is skipped, "
                "and nothing else of the rank completes that would start it: the rank hangs",
                rank,
                program.ids[position],
            )
        else:
            yield finding(
                "invalid-node",
                f"{program.name(position)} is skipped, and what waits for it starts only when another node of the rank "
                "completes",
                rank,
                program.ids[position],
            )


def _behind(position: int, needed_by: dict[int, list[int]]) -> set[int]:
    """Positions that wait for one, directly or through others."""
    reached: set[int] = set()
    stack = [position]
    while stack:
        for dependent in needed_by.get(stack.pop(), ()):
            if dependent not in reached:
                reached.add(dependent)
                stack.append(dependent)
    return reached
