"""What the compiled kernel is given: all programs in columns, collectives laid out as steps.

The Python engine is the specification, and knows everything; the kernel knows what training steps consist of. What is
here says which inputs it can take (:exc:`Incapable` names what it cannot) and puts them into arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import attrs
import numpy as np
import numpy.typing as npt

from versim_astrasim.engine.algorithms.names import Algorithm
from versim_astrasim.engine.collective_columns import (
    STEP_ALGORITHM,
    STEP_IN_GROUP,
    STEP_MEMBERS,
    CollectiveColumns,
    algorithm_code,
    collective_columns,
)
from versim_astrasim.engine.fold import Fold
from versim_astrasim.engine.kernel_limits import Incapable
from versim_astrasim.engine.matching import COLLECTIVE_TAGS
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.program import COMM_SLOT, GPU_SLOT, NO_SLOT
from versim_astrasim.engine.replay import NS_PER_US, leading_integer
from versim_astrasim.engine.roofline import Roofline
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.topologies import RING
from versim_astrasim.engine.trace import COLL, COMM_TYPES, COMP, MISSING, RECV, SEND, RankTrace
from versim_astrasim.engine.variant import Variant

Integers = npt.NDArray[np.int64]

REPLAY, REPLAY_COMPUTE, SEND_MESSAGE, RECEIVE_MESSAGE, RUN_COLLECTIVE, SKIP = range(6)
"""What issuing a node does (``NodeAction`` in ``native/input.hpp``)."""

GPU_CLASS, COMM_CLASS = 0, 1
"""Classes of the statistics the original prints."""

WORLD = 0
"""Group id of a collective of all ranks."""

MOST_TICKS = 2**53
"""Durations beyond this are the Python engine's."""


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The nodes of all distinct traces, one after another, each trace's in order of id.

    Attributes:
        start: int64 (programs + 1,), where each begins.
        of_rank: int64 (simulated ranks,), the program each rank runs.
        node_id: uint64 (nodes,).
        node_type: uint8 (nodes,), e.g. ``COMP``.
        duration_ns: int64 (nodes,), of compute and of what is only replayed.
        peer: int64 (nodes,), the other end of a message.
        tag: int64 (nodes,).
        size_bytes: int64 (nodes,), of messages and collectives.
        comm_type: int64 (nodes,), of collectives.
        group: int64 (nodes,), id of the communicator group, :data:`WORLD` for all ranks.
        involved: int64 (nodes,), index into ``involved_sets``.
        involved_sets: Dimensions that take part in a collective, by index; None is the default.
        predecessor_count: int32 (nodes,), distinct predecessors.
        successor_start: int64 (nodes + 1,).
        successor: int32 (edges,), positions within the program.
        skipped: Rows of compute without bytes under the roofline, which ends at once.
        contact: uint8 (nodes,), 1 where ranks for which one stands part; None if they never do.
    """

    start: Integers
    of_rank: Integers
    node_id: npt.NDArray[np.uint64]
    node_type: npt.NDArray[np.uint8]
    duration_ns: Integers
    peer: Integers
    tag: Integers
    size_bytes: Integers
    comm_type: Integers
    group: Integers
    involved: Integers
    involved_sets: tuple[tuple[bool, ...] | None, ...]
    predecessor_count: npt.NDArray[np.int32]
    successor_start: Integers
    successor: npt.NDArray[np.int32]
    skipped: Integers
    contact: npt.NDArray[np.uint8] | None = None

    @property
    def instance_start(self) -> Integers:
        """int64 (ranks + 1,), where each rank's nodes begin when all ranks' are put one after another."""
        counts = np.diff(self.start)[self.of_rank]
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])


@runtime_checkable
class ProgramSource(Protocol):
    """Traces that know their columns, so that they need not be read one by one."""

    @property
    def fold(self) -> Fold | None:
        """The classes of ranks that the columns are of; None where each rank has its own."""

    def programs(self, system: SystemConfig) -> Programs:
        """The columns; raises :exc:`Incapable` if something in them is for the Python engine."""


@attrs.frozen(kw_only=True, eq=False)
class KernelInput:
    """Everything a run is given, in columns.

    Attributes:
        programs: The nodes.
        collectives: Distinct collectives and their steps.
        network: The network.
        system: The system layer's settings.
        action: uint8 (nodes,).
        slot: uint8 (nodes,).
        statistics_class: uint8 (nodes,).
        collective: int32 (nodes,), index of the distinct collective, -1 for none.
        fold: The classes that simulated ranks stand for, None where each is simulated.
    """

    programs: Programs
    collectives: CollectiveColumns
    network: NetworkConfig
    system: SystemConfig
    action: npt.NDArray[np.uint8]
    slot: npt.NDArray[np.uint8]
    statistics_class: npt.NDArray[np.uint8]
    collective: npt.NDArray[np.int32]
    fold: Fold | None = None


def capable(network: NetworkConfig, system: SystemConfig, per_node_custom: Mapping[int, str] | None) -> None:
    """Look at what concerns all nodes alike.

    Raises:
        Incapable: The kernel cannot simulate this; says what.
    """
    for wrong, what in (
        (Variant.RAPID_LLM in (network.variant, system.variant), "the fork that RAPID-LLM drives"),
        (system.rendezvous, "the rendezvous protocol"),
        (system.model_shared_bus, "the shared bus"),
        (system.custom_implementations or per_node_custom, "collectives described by traces"),
        (system.effective_endpoint_delay_ns < 0, "a negative endpoint delay"),
        (
            math.copysign(1.0, system.local_mem_bw_gb_per_s) < 0,  # minus 0 counts, too
            "a negative memory bandwidth",
        ),
        (system.num_queues_per_dim < 1 or system.lane_width < 1, "lanes that let no chunk start"),
        (
            is_plain_ring(network) and network.npus_count[0] < 3,
            "a congestion-aware ring of two",
        ),
    ):
        if wrong:
            raise Incapable(what)


def is_plain_ring(network: NetworkConfig) -> bool:
    """Whether the network is one congestion-aware ring of ASTRA-sim's."""
    return network.congestion_aware and network.variant is Variant.ASTRA_SIM and network.topology[0] == RING


