"""What is looked at: the traces of all ranks, and the simulator's files as far as they are given."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_astrasim.engine import NetworkConfig, RankTrace, RemoteMemoryConfig, SystemConfig
from versim_astrasim.engine.replay import leading_integer
from versim_astrasim.engine.trace import COLL, COMM_TYPES, MISSING, NODE_TYPES

COMM_TYPE_NAMES = {number: name for name, number in COMM_TYPES.items()}
NODE_TYPE_NAMES = {number: name for name, number in NODE_TYPES.items()}
CARRIED_OUT = frozenset(COMM_TYPES[name] for name in ("ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL"))
"""Collectives that move data in ASTRA-sim."""

WORLD = 0
"""The group of collectives that name none."""


def any_of(column: NDArray[np.int64], values: Iterable[int]) -> NDArray[np.bool_]:
    """Which rows hold one of a few values; quicker than ``np.isin``, which sorts."""
    found = np.zeros(len(column), dtype=bool)
    for value in values:
        found |= column == value
    return found


class Program:
    """A trace as the simulator holds it: nodes by id, of a repeated id the last definition with all predecessors.

    Attributes:
        trace: The columns.
        ids: Ids, ascending as unsigned numbers, each once.
        row: Position ─▶ index of the definition that counts.
        dangling: (position, id) of every dependency on a node that does not exist.
        repeated: Positions of ids that are defined more than once.
    """

    def __init__(self, trace: RankTrace) -> None:
        self.trace = trace
        given = trace.node_id.view(np.uint64)
        unique, inverse, counts = np.unique(given, return_inverse=True, return_counts=True)
        self.ids: list[int] = unique.tolist()
        row = np.zeros(len(unique), dtype=np.int64)
        row[inverse] = np.arange(len(given))
        self.row: list[int] = row.tolist()
        self.repeated: list[int] = np.flatnonzero(counts > 1).tolist()
        self.dangling: list[tuple[int, int]] = []
        owners, targets = [], []
        for offsets, deps in ((trace.ctrl_offsets, trace.ctrl_deps), (trace.data_offsets, trace.data_deps)):
            wanted = deps.view(np.uint64)
            place = np.searchsorted(unique, wanted)
            there = place < len(unique)
            there[there] = unique[place[there]] == wanted[there]
            owner = inverse[np.repeat(np.arange(len(given)), np.diff(offsets))]
            owners.append(owner[there])
            targets.append(place[there])
            self.dangling += zip(owner[~there].tolist(), wanted[~there].tolist(), strict=True)
        self._waiting, self._awaited = np.concatenate(owners), np.concatenate(targets)
        self.types: list[int] = trace.node_type[row].tolist()
        self._row = row
        self._lists: dict[str, list[int]] = {}
        self._groups: dict[str, int | None] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def value(self, name: str, position: int) -> int:
        """An integer attribute; MISSING if there is none."""
        values = self._lists.get(name)
        if values is None:
            values = self._lists[name] = self.column(name).tolist()
        return values[position]

    def column(self, name: str) -> NDArray[np.int64]:
        """A column of the trace by position."""
        column: NDArray[np.int64] = getattr(self.trace, name)[self._row]
        return column

    def unsigned(self, name: str, position: int) -> int | None:
        """An integer attribute as the simulator converts it; None if there is none."""
        value = self.value(name, position)
        return None if value == MISSING else value % 2**64

    def on_cpu(self, position: int) -> bool:
        """Whether the node runs on the CPU."""
        return self.value("is_cpu_op", position) != 0

    def name(self, position: int) -> str:
        """The node in words."""
        named = f" {self.trace.names[self.row[position]]!r}" if self.trace.names else ""
        return f"{NODE_TYPE_NAMES[self.types[position]]}{named}"

    def group(self, position: int) -> int | None:
        """The id of a collective's group; None if its name is no number."""
        name = self.trace.pg_name.get(self.row[position], "")
        if (self.row[position], "pg_name") in self.trace.malformed:
            return None
        if name in ("", "0"):
            return WORLD
        if name not in self._groups:
            self._groups[name] = leading_integer(name)
        return self._groups[name]

    def involved(self, position: int) -> tuple[bool, ...] | None:
        """Which dimensions take part, None where the trace does not say."""
        return self.trace.involved_dim.get(self.row[position])

    @cached_property
    def never_run(self) -> frozenset[int]:
        """Positions on a circle of dependencies or behind one; the rank finishes without them."""
        if self._ascends:
            return frozenset()
        return frozenset(range(len(self))) - frozenset(self.issue_order)

    @cached_property
    def issue_order(self) -> Sequence[int]:
        """Positions in the order in which the rank would start them if nothing took time: lowest ready id first."""
        if self._ascends:
            return range(len(self))
        missing = [len(set(needs)) for needs in self.needs]
        dependents: list[list[int]] = [[] for _ in missing]
        for position, needs in enumerate(self.needs):
            for needed in set(needs):
                dependents[needed].append(position)
        ready = [position for position, count in enumerate(missing) if not count]
        order = []
        while ready:
            position = heapq.heappop(ready)
            order.append(position)
            for dependent in dependents[position]:
                missing[dependent] -= 1
                if not missing[dependent]:
                    heapq.heappush(ready, dependent)
        return order

    @cached_property
    def needs(self) -> list[list[int]]:
        """Position ─▶ positions waited for; ids that no node has are left out."""
        order = np.argsort(self._waiting, kind="stable")
        ends = np.cumsum(np.bincount(self._waiting, minlength=len(self))).tolist()
        awaited = self._awaited[order].tolist()
        return [awaited[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    @cached_property
    def _ascends(self) -> bool:
        """Whether every node waits for lower ids only."""
        return bool((self._awaited < self._waiting).all())

    @cached_property
    def collectives(self) -> list[int]:
        """Positions of collectives that move data, in the order of issue; without those that never run."""
        moves = (self.column("node_type") == COLL) & (self.column("is_cpu_op") == 0)
        moves &= any_of(self.column("comm_type"), CARRIED_OUT)
        if self._ascends:
            return list(np.flatnonzero(moves).tolist())
        return [position for position in self.issue_order if moves[position]]

    @cached_property
    def groups_of_collectives(self) -> list[int | None]:
        """The group of every one of them."""
        return [self.group(position) for position in self.collectives]

    @cached_property
    def in_sequence(self) -> bool:
        """Whether every node waits for the one before it, and no node for a later one."""
        follows = np.zeros(len(self), dtype=bool)
        follows[self._waiting[self._awaited == self._waiting - 1]] = True
        return self._ascends and bool(follows[1:].all())

    @cached_property
    def roots(self) -> list[int]:
        """Positions that wait for nothing."""
        waits = np.bincount(self._waiting, minlength=len(self)) > 0
        waits[[position for position, _ in self.dangling]] = True
        return list(np.flatnonzero(~waits).tolist())


@attrs.frozen(kw_only=True, eq=False)
class Step:
    """Everything a check may look at.

    Attributes:
        programs: One per rank; ranks may share one.
        network: The network, None if not given.
        system: The system layer, None if not given.
        groups: Communicator groups, None if not given.
        memory: Remote memory, None if not given.
    """

    programs: Sequence[Program]
    network: NetworkConfig | None = None
    system: SystemConfig | None = None
    groups: Mapping[int, tuple[int, ...]] | None = None
    memory: RemoteMemoryConfig | None = None

    @classmethod
    def of(
        cls,
        traces: Sequence[RankTrace],
        network: NetworkConfig | None = None,
        system: SystemConfig | None = None,
        groups: Mapping[int, tuple[int, ...]] | None = None,
        memory: RemoteMemoryConfig | None = None,
    ) -> Step:
        """A step of traces, of which ranks may share one."""
        made: dict[int, Program] = {}
        programs = [made.get(id(trace)) or made.setdefault(id(trace), Program(trace)) for trace in traces]
        return cls(programs=programs, network=network, system=system, groups=groups, memory=memory)

    @property
    def world_size(self) -> int:
        """Ranks that run: those of the network, else one per trace."""
        return self.network.rank_count if self.network is not None else len(self.programs)

    @property
    def ranks(self) -> Sequence[Program]:
        """Programs of the ranks that run."""
        return self.programs[: self.world_size]

    def distinct(self) -> Iterator[tuple[int, Program]]:
        """Each program once, with the first rank that runs it."""
        seen: set[int] = set()
        for rank, program in enumerate(self.ranks):
            if id(program) not in seen:
                seen.add(id(program))
                yield rank, program

    def members(self, group: int) -> tuple[int, ...] | None:
        """Ranks of a group in its own order; None if nothing says."""
        if group == WORLD:
            return tuple(range(self.world_size))
        return None if self.groups is None else self.groups.get(group)
