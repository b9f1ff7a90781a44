"""What a step does, without times: terms of compute work and kinds of communication.

Terms are plain values; ``GraphBuilder.build`` checks them all and names the nodes that carry a bad one.

A compute node's work is a sum of terms, each with a count. Terms are device-independent; a compute timing turns
:class:`Gemm`, :class:`Pointwise` and :class:`HostTransfer` into seconds, a network timing does so for
:class:`Folded` communication, and :class:`Fixed` already is a time.

``size_bytes`` of a communication is always the full tensor: the all-reduce buffer, the all-gather *output*, the
reduce-scatter *input*, the all-to-all per-rank send buffer, the message of a point-to-point transfer.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs


class Kind(enum.StrEnum):
    """The kinds of communication, spelt as the field does."""

    ALL_REDUCE = "all_reduce"
    ALL_GATHER = "all_gather"
    REDUCE_SCATTER = "reduce_scatter"
    ALL_TO_ALL = "all_to_all"
    BROADCAST = "broadcast"
    POINT_TO_POINT = "point_to_point"


class Phase(enum.StrEnum):
    """The part of a training step a node belongs to."""

    NONE = ""
    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "optimizer"


def shard_bytes(kind: Kind, size_bytes: int, participants: int) -> int:
    """What one rank contributes to an all-gather or keeps of a reduce-scatter, rounded up to whole bytes."""
    if kind in (Kind.ALL_GATHER, Kind.REDUCE_SCATTER):
        return -(-size_bytes // participants)
    return size_bytes


@attrs.frozen
class Gemm:
    """A matrix product (m × k) · (k × n), including the launch of its kernel.

    Attributes:
        m: Rows of the left matrix; fractional where a model divides without rounding.
        k: Inner dimension.
        n: Columns of the right matrix.
        element_bytes: Bytes per element.
    """

    m: float
    k: float
    n: float
    element_bytes: float


@attrs.frozen
class Pointwise:
    """Element-wise work.

    Attributes:
        flop: Floating-point operations.
        access_bytes: Bytes read and written in device memory.
        launches: Kernels launched.
    """

    flop: float
    access_bytes: float
    launches: float = 0.0


@attrs.frozen
class HostTransfer:
    """A copy between host and device.

    Attributes:
        size_bytes: Bytes copied.
    """

    size_bytes: float


@attrs.frozen
class Fixed:
    """Work whose duration is known.

    Attributes:
        duration_s: Seconds.
    """

    duration_s: float


@attrs.frozen
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


DeviceTerm: TypeAlias = Gemm | Pointwise | HostTransfer
"""What a compute timing has to time."""

Term: TypeAlias = DeviceTerm | Fixed | Folded

Work: TypeAlias = tuple[tuple[Term, float], ...]
"""Terms with their counts; a count may be a fraction."""
