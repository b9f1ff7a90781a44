"""The pipeline graph: one node per layer, microbatch and direction, on a mesh (dp, pp).

Tensor-parallel collectives are folded into the nodes; activations and gradients between stages are messages; gradients
are all-reduced over the replicas and then applied. Rows stand in program order: what a stage should start first comes
first, and a message stands right after the node that produces it, before any all-reduce.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ExecutionGraph, FaultsError, GraphBuilder, Kind, Mesh, Phase, Placement, Work

from versim_deepflow.microbatches import FEW, repeated
from versim_deepflow.operators import layer_operators, merged
from versim_deepflow.pipeline_order import Layout, Task, deepflow_order, microbatch_tasks, staged_order
from versim_deepflow.step import Step


class AllReduce(enum.StrEnum):
    """When the gradients of layers are reduced over the replicas."""

    EVERY_LAYER = "every_layer"
    """After every layer."""
    THE_END = "the_end"
    """Once a stage is through."""


WriteTask = Callable[[GraphBuilder, Task, Placement, Sequence[int]], int]
"""Writes a task; see :class:`PipelineWriter`."""

LARGEST_TASKS = 5_000_000
"""Compute nodes that fit into memory with everything around them."""

_SIGNAL = "deepflow.signal"


def signals_of(graph: ExecutionGraph) -> NDArray[np.bool_]:
    """Which communications carry no data; shape (communications,).

    DeepFlow makes a stage wait for another one without telling it anything. The deepflow backend takes such a message
    as free; to others it is one of one byte.
    """
    marked = graph.communication_attributes.get(_SIGNAL)
    return np.zeros(graph.communication_count, dtype=bool) if marked is None else marked != 0


def pipeline_mesh(step: Step) -> Mesh:
    """The ranks of the pipeline graph: replicas, then stages."""
    return Mesh.of(dp=step.parallelism.dp, pp=step.parallelism.pp)


def pipeline_graph(step: Step, all_reduce: AllReduce = AllReduce.EVERY_LAYER) -> ExecutionGraph:
    """The pipeline graph of a training step.

    Args:
        step: The step.
        all_reduce: When the gradients of layers are reduced.

    Raises:
        FaultsError: The tensor-parallel split leaves a rank nothing to compute, or there are too many nodes.
    """
    works = _task_works(step)

    def write(builder: GraphBuilder, task: Task, on: Placement, after: Sequence[int]) -> int:
        return builder.compute(
            f"{task.part} {task.phase}",
            works[task.part, task.phase],
            on=on,
            after=after,
            phase=task.phase,
            layer=task.layer if task.part == "transformer" else None,
            microbatch=task.microbatch,
        )

    return PipelineWriter(step, all_reduce, pipeline_mesh(step), write).write("pipeline graph")


def refuse_too_many(subject: str, step: Step, nodes_per_task: int = 1) -> None:
    """Refuses steps whose compute nodes do not fit into memory; :class:`versim.FaultsError`."""
    nodes = 2 * step.parallelism.microbatches * (step.model.layers + 2) * nodes_per_task
    if nodes > LARGEST_TASKS:
        fault = (
            f"$.microbatches: {nodes} compute nodes are more than the {LARGEST_TASKS} that fit; use fewer or coarser"
        )
        raise FaultsError(subject, [fault])


@attrs.frozen(cache_hash=True)
class _Wire:
    """A message between two stages."""

    name: str
    size_bytes: int
    source: Task
    target: Task


class PipelineWriter:
    """Writes a step's pipeline: tasks, messages between stages, and reductions over the replicas.

    Args:
        step: The step.
        all_reduce: When the gradients of layers are reduced.
        mesh: The ranks; has the axes ``dp`` and ``pp``.
        write_task: Writes one task, given a builder, the task, where it stands and what it waits for; returns the row
            that it ends with.
    """

    def __init__(self, step: Step, all_reduce: AllReduce, mesh: Mesh, write_task: WriteTask) -> None:
        self._step = step
        self._all_reduce = all_reduce
        # All between the first and the last are alike; see :mod:`.microbatches`.
        self._microbatches = min(step.parallelism.microbatches, FEW)
        self._layout = Layout(step.model.layers, step.parallelism.pp)
        self._write_task = write_task
        self._application = _application(step)
        self._builder = GraphBuilder(mesh)
        self._on = [self._builder.place({"pp": stage}) for stage in range(step.parallelism.pp)]
        model, width = step.model, step.element_bytes
        self._activation_bytes = math.ceil(width * step.batch * model.hidden * model.sequence_length)
        self._rows: dict[Task, int] = {}
        self._waits: dict[Task, list[Task]] = {}
        self._waited_for: dict[Task, list[Task]] = {}
        self._signals: list[int] = []
        self._starts: list[int] = []

    def write(self, subject: str) -> ExecutionGraph:
        """The graph.

        Args:
            subject: What it is, for errors.
        """
        refuse_too_many(subject, self._step)
        mended = self._step.corrections.reachable_graph
        order = staged_order if mended else deepflow_order
        for first, then in order(self._layout, self._microbatches):
            self._waits.setdefault(then, []).append(first)
            self._waited_for.setdefault(first, []).append(then)
        for microbatch in range(self._microbatches):
            self._chain(microbatch_tasks(self._layout, Phase.FORWARD, microbatch))
        for microbatch in reversed(range(self._microbatches)):
            self._chain(microbatch_tasks(self._layout, Phase.BACKWARD, microbatch))
        self._remark()
        graph = self._builder.build(subject)
        if self._signals:
            marked = np.zeros(graph.communication_count, dtype=np.int64)
            marked[graph.match[self._signals]] = 1
            graph = attrs.evolve(graph, communication_attributes={_SIGNAL: marked})
        if self._step.parallelism.microbatches == self._microbatches:
            return graph
        return repeated(graph, self._starts, self._step.parallelism.microbatches)

    def note(self, text: str) -> None:
        """Says something about the graph."""
        self._builder.note(text)

    def _chain(self, tasks: Sequence[Task]) -> None:
        """Writes a microbatch's tasks in the order in which data flows through them."""
        self._starts.append(self._builder.node_count)
        for number, task in enumerate(tasks):
            before = tasks[number - 1] if number else self._turning_point(task)
            row = self._compute(task, before)
            stage = self._layout.stage_of(task)
            if number + 1 < len(tasks) and self._layout.stage_of(tasks[number + 1]) != stage:
                self._send(self._data(task, tasks[number + 1]), stage, row)
            for waiting in self._waited_for.get(task, ()):
                if self._layout.stage_of(waiting) != stage:
                    self._send(self._signal(task, waiting), stage, row)
            if task.phase is Phase.BACKWARD and self._step.parallelism.dp > 1:
                self._reduce(task, row)

    @staticmethod
    def _turning_point(task: Task) -> Task | None:
        """What the first task of a chain continues: backward starts where forward ended."""
        if task.phase is Phase.FORWARD:
            return None
        return Task("vocabulary", Phase.FORWARD, task.microbatch)

    def _compute(self, task: Task, before: Task | None) -> int:
        stage = self._layout.stage_of(task)
        sources = [(before, self._data)] if before is not None else []
        sources += [(first, self._signal) for first in self._waits.get(task, ())]
        after = [
            self._rows[source] if self._layout.stage_of(source) == stage else self._receive(wire(source, task), stage)
            for source, wire in sources
        ]
        row = self._write_task(self._builder, task, self._on[stage], after)
        self._rows[task] = row
        return row

    def _data(self, source: Task, target: Task) -> _Wire:
        name = "activation" if source.phase is Phase.FORWARD else "gradient"
        return _Wire(name, self._activation_bytes, source, target)

    @staticmethod
    def _signal(source: Task, target: Task) -> _Wire:
        return _Wire("signal", 1, source, target)

    def _send(self, wire: _Wire, stage: int, row: int) -> None:
        sent = self._builder.send(
            f"{wire.name} send",
            wire.size_bytes,
            match=wire,
            on=self._on[stage],
            after=[row],
            phase=wire.source.phase,
            microbatch=wire.source.microbatch,
        )
        if wire.name == "signal":
            self._signals.append(sent)

    def _receive(self, wire: _Wire, stage: int) -> int:
        return self._builder.recv(
            f"{wire.name} recv",
            wire.size_bytes,
            match=wire,
            on=self._on[stage],
            phase=wire.source.phase,
            microbatch=wire.source.microbatch,
        )

    def _reduce(self, task: Task, row: int) -> None:
        """Writes the all-reduces of the gradients that are complete after a backward task."""
        if self._step.corrections.reduce_once and task.microbatch > 0:
            return
        stage = self._layout.stage_of(task)
        if task.part != "transformer":
            self._all_reduce_node(task, row, stage, 1)
        elif self._all_reduce is AllReduce.EVERY_LAYER:
            reduced = self._all_reduce_node(task, row, stage, 1)
            self._apply(task, reduced, stage, 1)
        elif self._step.corrections.reduce_all_layers:
            if task.layer in self._layout.first_of_stage:
                layers = sum(self._layout.stage(layer) == stage for layer in range(self._layout.layers))
                reduced = self._all_reduce_node(task, row, stage, layers)
                self._apply(task, reduced, stage, layers)
        elif task.layer == 0:
            self._reduce_at_the_end(task, row, stage)

    def _reduce_at_the_end(self, task: Task, row: int, stage: int) -> None:
        """DeepFlow reduces after the first layer and applies the gradients on the stage of the last."""
        reduced = self._all_reduce_node(task, row, stage, 1)
        applied_on = self._layout.stage(self._layout.layers - 1)
        if applied_on != stage:
            wire = self._signal(task, Task("application", Phase.OPTIMIZER, task.microbatch))
            self._send(wire, stage, reduced)
            reduced = self._receive(wire, applied_on)
        self._apply(task, reduced, applied_on, 1)

    def _all_reduce_node(self, task: Task, row: int, stage: int, layers: int) -> int:
        return self._builder.collective(
            f"all-reduce {task.part} gradients",
            Kind.ALL_REDUCE,
            self._gradient_bytes(task.part) * layers,
            axes=("dp",),
            on=self._on[stage],
            after=[row],
            phase=Phase.BACKWARD,
            layer=task.layer if task.part == "transformer" else None,
            microbatch=task.microbatch,
        )

    def _apply(self, task: Task, row: int, stage: int, layers: int) -> None:
        self._builder.compute(
            "gradient application",
            tuple((term, count * layers) for term, count in self._application),
            on=self._on[stage],
            after=[row],
            phase=Phase.OPTIMIZER,
            layer=task.layer,
            microbatch=task.microbatch,
        )

    def _gradient_bytes(self, part: str) -> int:
        model, width = self._step.model, self._step.element_bytes
        shards = self._step.parallelism.tensor_degree if self._step.corrections.reduce_own_shard else 1
        if part == "transformer":
            matrices: tuple[int, ...] = model.layer_weights
        elif part == "embedding":
            matrices = (model.vocabulary * model.hidden, model.sequence_length * model.hidden)
        else:
            matrices = (model.hidden * model.vocabulary,)
        return sum(math.ceil(width * elements / shards) for elements in matrices)

    def _remark(self) -> None:
        corrections = self._step.corrections
        empty = self._layout.empty_stages
        if empty:
            stages = ", ".join(map(str, empty))
            self._builder.note(
                f"{self._layout.layers} layers are dealt {self._layout.layers_per_stage} to a stage, so stage {stages} "
                f"of {self._layout.stages} holds none"
            )
        if self._step.parallelism.dp == 1:
            self._builder.note("dp=1: no gradient is reduced or applied, as in DeepFlow")
        if self._microbatches > 1 and self._step.parallelism.pp == 1 and not corrections.microbatch_size:
            self._builder.note(
                "pp=1: each microbatch is the whole mini-batch, as in DeepFlow; the correction microbatch_size cuts it"
            )
        if self._microbatches > 1 and not corrections.reachable_graph and len(self._layout.first_of_stage) == 1:
            self._builder.note(
                "no order between microbatches on the first stage: DeepFlow never starts the later ones "
                "(backend option roots: first); the correction reachable_graph orders them"
            )


def _task_works(step: Step) -> dict[tuple[str, Phase], Work]:
    operators = step.operators
    layer = layer_operators(step.model, step.batch, operators)
    tokens = step.batch * step.model.sequence_length
    vocabulary = step.model.vocabulary_product(step.batch)
    return {
        ("embedding", Phase.FORWARD): operators.embedding_forward(tokens, step.model.hidden),
        ("embedding", Phase.BACKWARD): operators.embedding_backward(tokens, step.model.hidden),
        ("transformer", Phase.FORWARD): merged(*(operator.forward for operator in layer)),
        ("transformer", Phase.BACKWARD): merged(*(operator.backward for operator in layer)),
        ("vocabulary", Phase.FORWARD): merged(operators.vocabulary_forward(vocabulary)),
        ("vocabulary", Phase.BACKWARD): merged(operators.vocabulary_backward(vocabulary)),
    }


def _application(step: Step) -> Work:
    shards = step.parallelism.tensor_degree if step.corrections.reduce_own_shard else 1
    weights = (elements / shards for elements in step.model.layer_weights)
    return merged(*(step.operators.gradient_application(elements) for elements in weights))
