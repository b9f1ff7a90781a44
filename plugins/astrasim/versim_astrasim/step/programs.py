"""A translated step: as traces for files, lint and the Python engine, as columns for the compiled one.

Traces of large steps are many objects, so they are made when first asked for; the compiled engine never asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NONE, Instances, Op

from versim_astrasim.engine import RankTrace, SystemConfig
from versim_astrasim.engine.columns import MOST_TICKS, Programs
from versim_astrasim.engine.fold import Fold
from versim_astrasim.engine.kernel_limits import Incapable
from versim_astrasim.engine.trace import COMP
from versim_astrasim.step.encoding import ComputeEncoding
from versim_astrasim.step.folding import Folding
from versim_astrasim.step.numbering import Numbering, joined_dependencies, stable_order
from versim_astrasim.step.origin import MemoryNodes
from versim_astrasim.step.traces import NATIVE_TAGS, NODE_TYPE_OF, Meetings, traces_of

Integers = NDArray[np.int64]
Rows = NDArray[np.int32]


@attrs.frozen(kw_only=True, eq=False, slots=False)
class StepTraces(Sequence[RankTrace]):
    """One trace per simulated rank.

    Attributes:
        instances: The graph with one row per node and rank.
        encoding: How compute is written.
        kept: Which instances stand in a trace.
        numbering: Their ids.
        meetings: Sizes, tags and groups of communications.
        rank_count: Simulated ranks.
        memory: Loads and stores, None if there are none.
        folding: The ranks that columns are of, where one stands for several; there are no traces then.
    """

    instances: Instances
    encoding: ComputeEncoding
    kept: NDArray[np.bool_]
    numbering: Numbering
    meetings: Meetings
    rank_count: int
    memory: MemoryNodes | None
    folding: Folding | None = None

    @property
    def fold(self) -> Fold | None:
        """The classes of ranks that columns are of; None where each rank has its own."""
        return None if self.folding is None else self.folding.fold

    @cached_property
    def _made(self) -> tuple[RankTrace, ...]:
        if self.folding is not None:
            raise ValueError("a folded step has columns only")
        return traces_of(
            self.instances,
            self.encoding,
            self.kept,
            self.numbering,
            self.meetings,
            self.rank_count,
            self.memory,
        )

    def __len__(self) -> int:
        return self.rank_count

    @overload
    def __getitem__(self, index: int) -> RankTrace: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RankTrace]: ...

    def __getitem__(self, index: int | slice) -> RankTrace | Sequence[RankTrace]:
        return self._made[index]

    def __iter__(self) -> Iterator[RankTrace]:
        return iter(self._made)

    @cached_property
    def busy(self) -> NDArray[np.bool_]:
        """Which simulated ranks have nodes; shape (ranks,), or (classes,) where they are folded."""
        busy = np.zeros(self.rank_count if self.folding is None else self.instances.classes.count, dtype=bool)
        busy[: self.instances.classes.count] = np.diff(self.numbering.start) > 0
        return busy

    @cached_property
    def place(self) -> Rows:
        """Where each instance stands among those in traces, by rank and id; -1 for none."""
        place = np.full(self.instances.count, -1, dtype=np.int32)
        place[self.numbering.order] = np.arange(len(self.numbering.order), dtype=np.int32)
        return place

    @cached_property
    def edges(self) -> tuple[Rows, Rows]:
        """Places that wait, and the places they wait for; each pair once."""
        owner, target = joined_dependencies(self.instances, self.kept)
        return self.place[owner], self.place[target]

    @cached_property
    def waits(self) -> Rows:
        """How many places each place waits for."""
        return np.bincount(self.edges[0], minlength=len(self.numbering.order)).astype(np.int32)

    @cached_property
    def node(self) -> Rows:
        """The graph's row of each place."""
        return self.instances.node[self.numbering.order]

    @cached_property
    def meeting(self) -> Rows:
        """The meeting of each place, NONE for compute."""
        return self.instances.meeting[self.numbering.order]

    @cached_property
    def op(self) -> NDArray[np.int8]:
        """What the node of each place does."""
        return self.instances.graph.op[self.node]

    def _contact(self, idle: int) -> NDArray[np.uint8] | None:
        if self.folding is None or self.folding.contacts is None:
            return None
        match = self.instances.graph.match[self.node]
        return np.append((match != NONE) & self.folding.contacts[match], [False] * idle).astype(np.uint8)

    def programs(self, system: SystemConfig) -> Programs:
        """The same as the compiled engine takes it.

        Raises:
            Incapable: Something is for the Python engine.
        """
        order, start = self.numbering.order, self.numbering.start
        if self.memory is not None or system.replay_only:
            raise Incapable("memory and other nodes")
        if self.encoding.host.any():
            raise Incapable("CPU nodes")
        node, op, parts = self.node, self.op, np.flatnonzero(self.meeting != NONE)
        met = self.meeting[parts]
        duration_ns = np.where(op == Op.COMPUTE, self.encoding.consumed_ns[node], 1)
        if len(duration_ns) and not 0 < duration_ns.min() <= duration_ns.max() <= MOST_TICKS:
            raise Incapable("durations beyond 2^53 ns")

        def of_parts(values: Integers) -> Integers:
            column = np.zeros(len(order), dtype=np.int64)
            column[parts] = values
            return column

        waiting, needed = self.edges
        programs = np.flatnonzero(self.busy)
        idle = int(not self.busy.all())
        of_rank = np.full(len(self.busy), len(programs), dtype=np.int64)
        of_rank[programs] = np.arange(len(programs))
        receives = op[parts] == Op.RECV
        peer = np.where(receives, self.meetings.source[met], self.meetings.target[met])
        tag = np.maximum(self.meetings.tag, 0) % NATIVE_TAGS
        # The place within its rank's program.
        position = np.arange(len(order), dtype=np.int32) - np.repeat(start[:-1].astype(np.int32), np.diff(start))
        starts = np.concatenate([start[programs], [len(order)], [len(order) + 1] * idle])

        def padded(column: NDArray[np.generic], filling: int = 0) -> NDArray[np.generic]:
            """With the one node of a rank that has nothing to do."""
            return np.append(column, np.full(idle, filling, dtype=column.dtype)) if idle else column

        return Programs(
            start=starts.astype(np.int64),
            of_rank=of_rank,
            node_id=padded(self.numbering.ids[order].view(np.uint64)),  # type: ignore[arg-type]
            node_type=padded(NODE_TYPE_OF[op].astype(np.uint8), COMP),  # type: ignore[arg-type]
            duration_ns=padded(duration_ns, 1),  # type: ignore[arg-type]
            peer=padded(of_parts(peer)),  # type: ignore[arg-type]
            tag=padded(of_parts(tag[met])),  # type: ignore[arg-type]
            size_bytes=padded(of_parts(self.meetings.comm_size[met])),  # type: ignore[arg-type]
            comm_type=padded(of_parts(self.meetings.comm_type[met])),  # type: ignore[arg-type]
            group=padded(of_parts(self.meetings.group[met])),  # type: ignore[arg-type]
            involved=np.zeros(len(order) + idle, dtype=np.int64),
            involved_sets=(None,),
            predecessor_count=padded(self.waits),  # type: ignore[arg-type]
            successor_start=np.concatenate([[0], np.cumsum(np.bincount(needed, minlength=len(order) + idle))]),
            successor=position[waiting[stable_order(needed, len(order))]],
            skipped=np.zeros(0, dtype=np.int64),
            contact=self._contact(idle),
        )
