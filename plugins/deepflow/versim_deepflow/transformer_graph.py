"""The transformer graph: one layer on one tensor-parallel group, its collectives as nodes of their own.

Where the pipeline graph folds collectives into a layer's node, this one writes them out, so that a network simulator
sees them. The mesh is (tp), or (tp1, tp2) for a row-column split.
"""

from __future__ import annotations

import enum

from versim import ExecutionGraph, Mesh, Phase

from versim_deepflow.model import PRODUCTS
from versim_deepflow.operators import layer_operators
from versim_deepflow.product_nodes import LocalOps, ProductWriter, tensor_axes
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


def transformer_mesh(step: Step) -> Mesh:
    """The ranks of the transformer graph: one tensor-parallel group."""
    return Mesh.of(**tensor_axes(step.parallelism))


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
    writer = ProductWriter(transformer_mesh(step), local_ops)
    shapes, split = step.model.products(step.batch), step.operators
    layer = layer_operators(step.model, step.batch, split)
    chosen = [operator for operator in layer if operators is OperatorSet.ALL or operator.name in PRODUCTS]
    for phase in (Phase.FORWARD, Phase.BACKWARD):
        if phases not in (Phases.BOTH, Phases(phase)):
            continue
        for operator in chosen if phase is Phase.FORWARD else reversed(chosen):
            if operator.name in PRODUCTS:
                shape = shapes[operator.name]
                product = split.forward(shape) if phase is Phase.FORWARD else split.backward(shape)
                writer.product(operator.name, product, phase)
            else:
                work = operator.forward if phase is Phase.FORWARD else operator.backward
                writer.compute(f"{operator.name} {phase}", work, phase)
    writer.note_split(step.parallelism)
    return writer.builder.build("transformer graph")
