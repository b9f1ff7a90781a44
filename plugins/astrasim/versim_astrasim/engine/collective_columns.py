"""Distinct collectives as the kernel runs them: how many jobs, and each job's steps through the dimensions.

Everything about a collective that is the same on all its ranks is worked out here, once, with the functions of the
Python engine: chunks, algorithms, sizes from step to step, the exchanges of halving-doubling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from versim_astrasim.engine.algorithms.halving_doubling import steps as exchanges_of
from versim_astrasim.engine.algorithms.names import Algorithm, AlgorithmChoice, parse
from versim_astrasim.engine.algorithms.ring import message_bytes, output_bytes
from versim_astrasim.engine.failures import Failure
from versim_astrasim.engine.kernel_limits import Incapable
from versim_astrasim.engine.lanes import Pick
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.oddities import inflation, wrong_pairs
from versim_astrasim.engine.plans import DEFAULT_INVOLVED_DIMENSIONS, Group, chunks
from versim_astrasim.engine.system_config import LOCAL_BW_AWARE, CollectiveKind, SystemConfig
from versim_astrasim.engine.trace import COMM_TYPES

Integers = npt.NDArray[np.int64]

KINDS = (
    CollectiveKind.ALL_REDUCE,
    CollectiveKind.ALL_GATHER,
    CollectiveKind.REDUCE_SCATTER,
    CollectiveKind.ALL_TO_ALL,
)
"""In the kernel's numbering (``CollectiveKind`` in ``native/input.hpp``)."""

_ALGORITHMS = tuple(Algorithm)
_PICKS = (Pick.ANY, Pick.FIRST_HALF, Pick.LAST_HALF)
_KIND_OF = {COMM_TYPES[kind.name]: kind for kind in KINDS}

STEP_FIELDS = 12
"""Fields of a step, see ``StepField`` in ``native/input.hpp``."""

STEP_ALGORITHM, STEP_BYTES, STEP_MEMBERS, STEP_IN_GROUP, STEP_FIRST_EXCHANGE, STEP_EXCHANGES = 0, 4, 5, 7, 10, 11
"""Some of them."""

EXCHANGE_BYTES = 1
"""A field of an exchange, see ``ExchangeField`` there."""

MOST_JOBS = 1 << 24
"""Chunks of one collective."""


def algorithm_code(algorithm: Algorithm) -> int:
    """An algorithm in the kernel's numbering (``Algorithm`` in ``native/input.hpp``)."""
    return _ALGORITHMS.index(algorithm)


@attrs.frozen(kw_only=True, eq=False)
class CollectiveColumns:
    """Distinct collectives.

    Attributes:
        job_count: int64 (collectives,).
        group: int64 (collectives,), index into the groups, -1 for the world.
        step_start: int64 (collectives + 1,).
        step: int64 (steps, :data:`STEP_FIELDS`).
        exchange: int64 (exchanges, 3): distance, bytes, whether reduced.
        notes: What each silently is instead of what it says.
        group_ids: Ids of the groups in use.
        member_start: int64 (groups + 1,).
        member: int32 (members,), ranks in group order.
        first_job: int64 (groups,), number of each group's first job.
    """

    job_count: Integers
    group: Integers
    step_start: Integers
    step: Integers
    exchange: Integers
    notes: tuple[tuple[str, ...], ...]
    group_ids: tuple[int, ...]
    member_start: Integers
    member: npt.NDArray[np.int32]
    first_job: Integers


def collective_columns(
    distinct: Integers,
    involved_sets: Sequence[tuple[bool, ...] | None],
    network: NetworkConfig,
    system: SystemConfig,
    groups: Mapping[int, Sequence[int]],
) -> CollectiveColumns:
    """Lay out distinct collectives.

    Args:
        distinct: int64 (collectives, 4): kind by the trace format's number, bytes, group id, index of involved set.
        involved_sets: Dimensions that take part, by index.
        network: Of the run.
        system: Of the run.
        groups: Members by id.

    Raises:
        Incapable: A collective is for the Python engine.
    """
    layout = _Layout(network, system, groups)
    for comm_type, size_bytes, group_id, involved in distinct.tolist():
        layout.add(comm_type, size_bytes, group_id, involved_sets[involved])
    return layout.columns()


