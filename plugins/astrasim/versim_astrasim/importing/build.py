"""Ranks' nodes ─▶ an execution graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ExecutionGraph, FaultsError, GraphBuilder, Kind, Mesh, Phase, Work

from versim_astrasim.engine import SystemConfig
from versim_astrasim.engine.remote_memory import RemoteMemory
from versim_astrasim.engine.trace import COMM_TYPES, MISSING, SEND
from versim_astrasim.importing import order
from versim_astrasim.importing.communicators import Communicators, UnknownGroupError
from versim_astrasim.importing.matching import Group, Place, match_collectives, match_messages
from versim_astrasim.importing.program_faults import breaks_of
from versim_astrasim.importing.ranks import RankNodes
from versim_astrasim.importing.work import (
    Meaning,
    Role,
    has_exact_nanoseconds,
    is_on_host,
    is_untimed,
    role_of,
    work_of,
)
from versim_astrasim.step.origin import MemoryNodes, with_origin
from versim_astrasim.step.traces import COMM_TYPE_OF, numbers_given

_KINDS = {number: kind for kind, number in COMM_TYPE_OF.items()} | {COMM_TYPES["BROADCAST"]: Kind.BROADCAST}
_COLLECTIVE_NAMES = {number: name for name, number in COMM_TYPES.items()}
_MOST_FAULTS = 20
_INT64_MAX = 2**63 - 1


@attrs.frozen(kw_only=True)
class Choices:
    """What may be chosen about an import.

    Attributes:
        compute: ``auto``, ``recorded`` or ``work``, see :class:`versim_astrasim.importing.producer.ImportOptions`.
        memory_nodes: ``refuse``, ``recorded`` or ``simulated``.
        memory: What times memory nodes that are simulated.
        system: The system file that goes with the traces, None if it is not given.
    """

    compute: str = "auto"
    memory_nodes: str = "refuse"
    memory: RemoteMemory | None = None
    system: SystemConfig | None = None


def build(
    ranks: Sequence[RankNodes],
    communicators: Communicators,
    choices: Choices,
    subject: str,
    notes: Sequence[str] = (),
) -> ExecutionGraph:
    """The graph on the mesh (rank=N), rows by rank and then by id.

    Raises:
        FaultsError: Everything in the trace that a graph cannot hold, each with rank and node.
    """
    return _Import(ranks, communicators, choices, subject, notes).graph()


class _Import:
    """One import."""

    def __init__(
        self,
        ranks: Sequence[RankNodes],
        communicators: Communicators,
        choices: Choices,
        subject: str,
        notes: Sequence[str],
    ) -> None:
        self._ranks = ranks
        self._communicators = communicators
        self._choices = choices
        self._subject = subject
        self._faults: list[str] = []
        self._notes: list[str] = [*notes]
        self._roles = [[role_of(nodes, position) for position in range(len(nodes))] for nodes in ranks]
        self._collectives: dict[Group, dict[int, list[int]]] = {}
        self._sends: dict[tuple[int, int, int, int], list[Place]] = defaultdict(list)
        self._recvs: dict[tuple[int, int, int, int], list[Place]] = defaultdict(list)
        self._group_of: dict[Place, Group] = {}

    def graph(self) -> ExecutionGraph:
        """Collect, match, build."""
        orders = [self._order(nodes) for nodes in self._ranks]
        self._collect()
        self._check()
        keys = match_collectives(self._ranks, self._collectives, self._faults)
        keys |= match_messages(self._ranks, self._sends, self._recvs, self._faults)
        self._check()
        self._say_what_is_loose(orders)
        return self._built(keys, orders)

    def _check(self) -> None:
        if self._faults:
            shown = self._faults[:_MOST_FAULTS]
            if len(self._faults) > _MOST_FAULTS:
                shown.append(f"… and {len(self._faults) - _MOST_FAULTS} more")
            raise FaultsError(self._subject, shown)

    def _order(self, nodes: RankNodes) -> list[int]:
        found, circle = order.topological(nodes.offsets, nodes.targets)
        if found is None:
            through = " → ".join(str(nodes.ids[position]) for position in [*circle[:8], circle[0]])
            self._faults.append(
                f"{nodes.named(circle[0])} waits for itself: {through}{' …' if len(circle) > 8 else ''}"
            )
            return []
        return found

    def _collect(self) -> None:
        for nodes, roles in zip(self._ranks, self._roles, strict=True):
            for position, role in enumerate(roles):
                if role is Role.COLLECTIVE:
                    self._collective(nodes, position)
                elif role is Role.MESSAGE:
                    self._message(nodes, position)
                elif role is Role.MEMORY and self._choices.memory_nodes == "refuse":
                    self._faults.append(
                        f"{nodes.named(position)} is a memory access, whose time depends on a memory model that graphs "
                        "do not have; memory_nodes: recorded takes its recorded duration"
                    )

    def _collective(self, nodes: RankNodes, position: int) -> None:
        wrong = self._size_fault(nodes, position)
        kind = nodes.value("comm_type", position)
        malformed = nodes.malformed(position, "comm_type") or nodes.malformed(position, "pg_name")
        if malformed:
            wrong = malformed
        elif kind == MISSING:
            wrong = "has no comm_type"
        elif kind not in _KINDS:
            name = _COLLECTIVE_NAMES.get(kind, str(kind))
            wrong = f"is a {name}, which graphs do not have; express it as another collective or as messages"
        if wrong:
            self._faults.append(f"{nodes.named(position)} {wrong}")
            return
        try:
            group = self._communicators.of(nodes, position)
        except UnknownGroupError as error:
            self._faults.append(str(error))
            return
        outside = [rank for rank in group.ranks if not 0 <= rank < len(self._ranks)]
        if outside or len(set(group.ranks)) < max(2, len(group.ranks)):
            what = f"rank {outside[0]} of {len(self._ranks)}" if outside else f"ranks {list(group.ranks)[:8]}"
            self._faults.append(
                f"{nodes.named(position)}: its group {group.name!r} has {what}; a group needs two distinct ranks or "
                "more, all of the trace"
            )
            return
        self._collectives.setdefault(group, {}).setdefault(nodes.rank, []).append(position)
        self._group_of[nodes.rank, position] = group

    def _size_fault(self, nodes: RankNodes, position: int) -> str:
        if nodes.malformed(position, "comm_size"):
            return nodes.malformed(position, "comm_size")
        size = nodes.size(position)
        if size == MISSING:
            return "has no comm_size"
        return f"has a comm_size of {size}; it has to be from 1 to 2^63 - 1" if not 0 < size <= _INT64_MAX else ""

    def _message(self, nodes: RankNodes, position: int) -> None:
        sends = nodes.types[position] == SEND
        wrong = self._size_fault(nodes, position)
        own, peer = ("comm_src", "comm_dst") if sends else ("comm_dst", "comm_src")
        other, tag, said = (nodes.value(name, position) for name in (peer, "comm_tag", own))
        for name, value in ((peer, other), ("comm_tag", tag)):
            if not wrong and value == MISSING:
                wrong = nodes.malformed(position, name) or f"has no {name}"
        if not wrong and said not in (MISSING, nodes.rank):
            wrong = f"has {own} {said}, but stands on rank {nodes.rank}"
        if not wrong and (not 0 <= other < len(self._ranks) or other == nodes.rank):
            wrong = f"has {peer} {other}; it has to be another of the {len(self._ranks)} ranks"
        if not wrong and tag < 0:
            wrong = f"has comm_tag {tag}; it has to be at least 0"
        if wrong:
            self._faults.append(f"{nodes.named(position)} {wrong}")
            return
        source, target = (nodes.rank, other) if sends else (other, nodes.rank)
        key = (tag, source, target, nodes.size(position))
        (self._sends if sends else self._recvs)[key].append((nodes.rank, position))

    def _say_what_is_loose(self, orders: Sequence[list[int]]) -> None:
        """Note sequences that were matched by id although dependencies leave their order open."""
        sequences: dict[int, list[tuple[str, list[int]]]] = defaultdict(list)
        for group, by_rank in self._collectives.items():
            what = f"collectives of {f'group {group.name!r}' if group.name else 'the world'}"
            for rank, positions in by_rank.items():
                sequences[rank].append((what, positions))
        for does, ends in (("sends", self._sends), ("receives", self._recvs)):
            for (tag, source, target, _), places in ends.items():
                what = f"{does} from rank {source} to {target} with tag {tag}"
                sequences[places[0][0]].append((what, [position for _, position in places]))
        loose: list[str] = []
        unchecked = 0
        for rank, listed in sequences.items():
            nodes = self._ranks[rank]
            budget = order.MOST_VISITS
            offsets, targets = nodes.offsets.tolist(), nodes.targets.tolist()
            for what, positions in listed:
                if len(positions) < 2:
                    continue
                budget -= len(nodes)
                if budget < 0:
                    unchecked += 1
                    continue
                pair = order.first_loose(positions, offsets, targets, orders[rank])
                if pair:
                    first, second = (nodes.ids[position] for position in pair)
                    loose.append(f"rank {rank}: {what}, e.g. nodes {first} and {second}")
        if loose:
            self._notes.append(
                f"matched in ascending id where dependencies do not fix the order, so that a simulator may pair them "
                f"otherwise: {'; '.join(loose[:3])}" + (f"; and {len(loose) - 3} more" if len(loose) > 3 else "")
            )
        if unchecked:
            self._notes.append(
                f"whether dependencies fix the order of matching was not checked for {unchecked} of them"
            )

    def _built(self, keys: Mapping[Place, tuple[Any, ...]], orders: Sequence[list[int]]) -> ExecutionGraph:
        while len(self._ranks) > 1 and len(self._ranks[-1]) and self._ranks[-1].labels(0).beyond:
            self._ranks = self._ranks[:-1]
        builder = GraphBuilder(Mesh(("rank",), (len(self._ranks),)))
        meaning = self._meaning()
        works: dict[object, Work] = {}
        ids: list[int] = []
        for nodes, roles, found in zip(self._ranks, self._roles, orders, strict=False):
            place = builder.place({"rank": nodes.rank})
            after = self._waits(nodes, roles, found, len(ids))
            for position, role in enumerate(roles):
                if role is Role.NOTHING:
                    continue
                ids.append(nodes.ids[position])
                labels, name = nodes.labels(position), nodes.name(position)
                said: dict[str, Any] = {
                    "on": place,
                    "after": after[position],
                    "phase": Phase(labels.phase) if Phase.allows(labels.phase) else Phase.NONE,
                    "layer": labels.layer,
                    "microbatch": labels.microbatch,
                }
                key = keys.get((nodes.rank, position))
                if key is None:
                    builder.compute(name, work_of(nodes, position, meaning, works), **said)
                elif role is Role.COLLECTIVE:
                    group = self._group_of[nodes.rank, position]
                    kind = _KINDS[nodes.value("comm_type", position)]
                    size = nodes.size(position)
                    if kind is Kind.ALL_GATHER:
                        full = labels.size_bytes
                        exact = full is not None and -(-full // len(group.ranks)) == size
                        size = full if exact and full is not None else size * len(group.ranks)
                    builder.collective(
                        name,
                        kind,
                        size,
                        ranks=labels.ranks if sorted(labels.ranks) == sorted(group.ranks) else group.ranks,
                        match=key,
                        algorithm=labels.algorithm,
                        **said,
                    )
                else:
                    tag = None if labels.free_tag else nodes.value("comm_tag", position)
                    end = builder.send if nodes.types[position] == SEND else builder.recv
                    end(name, nodes.size(position), match=key, tag=tag, **said)
        for note in self._notes:
            builder.note(note)
        graph = builder.build(self._subject)
        memory = self._memory_nodes() if self._choices.memory else None
        origin = (self._node_ids(ids), self._group_numbers(graph), memory)
        return with_origin(graph, *origin, untimed=self._untimed(meaning), host=self._host(), breaks=self._breaks())

    def _meaning(self) -> Meaning:
        """How compute is read, and notes on what that loses."""
        roles = [role for roles in self._roles for role in roles]
        of, labelled = self._choices.compute, self._choices.compute == "auto"
        if labelled:
            of = "exact" if has_exact_nanoseconds(self._ranks) else "mixed"
        on_cpu = sum(int((nodes.file.trace.is_cpu_op != 0).sum()) for nodes in self._ranks)
        if on_cpu:
            self._notes.append(
                f"{on_cpu} CPU operations are compute of the host: ASTRA-sim runs them beside the accelerator and in "
                "whole microseconds, other simulators in turn with it"
            )
        nothing = sum(
            role is Role.NOTHING and not nodes.labels(position).placeholder
            for nodes, roles_of in zip(self._ranks, self._roles, strict=False)
            for position, role in enumerate(roles_of)
        )
        if nothing:
            self._notes.append(f"{nothing} metadata and invalid nodes were left out and their dependencies joined")
        memory = roles.count(Role.MEMORY)
        if memory:
            how = (
                "of what remote memory takes; ASTRA-sim simulates them" if self._choices.memory else "of their recorded"
            )
            self._notes.append(f"{memory} memory nodes are compute {how}{'' if self._choices.memory else ' duration'}")
        if of in ("recorded", "mixed"):
            zero = sum(
                int(nodes.file.duration_ns[nodes.row[position]]) == 0
                for nodes, roles_of in zip(self._ranks, self._roles, strict=False)
                for position, role in enumerate(roles_of)
                if role is Role.COMPUTE and nodes.labels(position).compute_ns is None
                if of == "recorded" or nodes.value("num_ops", position) <= 0
            )
            if zero:
                untimed = any((nodes.file.trace.num_ops > 0).any() for nodes in self._ranks)
                self._notes.append(
                    f"{zero} compute nodes without a duration last 1 ns, as in ASTRA-sim"
                    + ("; compute: work times their operations instead" if untimed else "")
                )
        return Meaning(of, labelled, self._choices.memory)

    def _waits(
        self, nodes: RankNodes, roles: Sequence[Role], found: Sequence[int], first_row: int
    ) -> list[tuple[int, ...]]:
        """Rows that each position waits for, with left-out nodes replaced by what those wait for."""
        rows = np.cumsum([role is not Role.NOTHING for role in roles]) - 1 + first_row
        offsets, targets, row_of = nodes.offsets.tolist(), nodes.targets.tolist(), rows.tolist()
        if Role.NOTHING not in roles:
            return [tuple(row_of[target] for target in targets[begin:end]) for begin, end in pairwise(offsets)]
        waits: list[tuple[int, ...]] = [()] * len(roles)
        for position in found:
            needed: dict[int, None] = {}
            for target in targets[offsets[position] : offsets[position + 1]]:
                if roles[target] is Role.NOTHING:
                    needed.update(dict.fromkeys(waits[target]))
                else:
                    needed[row_of[target]] = None
            waits[position] = tuple(sorted(needed))
        return waits

    def _node_ids(self, ids: Sequence[int]) -> NDArray[np.int64] | None:
        """The id of every row; None if they count from 0 on every rank, as export does."""
        row = 0
        for roles in self._roles[: len(self._ranks)]:
            count = len(roles) - roles.count(Role.NOTHING)
            if ids[row : row + count] != list(range(count)):
                return np.array(ids, dtype=np.uint64).view(np.int64)
            row += count
        return None

    def _untimed(self, meaning: Meaning) -> NDArray[np.int64] | None:
        """Which rows are compute that says what it does and not how long; None if there are none."""
        found = [
            int(role is Role.COMPUTE and is_untimed(nodes, position, meaning))
            for nodes, roles in zip(self._ranks, self._roles, strict=False)
            for position, role in enumerate(roles)
            if role is not Role.NOTHING
        ]
        return np.array(found, dtype=np.int64) if any(found) else None

    def _host(self) -> NDArray[np.int64] | None:
        """Which rows are compute of the CPU; None if there are none."""
        found = [
            int(role is Role.COMPUTE and is_on_host(nodes, position))
            for nodes, roles in zip(self._ranks, self._roles, strict=False)
            for position, role in enumerate(roles)
            if role is not Role.NOTHING
        ]
        return np.array(found, dtype=np.int64) if any(found) else None

    def _breaks(self) -> NDArray[np.int64] | None:
        """What the program breaks on, by row; None if it does on nothing."""
        if self._choices.system is None:
            return None
        found = [
            breaks_of(nodes, self._choices.system)[[role is not Role.NOTHING for role in roles]]
            for nodes, roles in zip(self._ranks, self._roles, strict=False)
        ]
        breaks = np.concatenate(found)
        return breaks if breaks.any() else None

    def _memory_nodes(self) -> MemoryNodes:
        """Which rows are memory nodes, and their bytes."""
        kinds: list[int] = []
        sizes: list[int] = []
        for nodes, roles in zip(self._ranks, self._roles, strict=False):
            for position, role in enumerate(roles):
                if role is not Role.NOTHING:
                    is_memory = role is Role.MEMORY
                    kinds.append(nodes.types[position] if is_memory else 0)
                    sizes.append(max(nodes.value("tensor_size", position), 0) if is_memory else 0)
        return MemoryNodes(kind=np.array(kinds, dtype=np.int64), size_bytes=np.array(sizes, dtype=np.int64))

    def _group_numbers(self, graph: ExecutionGraph) -> NDArray[np.int64] | None:
        """The group of every communication; None if it is the one that export gives it."""
        group = np.zeros(graph.communication_count, dtype=np.int64)
        row = 0
        for nodes, roles in zip(self._ranks, self._roles, strict=False):
            for position, role in enumerate(roles):
                if role is Role.COLLECTIVE:
                    group[graph.match[row]] = self._group_of[nodes.rank, position].number
                row += role is not Role.NOTHING
        return None if np.array_equal(group, numbers_given(graph)) else group
