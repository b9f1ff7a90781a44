"""Matrix products of a layer, cut over tensor-parallel ranks by columns or rows, with what they communicate.

Column-parallel products give each rank a share of their output, row-parallel ones take a share of their input
(Shoeybi et al. 2019, arXiv 1909.08053). With sequence parallelism the all-reduces become gathers and scatters, and the
input of a column-parallel product is gathered once more for its weight gradient (Korthikanti et al. 2022), unless it is
kept as gathered.
"""

from __future__ import annotations

import enum

import attrs
from versim import Gemm, Kind, Pass, Work

from versim_transformer.bookkeeping import BOOKKEEPING
from versim_transformer.pieces import Beside, Collective, Compute, Module, Piece, collective
from versim_transformer.pointwise import pointwise, quantize, sized, transpose
from versim_transformer.settings import Overlap, Settings


class Arrival(enum.Enum):
    """How an operand of a product comes to a rank."""

    WHOLE = "whole"
    CUT = "cut"
    """Under sequence parallelism, gathered from shares that were converted before."""
    NORMED = "normed"
    """The same, from a normalisation that converts where it can."""


@attrs.frozen
class Product:
    """The three products of one weight.

    Attributes:
        forward: y = x · W.
        data: The gradient of x.
        weights: The gradient of W.
    """

    forward: Compute
    data: Compute
    weights: Compute


def product(
    settings: Settings,
    name: str,
    rows: float,
    inner: float,
    columns: float,
    *,
    bias: bool = False,
    high: bool = False,
    operand: Arrival = Arrival.WHOLE,
    gradient: Arrival = Arrival.WHOLE,
) -> Product:
    """The products of a weight of (inner, columns) on one rank.

    Args:
        settings: The step.
        name: Of the nodes.
        rows: Tokens.
        inner: Inputs on this rank.
        columns: Outputs on this rank.
        bias: True if it adds a bias.
        high: True if it stays in the activations' format, as the head and routers do.
        operand: How x arrives.
        gradient: How the gradient of y arrives.
    """
    precision = settings.precision
    dtype, width = precision.products, precision.product_bytes
    into, turned = _converted(settings, rows * inner, operand)
    back, back_turned = _converted(settings, rows * columns, gradient)
    if high:
        dtype, width = precision.activations, float(precision.activation_bytes)
        into = turned = back = back_turned = ()
    gradients = dtype if high else precision.gradient_products or dtype
    added = pointwise(settings, "bias forward", rows * columns) if bias else ()
    reduced = pointwise(settings, "bias backward", rows * columns) if bias else ()
    forward = Gemm(rows, inner, columns, width, dtype=dtype)
    data = Gemm(rows, columns, inner, width, dtype=gradients, of_pass=Pass.DATA_GRADIENT)
    weights = Gemm(columns, rows, inner, width, dtype=gradients, of_pass=Pass.WEIGHT_GRADIENT)
    return Product(
        forward=Compute(f"{name} forward", (*into, (forward, 1), *added)),
        data=Compute(f"{name} data gradient", (*back, (data, 1))),
        weights=Compute(
            f"{name} weight gradient",
            (*turned, *back_turned, (weights, 1), *reduced, *accumulation(settings, inner * columns)),
            weights=True,
        ),
    )


def _converted(settings: Settings, elements: float, arrival: Arrival) -> tuple[Work, Work]:
    """Conversion of an operand, and what the weight gradient still needs of it: its transposed copy.

    A scale per tensor lets a gathered operand be transposed as it is; of blocks both copies are made and gathered.
    """
    precision = settings.precision
    cut = settings.sequence_parallel and precision.gathered and arrival is not Arrival.WHOLE
    normed = settings.norms_convert and arrival is Arrival.NORMED
    later = transpose(settings, elements) if (cut or normed) and not precision.blocks else ()
    if normed:
        return (), later
    here = elements / settings.parallelism.tp if cut else elements
    return quantize(settings, here, transposed=not later), later