def kernel_input(
    programs: Programs,
    network: NetworkConfig,
    system: SystemConfig,
    groups: Mapping[int, Sequence[int]],
    fold: Fold | None = None,
) -> KernelInput:
    """Lay out collectives, and say what issuing each node does.

    Raises:
        Incapable: Something in them is for the Python engine.
    """
    node_type = programs.node_type
    if system.replay_only:
        action = np.full(len(node_type), REPLAY_COMPUTE, dtype=np.uint8)
        collective = np.full(len(node_type), -1, dtype=np.int32)
        columns = collective_columns(np.zeros((0, 4), dtype=np.int64), (), network, system, {})
    else:
        rows = np.flatnonzero(node_type == COLL)
        distinct, inverse = distinct_rows([column[rows] for column in _keys(programs)])
        columns = collective_columns(distinct, programs.involved_sets, network, system, groups)
        collective = np.full(len(node_type), -1, dtype=np.int32)
        collective[rows] = inverse
        action = _ACTIONS[node_type]
        action[rows[programs.comm_type[rows] == COMM_TYPES["BROADCAST"]]] = REPLAY
        action[programs.skipped] = SKIP
    return KernelInput(
        programs=programs,
        collectives=columns,
        network=network,
        system=system,
        action=action,
        slot=_SLOTS[node_type],
        statistics_class=np.where(node_type == COMP, GPU_CLASS, COMM_CLASS).astype(np.uint8),
        collective=collective,
        fold=fold,
    )


LARGE_WAVES = 200_000
"""Messages from which on a wave of Python is faster than the kernel, message by message (benchmarks/astrasim.py)."""


def moves_in_step(given: KernelInput) -> bool:
    """Whether all ranks do nothing but the same large ring collectives, which waves stand for (:mod:`.waves`)."""
    steps, system = given.collectives.step, given.system
    one_step = (np.diff(given.collectives.step_start) == 1).all()
    one_by_one = system.lane_width == 1 or (given.collectives.job_count == 1).all()
    rings = steps[:, STEP_ALGORITHM] == algorithm_code(Algorithm.RING)
    alike = (
        given.network.variant is Variant.ASTRA_SIM
        and len(given.programs.start) == 2
        and (given.action == RUN_COLLECTIVE).all()
    )
    if not (alike and one_step and one_by_one and rings.all() and (steps[:, STEP_IN_GROUP] < 0).all()):
        return False
    messages = given.collectives.job_count * steps[:, STEP_MEMBERS] * given.network.rank_count
    return system.num_queues_per_dim == 1 and int(messages[given.collective].sum()) >= LARGE_WAVES


def _keys(programs: Programs) -> tuple[Integers, ...]:
    return programs.comm_type, programs.size_bytes, programs.group, programs.involved


