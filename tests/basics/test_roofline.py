"""The timing model roofline: a device's data sheet and stated efficiencies."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import (
    DATA_SHEETS,
    Attention,
    Device,
    DeviceTerm,
    Gemm,
    GroupedGemm,
    HostTransfer,
    Pass,
    Pointwise,
    UnsupportedGraphError,
    data_sheet,
)
from versim_basics.roofline import Roofline, RooflineOptions

IDEAL: dict[str, Any] = {
    "gemm": 1.0,
    "grouped_gemm": 1.0,
    "attention": 1.0,
    "attention_backward": 1.0,
    "pointwise": 1.0,
    "memory": 1.0,
}
DEVICE = Device(
    name="round figures",
    kernel_launch_overhead_s=1e-6,
    peak_flop_per_s={"fp32": 1e13, "bf16": 1e14, "fp16": 1e14, "fp8": 2e14},
    memory_bandwidth_bytes_per_s=1e12,
)


def _times_s(*terms: DeviceTerm, device: Device = DEVICE, **options: Any) -> list[float]:
    found: list[float] = Roofline().compute(RooflineOptions(**{**IDEAL, **options})).times_s(terms, device).tolist()
    return found


def test_a_large_product_is_as_fast_as_the_peak_and_a_thin_one_as_memory() -> None:
    """2·4096³ operations at 100 TFLOP/s; a vector times a matrix reads the matrix."""
    square, thin = _times_s(Gemm(4096, 4096, 4096, 2, dtype="bf16"), Gemm(1, 4096, 4096, 2, dtype="bf16"))
    assert square == pytest.approx(2 * 4096**3 / 1e14 + 1e-6)
    assert thin == pytest.approx(2 * (4096 + 4096 * 4096 + 4096) / 1e12 + 1e-6)


def test_every_kind_of_term_has_its_own_efficiency_and_format() -> None:
    """Half as efficient is twice as long; products in fp8 run on faster units; bytes count where they weigh more."""
    grouped = GroupedGemm(8192, 4096, 4096, 8, 1, dtype="fp8_block")
    forward = Attention(1, 32, 8, 8192, 8192, 128, causal=True, element_bytes=2)
    backward = attrs.evolve(forward, of_pass=Pass.DATA_GRADIENT)
    flop = 4 * 32 * 8192 * 8192 * 128 / 2
    experts, ahead, back = _times_s(grouped, forward, backward, grouped_gemm=0.5, attention=0.8, attention_backward=0.4)
    assert experts == pytest.approx(2 * 8192 * 4096 * 4096 / 2e14 / 0.5 + 1e-6)
    assert ahead == pytest.approx(flop / 1e14 / 0.8 + 1e-6)
    assert back == pytest.approx(2.5 * flop / 1e14 / 0.4 + 1e-6)


def test_elementwise_work_pays_for_bytes_and_launches() -> None:
    """A term may stand for several kernels, or for a share of one."""
    read, nothing = _times_s(Pointwise(1e6, 1e9, launches=3), Pointwise(0, 0))
    assert read == pytest.approx(1e-3 + 3e-6)
    assert nothing == 0
    assert _times_s(Pointwise(0, 0, launches=2), launch_s=5e-6) == [pytest.approx(1e-5)]


def test_copies_from_the_host_take_the_hosts_bandwidth() -> None:
    """They see none of the device's memory bandwidth."""
    assert _times_s(HostTransfer(25e9)) == [pytest.approx(1.0)]


def test_a_product_without_a_format_takes_that_of_its_width() -> None:
    """DeepFlow's graphs know bytes per element only."""
    wide, half = _times_s(Gemm(4096, 4096, 4096, 4), Gemm(4096, 4096, 4096, 2))
    assert wide > 9 * half
    with pytest.raises(UnsupportedGraphError, match="says no number format"):
        _times_s(Gemm(1, 1, 1, 3))


@given(
    size=st.sampled_from([64.0, 1024.0, 8192.0]),
    name=st.sampled_from(sorted(DATA_SHEETS)),
    share=st.floats(0.05, 1.0),
)
def test_no_product_beats_the_data_sheet(size: float, name: str, share: float) -> None:
    """And less efficiency never makes it faster."""
    device = data_sheet(name).device
    term = Gemm(size, size, size, 2, dtype="fp16")
    (takes_s,) = _times_s(term, device=device, gemm=share)
    assert takes_s >= term.flop / (device.peak("fp16") or 1)
    assert takes_s >= term.access_bytes / device.memory_bandwidth_bytes_per_s
    assert takes_s >= _times_s(term, device=device)[0]


def test_stated_efficiencies_give_what_practice_gives() -> None:
    """An 8192-cubed product in bf16 on an A100: cuBLAS reaches 220 to 260 TFLOP/s."""
    (takes_s,) = (
        Roofline().compute(RooflineOptions()).times_s([Gemm(8192, 8192, 8192, 2)], data_sheet("a100-80gb").device)
    )
    assert 220e12 < 2 * 8192**3 / takes_s < 260e12


@pytest.mark.parametrize(
    ("term", "device", "message"),
    [
        (Gemm(8, 8, 8, 2, dtype="bf16"), data_sheet("v100").device, "'NVIDIA V100 SXM2 32GB' has no peak for bf16"),
        (Gemm(8, 8, 8, 2), Device(name="unnamed"), "'unnamed' has no peak for fp16 .it has none.; name a data sheet"),
        (Pointwise(8, 8), Device(name="x", peak_flop_per_s={"fp32": 1.0}), "'x' has no memory bandwidth"),
    ],
)
def test_a_device_without_figures_is_refused_with_the_way_out(term: DeviceTerm, device: Device, message: str) -> None:
    """A guess would time the wrong machine."""
    with pytest.raises(UnsupportedGraphError, match=message):
        _times_s(term, device=device)


def test_rows_keep_their_order_and_none_is_none() -> None:
    """Times are taken by position."""
    terms = [Gemm(size, size, size, 2) for size in (4096, 64, 1024)]
    times_s = Roofline().compute(RooflineOptions()).times_s(terms, DEVICE)
    assert np.argsort(times_s).tolist() == [1, 2, 0]
    assert Roofline().compute(RooflineOptions()).times_s((), DEVICE).shape == (0,)
    assert Roofline().network(RooflineOptions()) is None


@pytest.mark.parametrize("wrong", [{"gemm": 0.0}, {"memory": 1.1}, {"launch_s": -1.0}, {"attention": float("nan")}])
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    """More than the data sheet is a typing error."""
    with pytest.raises(ValueError, match=r"."):
        RooflineOptions(**wrong)
