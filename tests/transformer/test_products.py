"""In which format products run, and what is converted for them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from transformer_steps import EXPERTS, graph
from versim import Gemm, Pass, Pointwise


def _terms(kind: type, **given: Any) -> Counter[Any]:
    """Terms of a kind, counted over the works of a step."""
    found: Counter[Any] = Counter()
    for work in graph(granularity="operator", **given).works:
        for term, count in work:
            if isinstance(term, kind):
                found[term] += int(count)
    return found


def test_backward_products_may_run_like_another_format() -> None:
    """Exact accumulation costs only the gradients of layers; the head stays as it is."""
    plain = _terms(Gemm, precision="fp8")
    exact = _terms(Gemm, precision="fp8", gradient_products="fp8_block")
    assert {term.dtype for term in exact if term.of_pass is Pass.FORWARD} == {"fp8", "bf16"}
    assert {term.dtype for term in exact if term.of_pass is not Pass.FORWARD} == {"fp8_block", "bf16"}
    assert sum(plain.values()) == sum(exact.values())


def test_fused_products_of_experts_convert_and_activate_themselves() -> None:
    """What is left to kernels of their own is less by exactly that."""
    step = {**EXPERTS, "precision": "mxfp8"}
    grouped, fused = (_terms(Pointwise, **step, expert_kernels=kernels) for kernels in ("grouped", "fused"))
    gone = {term.name for term in grouped - fused}
    assert {"quantize"} < gone
    assert any(name.startswith("gated") for name in gone)
    assert not fused - grouped