def _numbered(column: Integers) -> tuple[Integers, Integers]:
    """Distinct values, ascending, and which of them each row has; without sorting where they are few or close.

    Long columns are sorted and looked up in slices: an interrupt is heard between them, and few values cost little.
    """
    if len(column) <= _SOME:
        values, place = np.unique(column, return_inverse=True)
        return values, place
    values = np.unique(column[:_SOME])
    if len(values) < _FEW:
        place = np.searchsorted(values, column)
        if (values[np.minimum(place, len(values) - 1)] == column).all():
            return values, place
    lowest, highest = int(column.min()), int(column.max())
    if highest - lowest < len(column):
        codes = column - lowest
        there = np.bincount(codes) > 0
        return np.flatnonzero(there) + lowest, (np.cumsum(there) - 1)[codes]
    slices = [slice(first, first + _AT_ONCE) for first in range(0, len(column), _AT_ONCE)]
    values = _sorted_once(np.concatenate([_sorted_once(column[each]) for each in slices]))
    place = np.empty(len(column), dtype=np.int64)
    for each in slices:
        place[each] = np.searchsorted(values, column[each])
    return values, place


_SOME, _FEW, _AT_ONCE = 1 << 14, 64, 1 << 20


def _sorted_once(column: Integers) -> Integers:
    """Distinct values, ascending, of a column that is not empty.

    ``np.unique`` alone hashes them since numpy 2.3: measured, 1.3 s instead of 0.1 for a million that all differ.
    """
    ordered = np.sort(column)
    distinct: Integers = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return distinct


