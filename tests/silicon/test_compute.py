"""Terms of work through the timing ``silicon``: what it answers, what it declines, and what it says about both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from versim import Attention, Device, DeviceTerm, Gemm, GroupedGemm, Origin, Pointwise, Source
from versim_silicon import crossvalidation, store
from versim_silicon.compute import WEIGHT_GRADIENT, MeasuredCompute
from versim_silicon.gpus import GPUS

SILICON = MeasuredCompute("trtllm")
PRODUCT = Gemm(4096, 4096, 4096, 2, dtype="bf16")
ATTENTION = Attention(1, 32, 32, 4096, 4096, 128, causal=True, element_bytes=2, dtype="bf16")
EXPERTS = GroupedGemm(16384, 4096, 28672, 8, 2, dtype="bf16")


def asked(
    terms: Sequence[DeviceTerm], device: str = "H100", timing: MeasuredCompute = SILICON
) -> list[tuple[float, Origin]]:
    """Seconds and origin of each."""
    on = Device(name=device)
    return list(zip(timing.times_s(terms, on).tolist(), timing.origins(terms, on), strict=True))


def one(term: DeviceTerm, device: str = "H100", timing: MeasuredCompute = SILICON) -> tuple[float, Origin]:
    """Of a single term."""
    return asked([term], device, timing)[0]


@pytest.mark.parametrize("term", [PRODUCT, ATTENTION])
def test_what_was_measured_says_so(term: DeviceTerm) -> None:
    """By whom and on what, in words that are the same for like rows."""
    time_s, origin = one(term)
    assert origin.source is Source.MEASURED
    assert "h100_sxm by trtllm" in origin.detail
    assert term.flop / time_s < 989.4e12  # type: ignore[union-attr]


def test_rows_are_answered_where_they_stand() -> None:
    """Terms of several kinds and formats in one question, in any order, are each as if asked alone."""
    terms: list[DeviceTerm] = [EXPERTS, PRODUCT, Pointwise(1, 2), ATTENTION, Gemm(4096, 4096, 4096, 1, dtype="fp8")]
    together = asked(terms)
    for term, (time_s, origin) in zip(terms, together, strict=True):
        alone_s, alone = one(term)
        assert time_s == alone_s or math.isnan(time_s)
        assert origin == alone
    assert [math.isnan(time_s) for time_s, _ in together] == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("term", "device", "why"),
    [
        (Gemm(4096, 4096, 4096, 1, dtype="fp8"), "A100", "products in fp8 were not measured on a100_sxm"),
        (Gemm(4096, 4096, 4096, 4, dtype="fp32"), "H100", "products in fp32 were not measured on h100_sxm"),
        (Gemm(4096, 4096, 4096, 1), "H100", "products in an unnamed format"),
        (Gemm(4096, 128, 4096, 2, batch=64, dtype="bf16"), "H100", "outside of what was measured"),
        (Gemm(4096, 4, 4096, 2, dtype="bf16"), "H100", "outside of what was measured"),
        (Pointwise(1e9, 1e9), "H100", "only products and fused attention"),
        (PRODUCT, "V100", "nothing was measured on V100"),
        (PRODUCT, "A100-PCIE-40GB", "nothing was measured on A100-PCIE-40GB"),
    ],
)
def test_what_was_not_measured_is_declined_with_its_reason(term: DeviceTerm, device: str, why: str) -> None:
    """So that the next of a chain answers, and a report can say what it had to."""
    time_s, origin = one(term, device)
    assert math.isnan(time_s)
    assert origin.detail.startswith("declined: ")
    assert why in origin.detail


def test_a_weight_gradient_takes_the_measured_factor_longer() -> None:
    """And is never called measured: the tables hold forward products only."""
    gradient = Gemm(4096, 4096, 4096, 2, dtype="bf16", of_pass="weight_gradient")
    time_s, origin = one(gradient)
    assert time_s == pytest.approx(WEIGHT_GRADIENT * one(PRODUCT)[0])
    assert origin.source is Source.INTERPOLATED
    assert "weight gradient from the forward" in origin.detail


def test_the_backward_of_attention_is_modelled_from_the_forward() -> None:
    """2.5 times the operations, somewhat slower each."""
    backward = Attention(
        1, 32, 32, 4096, 4096, 128, causal=True, element_bytes=2, dtype="bf16", of_pass="data_gradient"
    )
    time_s, origin = one(backward)
    assert 2.5 * one(ATTENTION)[0] < time_s < 3.2 * one(ATTENTION)[0]
    assert origin.source is Source.MODELLED


def test_beyond_the_largest_shape_efficiency_is_held_or_the_row_declined() -> None:
    """As the option says; the origin is neither measured nor interpolated."""
    large = Gemm(1 << 18, 8192, 8192, 2, dtype="bf16")
    time_s, origin = one(large)
    assert origin.source is Source.SATURATED
    assert time_s == pytest.approx(8 * one(Gemm(1 << 15, 8192, 8192, 2, dtype="bf16"))[0], rel=0.01)
    assert math.isnan(one(large, timing=MeasuredCompute("trtllm", beyond=False))[0])
    assert not math.isnan(one(PRODUCT, timing=MeasuredCompute("trtllm", beyond=False))[0])


def test_longer_sequences_and_more_heads_take_longer() -> None:
    """Attention grows with everything in it, on and off the measured grid and beyond it."""
    lengths = [512, 1000, 2048, 3000, 8192, 20000, 65536]
    times = [one(Attention(2, 20, 20, s, s, 128, causal=True, element_bytes=2, dtype="bf16"))[0] for s in lengths]
    assert times == sorted(times)
    heads = [8, 12, 20, 40, 96, 128]
    times = [one(Attention(2, h, 8, 4096, 4096, 128, causal=True, element_bytes=2, dtype="bf16"))[0] for h in heads]
    assert times == sorted(times)


def test_attention_that_is_not_causal_takes_about_twice_as_long() -> None:
    """Twice the pairs at an efficiency that is, if anything, higher; it was not measured and says so."""
    full = Attention(1, 32, 32, 4096, 4096, 128, causal=False, element_bytes=2, dtype="bf16")
    time_s, origin = one(full)
    assert 1.5 < time_s / one(ATTENTION)[0] < 2.05
    assert origin.source is Source.MODELLED


def test_no_grouped_product_is_faster_than_the_plain_one_of_as_many_rows() -> None:
    """Experts share the GPU; they do not gain by it."""
    for rows in (1024, 8192, 65536, 1 << 20):
        plain = one(Gemm(rows, 4096, 28672, 2, dtype="bf16"))[0]
        assert one(GroupedGemm(rows, 4096, 28672, 8, 2, dtype="bf16"))[0] >= plain


def test_experts_far_from_any_measured_ones_are_declined() -> None:
    """Sixteen columns are no expert."""
    assert math.isnan(one(GroupedGemm(16384, 4096, 16, 8, 2, dtype="bf16"))[0])


def test_products_in_few_bits_come_with_or_without_their_conversion() -> None:
    """As the option says, and the origin with it; with it they are the package's figures."""
    term = Gemm(2048, 12288, 3072, 1, dtype="fp8")
    (left_s, left), (whole_s, whole) = one(term), one(term, timing=MeasuredCompute("trtllm", converting=True))
    assert whole_s == pytest.approx(1.746560e-4, rel=1e-6)
    assert left_s == pytest.approx(1.746560e-4 - 4.360853e-5 - 2.613013e-5, rel=1e-6)
    assert left.source is whole.source is Source.MEASURED
    assert "less the conversion of their left operand" in left.detail
    assert "with the conversion of their left operand" in whole.detail
    assert "conversion" not in one(PRODUCT)[1].detail


