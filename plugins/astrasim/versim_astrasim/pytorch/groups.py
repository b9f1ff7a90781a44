"""Process groups of all ranks ─▶ numbered communicator groups, as ASTRA-sim wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

WORLD = "0"
"""PyTorch's name of the group of all ranks, and ASTRA-sim's."""


@attrs.frozen
class Numbering:
    """The number of every group.

    Attributes:
        number: Per rank, number by the name that this rank gives the group; 0 is the world.
        ranks: Ranks by number, without the world.
    """

    number: tuple[Mapping[str, int], ...]
    ranks: Mapping[int, tuple[int, ...]]


def numbered(named: Sequence[Mapping[str, tuple[int, ...]]]) -> Numbering:
    """Number the groups of all ranks.

    A name that is a positive number stays. PyTorch has others, too: hashes, where not all ranks take part in making a
    group. Ranks may give different groups the same name.

    Args:
        named: Per rank, the ranks of each group by name; none are all ranks.
    """
    everyone = tuple(range(len(named)))
    members: dict[str, list[tuple[int, ...]]] = {}
    for groups in named:
        for name, ranks in groups.items():
            known = members.setdefault(name, [])
            if name != WORLD and (ranks or everyone) not in known:
                known.append(ranks or everyone)
    chosen: dict[tuple[str, tuple[int, ...]], int] = {}
    for name, known in members.items():
        if len(known) == 1 and name.isascii() and name.isdecimal() and len(name) < 5 and name == str(int(name)):
            chosen[name, known[0]] = int(name)
    taken = set(chosen.values())
    free = (number for number in range(1, len(taken) + sum(map(len, members.values())) + 1) if number not in taken)
    for name, known in members.items():
        for ranks in known:
            if (name, ranks) not in chosen:
                chosen[name, ranks] = next(free)
    return Numbering(
        tuple(
            {name: 0 if name == WORLD else chosen[name, ranks or everyone] for name, ranks in groups.items()}
            for groups in named
        ),
        {number: ranks for (_, ranks), number in sorted(chosen.items(), key=lambda item: item[1])},
    )
