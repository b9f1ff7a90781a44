"""What a transformer is made of, as work: matrix products, element-wise work and tensor-parallel collectives.

Nothing here knows a time or a device. Each operator is a :data:`versim.Work`, the terms that one rank of a
tensor-parallel group executes, in DeepFlow's accounting (branch llm-dev, 9c184bd; measured: golden/deepflow/dist_gemm
and ``op_times`` of golden/deepflow/llm). Flop and byte counts per element of an m x n matrix follow that program.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs
from versim import FaultsError, Folded, Gemm, HostTransfer, Kind, Pointwise, Work

from versim_deepflow.corrections import Corrections
from versim_deepflow.model import Shape, TransformerModel
from versim_deepflow.parallelism import Parallelism, TensorScheme

_LOCAL_ACCESSES = 3
"""Accesses per gathered byte while a rank puts the shards of an all-gather in place."""


@attrs.frozen
class Collective:
    """A tensor-parallel collective beside a product.

    Attributes:
        kind: What is done.
        size_bytes: The full tensor.
        axis: ``tp``, or ``tp1`` and ``tp2`` for a row-column split.
        participants: Ranks taking part.
        count: How often; DeepFlow halves two of the backward collectives of a row-column split.
    """

    kind: Kind
    size_bytes: int
    axis: str
    participants: int
    count: float = 1.0

    @property
    def local_bytes(self) -> int:
        """Bytes a rank accesses locally after it; 0 for a reduce-scatter."""
        return _LOCAL_ACCESSES * self.size_bytes if self.kind is Kind.ALL_GATHER else 0

    def folded(self) -> Work:
        """The collective as part of a compute node: itself, its launch, and the local accesses after it."""
        terms: list[tuple[Folded | Pointwise, float]] = [
            (Folded(self.kind, self.size_bytes, self.axis, self.participants), self.count),
            (Pointwise(0, 0, launches=1), self.count),
        ]
        if self.local_bytes:
            terms.append((Pointwise(0, self.local_bytes), self.count))
        return tuple(terms)


@attrs.frozen
class Product:
    """A matrix product as one rank sees it.

    Attributes:
        gemms: The products it computes.
        collectives: The collectives that go with them.
    """

    gemms: tuple[Gemm, ...]
    collectives: tuple[Collective, ...] = ()

    @property
    def compute(self) -> Work:
        """The products alone."""
        return tuple((gemm, 1.0) for gemm in self.gemms)

    @property
    def work(self) -> Work:
        """The products with the collectives folded in."""
        return (*self.compute, *(term for collective in self.collectives for term in collective.folded()))


def merged(*parts: Work) -> Work:
    """Several pieces of work as one: equal terms are counted together, in order of first appearance."""
    counts: dict[object, float] = {}
    for part in parts:
        for term, count in part:
            counts[term] = counts.get(term, 0.0) + count
    return tuple(counts.items())  # type: ignore[arg-type]


class Operators:
    """The operators of a transformer under a tensor-parallel split.

    Args:
        element_bytes: Bytes per element.
        parallelism: How GEMMs are split.
        corrections: Which known defects to mend.
    """

    def __init__(self, element_bytes: float, parallelism: Parallelism, corrections: Corrections) -> None:
        self._bytes = element_bytes
        self._split = parallelism
        self._corrections = corrections

    def forward(self, shape: Shape) -> Product:
        """The product (m x k) · (k x n) on one rank: whole, or as :meth:`split_forward` has it.

        Raises:
            FaultsError: A dimension is smaller than the number of ranks it is split over.
        """
        return self.split_forward(shape) if self._split.splits_gemms else self._product(shape)

    def backward(self, shape: Shape) -> Product:
        """The gradients of a product (m x k) · (k x n) on one rank: whole, or as :meth:`split_backward` has it.

        Raises:
            FaultsError: A dimension is smaller than the number of ranks it is split over.
        """
        if self._split.splits_gemms:
            return self.split_backward(shape)
        m, k, n = shape
        return Product((self._gemm(m, n, k), self._gemm(k, m, n)))

    def split_forward(self, shape: Shape) -> Product:
        """A split product on one rank, even if the split is over one.

        Column-row: each rank has k / tp of the inner dimension, and the products are reduce-scattered. Row-column:
        each has m / tp1 rows and n / tp2 columns, and gathers its rows. Dimensions are divided without remainder.

        Raises:
            FaultsError: A dimension is smaller than the number of ranks it is split over.
        """
        m, k, n = shape
        p1, p2 = self._split.tp1, self._split.tp2
        if self._split.tensor is TensorScheme.COLUMN_ROW:
            return self._product((m, k // p1, n), self._scatter(m * n))
        return self._product((m // p1, k, n // p2), self._gather((m // p1) * n, "tp2", p2))

    def split_backward(self, shape: Shape) -> Product:
        """The gradients of a split product, with respect to weights and to activations, even if split over one rank.

        Column-row gathers the output gradient once for both. Row-column gathers rows and columns of both operands,
        divides truly (so sizes may be fractions), and counts the first and last of its four gathers half.

        Raises:
            FaultsError: A dimension is smaller than the number of ranks it is split over.
        """
        m, k, n = shape
        p1, p2 = self._split.tp1, self._split.tp2
        if self._split.tensor is TensorScheme.COLUMN_ROW:
            gemms = (self._gemm(k, m // p1, n), self._gemm(m, n // p1, k))
            return Product(gemms, self._gather(m * n, "tp", p1))
        gemms = (self._gemm(k / p1, m, n / p2), self._gemm(m / p1, n, k / p2))
        gathers = (
            *self._gather(k * m, "tp1", p1, 0.5),
            *self._gather(m * (n / p2), "tp1", p1),
            *self._gather((m / p1) * n, "tp2", p2),
            *self._gather(k * n, "tp2", p2, 0.5),
        )
        return Product(gemms, gathers)

    def _gemm(self, m: float, k: float, n: float) -> Gemm:
        if min(m, k, n) <= 0:
            fault = (
                f"a product of {m:g} x {k:g} x {n:g} per rank has nothing to compute: tp1={self._split.tp1}, "
                f"tp2={self._split.tp2} is more than a dimension holds"
            )
            raise FaultsError("tensor parallelism", [fault])
        return Gemm(m, k, n, self._bytes)

    def _product(self, shape: tuple[float, float, float], collectives: tuple[Collective, ...] = ()) -> Product:
        return Product((self._gemm(*shape),), collectives)

    def _scatter(self, elements: float) -> tuple[Collective, ...]:
        if self._split.tp1 < 2:
            return ()
        return (Collective(Kind.REDUCE_SCATTER, math.ceil(self._bytes * elements), "tp", self._split.tp1),)

    def _gather(self, elements: float, axis: str, ranks: int, count: float = 1.0) -> tuple[Collective, ...]:
        if ranks < 2:
            return ()
        return (Collective(Kind.ALL_GATHER, math.ceil(self._bytes * elements), axis, ranks, count),)

    def scaled_softmax_forward(self, shape: Shape) -> Work:
        """Scaling and softmax of the attention scores."""
        return (self._elementwise(shape, 1, 2, 1), self._elementwise(shape, 3, 7, 4))

    def scaled_softmax_backward(self, shape: Shape) -> Work:
        """Gradient of :meth:`scaled_softmax_forward`."""
        return (self._elementwise(shape, 1, 2, 1), self._elementwise(shape, 5, 11, 4))

    def residual(self, shape: Shape) -> Work:
        """A residual addition, or its gradient: they cost the same."""
        return (self._elementwise(shape, 1, 3, 1),)

    def layer_norm_forward(self, shape: Shape) -> Work:
        """A layer normalisation."""
        return (self._elementwise(shape, 5, 9, 3),)

    def layer_norm_backward(self, shape: Shape) -> Work:
        """Gradient of a layer normalisation."""
        return (self._elementwise(shape, 7, 11, 4),)

    def _elementwise(self, shape: Shape, flop: float, accesses: float, launches: float) -> tuple[Pointwise, float]:
        m, _, n = shape
        return Pointwise(m * n * flop, self._bytes * m * n * accesses, launches), 1.0

    def vocabulary_forward(self, shape: Shape) -> Work:
        """The projection onto the vocabulary and its softmax."""
        return (*self.forward(shape).work, *self.vocabulary_softmax_forward(shape))

    def vocabulary_backward(self, shape: Shape) -> Work:
        """Gradient of :meth:`vocabulary_forward`."""
        return (*self.backward(shape).work, *self.vocabulary_softmax_backward(shape))

    def vocabulary_softmax_forward(self, shape: Shape) -> Work:
        """The softmax over the vocabulary alone."""
        m, _, n = shape
        return ((Pointwise(m * (3 * n - 1), self._bytes * m * (7 * n), 4), 1.0),)

    def vocabulary_softmax_backward(self, shape: Shape) -> Work:
        """Gradient of :meth:`vocabulary_softmax_forward`."""
        m, _, n = shape
        columns = n if self._corrections.softmax_backward_bytes else 1
        return ((Pointwise(m * n * 5, self._bytes * m * columns * 11, 4), 1.0),)

    def embedding_forward(self, tokens: int, hidden: int) -> Work:
        """Looking up the embeddings of a microbatch, and bringing them from the host."""
        size = self._bytes * tokens * hidden
        crossing = size if self._corrections.embedding_transfer_bytes else 2 * size
        return ((Pointwise(0, 2 * size, 1), 1.0), (HostTransfer(crossing), 1.0))

    def embedding_backward(self, tokens: int, hidden: int) -> Work:
        """Writing the gradients of the embeddings."""
        return ((Pointwise(0, 2 * self._bytes * tokens * hidden, 1), 1.0),)

    def gradient_application(self, elements: float) -> Work:
        """Applying the gradients of some weights: scaling, addition, learning rate; then clipping to a norm."""
        return (
            (Pointwise(3 * elements, 4 * elements * self._bytes), 1.0),
            (Pointwise(4 * elements, 3 * elements * self._bytes), 1.0),
        )

    def layer_gradient_application(self, model: TransformerModel) -> Work:
        """Applying the gradients of one transformer layer."""
        return merged(*(self.gradient_application(elements) for elements in model.layer_weights))


@attrs.frozen
class Operator:
    """A named operator of a layer and its gradient.

    Attributes:
        name: What it does.
        forward: Work of one rank.
        backward: Work of one rank for the gradient.
    """

    name: str
    forward: Work
    backward: Work


def layer_operators(model: TransformerModel, batch: int, operators: Operators) -> tuple[Operator, ...]:
    """The operators of one transformer layer on one rank, in the order of execution.

    Args:
        model: The model.
        batch: Sequences that pass through together.
        operators: The tensor-parallel split.
    """
    shapes = model.products(batch)

    def product(name: str) -> Operator:
        shape = shapes[name]
        return Operator(name, operators.forward(shape).work, operators.backward(shape).work)

    def tail(after: str, number: int) -> Iterable[Operator]:
        shape = shapes[after]
        addition = operators.residual(shape)
        yield Operator(f"residual{number}", addition, addition)
        yield Operator(f"layer_norm{number}", operators.layer_norm_forward(shape), operators.layer_norm_backward(shape))

    scores = shapes["attention_score"]
    softmax = Operator(
        "attention_softmax", operators.scaled_softmax_forward(scores), operators.scaled_softmax_backward(scores)
    )
    return (
        product("qkv_projection"),
        product("attention_score"),
        softmax,
        product("attention_output"),
        product("output_projection"),
        *tail("output_projection", 1),
        product("ffn1"),
        product("ffn2"),
        *tail("ffn2", 2),
    )
