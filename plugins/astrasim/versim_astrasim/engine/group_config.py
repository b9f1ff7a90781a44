"""The communicator-group file of the original, typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from versim_astrasim.engine.configuration_faults import INT32_MAX, INT32_MIN, Faults, finite
from versim_astrasim.engine.replay import leading_integer


def groups_from_mapping(mapping: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    """Read the group file's object: ids to lists of ranks, whose order matters.

    Ids that are no groups' (0 and below) are read; defining one ends the simulation in an abort. Where two keys give
    the same id, the later in the order of text counts.

    Raises:
        ConfigurationError: Naming every id that is no number and every list that is not one of ranks.
    """
    faults = Faults("communicator groups")
    groups: dict[int, tuple[int, ...]] = {}
    for key, members in sorted(faults.mapping(mapping).items(), key=lambda item: str(item[0])):
        group_id = leading_integer(str(key))
        if group_id is None or not INT32_MIN <= group_id <= INT32_MAX:
            faults.add_type("group id", key, "a whole number larger than 0, of 32 bits")
            continue
        ranks = [_rank(member) for member in _members(members)]
        if None in ranks:
            faults.add_type(f"group {group_id}", members, "a list of ranks")
        groups[group_id] = tuple([rank for rank in ranks if rank is not None])
    faults.check()
    return groups


def _members(members: object) -> Iterable[object]:
    """What the original goes through: an object's values, nothing of null, anything else as a list of itself."""
    if isinstance(members, Mapping):
        return [members[key] for key in sorted(members)]
    if isinstance(members, list | tuple):
        return members
    return () if members is None else (members,)


def _rank(member: object) -> int | None:
    """A rank, truncated as the original does; None for what is no number of 32 bits."""
    number = finite(member)
    return int(number) if number is not None and INT32_MIN <= int(number) <= INT32_MAX else None
