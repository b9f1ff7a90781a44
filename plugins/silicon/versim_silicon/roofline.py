"""The least time of a product on a GPU, against which measured times are efficiencies.

    t = max(2·m·n·k / peak, bytes / bandwidth) + launch

Ampere's kernels compute in tiles of 128 × 256 results, one per multiprocessor at a time; where the last wave of tiles
is not full, its multiprocessors wait. Later generations share tiles out more finely, and measured times follow no such
steps. Where measured times do, interpolation has to know them: without it products of A100 off the grid are 1.5 times
as far off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from versim import DTYPE_BITS

from versim_silicon.gpus import Gpu

LAUNCH_S = 2e-6
"""About what the smallest measured kernels take; it only shapes the interpolation."""

RESULT_BYTES = 2
"""Results are 16 bit whatever the operands are."""

TILE = 128, 256
"""Results of one tile of Ampere's kernels, either way around."""

Floats = NDArray[np.float64]


def product_s(gpu: Gpu, dtype: str, m: Floats, n: Floats, k: Floats) -> Floats:
    """Seconds; the arguments are broadcast against each other."""
    compute_s = 2 * m * n * k / gpu.flop_per_s[dtype]
    if gpu.compute_capability < 90:
        compute_s = compute_s * _waves(gpu.multiprocessors, m, n)
    moved = DTYPE_BITS[dtype] / 8 * (m * k + k * n) + RESULT_BYTES * m * n
    return np.maximum(compute_s, moved / gpu.memory_bytes_per_s) + LAUNCH_S


def _waves(multiprocessors: int, m: Floats, n: Floats) -> Floats:
    """How much longer the tiles of a product take than its results; 1 where they do not fill the GPU once."""
    longer = [_padded(multiprocessors, m, n, *tile) for tile in (TILE, TILE[::-1])]
    return np.minimum(*longer)


def _padded(multiprocessors: int, m: Floats, n: Floats, high: int, wide: int) -> Floats:
    tiles = np.ceil(m / high) * np.ceil(n / wide)
    waves = np.ceil(tiles / multiprocessors)
    return np.where(tiles < multiprocessors, 1.0, waves * multiprocessors * high * wide / (m * n))
