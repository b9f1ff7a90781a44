"""Communicator groups: described, of the network's ranks, with ids that the program keeps apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from versim import Finding

from versim_astrasim.engine.alike_tags import message_sizes
from versim_astrasim.engine.collective_columns import collective_columns
from versim_astrasim.engine.kernel_limits import Incapable
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import WORLD, Step

_MOST_GROUP = 2**31 - 1
"""Ids above 2147 overflow where messages are numbered, on all partners alike; a number beyond 32 bits is not read."""

_CLASH = 500
"""Tags are taken modulo 500 million, so such ids number their messages alike; so do ids it divides and the world."""


def check(step: Step) -> Iterator[Finding]:
    """Findings of the group file and of every collective that names a group."""
    if step.system is not None and step.system.replay_only:
        return
    alone = step.ranks[0] if len(step.ranks) == 1 else None
    if alone is not None and alone.collectives:
        node = alone.ids[alone.collectives[0]]
        yield finding("group-of-one", "there is one rank; its collectives never complete", 0, node)
        return
    used: dict[int, tuple[int, int]] = {}
    world: tuple[int, int] | None = None
    outsiders: list[Finding] = []
    for rank, program in enumerate(step.ranks):
        for position, group in zip(program.collectives, program.groups_of_collectives, strict=True):
            node = program.ids[position]
            if group == WORLD and world is None:
                world = (rank, node)
            if group is None or group == WORLD:
                continue
            used.setdefault(group, (rank, node))
            members = step.members(group)
            if step.groups is None:
                continue
            if members is None:
                outsiders.append(
                    finding(
                        "unknown-group",
                        f"{program.name(position)} names group {group}, which the group file does not have; the "
                        "program ends there",
                        rank,
                        node,
                    )
                )
            elif rank not in members and len(members) < step.world_size:
                outsiders.append(
                    finding(
                        "not-a-member",
                        f"{program.name(position)} names group {group}, of which rank {rank} is no member "
                        f"({_short(members)}); the program aborts",
                        rank,
                        node,
                    )
                )
    yield from outsiders
    if step.groups and not used and any(program.collectives for program in step.ranks):
        yield finding(
            "groups-unused",
            f"the group file describes {len(step.groups)} groups, but no collective names one in pg_name: all are of "
            "the world",
        )
    if used and step.groups is None:
        group, (rank, node) = next(iter(used.items()))
        yield finding(
            "no-group-file",
            f"collectives name {len(used)} groups (e.g. {group}), but no group file is given; what their ranks do is "
            "not checked",
            rank,
            node,
        )
    yield from _described(step, used)
    yield from _clashing(step, {**({} if world is None else {WORLD: world}), **used})


def _described(step: Step, used: dict[int, tuple[int, int]]) -> Iterator[Finding]:
    for group, members in (step.groups or {}).items():
        rank, node = used.get(group, (None, None))
        if not 0 < group <= _MOST_GROUP:
            yield finding("group-id", f"group {group}: the program aborts on it", rank, node)
        outside = [member for member in members if not 0 <= member < step.world_size]
        if outside and group in used:
            yield finding(
                "group-rank-outside",
                f"group {group} lists rank {outside[0]}, but there are {step.world_size} ranks",
                rank,
                node,
            )
        if len(set(members)) < len(members):
            yield finding("group-duplicate", f"group {group} lists a rank twice: {_short(members)}", rank, node)
        elif len(members) == 1 and group in used:
            yield finding("group-of-one", f"group {group} has one rank; its collectives never complete", rank, node)


def _clashing(step: Step, used: dict[int, tuple[int, int]]) -> Iterator[Finding]:
    together: dict[int, int] = {}
    for group in sorted(used):
        first = together.setdefault(group % _CLASH, group)
        if first != group and _may_mistake(step, first, group):
            rank, node = used[group]
            yield finding(
                "group-id-clash",
                f"{f'groups {first} and' if first else 'the world and group'} {group} number their messages alike, "
                "share ranks and have messages of one size; they may take one another's",
                rank,
                node,
            )


def _may_mistake(step: Step, first: int, second: int) -> bool:
    """Whether groups that number their messages alike share both ends of a message, and have one of the same size."""
    members, others = (set(step.members(group) or ()) for group in (first, second))
    if len(members & others) < 2:
        return False
    sizes, theirs = (_message_sizes(step, group) for group in (first, second))
    return sizes is None or theirs is None or not sizes.isdisjoint(theirs)


def _message_sizes(step: Step, group: int) -> set[int] | None:
    """Sizes of a group's messages; None where nothing says."""
    if step.network is None or step.system is None:
        return None
    kinds: dict[tuple[int, int, tuple[bool, ...] | None], None] = {}
    for _, program in step.distinct():
        for position, named in zip(program.collectives, program.groups_of_collectives, strict=True):
            if named == group:
                columns = (program.value(name, position) for name in ("comm_type", "comm_size"))
                kinds[(*columns, program.involved(position))] = None  # type: ignore[index]
    rows = [(comm_type, size, group, place) for place, (comm_type, size, _) in enumerate(kinds)]
    try:
        laid_out = collective_columns(
            np.array(rows, dtype=np.int64).reshape(-1, 4),
            [involved for _, _, involved in kinds],
            step.network,
            step.system,
            step.groups or {},
        )
    except Incapable:
        return None
    return message_sizes(laid_out, 0 if group else -1)


def _short(ranks: tuple[int, ...]) -> str:
    return ", ".join(map(str, ranks[:8])) + (" …" if len(ranks) > 8 else "")