def accumulation(settings: Settings, parameters: float) -> Work:
    """Adding a weight gradient to what earlier microbatches left, where the product does not do it itself."""
    if settings.fused_accumulation:
        return ()
    width = settings.precision.activation_bytes
    if settings.convert_gradients:
        converted = sized(settings, "gradient conversion", parameters * (width + settings.gradient_bytes))
        added = sized(settings, "gradient accumulation", parameters * 3 * settings.gradient_bytes, flop=parameters)
        return (*converted, *added)
    moved = parameters * (width + 2 * settings.gradient_bytes)
    return sized(settings, "gradient accumulation", moved, flop=parameters)


def tensor_collective(
    settings: Settings, name: str, kind: Kind, elements: float, *, weights: bool = False, operand: bool = False
) -> tuple[Collective, ...]:
    """A collective of the tensor-parallel group over a tensor of ``elements``; nothing with one rank.

    Args:
        settings: The step.
        name: Of the node.
        kind: What is done.
        elements: Of the full tensor.
        weights: True if only weight gradients wait for it.
        operand: True if it gathers an operand of a layer's product.
    """
    tp = settings.parallelism.tp
    width = settings.operand_bytes if operand else settings.tp_bytes
    return collective(name, kind, elements * width, settings.layout.tp, tp, weights=weights)


def column_parallel(
    settings: Settings,
    parts: tuple[Product, ...],
    width: float,
    rest: tuple[Product, ...] = (),
    *,
    high: bool = False,
) -> Module:
    """Products that take the same whole input of ``width`` and give each rank its share.

    Args:
        settings: The step.
        parts: The products; each rank has its columns of them.
        width: Elements per token of their input.
        rest: Products of the same input that every rank does alike.
        high: True if they stay in the activations' format.
    """
    whole = settings.tokens * width
    if settings.sequence_parallel:

        def gathering(name: str, *, weights: bool = False) -> tuple[Collective, ...]:
            return tensor_collective(settings, name, Kind.ALL_GATHER, whole, weights=weights, operand=not high)

        gathered = gathering("gather input")
        kept = BOOKKEEPING[settings.memory_profile].keeps_gathered_inputs
        again = () if kept else gathering("gather input again", weights=True)
        reduced = tensor_collective(settings, "scatter data gradient", Kind.REDUCE_SCATTER, whole)
    else:
        gathered, again = (), ()
        reduced = tensor_collective(settings, "reduce data gradient", Kind.ALL_REDUCE, whole)
    every = (*parts, *rest)
    data, weights = tuple(p.data for p in every), tuple(p.weights for p in every)
    forward = tuple(p.forward for p in every)
    hidden_forward = settings.overlap_tp in (Overlap.MATCHED, Overlap.ALL)
    hidden_backward = settings.overlap_tp in (Overlap.BACKWARD, Overlap.ALL)
    return Module(
        forward=_beside(forward, gathered) if hidden_forward else (*gathered, *forward),
        backward=(*_beside(data, again), *_beside(weights, reduced))
        if hidden_backward
        else (*data, *reduced, *again, *weights),
    )


def row_parallel(settings: Settings, part: Product, width: float) -> Module:
    """A product of which each rank has its rows; ``width`` is the elements per token of its output."""
    whole = settings.tokens * width
    if settings.sequence_parallel:
        size = whole * settings.scatter_bytes
        reduced = collective("scatter output", Kind.REDUCE_SCATTER, size, settings.layout.tp, settings.parallelism.tp)
        gathered = tensor_collective(settings, "gather output gradient", Kind.ALL_GATHER, whole, operand=True)
    else:
        reduced, gathered = tensor_collective(settings, "reduce output", Kind.ALL_REDUCE, whole), ()
    if settings.overlap_tp in (Overlap.MATCHED, Overlap.ALL):
        return Module(
            forward=_beside((part.forward,), reduced), backward=(*_beside((part.data,), gathered), part.weights)
        )
    return Module(forward=(part.forward, *reduced), backward=(*gathered, part.data, part.weights))


def _beside(computes: tuple[Compute, ...], collectives: tuple[Collective, ...]) -> tuple[Piece, ...]:
    return (Beside(computes, collectives),) if computes and collectives else (*collectives, *computes)
