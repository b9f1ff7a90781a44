"""Products that DeepFlow itself does not have, timed as it times its own."""

from __future__ import annotations

import attrs
import pytest
from versim import Attention, Gemm, GroupedGemm, Pass, load_registry

REGISTRY = load_registry()
PRODUCER = REGISTRY.producer("deepflow-llm")
DEVICE = PRODUCER.system(PRODUCER.options()).device  # type: ignore[attr-defined]
TIMING = REGISTRY.timing("deepflow").compute(REGISTRY.timing("deepflow").options())


def _seconds(*terms: Gemm | GroupedGemm | Attention) -> list[float]:
    assert TIMING is not None
    return [float(value) for value in TIMING.times_s(terms, DEVICE)]


def test_experts_take_as_long_as_a_batch_of_their_products() -> None:
    """Under one launch each."""
    experts, batch = _seconds(GroupedGemm(4096, 1024, 512, 4, 2), Gemm(1024, 1024, 512, 2, batch=4))
    assert experts == batch


def test_a_batch_pays_one_launch() -> None:
    """The products themselves run one after the other."""
    one, four = _seconds(Gemm(1024, 1024, 512, 2), Gemm(1024, 1024, 512, 2, batch=4))
    launch_s = DEVICE.kernel_launch_overhead_s
    assert four - launch_s == pytest.approx(4 * (one - launch_s), rel=1e-12)


def test_the_backward_of_attention_takes_five_products_for_two() -> None:
    """As fused kernels recompute the scores."""
    forward = Attention(1, 8, 8, 512, 512, 64, causal=True, element_bytes=2)
    first, second = _seconds(forward, attrs.evolve(forward, of_pass=Pass.DATA_GRADIENT))
    launch_s = DEVICE.kernel_launch_overhead_s
    assert second - launch_s == pytest.approx(2.5 * (first - launch_s), rel=1e-12)
