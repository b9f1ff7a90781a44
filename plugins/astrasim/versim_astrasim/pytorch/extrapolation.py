"""Few recorded ranks to many: along an axis of parallelism ranks repeat what the recorded ones did.

The traces of R ranks stand for N, a multiple of it: rank ``q`` does what trace ``q mod R`` holds. A group that lies
along the axis grows over all repetitions; any other is one within each. What all ranks of a grown group share stays as
large (an all-reduce of gradients), and shards of it become smaller (the all-gather of a sharded optimizer), or stay if
so chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from versim_astrasim.chakra.schema import schema
from versim_astrasim.pytorch.documents import ConversionError
from versim_astrasim.pytorch.groups import WORLD
from versim_astrasim.pytorch.traffic import COMMUNICATION, MESSAGE_TYPES, RankFile, attribute, size_of

_AXES = {
    "dp": ("data_parallel", "dp", "fsdp", "hsdp"),
    "tp": ("tensor_model_parallel", "tensor_parallel", "tp"),
    "pp": ("pipeline_model_parallel", "pipeline_parallel", "pp"),
    "cp": ("context_parallel", "cp"),
    "ep": ("expert_model_parallel", "expert_parallel", "ep"),
}
"""What Megatron-LM and PyTorch call groups along an axis, in lower case."""


@attrs.frozen(kw_only=True)
class Extrapolation:
    """What is to become of a few ranks.

    Attributes:
        ranks: How many there are to be.
        along: The axis: ``dp``, ``tp``, …, or names of groups, joined by commas.
        shards: ``cut`` all-gathered shards of a grown group into smaller ones, or ``keep`` their size.
    """

    ranks: int
    along: str
    shards: str = "cut"


@attrs.define
class Extrapolated:
    """The ranks there are to be.

    Attributes:
        groups: Ranks by number, without the world.
        notes: What was done, for people.
    """

    _files: Sequence[RankFile]
    _wanted: Extrapolation
    _grown: Mapping[tuple[int, int], bool]
    groups: dict[int, tuple[int, ...]] = attrs.field(factory=dict)
    notes: list[str] = attrs.field(factory=list)
    _numbers: dict[tuple[int, ...], int] = attrs.field(factory=dict)

    def contents(self, rank: int) -> Iterator[bytes]:
        """The messages of a rank's file, without the metadata."""
        given = len(self._files)
        file, shift = self._files[rank % given], rank - rank % given
        for node in file.nodes:
            if node.type not in COMMUNICATION:
                yield node.SerializeToString()
                continue
            copy = schema.Node()
            copy.CopyFrom(node)
            if copy.type in MESSAGE_TYPES:
                self._move_message(copy, rank, shift)
            else:
                self._move_collective(copy, file, shift)
            yield copy.SerializeToString()

    def _move_message(self, node: Any, rank: int, shift: int) -> None:
        for name in ("comm_src", "comm_dst"):
            found = attribute(node, name)
            if found is None:
                continue
            field = found.WhichOneof("value") or "int64_val"
            peer = int(getattr(found, field))
            if peer >= len(self._files):
                raise ConversionError(
                    f"rank {rank % len(self._files)}: node {node.id} is a message with rank {peer}, whose trace is not "
                    "given; messages are repeated within the given traces only, so give those of all stages"
                )
            setattr(found, field, peer + shift)

    def _move_collective(self, node: Any, file: RankFile, shift: int) -> None:
        number = file.group_of(node)
        old = self._members(file, number)
        new = self._moved(file, number, old, shift)
        name = attribute(node, "pg_name")
        wanted = WORLD if new == tuple(range(self._wanted.ranks)) else str(self._number(new))
        if name is None:
            node.attr.add(name="pg_name", string_val=wanted)
        else:
            name.string_val = wanted
        kind = attribute(node, "comm_type")
        if self._wanted.shards == "cut" and kind is not None and kind.int64_val == schema.ALL_GATHER:
            attribute(node, "comm_size").int64_val = -(-size_of(node) * len(old) // len(new))

    def _members(self, file: RankFile, number: int) -> tuple[int, ...]:
        if number:
            return tuple(file.members[number])
        return tuple(file.trace.groups.get(WORLD, ())) or tuple(range(len(self._files)))

    def _moved(self, file: RankFile, number: int, old: tuple[int, ...], shift: int) -> tuple[int, ...]:
        given = len(self._files)
        inside = [rank for rank in old if rank < given]
        if self._grown[file.rank, number]:
            return tuple(rank + first for first in range(0, self._wanted.ranks, given) for rank in inside)
        if len(inside) < len(old):
            raise ConversionError(
                f"rank {file.rank}: group {number} of ranks {list(old)[:8]} goes beyond the {given} traces given "
                f"and is not along {self._wanted.along}; give the traces of all its ranks, or name it with --along"
            )
        return tuple(rank + shift for rank in old)

    def _number(self, ranks: tuple[int, ...]) -> int:
        if ranks not in self._numbers:
            self._numbers[ranks] = len(self._numbers) + 1
            self.groups[self._numbers[ranks]] = ranks
        return self._numbers[ranks]


def extrapolated(files: Sequence[RankFile], wanted: Extrapolation) -> Extrapolated:
    """The ranks that some recorded ones stand for.

    Raises:
        ConversionError: The number is no multiple of those given, or nothing lies along the axis.
    """
    given = len(files)
    if wanted.ranks < given or wanted.ranks % given:
        raise ConversionError(
            f"--ranks {wanted.ranks} is no multiple of the {given} traces that are given; ranks are repeated as a whole"
        )
    grown: dict[tuple[int, int], bool] = {}
    known: dict[str, str] = {}
    for file in files:
        name_of = {number: name for name, number in file.number.items()}
        used = {file.group_of(node) for node in file.nodes if node.type == schema.COMM_COLL_NODE}
        for number in used:
            name = name_of.get(number, WORLD)
            described = file.trace.described.get(name, "")
            known[name] = described
            # The group of all ranks lies along every axis.
            grown[file.rank, number] = number == 0 or lies_along(wanted.along, name, described)
    if known and not any(grown.values()):
        listed = ", ".join(f"{name} ({text})" if text else name for name, text in sorted(known.items())[:12])
        raise ConversionError(
            f"no group lies along {wanted.along!r}; the traces use {listed}; name the groups that grow with --along, "
            "joined by commas"
        )
    result = Extrapolated(files, wanted, grown)
    names = sorted({name for name, text in known.items() if name == WORLD or lies_along(wanted.along, name, text)})
    result.notes.append(
        f"{given} recorded ranks stand for {wanted.ranks}: groups along {wanted.along} "
        f"({', '.join(names) or 'none is used'}) grow {wanted.ranks // given} times; shards gathered in them "
        + ("become that much smaller" if wanted.shards == "cut" else "stay as large")
    )
    return result


def lies_along(along: str, name: str, described: str) -> bool:
    """Whether a group is one of those named, or is described as lying along the axis."""
    wanted = [word.strip() for word in along.split(",")]
    if name in wanted:
        return True
    text = re.sub(r"[^a-z0-9]+", "_", described.lower()).strip("_")
    words = text.split("_")
    for axis in wanted:
        for term in _AXES.get(axis.lower(), (axis.lower(),)):
            if (term in words) if "_" not in term and len(term) < 5 else (term in text):
                return True
    return False