class _Layout:
    """Collects collectives, their steps and groups."""

    def __init__(self, network: NetworkConfig, system: SystemConfig, groups: Mapping[int, Sequence[int]]) -> None:
        self._npus_count = network.npus_count
        self._world_size = network.rank_count
        self._system = system
        self._groups = groups
        self._choices: dict[CollectiveKind, tuple[AlgorithmChoice, ...]] = {}
        self._group_index: dict[int, int] = {}
        self._job_count: list[int] = []
        self._group: list[int] = []
        self._step_start: list[int] = [0]
        self._steps: list[tuple[int, ...]] = []
        self._exchanges: list[tuple[int, int, int]] = []
        self._exchange_start: dict[tuple[CollectiveKind, int, int], int] = {}
        self._notes: list[tuple[str, ...]] = []
        if any(group_id <= 0 for group_id in groups):
            raise Incapable("groups whose number is not above 0")
        for kind, names in system.implementations.items():
            try:
                self._choices[kind] = tuple(map(parse, names))
            except Failure as failure:
                raise Incapable(failure.reason) from failure
            if len(names) > len(network.npus_count):
                raise Incapable("more algorithms than dimensions")

    def add(self, comm_type: int, size_bytes: int, group_id: int, involved: tuple[bool, ...] | None) -> None:
        if comm_type == COMM_TYPES["BROADCAST"]:
            self._append(0, self._group_of(group_id), ("a broadcast is only replayed",))
            return
        kind = _KIND_OF.get(comm_type)
        choices = () if kind is None else self._choices.get(kind, ())
        if kind is None or not choices:
            raise Incapable("collectives of other kinds, or without an algorithm")
        group = self._group_of(group_id)
        quick = group >= 0 and len(self._groups[group_id]) < self._world_size
        if involved is None:
            involved = DEFAULT_INVOLVED_DIMENSIONS
        sizes = self._sizes(choices)
        if group >= 0:
            involved = (True,) * len(sizes)
        if quick:
            sizes = (len(self._groups[group_id]),)
            choices = (AlgorithmChoice(Algorithm.RING),) if len(choices) > 1 else choices
            involved = (True,)
        usable = [
            dimension
            for dimension, size in enumerate(sizes)
            if size > 1 and dimension < len(involved) and involved[dimension]
        ]
        system = self._system
        if system.preferred_dataset_splits <= 0:
            raise Incapable("collectives without splits")
        count, chunk_bytes = chunks(kind, size_bytes, system.preferred_dataset_splits, self._world_size)
        if not usable or not 0 < count <= MOST_JOBS:
            raise Incapable("collectives in which nothing, or endlessly much, is communicated")
        if system.collective_optimization is None and kind is CollectiveKind.ALL_REDUCE and len(usable) > 1:
            raise Incapable("an all-reduce over several dimensions without collective-optimization")
        notes = self._oddities(kind, usable, sizes, choices, (size_bytes, count, chunk_bytes))
        step_bytes = chunk_bytes
        for step_kind, dimension, pick in self._phases(kind, usable):
            ring = group if quick else -1
            self._add_step(kind, step_kind, dimension, pick, choices, sizes[dimension], step_bytes, ring)
            tree = choices[dimension].algorithm is Algorithm.DOUBLE_BINARY_TREE
            step_bytes = step_bytes if tree else output_bytes(step_kind, step_bytes, sizes[dimension])
            if step_bytes >= 2**62:
                raise Incapable("messages beyond 2^62 bytes")
        self._append(count, group, notes)

    def _append(self, count: int, group: int, notes: tuple[str, ...]) -> None:
        self._job_count.append(count)
        self._group.append(group)
        self._step_start.append(len(self._steps))
        self._notes.append(notes)

    def _group_of(self, group_id: int) -> int:
        if not group_id:
            return -1
        index = self._group_index.get(group_id)
        if index is None:
            members = self._groups.get(group_id)
            if members is None or len(set(members)) < len(members) or not members:
                raise Incapable("groups that are not defined, or name a rank twice")
            if min(members) < 0 or max(members) >= self._world_size:
                raise Incapable("groups of ranks that do not exist")
            index = self._group_index[group_id] = len(self._group_index)
        return index

    def _sizes(self, choices: Sequence[AlgorithmChoice]) -> tuple[int, ...]:
        """Members along each dimension of the world; an algorithm over all ranks ends the list."""
        sizes: list[int] = []
        for dimension, choice in enumerate(choices):
            if choice.spans_all_ranks:
                return (*sizes, self._world_size)
            sizes.append(self._npus_count[dimension])
        return tuple(sizes)

    def _phases(self, kind: CollectiveKind, usable: list[int]) -> list[tuple[CollectiveKind, int, Pick]]:
        if kind is CollectiveKind.ALL_GATHER:
            return [(kind, dimension, Pick.ANY) for dimension in reversed(usable)]
        if kind is not CollectiveKind.ALL_REDUCE or self._system.collective_optimization != LOCAL_BW_AWARE:
            return [(kind, dimension, Pick.ANY) for dimension in usable]
        down = [(CollectiveKind.REDUCE_SCATTER, dimension, Pick.FIRST_HALF) for dimension in usable[:-1]]
        up = [(CollectiveKind.ALL_GATHER, dimension, Pick.LAST_HALF) for dimension in reversed(usable[:-1])]
        return [*down, (kind, usable[-1], Pick.FIRST_HALF), *up]

    def _add_step(
        self,
        kind: CollectiveKind,
        step_kind: CollectiveKind,
        dimension: int,
        pick: Pick,
        choices: Sequence[AlgorithmChoice],
        members: int,
        step_bytes: int,
        group: int,
    ) -> None:
        choice = choices[dimension]
        first = count = 0
        sent_bytes = message_bytes(step_kind, step_bytes, members)
        stride = 1 if choice.spans_all_ranks else math.prod(self._npus_count[:dimension])
        if choice.algorithm is Algorithm.DOUBLE_BINARY_TREE:
            sent_bytes = step_bytes
            whole = dimension == len(choices) - 1 and len(choices) < len(self._npus_count)
            if group >= 0 or members & (members - 1) or whole:
                raise Incapable("double binary trees with ranks that have no place")
        elif choice.algorithm is Algorithm.HALVING_DOUBLING:
            if step_kind is CollectiveKind.ALL_TO_ALL:
                raise Incapable("all-to-all by halving-doubling")
            first, count = self._add_exchanges(step_kind, step_bytes, members)
        elif choice.window_is_closed:
            raise Incapable("a direct algorithm whose window lets no message leave")
        self._steps.append(
            (
                algorithm_code(choice.algorithm),
                KINDS.index(step_kind),
                dimension,
                _PICKS.index(pick),
                sent_bytes,
                members,
                stride,
                group,
                choice.window,
                KINDS.index(kind) * len(self._npus_count) + dimension,
                first,
                count,
            )
        )

    def _add_exchanges(self, kind: CollectiveKind, step_bytes: int, members: int) -> tuple[int, int]:
        steps = exchanges_of(kind, step_bytes, members)
        first = self._exchange_start.get((kind, step_bytes, members))
        if first is None:
            first = self._exchange_start[kind, step_bytes, members] = len(self._exchanges)
            self._exchanges += [(step.distance, step.size_bytes, int(step.reduces)) for step in steps]
        return first, len(steps)

    def _oddities(
        self,
        kind: CollectiveKind,
        usable: list[int],
        sizes: Sequence[int],
        choices: Sequence[AlgorithmChoice],
        cut: tuple[int, int, int],
    ) -> tuple[str, ...]:
        texts = []
        inflated = inflation(kind, cut, self._system.preferred_dataset_splits, self._world_size)
        if inflated is not None:
            texts.append(inflated)
        texts += [
            wrong_pairs(kind, sizes[dimension])
            for dimension in usable
            if choices[dimension].algorithm is Algorithm.HALVING_DOUBLING and sizes[dimension] & (sizes[dimension] - 1)
        ]
        return tuple(texts)

    def columns(self) -> CollectiveColumns:
        members = [self._groups[group_id] for group_id in self._group_index]
        starts = np.cumsum([0, *(len(group) for group in members)])
        return CollectiveColumns(
            job_count=np.array(self._job_count, dtype=np.int64),
            group=np.array(self._group, dtype=np.int64),
            step_start=np.array(self._step_start, dtype=np.int64),
            step=np.array(self._steps, dtype=np.int64).reshape(-1, STEP_FIELDS),
            exchange=np.array(self._exchanges, dtype=np.int64).reshape(-1, 3),
            notes=tuple(self._notes),
            group_ids=tuple(self._group_index),
            member_start=starts.astype(np.int64),
            member=np.array([rank for group in members for rank in group], dtype=np.int32),
            first_job=np.array([Group.of(group_id, ()).next_job_id for group_id in self._group_index], dtype=np.int64),
        )
