"""The roofline, level by level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim_deepflow.hardware import derive, load_preset
from versim_deepflow.roofline import hierarchy_times_s, pointwise_times_s

A100 = derive(load_preset("a100-80gb")).device
counts = st.floats(1.0, 1e15)


def pointwise_s(flop: float, access_bytes: float, *, from_dram: bool = False) -> float:
    """Seconds of one piece of element-wise work."""
    return float(pointwise_times_s(np.array([flop]), np.array([access_bytes]), A100, from_dram=from_dram)[0])


@given(counts, counts)
def test_both_compute_and_memory_are_lower_bounds(flop: float, access_bytes: float) -> None:
    """But for the latency of a level, which only memory-bound work pays."""
    level = A100.memory[-1]
    time_s = pointwise_s(flop, access_bytes, from_dram=True)
    computed = flop / A100.throughput_flop_per_s
    moved = math.floor(access_bytes) / level.throughput_bytes_per_s
    assert max(computed, moved) * (1 - 1e-12) <= time_s <= max(computed, moved + level.latency_s) * (1 + 1e-12)


@given(counts, counts)
def test_registers_are_never_slower_than_dram(flop: float, access_bytes: float) -> None:
    """Charging the innermost level, as DeepFlow does, is the optimistic choice."""
    assert pointwise_s(flop, access_bytes) <= pointwise_s(flop, access_bytes, from_dram=True)


@given(counts)
def test_work_without_bytes_is_compute_alone(flop: float) -> None:
    """DeepFlow ends the program there."""
    assert pointwise_s(flop, 0.0) == flop / A100.throughput_flop_per_s
    assert pointwise_s(flop, 0.9) == flop / A100.throughput_flop_per_s


def test_nothing_takes_no_time() -> None:
    """A launch without work is timed by its launches alone."""
    assert pointwise_s(0.0, 0.0) == 0.0


@given(counts, st.tuples(counts, counts, counts, counts))
def test_the_slowest_level_decides(flop: float, access_bytes: tuple[float, ...]) -> None:
    """Four levels at once are as slow as the worst alone."""
    together = float(hierarchy_times_s(np.asarray(flop), access_bytes, A100))
    least = [1.0, 1.0, 1.0, 1.0]
    alone = []
    for level, count in enumerate(access_bytes):
        only = list(least)
        only[level] = count
        alone.append(float(hierarchy_times_s(np.asarray(flop), only, A100)))
    assert together == pytest.approx(max(alone), rel=1e-12)
