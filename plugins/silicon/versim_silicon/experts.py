"""Grouped products of experts from measured layers of experts.

What was measured is a whole layer: both products of gated experts, and around them tokens sorted by expert, the
activation, and results added up, also for tokens whose experts other GPUs have. A product is credited with its share of
the roofline of all that,

    t(product) = roofline(product) · measured / roofline(layer),

at the efficiency of the layers nearest in tokens per expert, experts, hidden and inner size. Of these the median
counts, for kernels were tuned while measuring, and some layers were measured at 4.6 times what nearly equal ones were.
A layer left out is predicted worse than a plain product is; the pages say by how much.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import DTYPE_BITS

from versim_silicon.gpus import Gpu
from versim_silicon.interpolation import DECLINED, INTERPOLATED, OCTAVE, SATURATED, Answers
from versim_silicon.roofline import LAUNCH_S, RESULT_BYTES
from versim_silicon.tables import EXPERT_COLUMNS, Table

Floats = NDArray[np.float64]

WEIGHTS = np.array([1.0, 0.5, 0.5, 0.5])
"""How much an octave of tokens per expert, experts, hidden and inner size counts in "nearest"."""

NEIGHBOURS = 16
SOFT = 0.01
"""Added to squared distances, so that a row at distance 0 does not silence the rest."""

FARTHEST = 0.75
"""No answer where the nearest layer is farther than this, tokens per expert left aside: about one and a half octaves
of one size, or one of each of two."""

LAYER_LAUNCHES = 5
"""Kernels of the layer besides the first: sort, activation, second product, sum."""

AT_ONCE = 4096
"""Queries held against the table at once, which bounds memory."""


@attrs.frozen(eq=False)
class GroupedProducts:
    """Seconds of grouped products of one number format on one GPU."""

    gpu: Gpu
    dtype: str
    places: Floats
    logs: Floats

    @classmethod
    def of(cls, gpu: Gpu, dtype: str, table: Table) -> GroupedProducts:
        """From rows of layers."""
        rows, experts, hidden, inner, tokens = (table.axes[name] for name in EXPERT_COLUMNS)
        layer = layer_roofline_s(gpu, dtype, rows, experts, hidden, inner, tokens)
        return cls(gpu, dtype, _places(rows, experts, hidden, inner), np.log(table.times_s / layer))

    def layers_s(self, rows: Floats, experts: Floats, hidden: Floats, inner: Floats, tokens: Floats) -> Floats:
        """Seconds of whole layers, as they were measured, NaN where none is near; shape (layers,)."""
        logs, away, _ = self._nearest(_places(rows, experts, hidden, inner))
        times_s = layer_roofline_s(self.gpu, self.dtype, rows, experts, hidden, inner, tokens) * np.exp(logs)
        return np.where(away > FARTHEST, np.nan, times_s)

    def times_s(self, rows: Floats, experts: Floats, k: Floats, n: Floats) -> Answers:
        """Seconds of products of ``rows`` rows per expert with a (k × n) matrix each; shape (products,).

        A product may be the first of its layer (k hidden, n twice the inner size) or the second (k inner, n hidden);
        it is taken as the one whose layer lies nearer to a measured one.
        """
        values, standing = np.full(len(rows), np.nan), np.full(len(rows), DECLINED, dtype=np.uint8)
        for start in range(0, len(rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            first = self._nearest(_places(rows[part], experts[part], k[part], n[part] / 2))
            second = self._nearest(_places(rows[part], experts[part], n[part], k[part]))
            pick = first[1] <= second[1]
            logs, away, fewer = (np.where(pick, a, b) for a, b in zip(first, second, strict=True))
            values[part] = logs
            standing[part] = np.where(away > FARTHEST, DECLINED, np.where(fewer > OCTAVE, SATURATED, INTERPOLATED))
        with np.errstate(invalid="ignore"):
            times_s = product_s(self.gpu, self.dtype, rows, experts, k, n) * np.exp(values)
        standing[~np.isfinite(times_s)] = DECLINED
        times_s[standing == DECLINED] = np.nan
        return Answers(times_s, standing)

    def _nearest(self, query: Floats) -> tuple[Floats, Floats, Floats]:
        """Log efficiency, distance without tokens per expert, and how many times fewer of these the nearest had."""
        away = (query[:, None, :] - self.places[None, :, :]) ** 2
        distance = away.sum(axis=2)
        count = min(NEIGHBOURS, len(self.places))
        near = np.argpartition(distance, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(near, np.argsort(self.logs[near], axis=1), axis=1)
        weights = np.cumsum(1 / (np.take_along_axis(distance, near, axis=1) + SOFT), axis=1)
        middle = np.argmax(weights >= weights[:, -1:] / 2, axis=1)[:, None]
        logs = self.logs[np.take_along_axis(near, middle, axis=1)[:, 0]]
        least = np.take_along_axis(near, np.argmin(np.take_along_axis(distance, near, axis=1), axis=1)[:, None], axis=1)
        apart = np.sqrt(np.take_along_axis(away[:, :, 1:].sum(axis=2), least, axis=1)[:, 0])
        fewer = np.exp(query[:, 0] - self.places[least[:, 0], 0])
        return logs, apart, fewer


def layer_roofline_s(
    gpu: Gpu, dtype: str, rows: Floats, experts: Floats, hidden: Floats, inner: Floats, tokens: Floats
) -> Floats:
    """The least time of a layer of gated experts: its products, and what is moved around them.

    ``tokens`` are all that enter the layer, whichever GPU has their experts: each is read and each result written.
    """
    return (
        product_s(gpu, dtype, rows, experts, hidden, 2 * inner)
        + product_s(gpu, dtype, rows, experts, inner, hidden)
        + _moved_s(gpu, rows * experts, hidden, inner, tokens)
        + (LAYER_LAUNCHES - 1) * LAUNCH_S
    )


def product_s(gpu: Gpu, dtype: str, rows: Floats, experts: Floats, k: Floats, n: Floats) -> Floats:
    """The least time of one grouped product, of ``rows`` rows per expert."""
    total = rows * experts
    moved = DTYPE_BITS[dtype] / 8 * (total * k + experts * k * n) + RESULT_BYTES * total * n
    return np.maximum(2 * total * k * n / gpu.flop_per_s[dtype], moved / gpu.memory_bytes_per_s) + LAUNCH_S


def _moved_s(gpu: Gpu, total: Floats, hidden: Floats, inner: Floats, tokens: Floats) -> Floats:
    """Rows are copied in order and read again, activations read two and write one, results are added up."""
    return RESULT_BYTES * (total * 3 * (hidden + inner) + 2 * tokens * hidden) / gpu.memory_bytes_per_s


def _places(rows: Floats, experts: Floats, hidden: Floats, inner: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        places: Floats = np.stack([np.log(values) for values in (rows, experts, hidden, inner)], axis=1) * WEIGHTS
    return places
