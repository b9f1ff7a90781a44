"""Collectives across the ranks of a group: as many, of the same kinds and sizes, in the same order.

The program pairs them in the order in which ranks start them. That is the order of ids unless dependencies say
otherwise; where it is open, ranks that merely differ in it may meet or not, which the run decides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from versim import Finding

from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import COMM_TYPE_NAMES, WORLD, Program, Step

MOST_VISITS = 20_000_000
"""Nodes times groups that are looked at on one rank for the order of collectives."""


def check(step: Step) -> Iterator[Finding]:
    """Findings of every group that is described."""
    if step.system is not None and step.system.replay_only:
        return
    by_group: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for rank, program in enumerate(step.ranks):
        for position, group in zip(program.collectives, program.groups_of_collectives, strict=True):
            if group is not None:
                by_group[group].setdefault(rank, []).append(position)
    for group, by_rank in by_group.items():
        members = step.members(group)
        if members is None:
            # Without a group file the ranks that name a group are all that is known of it.
            members = tuple(sorted(by_rank))
        members = tuple(rank for rank in dict.fromkeys(members) if 0 <= rank < len(step.ranks))
        if len(members) < 2:
            continue
        if group == WORLD and _partial(step, by_rank):
            # Along some dimensions only, the world falls apart into groups that depend on the network.
            yield from _along_dimensions(step, by_rank)
            continue
        yield from _group(step, group, members, by_rank)


def _partial(step: Step, by_rank: dict[int, list[int]]) -> bool:
    return any(
        not all(step.ranks[rank].involved(position) or (True,))
        for rank, positions in by_rank.items()
        for position in positions
    ) and (step.network is None or len(step.network.npus_count) > 1)


def _along_dimensions(step: Step, by_rank: dict[int, list[int]]) -> Iterator[Finding]:
    """Each rank's k-th collective meets the k-th of those ranks that differ along its dimensions only."""
    if step.network is None:
        return
    for rank, positions in by_rank.items():
        for number, mine in enumerate(positions):
            program = step.ranks[rank]
            involved = program.involved(mine) or (True,) * len(step.network.npus_count)
            first = _first_along(step.network.npus_count, rank, involved)
            if first == rank or first >= len(step.ranks):
                continue
            others = by_rank.get(first, [])
            if number >= len(others):
                yield finding(
                    "collective-partner",
                    f"collective {number} along dimensions has no partner on rank {first}, which has {len(others)}",
                    rank,
                    program.ids[mine],
                )
                break
            different = _difference(step.ranks[first], others[number], program, mine)
            if different:
                node = step.ranks[first].ids[others[number]]
                yield finding(
                    different[0],
                    f"collective {number} {different[1]} here, node {node} on rank {first}",
                    rank,
                    program.ids[mine],
                )
                break


def _first_along(sizes: Sequence[int], rank: int, involved: Sequence[bool]) -> int:
    """The lowest rank that differs from one along the involved dimensions only."""
    stride = 1
    first = rank
    for dimension, size in enumerate(sizes):
        if dimension < len(involved) and involved[dimension]:
            first -= rank // stride % size * stride
        stride *= size
    return first


def _group(step: Step, group: int, members: Sequence[int], by_rank: dict[int, list[int]]) -> Iterator[Finding]:
    label = f"group {group}" if group else "the world"
    first = members[0]
    sound = True
    reference, expected = step.ranks[first], by_rank.get(first, [])
    seen: set[int] = set()
    for rank in members[1:]:
        program, positions = step.ranks[rank], by_rank.get(rank, [])
        if id(program) == id(reference) or id(program) in seen:
            continue
        seen.add(id(program))
        if _equal(reference, expected, program, positions):
            continue
        for number, (mine, theirs) in enumerate(zip(expected, positions, strict=False)):
            different = _difference(reference, mine, program, theirs)
            if different:
                rule, message = different
                if _same_in_another_order(reference, expected, program, positions):
                    rule = "collective-unordered"
                    message += " unless durations make up for it;"
                sound = False
                yield finding(
                    rule,
                    f"collective {number} of {label} {message} here, node {reference.ids[mine]} on rank {first}",
                    rank,
                    program.ids[theirs],
                )
                break
        if len(positions) != len(expected):
            longer, shorter = (rank, first) if len(positions) > len(expected) else (first, rank)
            count = min(len(positions), len(expected))
            extra = (positions if longer == rank else expected)[count]
            sound = False
            yield finding(
                "collective-partner",
                f"collective {count} of {label} has no partner on rank {shorter}, which has only {count}: the ranks "
                "hang",
                longer,
                step.ranks[longer].ids[extra],
            )
    if sound:
        yield from _pairing(step, label, members, by_rank)


