"""Communicator groups that a trace carries itself, in metadata nodes.

PyTorch records its process groups in a node named ``## process_group:init ##``, whose input is a JSON list such as
``[{"pg_name": "0", "ranks": [], "group_size": 2}]``; no ranks means all of them.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

PROCESS_GROUP_NODE = "process_group:init"
"""Part of the name of a node that describes groups."""

_LONGEST = 1 << 22
_DEEPEST = 50


def groups_in(values: str) -> dict[str, tuple[int, ...]]:
    """Groups by name, with their ranks in order; an empty tuple is all ranks.

    Anything that is not such a description holds no groups: the node's name is only a convention.
    """
    found: dict[str, tuple[int, ...]] = {}
    for item in _listed(values):
        if not isinstance(item, Mapping):
            continue
        name, ranks = item.get("pg_name"), item.get("ranks", [])
        if isinstance(ranks, Mapping):
            # An older form: rank ─▶ rank within the group.
            ranks = [int(rank) for rank in ranks if str(rank).isdigit() and len(str(rank)) < 10]
        sound = isinstance(ranks, list) and all(type(rank) is int and rank >= 0 for rank in ranks)
        if isinstance(name, str | int) and sound:
            found[str(name)] = tuple(ranks)
    return found


def descriptions_in(values: str) -> dict[str, str]:
    """What groups are for, by name, as far as it is said."""
    found = {}
    for item in _listed(values):
        if isinstance(item, Mapping) and isinstance(item.get("pg_name"), str | int) and item.get("pg_desc"):
            found[str(item["pg_name"])] = str(item["pg_desc"])
    return found


def sizes_in(values: str) -> dict[str, int]:
    """How many ranks groups have, by name, as far as it is said."""
    found = {}
    for item in _listed(values):
        size = item.get("group_size") if isinstance(item, Mapping) else None
        if type(size) is int and size > 0 and isinstance(item.get("pg_name"), str | int):
            found[str(item["pg_name"])] = size
    return found


def _listed(values: str) -> list[Any]:
    """The innermost list: the input is a JSON text within a list within a text."""
    content: Any = values
    for _ in range(4):
        if isinstance(content, str):
            content = _parsed(content)
        if isinstance(content, list) and len(content) == 1 and isinstance(content[0], str):
            content = content[0]
    return content if isinstance(content, list) else []


def _parsed(text: str) -> Any:
    # Both parsers recurse; nesting is bounded before they begin.
    if len(text) > _LONGEST or text.count("[") + text.count("{") + text.count("(") > 1 << 16 or _depth(text) > _DEEPEST:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "[{(":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]})":
            depth -= 1
    return deepest
