"""Which nodes of different ranks are parts of one communication.

Collectives: on every rank of a group, the k-th of that group in ascending id. Messages: the k-th send and the k-th
receive of equal (tag, source, destination, size), likewise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from versim_astrasim.engine.trace import COMM_TYPES
from versim_astrasim.importing.ranks import RankNodes

Place = tuple[int, int]
"""A rank and the position of a node on it."""

_COLLECTIVE_NAMES = {number: name for name, number in COMM_TYPES.items()}


@attrs.frozen
class Group:
    """A communicator group.

    Attributes:
        name: As nodes name it, ``""`` for the world; groups along network dimensions add their first rank.
        ranks: In its own order.
        number: Its id, 0 for the world.
    """

    name: str
    ranks: tuple[int, ...]
    number: int


def match_collectives(
    ranks: Sequence[RankNodes], members: Mapping[Group, Mapping[int, Sequence[int]]], faults: list[str]
) -> dict[Place, tuple[Any, ...]]:
    """A key for every part of a collective, equal for the parts of one.

    Args:
        ranks: Nodes by rank.
        members: Per group and rank, positions of its collectives in ascending id.
        faults: What is wrong is added here.
    """
    keys: dict[Place, tuple[Any, ...]] = {}
    for group, by_rank in members.items():
        label = f"group {group.name!r}" if group.name else "the world"
        sequences = {rank: by_rank.get(rank, ()) for rank in group.ranks}
        for rank in sorted(set(by_rank) - set(group.ranks)):
            node = ranks[rank].named(by_rank[rank][0])
            faults.append(f"{node} names {label}, of which rank {rank} is no member ({_short(group.ranks)})")
        first = group.ranks[0]
        expected = sequences[first]
        for rank, sequence in sequences.items():
            for number, (mine, theirs) in enumerate(zip(expected, sequence, strict=False)):
                here, there = ranks[first], ranks[rank]
                pairs = (
                    ("kind", _kind(here, mine), _kind(there, theirs)),
                    ("size", here.size(mine), there.size(theirs)),
                )
                wrong = next((pair for pair in pairs if pair[1] != pair[2]), None)
                if wrong:
                    faults.append(
                        f"{there.named(theirs)} is collective {number} of {label} on its rank with {wrong[0]} "
                        f"{wrong[2]}, but {here.named(mine)} has {wrong[0]} {wrong[1]}; the ranks of a group have to "
                        "do the same collectives in the same order of ids"
                    )
                    break
                keys[rank, theirs] = ("collective", group, number)
            if len(sequence) != len(expected):
                longer, shorter = (rank, first) if len(sequence) > len(expected) else (first, rank)
                extra = sequences[longer][len(sequences[shorter])]
                faults.append(
                    f"{ranks[longer].named(extra)} is collective {len(sequences[shorter])} of {label}, but rank "
                    f"{shorter} has only {len(sequences[shorter])}; add the missing part or remove this one"
                )
    return keys


def match_messages(
    ranks: Sequence[RankNodes],
    sends: Mapping[tuple[int, int, int, int], Sequence[Place]],
    recvs: Mapping[tuple[int, int, int, int], Sequence[Place]],
    faults: list[str],
) -> dict[Place, tuple[Any, ...]]:
    """A key for every end of a message, equal for both ends.

    Args:
        ranks: Nodes by rank.
        sends: By (tag, source, destination, size), in ascending id.
        recvs: By the same.
        faults: What is wrong is added here.
    """
    keys: dict[Place, tuple[Any, ...]] = {}
    for key in {**sends, **recvs}:
        tag, source, target, size = key
        out, into = sends.get(key, ()), recvs.get(key, ())
        for number, (send, recv) in enumerate(zip(out, into, strict=False)):
            keys[send] = keys[recv] = ("message", key, number)
        for places, others, does, partner in (
            (out, into, "sends", f"rank {target} receives"),
            (into, out, "receives", f"rank {source} sends"),
        ):
            if len(places) > len(others):
                rank, position = places[len(others)]
                faults.append(
                    f"{ranks[rank].named(position)} {does} {size} bytes from rank {source} to rank {target} with tag "
                    f"{tag}, but {partner} only {len(others)} such messages; size, tag and peer have to be equal"
                )
    return keys


def _kind(nodes: RankNodes, position: int) -> str:
    number = nodes.value("comm_type", position)
    return _COLLECTIVE_NAMES.get(number, str(number))


def _short(ranks: tuple[int, ...]) -> str:
    return ", ".join(map(str, ranks[:8])) + (" …" if len(ranks) > 8 else "")
