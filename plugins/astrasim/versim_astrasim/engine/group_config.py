"""The communicator-group file of the original, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from versim_astrasim.engine.configuration_faults import INT32_MAX, INT32_MIN, Faults
from versim_astrasim.engine.replay import leading_integer


def groups_from_mapping(mapping: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    """Read the group file's object: ids to lists of ranks, whose order matters.

    Ids that are no groups' (0 and below) are read; defining one ends the simulation in an abort.

    Raises:
        ConfigurationError: Naming every id that is no number and every list that is not one of ranks.
    """
    faults = Faults("communicator groups")
    groups: dict[int, tuple[int, ...]] = {}
    for key, members in faults.mapping(mapping).items():
        group_id = leading_integer(str(key))
        if group_id is None or not _fits(group_id):
            faults.add_type("group id", key, "a whole number larger than 0, of 32 bits")
        elif not isinstance(members, list | tuple) or not all(_fits(rank) for rank in members):
            faults.add_type(f"group {group_id}", members, "a list of ranks")
        else:
            groups[group_id] = tuple(members)
    faults.check()
    return groups


def _fits(value: object) -> bool:
    return type(value) is int and INT32_MIN <= value <= INT32_MAX
