"""The GEMM search: against a slow and obvious one, and against what physics allows."""

from __future__ import annotations

import itertools
import math
import time

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_deepflow.gemm import gemm_flop, gemm_time
from versim_deepflow.hardware import DeviceModel, derive, load_preset, preset_names
from versim_deepflow.tiles import tile_list

A100 = derive(load_preset("a100-80gb")).device
DEVICES = [derive(load_preset(name)).device for name in preset_names()]

dimensions = st.one_of(st.integers(1, 300), st.integers(1, 200_000), st.sampled_from([2**power for power in range(21)]))


def slow_search(m: int, k: int, n: int, device: DeviceModel) -> tuple[float, str, tuple[tuple[int, ...], ...]]:
    """The same search with a loop per choice, in whole numbers."""
    best: tuple[float, float] = (math.inf, math.inf)
    chosen: tuple[str, tuple[tuple[int, ...], ...]] = ("", ())
    inner_tiles, outer_tiles = (
        tile_list(level, device.memory[level].capacity_per_instance_bytes, 2) for level in (1, 2)
    )
    depth, rows = device.array_depth, device.array_rows
    flop = m * n * (2 * k - 1)
    reuse = max(math.ceil(m / rows), math.ceil(n / rows), math.ceil(k / depth))
    registers = flop * 2 * depth / (rows * (2 * depth - 1)) * 2 + flop / (reuse * (2 * depth - 1)) * 2
    for order in itertools.permutations("mnk"):
        for inner, outer in itertools.product(inner_tiles, outer_tiles):
            om, ok, on = (min(tile, whole) for tile, whole in zip(outer, (m, k, n), strict=True))
            im, ik, in_ = (min(tile, whole) for tile, whole in zip(inner, (om, ok, on), strict=True))
            outer_m, outer_k, outer_n = math.ceil(m / om), math.ceil(k / ok), math.ceil(n / on)
            inner_m, inner_k, inner_n = math.ceil(om / im), math.ceil(ok / ik), math.ceil(on / in_)
            tiles = outer_m * outer_k * outer_n
            shared = 2 * (im * ik + ik * in_) * inner_m * inner_k * inner_n + 2 * im * in_ * inner_m * inner_n
            spare_input, spare_weight, spare_output = (order[2] == letter for letter in "nmk")
            cache = (
                2 * om * ok * (outer_m * outer_k if spare_input else tiles * inner_n)
                + 2 * ok * on * (outer_k * outer_n if spare_weight else tiles * inner_m)
                + 4 * om * on * (outer_m * outer_n if spare_output else tiles * inner_k)
            )
            dram = 2 * m * k * (1 if spare_input else n // on) + 2 * k * n * (1 if spare_weight else m // om)
            if 2 * (m * k + k * n + m * n) > device.memory[3].capacity_bytes:
                dram += 2 * m * n * (1 if spare_output else k // ok)
            accesses = (registers, shared * tiles / min(device.bundles, tiles), cache, dram)
            slowest = 0.0
            for count, level in zip(accesses, device.memory, strict=True):
                throughput = device.throughput_flop_per_s
                bound = flop / count < throughput / level.throughput_bytes_per_s
                moved = count / level.throughput_bytes_per_s + level.latency_s
                slowest = max(slowest, moved if bound else flop / throughput)
            if (slowest, math.hypot(dram, cache)) < best:
                best = (slowest, math.hypot(dram, cache))
                chosen = ("".join(order), (inner, outer))
    return best[0], *chosen


@settings(max_examples=12)
@given(dimensions, dimensions, dimensions, st.sampled_from(DEVICES))
def test_the_search_agrees_with_a_slow_and_obvious_one(m: int, k: int, n: int, device: DeviceModel) -> None:
    """Evaluating 1,200 candidates at once must not change which one wins."""
    best = gemm_time(m, k, n, 2, device)
    time_s, order, tiles = slow_search(m, k, n, device)
    assert best.time_s == pytest.approx(time_s, rel=1e-15)
    assert (best.order, best.tiles[1:3]) == (order, tiles)


@given(dimensions, dimensions, dimensions, st.sampled_from(DEVICES))
def test_no_schedule_beats_the_device(m: int, k: int, n: int, device: DeviceModel) -> None:
    """Neither its throughput nor reading both operands once."""
    best = gemm_time(m, k, n, 2, device)
    assert best.time_s >= gemm_flop(m, k, n) / device.throughput_flop_per_s * (1 - 1e-12)
    assert best.access_bytes[3] >= 2 * (m * k + k * n)


@given(dimensions, dimensions, dimensions, st.floats(1.5, 8.0))
def test_a_faster_device_never_takes_longer(m: int, k: int, n: int, factor: float) -> None:
    """More compute and more bandwidth at every level, nothing else."""
    faster = attrs.evolve(
        A100,
        throughput_flop_per_s=A100.throughput_flop_per_s * factor,
        memory=tuple(
            attrs.evolve(level, throughput_bytes_per_s=level.throughput_bytes_per_s * factor, latency_s=0.0)
            for level in A100.memory
        ),
    )
    ours, theirs = gemm_time(m, k, n, 2, A100).time_s, gemm_time(m, k, n, 2, faster).time_s
    assert theirs <= ours * (1 + 1e-12)
    assert theirs >= (ours - A100.memory[3].latency_s) / factor * (1 - 1e-12)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_whole_tiles_scale_with_the_product(m: int, k: int, n: int) -> None:
    """A compute-bound product of whole tiles takes its share of the flop, however it is cut."""
    size = 4096
    times = gemm_time(m * size, k * size, n * size, 2, A100)
    assert times.time_s == pytest.approx(gemm_flop(m * size, k * size, n * size) / A100.throughput_flop_per_s, rel=1e-9)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_a_dimension_that_is_no_size_is_refused(wrong: float) -> None:
    """A broken invariant of the caller, not a time."""
    with pytest.raises(ValueError, match="finite number above 0"):
        gemm_time(4, wrong, 4, 2, A100)


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (0.5, 3.25, 7.0), (2**24, 2**24, 2**24), (1e9, 1, 1e9)])
def test_extreme_sizes_have_finite_times(m: float, k: float, n: float) -> None:
    """A fraction of a row, one element, and a product beyond any memory."""
    best = gemm_time(m, k, n, 2, A100)
    assert math.isfinite(best.time_s)
    assert best.time_s > 0


def test_150_shapes_take_less_than_a_second() -> None:
    """DeepFlow takes 1.3 s for one; the margin here is large enough for a busy machine."""
    shapes = [(128 * (1 + index), 64 * (3 + index % 40), 999 + index) for index in range(150)]
    began = time.process_time()
    for m, k, n in shapes:
        gemm_time(m, k, n, 2, DEVICES[2])
    assert time.process_time() - began < 1.0
