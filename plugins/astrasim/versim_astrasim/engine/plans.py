"""Into how many chunks a collective is cut, and which algorithm runs them on which logical structure.

The structure is that of the world's dimensions or of a communicator group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs

from versim_astrasim.engine.algorithms.names import Algorithm, AlgorithmChoice, parse
from versim_astrasim.engine.failures import Abort, CallbackError
from versim_astrasim.engine.notes import Notes
from versim_astrasim.engine.structures import RingStructure, Structure, TreePair
from versim_astrasim.engine.system_config import CollectiveKind, SystemConfig
from versim_astrasim.engine.variant import Variant

GROUP_ID_SPAN = 1_000_000
"""A group's job ids start at its own id times this."""

DEFAULT_INVOLVED_DIMENSIONS = (True, True, True, True)
"""Used where a node does not say; a fifth dimension is then left out (upstream behaviour)."""

ENDLESSLY_MANY = -1
"""Stands for a number of chunks that never comes to an end."""


def chunks(kind: CollectiveKind, size_bytes: int, splits: int, world_size: int) -> tuple[int, int]:
    """Number of chunks and bytes of each.

    All chunks are equal: a remainder makes one more full chunk. Except for all-gather, fewer than ``splits`` times the
    number of ranks bytes are inflated to that (measured: golden/astrasim/single_collective). Where a chunk has no bytes
    but there are bytes to cut, and where negative splits make 2^64 bytes of them, there are :data:`ENDLESSLY_MANY`.

    Raises:
        Abort: Without splits.
    """
    if splits == 0:
        raise Abort("preferred-dataset-splits is 0 or missing: a division by zero")
    chunk = size_bytes // splits if splits > 0 else 0
    if kind is not CollectiveKind.ALL_GATHER and chunk < world_size:
        chunk = world_size
        if splits < 0:
            return ENDLESSLY_MANY, chunk
        size_bytes = splits * chunk
    if size_bytes == 0:
        return 0, 0
    if chunk == 0:
        return ENDLESSLY_MANY, 0
    return -(-size_bytes // chunk), chunk


@attrs.frozen(eq=False, slots=True)
class Plan:
    """How one rank runs one kind of collective.

    Attributes:
        kind: The collective.
        structures: One logical structure per dimension.
        choices: The implementation list, by dimension.
        all_involved: Whether every dimension takes part, whatever the node says.
        custom_path: Path prefix of a trace-described algorithm, which replaces all of the above.
    """

    kind: CollectiveKind
    structures: tuple[Structure, ...] = ()
    choices: tuple[AlgorithmChoice, ...] = ()
    all_involved: bool = False
    custom_path: str | None = None


@attrs.define(eq=False, slots=True)
class Group:
    """A communicator group as one rank sees it.

    Attributes:
        group_id: The number in the group file.
        members: The ranks, in the order of the file.
        next_job_id: Id of the group's next job on this rank.
        plans: Per kind, the plan of the first node of that kind: the original never looks again.
    """

    group_id: int
    members: tuple[int, ...]
    next_job_id: int
    plans: dict[CollectiveKind, Plan] = attrs.field(factory=dict)

    @classmethod
    def of(cls, group_id: int, members: tuple[int, ...]) -> Group:
        """A group before its first collective; its job counter is a 32-bit integer."""
        first = (group_id * GROUP_ID_SPAN + 2**31) % 2**32 - 2**31
        return cls(group_id, members, first)


class Planner:
    """Finds plans; shared by all ranks, so that they share their structures.

    Attributes:
        world_size: Number of ranks.
        notes: What is silently changed.
    """

    def __init__(
        self,
        npus_count: tuple[int, ...],
        system: SystemConfig,
        notes: Notes,
        per_node_custom: Mapping[int, str] | None = None,
    ) -> None:
        self.notes = notes
        self._npus_count = npus_count
        self.world_size = math.prod(npus_count)
        self._system = system
        self._per_node_custom = dict(per_node_custom or {})
        self._choices = {
            kind: tuple(parse(name, system.variant) for name in names)
            for kind, names in system.implementations.items()
            if names
        }
        for kind, choices in self._choices.items():
            if len(choices) > len(npus_count):
                raise Abort(
                    f"{kind.value}-implementation names {len(choices)} algorithms for {len(npus_count)} dimension(s)"
                )
        self._rings: dict[tuple[int, int, int], RingStructure] = {}
        self._trees: dict[tuple[int, int, int], TreePair] = {}
        self._world_plans: dict[tuple[CollectiveKind, int], Plan] = {}
        self._group_rings: dict[tuple[int, ...], RingStructure] = {}
        self._whole = RingStructure.of(tuple(range(self.world_size)))

    def world_plan(self, kind: CollectiveKind, rank: int, node_id: int) -> Plan:
        """The plan of a node without a group.

        Raises:
            CallbackError: If nothing implements the kind.
        """
        custom = self._custom_path(kind, node_id)
        if custom is not None:
            return Plan(kind, custom_path=custom)
        plan = self._world_plans.get((kind, rank))
        if plan is None:
            plan = Plan(kind, self._world_structures(kind, rank), self._native(kind))
            self._world_plans[kind, rank] = plan
        return plan

    def group_plan(self, kind: CollectiveKind, rank: int, node_id: int, group: Group) -> Plan:
        """The plan of a node with a group.

        Raises:
            CallbackError: If nothing implements the kind.
            Abort: If the rank is not a member of a group smaller than the world.
        """
        plan = group.plans.get(kind)
        if plan is None:
            plan = group.plans[kind] = self._new_group_plan(kind, rank, node_id, group)
        return plan

    def _new_group_plan(self, kind: CollectiveKind, rank: int, node_id: int, group: Group) -> Plan:
        custom = self._custom_path(kind, node_id)
        choices = () if custom is not None else self._native(kind)
        if len(group.members) == self.world_size:
            structures = () if custom is not None else self._world_structures(kind, rank)
            return Plan(kind, structures, choices, all_involved=True, custom_path=custom)
        ring = self._group_rings.get(group.members)
        if ring is None:
            ring = self._group_rings[group.members] = RingStructure.of(group.members, quick=True)
        ring.index(rank)
        if len(choices) > 1 and self._system.variant is not Variant.RAPID_LLM:
            # The world's dimensions mean nothing in a group, so the original falls back to a ring.
            choices = (AlgorithmChoice(Algorithm.RING),)
        return Plan(kind, (ring,), choices, all_involved=True, custom_path=custom)

    def _custom_path(self, kind: CollectiveKind, node_id: int) -> str | None:
        path = self._per_node_custom.get((node_id + 2**31) % 2**32 - 2**31)  # looked up as a 32-bit integer
        return self._system.custom_implementations.get(kind) if path is None else path

    def _native(self, kind: CollectiveKind) -> tuple[AlgorithmChoice, ...]:
        choices = self._choices.get(kind)
        if choices is None:
            raise CallbackError(f"the system configuration has no {kind.value}-implementation")
        return choices

    def _world_structures(self, kind: CollectiveKind, rank: int) -> tuple[Structure, ...]:
        structures: list[Structure] = []
        choices = self._native(kind)
        stride = 1
        for dimension, choice in enumerate(choices):
            size = self._npus_count[dimension]
            if choice.spans_all_ranks:
                structures.append(self._whole)
                break
            base = rank - rank // stride % size * stride
            if choice.algorithm is Algorithm.DOUBLE_BINARY_TREE:
                # In the last entry of the list the original leaves out the block a rank is in; that is right only if
                # the list covers all dimensions.
                first = rank % stride if dimension == len(choices) - 1 else base
                structures.append(self._tree_pair(first, stride, size))
            else:
                structures.append(self._ring(base, stride, size))
            stride *= size
        return tuple(structures)

    def _ring(self, base: int, stride: int, size: int) -> RingStructure:
        key = (base, stride, size)
        ring = self._rings.get(key)
        if ring is None:
            ring = self._rings[key] = RingStructure.of(tuple(range(base, base + size * stride, stride)))
        return ring

    def _tree_pair(self, base: int, stride: int, size: int) -> TreePair:
        key = (base, stride, size)
        pair = self._trees.get(key)
        if pair is None:
            pair = self._trees[key] = TreePair.of(tuple(range(base, base + size * stride, stride)))
        return pair
