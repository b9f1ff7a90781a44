"""The graph of one matrix product, split over devices: forward, its gradients, and their reduction over replicas.

DeepFlow's GEMM mode as a graph. The mesh is (dp, tp), or (dp, tp1, tp2) for a row-column split; every replica has the
whole product.
"""

from __future__ import annotations

import math

from versim import ExecutionGraph, Kind, Mesh, Phase, Pointwise, Work

from versim_deepflow.model import GemmModel, Shape
from versim_deepflow.operators import Collective, Product
from versim_deepflow.parallelism import TensorScheme
from versim_deepflow.product_nodes import ProductWriter, tensor_axes
from versim_deepflow.step import Platform


def gemm_mesh(platform: Platform) -> Mesh:
    """The ranks of the graph: replicas, then one tensor-parallel group."""
    return Mesh.of(dp=platform.parallelism.dp, **tensor_axes(platform.parallelism))


def gemm_graph(platform: Platform, model: GemmModel, *, folded: bool = False) -> ExecutionGraph:
    """The graph of one product.

    Args:
        platform: Devices and how the product is split over them.
        model: The product, and whether its gradients are computed.
        folded: Whether tensor-parallel collectives are part of the compute nodes instead of nodes of their own.
            DeepFlow halves two of a row-column split's gathers, which only work can express.

    Raises:
        FaultsError: The split leaves a rank nothing to compute.
    """
    split, operators = platform.parallelism, platform.operators
    shape = (model.m, model.k, model.n)
    writer = ProductWriter(gemm_mesh(platform))

    def write(product: Product, phase: Phase) -> None:
        if folded:
            writer.compute(f"gemm {phase}", product.work, phase)
        else:
            writer.product("gemm", product, phase)

    write(operators.forward(shape), Phase.FORWARD)
    if split.tensor_degree == 1 and not platform.corrections.lone_product:
        writer.compute("cell forward", _cell(shape, platform.element_bytes), Phase.FORWARD)
    if model.backward:
        write(operators.backward(shape), Phase.BACKWARD)
        if split.dp > 1:
            _reduce(writer, platform, shape, folded=folded)
    writer.note_split(split)
    return writer.builder.build("gemm graph")


def _cell(shape: Shape, element_bytes: float) -> Work:
    """The element-wise work of the LSTM cell that DeepFlow adds to a product that is not split."""
    m, _, n = shape
    return ((Pointwise(m * n * 5, element_bytes * m * n * 13, 5), 1.0),)


def _reduce(writer: ProductWriter, platform: Platform, shape: Shape, *, folded: bool) -> None:
    """Reduces the weight gradients over the replicas, gathers them where they are split twice, and applies them."""
    split, width = platform.parallelism, platform.element_bytes
    _, k, n = shape
    rows = k if split.tensor is TensorScheme.NONE else k / split.tp1
    columns = n / split.tp2 if split.tensor is TensorScheme.ROW_COLUMN else n
    writer.collective(
        "gradients", Collective(Kind.ALL_REDUCE, math.ceil(width * rows * columns), "dp", split.dp), Phase.BACKWARD
    )
    if split.tensor is TensorScheme.ROW_COLUMN:
        if split.tp1 > 1:
            gather = Collective(Kind.ALL_GATHER, math.ceil(width * k * columns), "tp1", split.tp1)
            if folded:
                writer.compute("weights gathered", gather.folded(), Phase.OPTIMIZER)
            else:
                writer.collective("weights", gather, Phase.OPTIMIZER)
        rows = k
    writer.compute("gradient application", platform.operators.gradient_application(rows * columns), Phase.OPTIMIZER)
