"""The hierarchical roofline: the slowest of compute and every memory level.

At a level with bandwidth B and latency l, ``flop`` operations on ``bytes`` accesses take flop / throughput where the
operational intensity flop / bytes reaches the ridge throughput / B, and bytes / B + l where it does not (Williams,
Waterman, Patterson, "Roofline", 2009, with DeepFlow's latency term; measured: golden/deepflow/pointwise).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from versim_deepflow.hardware.device import DeviceModel, MemoryLevel

Floats = NDArray[np.float64]


def level_times_s(flop: Floats, access_bytes: Floats, level: MemoryLevel, throughput_flop_per_s: float) -> Floats:
    """Seconds against one memory level, element-wise.

    Args:
        flop: Floating-point operations, shape (…).
        access_bytes: Bytes accessed at the level, broadcastable to ``flop``; 0 takes for ever, as in DeepFlow, so a
            caller has to know that the level is used. Below 0, as DeepFlow counts where an inner dimension is less
            than a half, is counted as it is.
        level: The level.
        throughput_flop_per_s: Of the device.
    """
    bandwidth = level.throughput_bytes_per_s
    moved = access_bytes / bandwidth + level.latency_s
    computed = flop / throughput_flop_per_s
    ridge = throughput_flop_per_s / bandwidth
    used = np.where(access_bytes != 0, access_bytes, np.inf)
    times = np.where(flop / used < ridge, moved, computed)
    return np.where(access_bytes != 0, times, np.inf)


def hierarchy_times_s(flop: Floats, access_bytes: Sequence[Floats | float], device: DeviceModel) -> Floats:
    """Seconds against all levels: the largest of :func:`level_times_s`.

    Args:
        flop: Floating-point operations, shape (…).
        access_bytes: One entry per memory level, innermost first, each broadcastable to ``flop``.
        device: The device.
    """
    times = [
        level_times_s(flop, np.asarray(count, dtype=np.float64), level, device.throughput_flop_per_s)
        for count, level in zip(access_bytes, device.memory, strict=True)
    ]
    slowest = times[0]
    for time in times[1:]:
        slowest = np.maximum(slowest, time)
    return slowest


def pointwise_times_s(flop: Floats, access_bytes: Floats, device: DeviceModel, *, from_dram: bool = False) -> Floats:
    """Seconds of element-wise work with one byte count, element-wise.

    Args:
        flop: Floating-point operations, shape (n,).
        access_bytes: Bytes read and written, shape (n,); a part of a byte is dropped. Without any, compute is all
            there is; DeepFlow ends the program.
        device: The device.
        from_dram: Charge them at DRAM. DeepFlow charges the innermost level, the registers.
    """
    level = device.memory[-1 if from_dram else 0]
    whole = np.floor(access_bytes)
    times = level_times_s(flop, whole, level, device.throughput_flop_per_s)
    return np.where(whole > 0, times, flop / device.throughput_flop_per_s)
