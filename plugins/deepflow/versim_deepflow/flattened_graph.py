"""The flattened graph: a whole step, operator by operator, on the mesh (dp, pp, tp), or (dp, pp, tp1, tp2).

Where the pipeline graph has a node for a layer, this one has a node for every matrix product and every element-wise
operator of it, tensor-parallel collectives after the product that they belong to, and their local work after them. A
network simulator then sees all of a step's traffic on one network. Unrounded, its compute and the isolated times of its
collectives add up to the pipeline graph's nodes.

Rows stand in program order, as in the pipeline graph. Between stages, every tensor-parallel rank sends the whole
activation to its counterpart, which is what DeepFlow charges a link with (and what Megatron-LM does unless told to
scatter it; Narayanan et al., 2021, section 4.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from versim import ExecutionGraph, GraphBuilder, Mesh, Phase, Placement, Pointwise, Work

from versim_deepflow.model import PRODUCTS, Shape
from versim_deepflow.operators import Collective, Product, layer_operators
from versim_deepflow.pipeline_graph import AllReduce, PipelineWriter, refuse_too_many
from versim_deepflow.pipeline_order import Task
from versim_deepflow.product_nodes import split_notes, tensor_axes
from versim_deepflow.step import Step


def flattened_mesh(step: Step) -> Mesh:
    """The ranks of the flattened graph: replicas, stages, and a tensor-parallel group each."""
    return Mesh.of(dp=step.parallelism.dp, pp=step.parallelism.pp, **tensor_axes(step.parallelism))


def flattened_graph(step: Step, all_reduce: AllReduce = AllReduce.EVERY_LAYER) -> ExecutionGraph:
    """The flattened graph of a training step.

    Args:
        step: The step.
        all_reduce: When the gradients of layers are reduced.

    Raises:
        FaultsError: The tensor-parallel split leaves a rank nothing to compute, or there are too many nodes.
    """
    pieces = _pieces(step)
    refuse_too_many("flattened graph", step, max(map(len, pieces.values())))

    def write(builder: GraphBuilder, task: Task, on: Placement, after: Sequence[int]) -> int:
        layer = task.layer if task.part == "transformer" else None
        row = -1
        for piece in pieces[task.part, task.phase]:
            row = piece.write(builder, task, on, after, layer)
            after = (row,)
        return row

    writer = PipelineWriter(step, all_reduce, flattened_mesh(step), write)
    for note in split_notes(step.parallelism):
        writer.note(note)
    if any(isinstance(piece, _Folded) for listed in pieces.values() for piece in listed):
        writer.note(
            "the gathers that DeepFlow counts half are compute nodes with folded communication: half a collective "
            "cannot be sent"
        )
    if step.parallelism.pp > 1 and step.parallelism.tensor_degree > 1:
        writer.note("between stages every tensor-parallel rank sends the whole activation, as DeepFlow charges it")
    return writer.write("flattened graph")


@attrs.frozen
class _Compute:
    """A compute node of a task."""

    name: str
    work: Work

    def write(self, builder: GraphBuilder, task: Task, on: Placement, after: Sequence[int], layer: int | None) -> int:
        return builder.compute(
            self.name, self.work, on=on, after=after, phase=task.phase, layer=layer, microbatch=task.microbatch
        )


class _Folded(_Compute):
    """A compute node that carries communication."""


@attrs.frozen
class _Gathered:
    """A collective of a task."""

    name: str
    collective: Collective

    def write(self, builder: GraphBuilder, task: Task, on: Placement, after: Sequence[int], layer: int | None) -> int:
        return builder.collective(
            self.name,
            self.collective.kind,
            self.collective.size_bytes,
            axes=(self.collective.axis,),
            on=on,
            after=after,
            phase=task.phase,
            layer=layer,
            microbatch=task.microbatch,
        )


_Piece = _Compute | _Gathered


def _pieces(step: Step) -> dict[tuple[str, Phase], tuple[_Piece, ...]]:
    """What each kind of task consists of, in order of execution."""
    operators, model = step.operators, step.model
    tokens = step.batch * model.sequence_length
    vocabulary = model.vocabulary_product(step.batch)
    shapes = model.products(step.batch)
    layer = layer_operators(model, step.batch, operators)

    def product(name: str, shape: Shape, phase: Phase) -> Iterator[_Piece]:
        split = operators.forward(shape) if phase is Phase.FORWARD else operators.backward(shape)
        yield from _product_pieces(f"{name} {phase}", split)

    def transformer(phase: Phase) -> Iterator[_Piece]:
        for operator in layer if phase is Phase.FORWARD else reversed(layer):
            if operator.name in PRODUCTS:
                yield from product(operator.name, shapes[operator.name], phase)
            else:
                work = operator.forward if phase is Phase.FORWARD else operator.backward
                yield _Compute(f"{operator.name} {phase}", work)

    softmax = "vocabulary_softmax"
    return {
        ("embedding", Phase.FORWARD): (
            _Compute("embedding forward", operators.embedding_forward(tokens, model.hidden)),
        ),
        ("embedding", Phase.BACKWARD): (
            _Compute("embedding backward", operators.embedding_backward(tokens, model.hidden)),
        ),
        ("transformer", Phase.FORWARD): tuple(transformer(Phase.FORWARD)),
        ("transformer", Phase.BACKWARD): tuple(transformer(Phase.BACKWARD)),
        ("vocabulary", Phase.FORWARD): (
            *product("vocabulary", vocabulary, Phase.FORWARD),
            _Compute(f"{softmax} forward", operators.vocabulary_softmax_forward(vocabulary)),
        ),
        ("vocabulary", Phase.BACKWARD): (
            _Compute(f"{softmax} backward", operators.vocabulary_softmax_backward(vocabulary)),
            *product("vocabulary", vocabulary, Phase.BACKWARD),
        ),
    }


def _product_pieces(name: str, product: Product) -> Iterator[_Piece]:
    """A product, then its collectives one by one, each with the local work after it."""
    yield _Compute(name, product.compute)
    for collective in product.collectives:
        label = f"{name} {collective.kind}"
        if collective.count != 1:
            yield _Folded(f"{label} {collective.axis} counted {collective.count:g}", collective.folded())
            continue
        yield _Gathered(label, collective)
        if collective.local_bytes:
            yield _Compute(f"{name} local", ((Pointwise(0, collective.local_bytes), 1.0),))
