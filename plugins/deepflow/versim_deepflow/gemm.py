"""The time of a matrix product: the best of DeepFlow's loop orders and tiles on a four-level memory hierarchy.

A product (m x k) · (k x n) is cut into level-2 tiles (cache), each into level-1 tiles (shared memory); which of the
three loops over tiles is innermost decides what is reloaded. DeepFlow enumerates 48,000 combinations of which 3 x 20 x
20 differ, because the two outer loops and the level-0 tile have no effect; these are evaluated at once. Ties go to the
smallest hypot of DRAM and cache bytes, then to the first in DeepFlow's order. Measured: golden/deepflow/gemm.

All counts are float64, exact below 2**53.
"""

from __future__ import annotations

import math
from functools import lru_cache

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_deepflow.hardware.device import DeviceModel
from versim_deepflow.roofline import hierarchy_times_s
from versim_deepflow.tiles import Tile, tile_list

Floats = NDArray[np.float64]

_ORDERS = ("mnk", "mkn", "nkm")
"""The first loop order, in DeepFlow's enumeration, with k, n and m innermost."""
_OUTPUT, _INPUT, _WEIGHT = range(3)
"""What the innermost loop leaves in place, by its position in :data:`_ORDERS`: over k the output tile, over n the left
(input) tile, over m the right (weight) tile."""


@attrs.frozen(kw_only=True)
class GemmTime:
    """The best schedule of a product.

    Attributes:
        time_s: Seconds, without the launch of the kernel.
        order: Loop order, outermost first; only the last letter matters.
        tiles: Tiles at levels 0 to 3 as (m, k, n), before they are clipped to the one around them. Level 0 has no
            effect; level 3 is the whole product.
        access_bytes: Bytes accessed at levels 0 to 3; those of level 1 per bundle at work.
        flop: Floating-point operations.
    """

    time_s: float
    order: str
    tiles: tuple[tuple[float, float, float], ...]
    access_bytes: tuple[float, ...]
    flop: float


def gemm_flop(m: float, k: float, n: float) -> float:
    """Multiplications and additions of a product: m·n·(2k - 1)."""
    return m * n * (2 * k - 1)


def gemm_time(m: float, k: float, n: float, element_bytes: float, device: DeviceModel) -> GemmTime:
    """The best schedule of the product (m x k) · (k x n) on a device.

    Args:
        m: Rows of the left matrix, above 0; a fraction is allowed, as DeepFlow's backward row-column split needs it.
        k: Inner dimension, above 0.
        n: Columns of the right matrix, above 0.
        element_bytes: Bytes per element.
        device: The device.

    Raises:
        ValueError: A dimension that is not a finite number above 0.
    """
    for name, value in (("m", m), ("k", k), ("n", n), ("element_bytes", element_bytes)):
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return _search(float(m), float(k), float(n), float(element_bytes), device)


@lru_cache(maxsize=65_536)
def _search(m: float, k: float, n: float, element_bytes: float, device: DeviceModel) -> GemmTime:
    inner_tiles = _tiles_of(device, 1, element_bytes)
    outer_tiles = _tiles_of(device, 2, element_bytes)
    counts = _accesses(m, k, n, element_bytes, device, _columns(inner_tiles), _columns(outer_tiles))
    flop = np.float64(gemm_flop(m, k, n))
    times = hierarchy_times_s(np.asarray(flop), counts, device)
    shape = np.broadcast_shapes(times.shape, (len(_ORDERS), len(inner_tiles), len(outer_tiles)))
    times = np.broadcast_to(times, shape)
    order, inner, outer = _first_best(times, np.broadcast_to(counts[3], shape), np.broadcast_to(counts[2], shape))
    return GemmTime(
        time_s=float(times[order, inner, outer]),
        order=_ORDERS[order],
        tiles=(outer_tiles[0], inner_tiles[inner], outer_tiles[outer], (m, k, n)),
        access_bytes=tuple(float(np.broadcast_to(count, shape)[order, inner, outer]) for count in counts),
        flop=float(flop),
    )


def _tiles_of(device: DeviceModel, level: int, element_bytes: float) -> tuple[Tile, ...]:
    return tile_list(level, device.memory[level].capacity_per_instance_bytes, element_bytes)


def _columns(tiles: tuple[Tile, ...]) -> Floats:
    """Tiles as float64, shape (3, number of tiles): rows m, k, n."""
    return np.asarray(tiles, dtype=np.float64).T


def _first_best(times: Floats, dram_bytes: Floats, cache_bytes: Floats) -> tuple[int, int, int]:
    """Index of the smallest time, ties to the smallest hypot of DRAM and cache bytes, then to the first."""
    tied = np.flatnonzero(times.ravel() == times.min())
    if tied.size > 1:
        pairs = zip(dram_bytes.ravel()[tied].tolist(), cache_bytes.ravel()[tied].tolist(), strict=True)
        # math.hypot, not numpy's: they differ in the last bit, and that bit decides.
        sizes = [math.hypot(dram, cache) for dram, cache in pairs]
        winner = int(tied[sizes.index(min(sizes))])
    else:
        winner = int(tied[0])
    order, inner, outer = np.unravel_index(winner, times.shape)
    return int(order), int(inner), int(outer)


