"""Fused attention from measured one: causal, forward, as many keys as queries.

What was not measured is modelled from what was, and says so: attention that is not causal, or has other lengths, at
the efficiency of the square causal product of equally many pairs; the backward by a ratio of efficiencies that was
measured on other boards.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ATTENTION_BACKWARD, DTYPE_BITS

from versim_silicon.gpus import Gpu
from versim_silicon.interpolation import (
    DECLINED,
    EXACT,
    INTERPOLATED,
    MODELLED,
    OCTAVE,
    SATURATED,
    Answers,
    Grid,
    closed,
    held,
)
from versim_silicon.roofline import LAUNCH_S
from versim_silicon.tables import Table

Floats = NDArray[np.float64]

FEW_KV_HEADS = 8
"""More key and value heads than these, but fewer than heads, are looked up as these; they hardly matter."""

BACKWARD_SLOWER = {8: 1.16, 9: 1.16, 10: 1.08}
"""Forward efficiency over backward efficiency by generation (compute capability / 10), at 2.5 times the operations.

Medians of SimuMax's measurements (github.com/MooreThreads/SimuMax, configs/system, Apache-2.0): 12 shapes on A100
PCIe, 32 on B200, sequences of 4,096 and more. Hopper has none there and is taken as Ampere."""


@attrs.frozen(eq=False, kw_only=True)
class Shapes:
    """Attention to time, one entry per kernel; see :class:`versim.Attention`. All of shape (kernels,)."""

    batch: Floats
    heads: Floats
    kv_heads: Floats
    query_length: Floats
    key_length: Floats
    head_size: Floats
    value_size: Floats
    causal: NDArray[np.bool_]
    backward: NDArray[np.bool_]


@attrs.frozen(eq=False)
class _Head:
    """Of one head size: all heads with keys of their own, and several heads to one key."""

    own: Grid
    shared: Grid

    def at(self, batch: Floats, heads: Floats, kv_heads: Floats, length: Floats) -> Answers:
        own = self.own.at(batch, heads, length)
        shared = self.shared.at(batch, heads, np.minimum(kv_heads, FEW_KV_HEADS), length)
        pick = kv_heads >= heads
        return Answers(np.where(pick, own.values, shared.values), np.where(pick, own.standing, shared.standing))


@attrs.frozen(eq=False)
class FusedAttention:
    """Seconds of fused attention of one number format on one GPU."""

    gpu: Gpu
    dtype: str
    heads: Mapping[float, _Head]

    @classmethod
    def of(cls, gpu: Gpu, dtype: str, tables: Mapping[float, Table]) -> FusedAttention:
        """From tables by head size."""
        return cls(gpu, dtype, {size: _head(gpu, dtype, size, tables[size]) for size in sorted(tables)})

    def times_s(self, shapes: Shapes) -> Answers:
        """Seconds of each kernel; shape (kernels,)."""
        pairs = shapes.query_length * shapes.key_length / np.where(shapes.causal, 2, 1)
        length = np.sqrt(2 * pairs)
        square = shapes.causal & (shapes.query_length == shapes.key_length)
        size = (shapes.head_size + shapes.value_size) / 2
        efficiency = self._by_head_size(shapes, size, np.where(square, shapes.query_length, length))
        roofline = _roofline_s(
            self.gpu,
            self.dtype,
            shapes.batch,
            shapes.heads,
            shapes.kv_heads,
            pairs,
            shapes.query_length,
            shapes.key_length,
            size,
        )
        with np.errstate(invalid="ignore"):
            times_s = roofline * np.exp(efficiency.values)
        slower = ATTENTION_BACKWARD * BACKWARD_SLOWER[self.gpu.compute_capability // 10]
        times_s = np.where(shapes.backward, times_s * slower, times_s)
        standing = np.where(
            efficiency.standing == DECLINED,
            DECLINED,
            np.where(
                square & ~shapes.backward & (shapes.value_size == shapes.head_size), efficiency.standing, MODELLED
            ),
        ).astype(np.uint8)
        times_s[standing == DECLINED] = np.nan
        return Answers(times_s, standing)

    def _by_head_size(self, shapes: Shapes, size: Floats, length: Floats) -> Answers:
        """Between the head sizes that were measured; one octave below and above them, the nearest is held."""
        sizes = list(self.heads)
        values, standing = np.full(len(size), np.nan), np.full(len(size), DECLINED, dtype=np.uint8)

        def place(mask: NDArray[np.bool_], answers: Answers, least: int) -> None:
            values[mask] = answers.values
            standing[mask] = np.maximum(answers.standing, least)

        def looked_up(of: float, mask: NDArray[np.bool_]) -> Answers:
            return self.heads[of].at(shapes.batch[mask], shapes.heads[mask], shapes.kv_heads[mask], length[mask])

        for of in sizes:
            exact = size == of
            if exact.any():
                place(exact, looked_up(of, exact), EXACT)
        for low, high in itertools.pairwise(sizes):
            between = (size > low) & (size < high)
            if between.any() and high <= OCTAVE * low:
                one, other = looked_up(low, between), looked_up(high, between)
                share = np.log(size[between] / low) / np.log(high / low)
                mixed = Answers(
                    one.values * (1 - share) + other.values * share, np.maximum(one.standing, other.standing)
                )
                place(between, mixed, INTERPOLATED)
        for of, outside in ((sizes[0], (size < sizes[0]) & (size * OCTAVE >= sizes[0])), (sizes[-1], size > sizes[-1])):
            if outside.any():
                place(outside, looked_up(of, outside), SATURATED)
        return Answers(values, standing)


def _head(gpu: Gpu, dtype: str, size: float, table: Table) -> _Head:
    batch, heads, kv_heads, length = (table.axes[axis] for axis in ("batch", "heads", "kv_heads", "length"))
    b, h, v, s = np.meshgrid(batch, heads, kv_heads, length, indexing="ij")
    roofline = _roofline_s(gpu, dtype, b, h, v, s * s / 2, s, s, np.full(b.shape, size))
    logs = np.log(table.times_s / roofline)
    # Heads with keys of their own lie on the diagonal of heads and key heads.
    own = np.full((len(batch), len(heads), len(length)), np.nan)
    for place, count in enumerate(heads):
        same = np.flatnonzero(kv_heads == count)
        if len(same):
            own[:, place] = logs[:, :, same[0]][:, place]
    few = kv_heads <= FEW_KV_HEADS
    return _Head(
        held(closed((batch, heads, length), own, (1, 0, 2)), 0),
        held(closed((batch, heads, kv_heads[few], length), logs[:, :, few], (2, 1, 0, 3)), 0),
    )


def _roofline_s(
    gpu: Gpu,
    dtype: str,
    batch: Floats,
    heads: Floats,
    kv_heads: Floats,
    pairs: Floats,
    queries: Floats,
    keys: Floats,
    size: Floats,
) -> Floats:
    """The least time of one forward kernel over so many pairs of a query and a key per sequence and head."""
    flop = 4 * batch * heads * pairs * size
    moved = DTYPE_BITS[dtype] / 8 * 2 * batch * size * (heads * queries + kv_heads * keys)
    return np.maximum(flop / gpu.flop_per_s[dtype], moved / gpu.memory_bytes_per_s) + LAUNCH_S
