"""What a step does, without times: terms of compute work and kinds of communication.

Terms are plain values; ``GraphBuilder.build`` checks them all and names the nodes that carry a bad one.

A compute node's work is a sum of terms, each with a count. Terms are device-independent; a compute timing turns
products, attention, element-wise work and host transfers into seconds, a network timing does so for :class:`Folded`
communication, and :class:`Fixed` already is a time.

``size_bytes`` of a communication is always the full tensor: the all-reduce buffer, the all-gather *output*, the
reduce-scatter *input*, the all-to-all per-rank send buffer, the message of a point-to-point transfer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import ClassVar, TypeAlias

import attrs

from versim.labels import Label, name_labels


class Kind(Label):
    """The kind of a communication, spelt as the field does; open text, of which these are known by name."""

    ALL_REDUCE: ClassVar[Kind]
    ALL_GATHER: ClassVar[Kind]
    REDUCE_SCATTER: ClassVar[Kind]
    ALL_TO_ALL: ClassVar[Kind]
    BROADCAST: ClassVar[Kind]
    POINT_TO_POINT: ClassVar[Kind]


name_labels(
    Kind,
    ALL_REDUCE="all_reduce",
    ALL_GATHER="all_gather",
    REDUCE_SCATTER="reduce_scatter",
    ALL_TO_ALL="all_to_all",
    BROADCAST="broadcast",
    POINT_TO_POINT="point_to_point",
)


class Phase(Label):
    """The part of a training step a node belongs to; open text, of which these are known by name."""

    NONE: ClassVar[Phase]
    FORWARD: ClassVar[Phase]
    BACKWARD: ClassVar[Phase]
    OPTIMIZER: ClassVar[Phase]


name_labels(Phase, NONE="", FORWARD="forward", BACKWARD="backward", OPTIMIZER="optimizer")


def shard_bytes(kind: Kind, size_bytes: int, participants: int) -> int:
    """What one rank contributes to an all-gather or keeps of a reduce-scatter, rounded up to whole bytes."""
    if kind in (Kind.ALL_GATHER, Kind.REDUCE_SCATTER):
        return -(-size_bytes // participants)
    return size_bytes


class Pass(enum.StrEnum):
    """What a product is for; kernels of the three lay their operands out differently."""

    FORWARD = "forward"
    DATA_GRADIENT = "data_gradient"
    """The gradient of the input; of fused attention, its whole backward."""
    WEIGHT_GRADIENT = "weight_gradient"


DTYPE_BITS: Mapping[str, int] = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 32,
    "bf16": 16,
    "fp16": 16,
    "fp8": 8,
    "fp8_block": 8,
    "mxfp8": 8,
    "int8": 8,
    "fp6": 6,
    "fp4": 4,
    "mxfp4": 4,
    "nvfp4": 4,
}
"""Bits per element of the number formats that devices are rated for; fp8_block is scaled per block, as mxfp8 is."""


@attrs.frozen(cache_hash=True)
class Gemm:
    """Matrix products (m × k) · (k × n) of one kernel, including its launch.

    Attributes:
        m: Rows of the left matrix; fractional where a model divides without rounding.
        k: Inner dimension.
        n: Columns of the right matrix.
        element_bytes: Bytes per element.
        batch: Independent products of this shape in the kernel.
        dtype: Number format of the operands, see :data:`DTYPE_BITS`; "" where only its width is known.
        of_pass: What the product is for.
    """

    m: float
    k: float
    n: float
    element_bytes: float
    batch: float = 1
    dtype: str = ""
    of_pass: Pass = attrs.field(default=Pass.FORWARD, converter=Pass)

    @property
    def flop(self) -> float:
        """Operations; a multiplication with its addition is two."""
        return 2 * self.batch * self.m * self.k * self.n

    @property
    def access_bytes(self) -> float:
        """Bytes of both operands and the result, each moved once."""
        return self.element_bytes * self.batch * (self.m * self.k + self.k * self.n + self.m * self.n)


@attrs.frozen(cache_hash=True)
class GroupedGemm:
    """The products of a layer's experts on one rank, in one kernel, including its launch.

    Attributes:
        m: Rows over all groups together.
        k: Inner dimension.
        n: Columns of each group's right matrix.
        groups: Experts, each with a right matrix of its own.
        element_bytes: Bytes per element.
        dtype: Number format of the operands, see :data:`DTYPE_BITS`; "" where only its width is known.
        of_pass: What the products are for.
    """

    m: float
    k: float
    n: float
    groups: float
    element_bytes: float
    dtype: str = ""
    of_pass: Pass = attrs.field(default=Pass.FORWARD, converter=Pass)

    @property
    def flop(self) -> float:
        """Operations; a multiplication with its addition is two."""
        return 2 * self.m * self.k * self.n

    @property
    def access_bytes(self) -> float:
        """Bytes of the operands and results, each moved once."""
        return self.element_bytes * (self.m * self.k + self.groups * self.k * self.n + self.m * self.n)


ATTENTION_BACKWARD = 2.5
"""Operations of fused attention's backward over its forward's: five products for two (Dao 2023, section 3.1)."""


@attrs.frozen(cache_hash=True)
class Attention:
    """Fused (flash) attention of one rank, in one kernel, including its launch: scores stay on the chip.

    Attributes:
        batch: Sequences.
        heads: Query heads on this rank.
        kv_heads: Key and value heads on this rank.
        query_length: Query tokens per sequence.
        key_length: Key tokens per sequence.
        head_size: Elements of a query and a key.
        causal: True if a token attends to those before it only: half of the products is not computed.
        element_bytes: Bytes per element.
        dtype: Number format of the operands, see :data:`DTYPE_BITS`; "" where only its width is known.
        of_pass: FORWARD, or DATA_GRADIENT for the whole backward.
        value_size: Elements of a value; 0 where it is as wide as a key.
    """

    batch: float
    heads: float
    kv_heads: float
    query_length: float
    key_length: float
    head_size: float
    causal: bool
    element_bytes: float
    dtype: str = ""
    of_pass: Pass = attrs.field(default=Pass.FORWARD, converter=Pass)
    value_size: float = 0

    @property
    def full_flop(self) -> float:
        """Operations if every token attended to every other; the backward has :data:`ATTENTION_BACKWARD` as many."""
        pairs = self.batch * self.heads * self.query_length * self.key_length
        forward = 2 * pairs * (self.head_size + (self.value_size or self.head_size))
        return forward if self.of_pass is Pass.FORWARD else ATTENTION_BACKWARD * forward

    @property
    def flop(self) -> float:
        """Operations that the kernel executes: of causal attention, half of all."""
        return self.full_flop / 2 if self.causal else self.full_flop

    @property
    def access_bytes(self) -> float:
        """Bytes of queries, keys, values and output, each moved once; the backward moves their gradients, too."""
        value_size = self.value_size or self.head_size
        queries = self.heads * self.query_length * (self.head_size + value_size)
        keys = self.kv_heads * self.key_length * (self.head_size + value_size)
        moved = self.element_bytes * self.batch * (queries + keys)
        return moved if self.of_pass is Pass.FORWARD else 2 * moved


@attrs.frozen(cache_hash=True)
class Pointwise:
    """Element-wise work.

    Attributes:
        flop: Floating-point operations.
        access_bytes: Bytes read and written in device memory.
        launches: Kernels launched.
        name: What it is, e.g. ``rms_norm``; "" where nobody says. Timings may know some by name.
    """

    flop: float
    access_bytes: float
    launches: float = 0.0
    name: str = ""


@attrs.frozen(cache_hash=True)
class HostTransfer:
    """A copy between host and device.

    Attributes:
        size_bytes: Bytes copied.
    """

    size_bytes: float


@attrs.frozen(cache_hash=True)
class Fixed:
    """Work whose duration is known.

    Attributes:
        duration_s: Seconds.
    """

    duration_s: float


@attrs.frozen(cache_hash=True)
class Folded:
    """An isolated communication that is part of a compute node.

    A node that stands for a whole layer carries the layer's tensor-parallel collectives this way. Whoever times them
    changes compute, so that choice belongs to the pin.

    Attributes:
        kind: What is done.
        size_bytes: The full tensor, in bytes.
        axis: The parallelism it runs along, e.g. ``tp``; it need not be an axis of the graph's mesh.
        participants: Ranks taking part.
    """

    kind: Kind = attrs.field(converter=Kind)
    size_bytes: int
    axis: str
    participants: int


DeviceTerm: TypeAlias = Gemm | GroupedGemm | Attention | Pointwise | HostTransfer
"""What a compute timing has to time, or declines."""

Term: TypeAlias = DeviceTerm | Fixed | Folded

Work: TypeAlias = tuple[tuple[Term, float], ...]
"""Terms with their counts; a count may be a fraction."""