def _accesses(
    m: float, k: float, n: float, element_bytes: float, device: DeviceModel, inner_tiles: Floats, outer_tiles: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Bytes accessed per level, broadcastable to (orders, inner tiles, outer tiles)."""
    whole = np.array([m, k, n])
    outer = np.minimum(outer_tiles, whole[:, None])  # (3, outer)
    inner = np.minimum(inner_tiles[:, :, None], outer[:, None, :])  # (3, inner, outer)
    outer_counts = np.ceil(whole[:, None] / outer)
    inner_counts = np.ceil(outer[:, None, :] / inner)
    outer_total = outer_counts.prod(axis=0)  # (outer,)

    registers = np.asarray(_register_bytes(m, k, n, element_bytes, device))

    im, ik, in_ = inner
    cm, ck, cn = inner_counts
    per_outer_tile = (im * ik + ik * in_) * element_bytes * (cm * cn * ck) + im * in_ * element_bytes * (cm * cn)
    at_work = np.minimum(float(device.bundles), outer_total)
    shared = (per_outer_tile * outer_total / at_work)[None, :, :]

    cache = _cache_bytes(outer, inner_counts, outer_counts, outer_total, element_bytes)
    capacity = device.memory[3].capacity_per_instance_bytes
    dram = _dram_bytes(whole, outer, element_bytes, spills=element_bytes * (m * k + k * n + m * n) > capacity)
    return registers, shared, cache, dram[:, None, :]


def _register_bytes(m: float, k: float, n: float, element_bytes: float, device: DeviceModel) -> float:
    """Bytes the arrays load and store: n x m operands per product, stores spared by what stays in place."""
    rows, depth = device.array_rows, device.array_depth
    reuse_of = {
        "none": 1,
        "wst": math.ceil(m / rows),
        "ast": math.ceil(n / rows),
        "ost": math.ceil(k / depth),
    }
    reuse = max(reuse_of.values()) if device.dataflow == "best" else reuse_of[device.dataflow]
    flop = gemm_flop(m, k, n)
    load = flop * 2 * depth / (rows * (2 * depth - 1)) * element_bytes
    store = flop / (reuse * (2 * depth - 1)) * element_bytes
    return load + store


def _cache_bytes(
    outer: Floats, inner_counts: Floats, outer_counts: Floats, outer_total: Floats, element_bytes: float
) -> Floats:
    """Cache bytes, shape (orders, inner tiles, outer tiles).

    Every level-1 tile row rereads the input, every column the weights, every inner step rereads and rewrites the
    output; the loop that is innermost spares one of the three.
    """
    tm, tk, tn = outer
    m_tiles, k_tiles, n_tiles = outer_counts
    input_bytes, weight_bytes, output_bytes = (
        tm * tk * element_bytes,
        tk * tn * element_bytes,
        tm * tn * element_bytes,
    )
    fm, fk, fn = inner_counts
    one = np.ones_like(fm)
    orders = []
    for kept in (_OUTPUT, _INPUT, _WEIGHT):
        input_loads = m_tiles * k_tiles if kept == _INPUT else outer_total
        weight_loads = k_tiles * n_tiles if kept == _WEIGHT else outer_total
        output_loads = m_tiles * n_tiles if kept == _OUTPUT else outer_total
        orders.append(
            input_loads * input_bytes * (one if kept == _INPUT else fn)
            + weight_loads * weight_bytes * (one if kept == _WEIGHT else fm)
            + 2 * output_loads * output_bytes * (one if kept == _OUTPUT else fk)
        )
    return np.stack(orders)


def _dram_bytes(whole: Floats, outer: Floats, element_bytes: float, *, spills: bool) -> Floats:
    """DRAM bytes, shape (orders, outer tiles); the output counts only where the product exceeds DRAM."""
    m, k, n = whole
    m_tiles, k_tiles, n_tiles = np.floor(whole[:, None] / outer)
    input_bytes, weight_bytes, output_bytes = m * k * element_bytes, k * n * element_bytes, m * n * element_bytes
    one = np.ones_like(m_tiles)
    orders = []
    for kept in (_OUTPUT, _INPUT, _WEIGHT):
        total = (one if kept == _INPUT else n_tiles) * input_bytes + (
            one if kept == _WEIGHT else m_tiles
        ) * weight_bytes
        if spills:
            total = total + (one if kept == _OUTPUT else k_tiles) * output_bytes
        orders.append(total)
    return np.stack(orders)
