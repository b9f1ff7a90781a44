"""Element-wise work: bytes moved and kernels launched, fused or one elementary operation at a time.

Bytes are counted per element as reads and writes of activations (``e`` bytes each), fp32 intermediates (4) and dropout
masks (1). Eager counts are those of PyTorch's elementary operations in the order in which the reference
implementations call them.
"""

from __future__ import annotations

import attrs
from versim import Pointwise, Work

from versim_transformer.settings import Kernels, Settings


@attrs.frozen
class Cost:
    """Per element of one element-wise operation.

    Attributes:
        flop: Operations.
        activations: Elements of the activations' width that are read or written.
        singles: Elements of four bytes that are read or written.
        masks: Bytes of dropout masks.
        launches: Kernels.
    """

    flop: float
    activations: float
    singles: float = 0
    masks: float = 0
    launches: float = 1


FUSED: dict[str, Cost] = {
    "norm forward": Cost(8, 2),
    "norm backward": Cost(14, 3, launches=2),
    "rotary forward": Cost(4, 2),
    "rotary backward": Cost(4, 2),
    "residual forward": Cost(1, 3),
    "residual backward": Cost(1, 3),
    "dropout forward": Cost(2, 0, masks=1, launches=0),
    "dropout backward": Cost(2, 2, masks=1),
    # Of attention's scores: between softmax and a product there is nothing to be fused with.
    "scores dropout forward": Cost(2, 2, masks=1),
    # Biases of positions are written where the product of queries and keys then adds to them.
    "position biases": Cost(0, 2),
    # Of queries, keys and values that one product gives side by side, into the layout that comes next, and back.
    "layout forward": Cost(0, 2),
    "layout backward": Cost(0, 2),
    "transpose forward": Cost(0, 2),
    "transpose backward": Cost(0, 2),
    "bias forward": Cost(1, 0, launches=0),
    "bias backward": Cost(1, 1),
    "gated forward": Cost(6, 3),
    "gated backward": Cost(12, 5),
    "activation forward": Cost(8, 2),
    "activation backward": Cost(14, 3),
    "softmax forward": Cost(8, 2),
    "softmax backward": Cost(6, 3),
    "embedding forward": Cost(0, 2),
    "embedding backward": Cost(1, 1, singles=2),
    "positions forward": Cost(1, 3),
    "positions backward": Cost(1, 1, singles=2),
    # A pass for maximum and sum, and one that writes gradients in the place of logits.
    "fused loss forward": Cost(6, 1, launches=2),
    "fused loss backward": Cost(3, 2),
    # Logits to fp32, maximum, difference, exponential, sum, quotient; gradients from the quotients, and back.
    "loss forward": Cost(8, 1, singles=8, launches=7),
    "loss backward": Cost(4, 1, singles=5, launches=4),
    # As PyTorch's compiler joins these: to fp32 with the maximum, exponential with the sum, quotient; back.
    "compiled loss forward": Cost(8, 1, singles=5, launches=3),
    "compiled loss backward": Cost(3, 1, singles=2),
    "router forward": Cost(10, 0, singles=3, launches=3),
    "router backward": Cost(10, 0, singles=4, launches=3),
    # Of attention over a ring of ranks: kept, and added to.
    "partial first": Cost(0, 2),
    "partial further": Cost(2, 3),
    # Of experts, weighted with the router's probability, which is in fp32 and makes the sum so: product, sum, the sums
    # of all experts in one tensor, that in 16 bits again; back, and the gradients of bias and probability.
    "expert biases forward": Cost(2, 2, singles=6, launches=2),
    "expert biases backward": Cost(4, 4, singles=8, launches=2),
    "permute": Cost(0, 2),
    "unpermute": Cost(1, 2),
}
"""What fused kernels do: every tensor is read and written once. The loss is fused or not by an option of its own."""

EAGER: dict[str, Cost] = FUSED | {
    # To fp32, square, mean, add and rsqrt, multiply, back, multiply by the weight.
    "norm forward": Cost(8, 5, singles=6.5, launches=7),
    "norm backward": Cost(14, 8, singles=10, launches=12),
    # Split in halves, negate, join, two products, one sum.
    "rotary forward": Cost(6, 12, launches=5),
    "rotary backward": Cost(6, 12, launches=5),
    "dropout forward": Cost(2, 2, masks=1),
    "bias forward": Cost(1, 2),
    # Activation and product apart, with an intermediate between them.
    "gated forward": Cost(6, 5, launches=2),
    "gated backward": Cost(12, 9, launches=3),
    "activation forward": Cost(8, 2),
    "softmax forward": Cost(8, 8, launches=3),
    "softmax backward": Cost(6, 7, launches=3),
    "router forward": Cost(10, 0, singles=8, launches=8),
    "router backward": Cost(10, 0, singles=8, launches=8),
}
"""What uncompiled PyTorch does; what it does not say is as in :data:`FUSED`."""


def pointwise(settings: Settings, name: str, elements: float) -> Work:
    """Element-wise work over ``elements`` elements; nothing where there are none."""
    cost = (FUSED if settings.kernels is Kernels.FUSED else EAGER)[name]
    width = settings.precision.activation_bytes
    moved = elements * (cost.activations * width + 4 * cost.singles + cost.masks)
    launches = 0.0 if settings.cuda_graphs else float(cost.launches)
    if elements <= 0 or not (moved or cost.flop):
        return ()
    return ((Pointwise(cost.flop * elements, moved, launches, name), 1),)


def sized(settings: Settings, name: str, moved_bytes: float, flop: float = 0, launches: float = 1) -> Work:
    """Element-wise work whose bytes are known."""
    if moved_bytes <= 0:
        return ()
    return ((Pointwise(flop, moved_bytes, 0.0 if settings.cuda_graphs else launches, name), 1),)


def quantize(settings: Settings, elements: float, *, transposed: bool = True) -> Work:
    """Conversion of an operand to the products' format: its largest element found, as it is, and transposed."""
    precision = settings.precision
    if not precision.quantized:
        return ()
    copies = transposed and precision.transposed_copies
    reads, writes = (2 if precision.current_scaling else 1), (2 if copies else 1)
    moved = elements * (reads * precision.activation_bytes + writes * precision.product_bytes)
    return sized(settings, "quantize", moved, flop=2 * elements, launches=reads)


def transpose(settings: Settings, elements: float) -> Work:
    """The transposed copy of an operand that was converted without one."""
    if not settings.precision.quantized or not settings.precision.transposed_copies:
        return ()
    return sized(settings, "transpose", elements * 2 * settings.precision.product_bytes)


def converting_norm(settings: Settings, elements: float) -> Work:
    """A normalisation that writes its output in the products' format, of blocks the transposed copy, too."""
    precision, cost = settings.precision, FUSED["norm forward"]
    copies = 2 if precision.blocks and precision.transposed_copies else 1
    moved = elements * (precision.activation_bytes + copies * precision.product_bytes)
    return sized(settings, "converting norm forward", moved, flop=cost.flop * elements)
