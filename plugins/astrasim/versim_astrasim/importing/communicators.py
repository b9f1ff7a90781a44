"""The group of every collective: by name, by the network dimensions it involves, or the world."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from versim import VersimError

from versim_astrasim.engine.replay import leading_integer
from versim_astrasim.importing.matching import Group
from versim_astrasim.importing.ranks import RankNodes

_MOST_GROUP = 2**31 - 1
"""ASTRA-sim reads no larger id."""


class UnknownGroupError(VersimError):
    """A collective names a group that nothing describes."""


class Communicators:
    """Finds the group of a collective.

    Args:
        named: Groups by name; an empty one is all ranks.
        dimensions: Sizes of the network's dimensions, innermost first; empty if not known.
        world_size: Number of ranks.
    """

    def __init__(self, named: Mapping[str, Sequence[int]], dimensions: Sequence[int], world_size: int) -> None:
        self._everyone = tuple(range(world_size))
        self._dimensions = tuple(dimensions)
        self._world = Group("", self._everyone, 0)
        self._groups: dict[object, Group] = {"": self._world}
        self._numbers: set[int] = set()
        for name in named:
            if name.isdecimal() and 0 < int(name[:11]) <= _MOST_GROUP and str(int(name[:11])) == name:
                self._numbers.add(int(name))
        for name, ranks in named.items():
            if name == "0":
                continue
            number = int(name) if len(name) < 11 and name.isdecimal() and int(name) in self._numbers else self._free()
            self._groups[name] = Group(name, tuple(ranks) or self._everyone, number)

    def _free(self) -> int:
        number = 1
        while number in self._numbers:
            number += 1
        self._numbers.add(number)
        return number

    def of(self, nodes: RankNodes, position: int) -> Group:
        """The group of one collective.

        Raises:
            UnknownGroupError: It names a group that is not known, or dimensions of a network that is not.
        """
        name = nodes.group_name(position)
        if name:
            group = self._groups.get(name)
            if group is None and (number := leading_integer(name)):
                # As the program reads it: of "1_tp" it takes the 1.
                group = self._groups.get(str(number))
            if group is None:
                raise UnknownGroupError(
                    f"{nodes.named(position)} names group {name!r}, which neither a group file nor a metadata node "
                    "describes; give the file as comm_groups"
                )
            return group
        involved = nodes.file.trace.involved_dim.get(int(nodes.row[position]))
        if involved is None or all(involved[: len(self._dimensions) or None]):
            return self._world
        if not self._dimensions:
            raise UnknownGroupError(
                f"{nodes.named(position)} takes place along some dimensions of a network only (involved_dim "
                f"{list(involved)}); give the network's file as network"
            )
        return self._along(nodes.rank, involved)

    def _along(self, rank: int, involved: Sequence[bool]) -> Group:
        """The ranks that differ from one along the involved dimensions only."""
        ranks = [0]
        stride = 1
        for dimension, size in enumerate(self._dimensions):
            index = rank // stride % size
            indices = range(size) if dimension < len(involved) and involved[dimension] else [index]
            ranks = [base + stride * index for index in indices for base in ranks]
            stride *= size
        members = tuple(sorted(ranks))
        key = ("along", members)
        if key not in self._groups:
            along = ", ".join(str(dimension) for dimension, here in enumerate(involved) if here)
            name = f"dimensions {along or 'none'} of rank {members[0]}"
            self._groups[key] = Group(name, members, self._free())
        return self._groups[key]

    def used(self, groups: set[Group]) -> dict[int, tuple[int, ...]]:
        """Ranks by id of the groups in use, the world left out."""
        return {group.number: group.ranks for group in sorted(groups, key=lambda group: group.number) if group.number}


def check_dimensions(dimensions: Sequence[int], world_size: int) -> int:
    """How many of a trace's ranks a network has; refuses one of more ranks than the trace.

    Raises:
        VersimError: Saying both numbers.
    """
    if dimensions and math.prod(dimensions) > world_size:
        sizes = " × ".join(map(str, dimensions))
        raise VersimError(f"the network has {math.prod(dimensions)} ranks ({sizes}), but the trace {world_size}")
    return math.prod(dimensions) if dimensions else world_size
