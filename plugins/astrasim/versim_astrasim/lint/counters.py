"""Jobs are numbered: what ranks did before decides whether a collective of the world meets its partners.

Every chunk of a collective advances its rank's counter for the world, also if it is a group's; collectives of the world
carry that number in their messages. Ranks that did different numbers of group jobs never meet.
"""

from __future__ import annotations

from collections.abc import Iterator

from versim import Finding

from versim_astrasim.lint.collectives import first_loose
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.sizes import jobs_of
from versim_astrasim.lint.step import WORLD, Program, Step


def check(step: Step) -> Iterator[Finding]:
    """The first collective of the world that ranks reach with different counts, if there is one."""
    if step.system is not None and step.system.replay_only:
        return
    counts: dict[int, list[tuple[int, int]]] = {}
    known: dict[int, list[tuple[int, int]]] = {}
    for rank, program in enumerate(step.ranks):
        if id(program) not in known:
            known[id(program)] = _before_world(step, program)
        counts[rank] = known[id(program)]
    if not counts:
        return
    first, expected = next(iter(counts.items()))
    for rank, mine in counts.items():
        for (node, before), (other_node, other_before) in zip(mine, expected, strict=False):
            if before != other_before:
                fixed = all(first_loose(step.ranks[r], step.ranks[r].collectives) is None for r in (first, rank))
                yield finding(
                    "unbalanced-world" if fixed else "unbalanced-world-unordered",
                    f"a collective of the world follows {before} jobs of groups here, but {other_before} on rank "
                    f"{first} (node {other_node}); jobs are matched by number, so that the ranks hang",
                    rank,
                    node,
                )
                return


def _before_world(step: Step, program: Program) -> list[tuple[int, int]]:
    """For each collective of the nameless world, its node and the jobs of groups before it."""
    result = []
    jobs = 0
    if WORLD not in program.groups_of_collectives:
        return []
    for position, group in zip(program.collectives, program.groups_of_collectives, strict=True):
        if group is None:
            continue
        if group == WORLD:
            result.append((program.ids[position], jobs))
        else:
            jobs += jobs_of(step, program, position)
    return result