def _pairing(step: Step, label: str, members: Sequence[int], by_rank: dict[int, list[int]]) -> Iterator[Finding]:
    """Ranks on which the same names stand in another order than on most: equal collectives meet as nobody meant.

    Where names are not the same on all ranks they say nothing, and where dependencies leave the order open, nothing is
    known of it.
    """
    if any(not step.ranks[rank].trace.names for rank in members):
        return
    sequences: dict[int, tuple[str, ...]] = {}
    of_program: dict[int, tuple[str, ...]] = {}
    for rank in members:
        program = step.ranks[rank]
        if id(program) not in of_program:
            names, row = program.trace.names, program.row
            of_program[id(program)] = tuple(names[row[position]] for position in by_rank.get(rank, ()))
        sequences[rank] = of_program[id(program)]
    usual = Counter(sequences.values()).most_common(1)[0][0]
    other = next(rank for rank, sequence in sequences.items() if sequence == usual)
    for rank, sequence in sequences.items():
        if sequence == usual or Counter(sequence) != Counter(usual):
            continue
        program, positions = step.ranks[rank], by_rank[rank]
        if any(first_loose(step.ranks[r], by_rank[r], by_id=True) is not None for r in (rank, other)):
            continue
        number = next(at for at, (mine, theirs) in enumerate(zip(sequence, usual, strict=True)) if mine != theirs)
        yield finding(
            "collective-names",
            f"collective {number} of {label} is {sequence[number]!r} here and {usual[number]!r} on rank {other}: they "
            "are equal and meet, although their names say another pairing",
            rank,
            program.ids[positions[number]],
        )


def _equal(first: Program, expected: Sequence[int], second: Program, positions: Sequence[int]) -> bool:
    """Whether two ranks do the same collectives in the same order; False where it takes a closer look."""
    if len(expected) != len(positions) or first.trace.involved_dim or second.trace.involved_dim:
        return False
    return all(
        np.array_equal(first.column(name)[expected], second.column(name)[positions])
        for name in ("comm_type", "comm_size")
    )


def _same_in_another_order(first: Program, expected: Sequence[int], second: Program, positions: Sequence[int]) -> bool:
    """Whether two ranks do the same collectives in an order that depends on times."""
    alike = [
        Counter((p.value("comm_type", at), p.value("comm_size", at), p.involved(at)) for at in sequence)
        for p, sequence in ((first, expected), (second, positions))
    ]
    return alike[0] == alike[1] and any(
        first_loose(p, sequence, by_id=True) is not None for p, sequence in ((first, expected), (second, positions))
    )


def _difference(first: Program, mine: int, second: Program, theirs: int) -> tuple[str, str] | None:
    kinds = tuple(COMM_TYPE_NAMES[p.value("comm_type", at)] for p, at in ((first, mine), (second, theirs)))
    if kinds[0] != kinds[1]:
        return "collective-kind", f"is {kinds[1]}, not {kinds[0]} as its partner:"
    sizes = tuple(p.unsigned("comm_size", at) for p, at in ((first, mine), (second, theirs)))
    if sizes[0] != sizes[1] and None not in sizes:
        return "collective-size", f"has {sizes[1]} bytes, not {sizes[0]} as its partner:"
    dimensions = tuple(p.involved(at) for p, at in ((first, mine), (second, theirs)))
    if dimensions[0] != dimensions[1]:
        return "collective-dimensions", f"has involved_dim {dimensions[1]}, not {dimensions[0]} as its partner:"
    return None


def check_order(step: Step) -> Iterator[Finding]:
    """Collectives that a rank may start in another order than that of ids."""
    if step.system is not None and step.system.replay_only:
        return
    for rank, program in step.distinct():
        sequences: dict[int, list[int]] = defaultdict(list)
        for position, group in zip(program.collectives, program.groups_of_collectives, strict=True):
            if group is not None:
                sequences[group].append(position)
        unchecked, budget = 0, MOST_VISITS
        for group, issued in sequences.items():
            positions = sorted(issued)
            budget -= len(program)
            if budget < 0:
                unchecked += 1
                continue
            pair = first_loose(program, positions)
            if pair:
                label = f"group {group}" if group else "the world"
                before, after = (program.ids[position] for position in pair)
                yield finding(
                    "collective-order",
                    f"nothing makes collective {after} of {label} wait for {before}; they are paired with other ranks' "
                    "in the order in which they start",
                    rank,
                    after,
                )
        if unchecked:
            yield finding(
                "collective-order",
                f"whether dependencies fix the order of collectives was not checked for {unchecked} groups: there are "
                f"{len(program)} nodes and {len(sequences)} groups",
                rank,
            )


def first_loose(program: Program, sequence: Sequence[int], *, by_id: bool = False) -> tuple[int, int] | None:
    """The first two neighbours of a sequence of which the later does not wait for the earlier; None if there are none.

    Args:
        program: The rank's.
        sequence: Positions, in the order that is asked about.
        by_id: Take it for waiting, too, if the earlier has the lower id and waits for nothing that the later does not
            wait for: whenever the later may start, the earlier may, and is started first.
    """
    if len(sequence) < 2 or program.in_sequence:
        return None
    number = {position: index for index, position in enumerate(sequence)}
    behind = [0] * len(program)
    for position in program.issue_order:
        needs = program.needs[position]
        reached = max((behind[needed] for needed in needs), default=0)
        place = number.get(position)
        if place is not None:
            if place and reached != place:
                before = sequence[place - 1]
                if not (by_id and before < position and set(program.needs[before]) <= set(needs)):
                    return before, position
            reached = place + 1
        behind[position] = reached
    return None
