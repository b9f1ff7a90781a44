"""The transformer graph: one layer on one tensor-parallel group, its collectives as nodes of their own.

Where the pipeline graph folds collectives into a layer's node, this one writes them out, so that a network simulator
sees them. The mesh is (tp), or (tp1, tp2) for a row-column split.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable

import attrs
from versim import ExecutionGraph, GraphBuilder, Mesh, Phase, Pointwise

from versim_deepflow.model import PRODUCTS
from versim_deepflow.operators import Collective, Operator, Product, layer_operators
from versim_deepflow.parallelism import TensorScheme
from versim_deepflow.step import Step


class OperatorSet(enum.StrEnum):
    """Which operators of a layer are written."""

    GEMMS = "gemms"
    """The six matrix products, as DeepFlow does."""
    ALL = "all"
    """The element-wise operators, too."""


class Phases(enum.StrEnum):
    """Which phases of a layer are written."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"


class LocalOps(enum.StrEnum):
    """What becomes of the local accesses after an all-gather."""

    EXPLICIT = "explicit"
    """They are nodes."""
    AS_RECORDED = "as_recorded"
    """They are left out, as DeepFlow's graph does although its own total counts them."""


def transformer_mesh(step: Step) -> Mesh:
    """The ranks of the transformer graph: one tensor-parallel group."""
    split = step.parallelism
    if split.tensor is TensorScheme.ROW_COLUMN:
        return Mesh.of(tp1=split.tp1, tp2=split.tp2)
    return Mesh.of(tp=split.tp1)


def transformer_graph(
    step: Step,
    *,
    operators: OperatorSet = OperatorSet.GEMMS,
    phases: Phases = Phases.BOTH,
    local_ops: LocalOps = LocalOps.EXPLICIT,
) -> ExecutionGraph:
    """The graph of one layer.

    Args:
        step: The step the layer is part of.
        operators: Which operators are written.
        phases: Which phases are written.
        local_ops: What becomes of the local accesses after an all-gather.

    Raises:
        FaultsError: The tensor-parallel split leaves a rank nothing to compute.
    """
    writer = _LayerWriter(step, local_ops=local_ops)
    layer = layer_operators(step.model, step.batch, step.operators)
    chosen = [operator for operator in layer if operators is OperatorSet.ALL or operator.name in PRODUCTS]
    if phases is not Phases.BACKWARD:
        writer.write(chosen, Phase.FORWARD)
    if phases is not Phases.FORWARD:
        writer.write(reversed(chosen), Phase.BACKWARD)
    return writer.build()


class _LayerWriter:
    def __init__(self, step: Step, *, local_ops: LocalOps) -> None:
        self._step = step
        self._local_ops = local_ops
        self._shapes = step.model.products(step.batch)
        self._builder = GraphBuilder(transformer_mesh(step))
        self._last: list[int] = []
        self._left_out = False

    def build(self) -> ExecutionGraph:
        if self._left_out:
            self._builder.note("local accesses after all-gathers are left out, as in DeepFlow's transformer graph")
        split = self._step.parallelism
        if split.tensor is TensorScheme.COLUMN_ROW and split.tp2 > 1:
            self._builder.note(f"a column-row split takes no part in tp2={split.tp2}, as in DeepFlow")
        return self._builder.build("transformer graph")

    def write(self, operators: Iterable[Operator], phase: Phase) -> None:
        for operator in operators:
            if operator.name in PRODUCTS:
                self._product(operator.name, phase)
            else:
                work = operator.forward if phase is Phase.FORWARD else operator.backward
                self._last = [self._builder.compute(f"{operator.name} {phase}", work, after=self._last, phase=phase)]

    def _product(self, name: str, phase: Phase) -> None:
        operators = self._step.operators
        shape = self._shapes[name]
        product: Product = operators.forward(shape) if phase is Phase.FORWARD else operators.backward(shape)
        self._last = [self._builder.compute(f"{name} {phase}", product.compute, after=self._last, phase=phase)]
        for collective in _gathered_together(product.collectives):
            self._last = [
                self._builder.collective(
                    f"{name} {phase} {collective.kind}",
                    collective.kind,
                    collective.size_bytes,
                    axes=(collective.axis,),
                    after=self._last,
                    phase=phase,
                )
            ]
            if collective.local_bytes and self._local_ops is LocalOps.EXPLICIT:
                work = ((Pointwise(0, collective.local_bytes), 1.0),)
                self._last = [self._builder.compute(f"{name} {phase} local", work, after=self._last, phase=phase)]
            self._left_out |= bool(collective.local_bytes) and self._local_ops is LocalOps.AS_RECORDED


def _gathered_together(collectives: Iterable[Collective]) -> list[Collective]:
    """Collectives of one axis as one; DeepFlow's graph adds the shards of a row-column split's gathers, unhalved."""
    joint: dict[str, Collective] = {}
    for collective in collectives:
        before = joint.get(collective.axis)
        if before is None:
            joint[collective.axis] = attrs.evolve(collective, count=1.0)
            continue
        ranks = collective.participants
        shard = math.ceil(before.size_bytes / ranks) + math.ceil(collective.size_bytes / ranks)
        joint[collective.axis] = attrs.evolve(before, size_bytes=shard * ranks)
    return list(joint.values())
