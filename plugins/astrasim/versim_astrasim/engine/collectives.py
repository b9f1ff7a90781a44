"""From a collective node to jobs: cutting into chunks, choosing lanes, building phases."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from versim_astrasim.engine.algorithms.direct import DirectPhase
from versim_astrasim.engine.algorithms.double_binary_tree import DoubleBinaryTreePhase
from versim_astrasim.engine.algorithms.halving_doubling import HalvingDoublingPhase
from versim_astrasim.engine.algorithms.names import Algorithm, AlgorithmChoice
from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.algorithms.ring import RingPhase, rounds_of
from versim_astrasim.engine.failures import Abort, EndlessLoop
from versim_astrasim.engine.jobs import Job, Op, PlannedPhase
from versim_astrasim.engine.lanes import DimensionLanes, Lane, Pick
from versim_astrasim.engine.matching import COLLECTIVE_TAGS
from versim_astrasim.engine.oddities import inflation, wrong_pairs
from versim_astrasim.engine.plans import (
    DEFAULT_INVOLVED_DIMENSIONS,
    ENDLESSLY_MANY,
    Group,
    Plan,
    Planner,
    chunks,
)
from versim_astrasim.engine.rapid_llm import algorithms as rapid_llm
from versim_astrasim.engine.structures import RingStructure, Structure, TreePair
from versim_astrasim.engine.system_config import LOCAL_BW_AWARE, CollectiveKind, SystemConfig
from versim_astrasim.engine.variant import Variant

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank

_CHUNKS_THAT_SHOW = 2


def _nothing() -> None:
    """What follows a collective that never ends."""


class CollectiveScheduler:
    """One rank's system layer: starts collectives as jobs in lanes."""

    def __init__(self, rank: Rank, planner: Planner, system: SystemConfig, dimensions: int) -> None:
        self._rank = rank
        self._planner = planner
        self._system = system
        width = system.lane_width
        self._dimensions = [
            DimensionLanes(tuple(Lane(width) for _ in range(system.num_queues_per_dim))) for _ in range(dimensions)
        ]
        self._next_job_id = 0
        self._tree_turns: dict[tuple[CollectiveKind, int], int] = {}

    def start(
        self,
        kind: CollectiveKind,
        size_bytes: int,
        node_id: int,
        *,
        complete: Callable[[], None],
        group: Group | None = None,
        involved: Sequence[bool] = DEFAULT_INVOLVED_DIMENSIONS,
    ) -> str | None:
        """Start a collective.

        Args:
            kind: What to do.
            size_bytes: The node's size; for an all-gather, the shard each rank contributes.
            node_id: The trace node.
            complete: Called when the last job is over.
            group: The communicator group; None is the world.
            involved: Which dimensions take part, where the plan leaves it open.

        Returns:
            Why the op can never complete; None if it can, as far as this rank can tell.
        """
        rank, planner = self._rank, self._planner
        if group is None:
            plan = planner.world_plan(kind, rank.number, node_id)
        else:
            plan = planner.group_plan(kind, rank.number, node_id, group)
            involved = (True,) * len(plan.structures)
        system = self._system
        splits = system.preferred_dataset_splits
        op = Op(complete)
        if plan.custom_path is not None:
            count, _ = chunks(kind, size_bytes, splits, planner.world_size)
            phase = rank.custom_phase(plan.custom_path, group)
            op.job_count = count
            Job(op, self._take_tag(group), [PlannedPhase(phase, self._dimensions[0].lanes[0])]).advance()
            if count != 1:
                many = "endlessly many" if count == ENDLESSLY_MANY else count
                return f"a trace-described collective is one chunk, but it waits for {many}; use one split"
            return self._stalled()
        count, chunk_bytes = chunks(kind, size_bytes, splits, planner.world_size)
        if count and not involved:
            raise Abort("involved_dim is an empty list, and the original looks at its first entry", rank.number)
        usable = [
            dimension
            for dimension, structure in enumerate(plan.structures)
            if structure.size > 1 and (dimension < len(involved) and involved[dimension])
        ]
        if not usable:
            return "nothing is ever communicated for it: no dimension takes part"
        if count == ENDLESSLY_MANY:
            self._never_return(plan, usable, group, size_bytes, chunk_bytes)
        if system.num_queues_per_dim < 1:
            return "num-queues-per-dim leaves no queue for its chunks"
        if system.collective_optimization is None and kind is CollectiveKind.ALL_REDUCE and len(usable) > 1:
            return (
                "collective-optimization is not set, so the phases of an all-reduce over several dimensions depend on "
                "what is in each rank's memory, and ranks do not agree"
            )
        self._note_oddities(plan, usable, node_id, (size_bytes, count, chunk_bytes))
        if self._start_in_wave(op, plan, usable, (count, chunk_bytes), group):
            return None
        steps = self._steps(plan.kind, usable)
        for _ in range(count):
            Job(op, self._take_tag(group), self._phases(plan, steps, chunk_bytes)).advance()
        op.job_count = count
        if not count:
            return "nothing is ever communicated for it: there are no bytes to gather"
        if any(plan.choices[dimension].window_is_closed for dimension in usable):
            return "the window of its direct algorithm lets no message leave"
        return self._stalled()

    def _never_return(
        self, plan: Plan, usable: list[int], group: Group | None, size_bytes: int, chunk_bytes: int
    ) -> NoReturn:
        """Cut chunks off for ever, unless one of the first cannot even begin.

        Chunks begin as they are cut off. What can go wrong then goes wrong in one of two in a row, because a double
        binary tree takes turns between two trees.
        """
        steps = self._steps(plan.kind, usable)
        op = Op(_nothing)
        for _ in range(_CHUNKS_THAT_SHOW):
            Job(op, self._take_tag(group), self._phases(plan, steps, chunk_bytes)).advance()
        splits = self._system.preferred_dataset_splits
        raise EndlessLoop(
            f"{plan.kind.value} of {size_bytes} bytes is cut into {splits} chunks without ever coming to an end: a "
            f"chunk has {chunk_bytes} bytes"
        )

    def _stalled(self) -> str | None:
        """Why no chunk of this rank ever gets anywhere."""
        if self._system.lane_width < 1:
            return "active-chunks-per-dimension lets no chunk start"
        return None

    def _note_oddities(self, plan: Plan, usable: list[int], node_id: int, cut: tuple[int, int, int]) -> None:
        """Note what the collective silently is instead of what it says."""
        notes, number = self._planner.notes, self._rank.number
        inflated = inflation(plan.kind, cut, self._system.preferred_dataset_splits, self._planner.world_size)
        if inflated is not None:
            notes.add(number, node_id, inflated)
        for dimension in usable:
            size = plan.structures[dimension].size
            if plan.choices[dimension].algorithm is Algorithm.HALVING_DOUBLING and size & (size - 1):
                notes.add(number, node_id, wrong_pairs(plan.kind, size))

    def _start_in_wave(
        self, op: Op, plan: Plan, usable: list[int], chunks: tuple[int, int], group: Group | None
    ) -> bool:
        """Start the op as part of a wave, if it is a ring algorithm that works on one chunk at a time."""
        waves, system = self._rank.waves, self._system
        if waves is None or len(usable) != 1 or not chunks[0] or system.num_queues_per_dim != 1:
            return False
        structure = plan.structures[usable[0]]
        if plan.choices[usable[0]].algorithm is not Algorithm.RING or not isinstance(structure, RingStructure):
            return False
        if system.lane_width < 1 or (chunks[0] > 1 and system.lane_width > 1):
            return False
        # The only lane there is: picking it changes no counter.
        lane = self._dimensions[usable[0]].lanes[0]
        member = waves.member(self._rank, op, plan.kind, structure, lane, chunks, partial(self._take_tag, group))
        if member is None:
            return False
        op.job_count = 1
        member.job.advance()
        return True

    def next_job_id(self, group: Group | None) -> int:
        """The number of the next job, of the world or a group."""
        return self._next_job_id if group is None else group.next_job_id

    def _take_tag(self, group: Group | None) -> int:
        """The tag of the next job; the world's counter advances with every job, the group's with its own."""
        job_id = self._next_job_id
        self._next_job_id += 1
        if group is not None:
            job_id = group.next_job_id
            group.next_job_id += 1
        if 0 <= job_id < COLLECTIVE_TAGS:
            return COLLECTIVE_TAGS + job_id
        return COLLECTIVE_TAGS + int(math.fmod(job_id, COLLECTIVE_TAGS))

    def _phases(self, plan: Plan, steps: list[tuple[CollectiveKind, int, Pick]], size_bytes: int) -> list[PlannedPhase]:
        phases: list[PlannedPhase] = []
        for kind, dimension, part in steps:
            lane, direction = self._dimensions[dimension].pick(part)
            phase = self._phase(plan, kind, dimension, size_bytes, direction)
            phases.append(PlannedPhase(phase, lane))
            size_bytes = phase.output_bytes
        return phases

    def _steps(self, kind: CollectiveKind, usable: list[int]) -> list[tuple[CollectiveKind, int, Pick]]:
        if kind is CollectiveKind.ALL_GATHER:
            return [(kind, dimension, Pick.ANY) for dimension in reversed(usable)]
        if kind is not CollectiveKind.ALL_REDUCE or self._system.collective_optimization != LOCAL_BW_AWARE:
            return [(kind, dimension, Pick.ANY) for dimension in usable]
        down = [(CollectiveKind.REDUCE_SCATTER, dimension, Pick.FIRST_HALF) for dimension in usable[:-1]]
        up = [(CollectiveKind.ALL_GATHER, dimension, Pick.LAST_HALF) for dimension in reversed(usable[:-1])]
        return [*down, (kind, usable[-1], Pick.FIRST_HALF), *up]

    def _phase(self, plan: Plan, kind: CollectiveKind, dimension: int, size_bytes: int, direction: int) -> Phase:
        choice: AlgorithmChoice = plan.choices[dimension]
        structure: Structure = plan.structures[dimension]
        rank = self._rank
        if isinstance(structure, TreePair):
            turn = self._tree_turns.get((plan.kind, dimension), 0)
            self._tree_turns[plan.kind, dimension] = turn + 1
            return DoubleBinaryTreePhase(rank, size_bytes, structure.place(rank.number, turn))
        rounds = rounds_of(kind, size_bytes, structure.size)
        if self._system.variant is Variant.RAPID_LLM:
            own = rapid_llm.phase_of(choice.algorithm, rank, kind, size_bytes, structure, direction)
            if own is not None:
                return own
            rounds = rapid_llm.ring_rounds(kind, size_bytes, structure.size)
        if choice.algorithm is Algorithm.RING:
            return RingPhase(rank, kind, rounds, structure, direction)
        if choice.algorithm is Algorithm.DIRECT:
            return DirectPhase(rank, kind, rounds, structure, direction, choice.window)
        if choice.algorithm is Algorithm.HALVING_DOUBLING:
            return HalvingDoublingPhase(rank, kind, size_bytes, structure)
        raise Abort("a double binary tree does not work in a group smaller than the world", rank.number)
