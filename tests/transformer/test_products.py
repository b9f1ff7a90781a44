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


def _moved(name: str, **given: Any) -> float:
    """Bytes of element-wise work of a name."""
    return sum(term.access_bytes * count for term, count in _terms(Pointwise, **given).items() if term.name == name)


def test_conversions_read_and_write_as_the_recipe_says() -> None:
    """Of two bytes each: read, and written in one; transposed, too; read once more for the largest element."""
    moved = {
        (current, transposed): _moved(
            "quantize", precision="fp8", current_scaling=current, transposed_copies=transposed
        )
        for current in (False, True)
        for transposed in (False, True)
    }
    unit = moved[False, False] / 3
    assert {key: value / unit for key, value in moved.items()} == {
        (False, False): 3,
        (False, True): 4,
        (True, False): 5,
        (True, True): 6,
    }


def test_gradients_that_are_converted_first_move_more() -> None:
    """fp32 copies of bf16 gradients written and read again: 18 bytes a parameter where a mixed sum moves 10."""
    step = {"fused_accumulation": False, "gradient_dtype": "fp32"}
    mixed = _moved("gradient accumulation", **step)
    apart = _moved("gradient accumulation", **step, convert_gradients=True)
    converted = _moved("gradient conversion", **step, convert_gradients=True)
    assert (apart + converted) * 10 == mixed * 18


def test_biases_of_positions_pass_over_the_scores() -> None:
    """Unfused attention with ALiBi writes them where the product then adds to them; fused attention has no scores."""
    step = {"positions": "alibi", "recompute": "none"}
    scores = 2 * _moved("softmax forward", attention="unfused", **step) / 4
    assert _moved("position biases", attention="unfused", **step) == 2 * scores
    assert _moved("position biases", **step) == 0


def test_second_biases_of_experts_are_added_outside_of_their_products() -> None:
    """By each expert's own kernels; kernels that do everything add them, too."""
    step = {"model": "gpt-oss-120b", "layers": 2, "seq_len": 128, "gbs": 2, "ep": 2, "dp": 2}
    assert _moved("expert biases forward", **step) > 0
    assert _moved("expert biases forward", **step, expert_kernels="fused") == 0


def test_steps_of_a_ring_are_summed() -> None:
    """What attention gives for a rank's tokens is kept once and added to by every further step."""
    assert _moved("partial first", cp=2) > 0
    assert _moved("partial further", cp=4) == 3 * 0.75 * 3 * _moved("partial first", cp=4) / 2
    assert _moved("partial first", cp=2, cp_exchange="all_gather") == 0