def distinct_rows(columns: Sequence[Integers]) -> tuple[Integers, Integers]:
    """The distinct rows of columns, and which of them each row is; quicker than ``np.unique`` of an axis."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, place = _numbered(column)
        if len(values) > 1:
            code = _numbered(code * len(values) + place)[1]
    first = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.int64)
    # Of several rows with one code the last that is written stays: the first of them, from behind.
    first[code[::-1]] = np.arange(len(code))[::-1]
    return np.stack([column[first] for column in columns], axis=1), code


def _by_type(values: Mapping[int, int], default: int) -> npt.NDArray[np.uint8]:
    return np.array([values.get(kind, default) for kind in range(COLL + 1)], dtype=np.uint8)


_ACTIONS = _by_type({COMP: REPLAY_COMPUTE, SEND: SEND_MESSAGE, RECV: RECEIVE_MESSAGE, COLL: RUN_COLLECTIVE}, REPLAY)
_SLOTS = _by_type({COMP: GPU_SLOT, RECV: NO_SLOT}, COMM_SLOT)


def programs_of(traces: Sequence[RankTrace], system: SystemConfig) -> Programs:
    """The programs of traces; ranks that share a trace share a program.

    Raises:
        Incapable: Something in a trace is for the Python engine.
    """
    numbers: dict[int, int] = {}
    distinct: list[RankTrace] = []
    for trace in traces:
        if id(trace) not in numbers:
            numbers[id(trace)] = len(distinct)
            distinct.append(trace)
    of_rank = np.array([numbers[id(trace)] for trace in traces], dtype=np.int64)
    reader = _Reader(system)
    parts = [reader.read(trace, np.flatnonzero(of_rank == number)) for number, trace in enumerate(distinct)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    counts = [len(part["node_id"]) for part in parts]
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    successors = joined.pop("successor_count")
    return Programs(
        start=start,
        of_rank=of_rank,
        involved_sets=tuple(reader.involved_sets),
        successor_start=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(successors)]),
        skipped=np.flatnonzero(joined.pop("skipped")),
        **joined,
    )


class _Reader:
    """Reads traces one by one."""

    def __init__(self, system: SystemConfig) -> None:
        self._system = system
        self._roofline = Roofline.of(system.local_mem_bw_gb_per_s, system.peak_perf_tflop_per_s)
        self.involved_sets: dict[tuple[bool, ...] | None, int] = {None: 0}
        self._group_ids: dict[str, int] = {"": WORLD, "0": WORLD}

    def read(self, trace: RankTrace, ranks: Integers) -> dict[str, npt.NDArray[Any]]:
        """The columns of one trace that these ranks run."""
        for wrong, what in (
            (trace.malformed, "attributes of the wrong type"),
            (not len(trace), "a trace without nodes"),
            (bool(trace.is_cpu_op.any()), "CPU nodes"),
            (bool(np.isin(trace.node_type, (COMP, SEND, RECV, COLL), invert=True).any()), "memory and other nodes"),
        ):
            if wrong:
                raise Incapable(what)
        ids = trace.node_id.view(np.uint64)
        order = np.argsort(ids, kind="stable")
        node_id = ids[order]
        if (node_id[1:] == node_id[:-1]).any():
            raise Incapable("nodes defined twice")
        columns: dict[str, npt.NDArray[Any]] = {
            "node_id": node_id,
            "node_type": trace.node_type[order].astype(np.uint8),
            "comm_type": trace.comm_type[order],
            **self._messages(trace, order, ranks),
            **self._edges(trace, order, node_id),
            **self._durations(trace, order),
            **self._scopes(trace, order),
        }
        sized = columns["node_type"] != COMP
        if not self._system.replay_only and (columns["size_bytes"][sized] < 0).any():
            raise Incapable("communication without a size, or of 2^63 bytes and more")
        return columns

    def _messages(self, trace: RankTrace, order: Integers, ranks: Integers) -> dict[str, npt.NDArray[Any]]:
        node_type = trace.node_type[order]
        peer = np.full(len(order), -1, dtype=np.int64)
        tag = np.zeros(len(order), dtype=np.int64)
        if not self._system.replay_only:
            tags = trace.comm_tag[order]
            for kind, here, there in ((SEND, "comm_src", "comm_dst"), (RECV, "comm_dst", "comm_src")):
                rows = np.flatnonzero(node_type == kind)
                own, other = getattr(trace, here)[order[rows]], getattr(trace, there)[order[rows]]
                named = own[own != MISSING]
                if len(named) and not (len(ranks) == 1 and (named == ranks[0]).all()):
                    raise Incapable("messages in another rank's name")
                if ((other < 0) | (other >= 2**31)).any() or ((tags[rows] < 0) | (tags[rows] >= 2**31)).any():
                    raise Incapable("messages without a peer or a tag, or with odd ones")
                peer[rows] = other
                tag[rows] = tags[rows] % COLLECTIVE_TAGS
        return {"peer": peer, "tag": tag, "size_bytes": trace.comm_size[order]}

    def _edges(self, trace: RankTrace, order: Integers, node_id: npt.NDArray[np.uint64]) -> dict[str, npt.NDArray[Any]]:
        count = len(order)
        place = np.empty(count, dtype=np.int64)
        place[order] = np.arange(count)
        pairs = []
        for offsets, deps in ((trace.ctrl_offsets, trace.ctrl_deps), (trace.data_offsets, trace.data_deps)):
            if len(deps):
                targets = np.searchsorted(node_id, deps.view(np.uint64))
                if (targets == count).any() or (node_id[targets] != deps.view(np.uint64)).any():
                    raise Incapable("dependencies on nodes that are not there")
                pairs.append(targets * count + np.repeat(place, np.diff(offsets)))
        joined = np.unique(np.concatenate(pairs)) if pairs else np.zeros(0, dtype=np.int64)
        source, target = np.divmod(joined, count)
        waits = np.bincount(target, minlength=count)
        if waits.all():
            raise Incapable("a trace without a node to start with")
        return {
            "predecessor_count": waits.astype(np.int32),
            "successor_count": np.bincount(source, minlength=count),
            "successor": target.astype(np.int32),
        }

    def _durations(self, trace: RankTrace, order: Integers) -> dict[str, npt.NDArray[Any]]:
        micros = trace.duration_micros[order]
        compute = trace.node_type[order] == COMP
        skipped = np.zeros(len(order), dtype=bool)
        if (micros < 0).any() or (micros > MOST_TICKS // NS_PER_US).any():
            raise Incapable("durations beyond 2^53 ns")
        durations = np.maximum(micros * NS_PER_US, 1)
        if self._system.roofline_enabled and not self._system.replay_only:
            work = np.stack([trace.num_ops[order][compute], trace.tensor_size[order][compute]], axis=1)
            if (work < 0).any():
                raise Incapable("compute without operations or bytes under the roofline")
            distinct, inverse = np.unique(work, axis=0, return_inverse=True)
            each = [self._roofline.point(ops, size).duration_ns if size else 0 for ops, size in distinct.tolist()]
            if max(each, default=0) > MOST_TICKS:
                raise Incapable("durations beyond 2^53 ns")
            durations[compute] = np.array(each, dtype=np.int64)[inverse.reshape(-1)]
            skipped[compute] = work[:, 1] == 0
        return {"duration_ns": durations, "skipped": skipped}

    def _scopes(self, trace: RankTrace, order: Integers) -> dict[str, npt.NDArray[Any]]:
        count = len(order)
        group, involved = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        if trace.pg_name:
            group[list(trace.pg_name)] = list(self._groups(trace.pg_name.values()))
        if trace.involved_dim:
            sets = self.involved_sets
            codes = [sets.setdefault(dimensions, len(sets)) for dimensions in trace.involved_dim.values()]
            involved[list(trace.involved_dim)] = codes
        return {"group": group[order], "involved": involved[order]}

    def _groups(self, names: Any) -> Iterator[int]:
        for name in names:
            group_id = self._group_ids.get(name)
            if group_id is None:
                group_id = leading_integer(name)
                if group_id is None or group_id <= 0:
                    raise Incapable("groups without a number")
                self._group_ids[name] = group_id
            yield group_id