def test_warm_gpus_take_longer() -> None:
    """In runs of minutes; it was seen on Hopper and Blackwell. What is not the table's own is not measured."""
    warm = MeasuredCompute("trtllm", sustained=True)
    for term in (PRODUCT, ATTENTION, EXPERTS):
        for device, slower in (("H100", 1.04), ("B200", 1.04), ("A100", 1.0)):
            (cold_s, _), (time_s, origin) = one(term, device), one(term, device, warm)
            assert time_s == pytest.approx(slower * cold_s)
            assert origin.detail.endswith("warm") is (slower > 1)
    assert one(PRODUCT, timing=warm)[1].source is Source.INTERPOLATED


def test_a_board_of_another_peak_reaches_the_same_share_of_it() -> None:
    """Boards of less power are sold under one name; a data sheet that says nothing of a format leaves it as it is."""
    terms = [PRODUCT, ATTENTION, Gemm(4096, 4096, 4096, 1, dtype="fp8")]
    slow = Device(name="H100", peak_flop_per_s={"bf16": 0.9 * 989.4e12})
    found, whole = SILICON.times_s(terms, slow), SILICON.times_s(terms, Device(name="H100"))
    assert (found / whole).tolist() == pytest.approx([1 / 0.9, 1 / 0.9, 1.0])
    assert "for 0.90 of its peak" in SILICON.origins(terms, slow)[0].detail


def test_passes_of_one_shape_are_told_apart() -> None:
    """However they are mixed: a weight gradient takes longer, and only forwards were measured."""
    passes = ["forward", "weight_gradient", "data_gradient", "weight_gradient"]
    found = asked([Gemm(4096, 4096, 4096, 2, dtype="bf16", of_pass=which) for which in passes])
    first_s = found[0][0]
    assert [time_s for time_s, _ in found] == pytest.approx(
        [first_s, WEIGHT_GRADIENT * first_s, first_s, WEIGHT_GRADIENT * first_s]
    )
    assert [origin.source is Source.MEASURED for _, origin in found] == [True, False, False, False]


@pytest.mark.parametrize("gpu", ["a100_sxm", "h100_sxm", "b200_sxm"])
def test_held_out_layers_of_experts_are_predicted_within_a_fifth(gpu: str) -> None:
    """One (hidden, inner) is left out at a time; kernels that were tuned badly while measuring are in it."""
    for name, table in store.tables_of(gpu).items():
        if name.startswith("experts/"):
            assert crossvalidation.of_experts(GPUS[gpu], name.removeprefix("experts/"), table).mean < 0.2


def test_a_million_rows_are_looked_up_at_once() -> None:
    """The models under the timing take arrays; nothing in them is per row."""
    terms = [Gemm(float(m), 4096.0, 4096.0, 2, dtype="bf16") for m in range(64, 5064)]
    assert np.isfinite(SILICON.times_s(terms, Device(name="B200"))).all()
