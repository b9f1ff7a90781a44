"""In which format products run, and what is converted for them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from transformer_steps import EXPERTS, SMALL, graph
from versim import Gemm, Pass, Pointwise

TENSOR = SMALL["seq_len"] * SMALL["hidden"]
"""Elements of a sequence's hidden states."""


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
    """Bytes of element-wise work of a name, over works that differ."""
    return sum(term.access_bytes * count for term, count in _terms(Pointwise, **given).items() if term.name == name)


def test_conversions_read_and_write_as_the_recipe_says() -> None:
    """Of two bytes each: read, and written in one; transposed, too; read once more for the largest element."""
    moved = {
        (current, transposed): _moved(
            "quantize", precision="fp8", kernels="eager", current_scaling=current, transposed_copies=transposed
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


def test_normalisations_write_what_products_take() -> None:
    """Read in two bytes, written in one; of blocks the transposed copy at once, else by a kernel for the gradient."""
    for precision, written, turned in (("fp8", 1, 2), ("mxfp8", 2, 0)):
        assert _moved("converting norm forward", precision=precision) == (2 + written) * TENSOR
        assert _moved("transpose", precision=precision) == 2 * turned * TENSOR
    for apart in ({"precision": "fp8", "current_scaling": True}, {"precision": "fp8_block"}, {"precision": "nvfp4"}):
        assert _moved("converting norm forward", **apart) == 0
        assert _moved("transpose", **apart) == 0


def test_ranks_convert_their_share_of_what_is_gathered() -> None:
    """Inputs of columns and gradients of rows; whoever holds the whole only transposes it."""
    cut = {"precision": "fp8", "tp": 4, "sequence_parallel": True, "current_scaling": True}
    parts = _pointwise("attention output data gradient", **cut)
    assert parts == {"quantize": 5 * TENSOR / 4}
    assert _pointwise("attention output weight gradient", **cut)["transpose"] == 2 * TENSOR
    assert _pointwise("qkv forward", **cut)["quantize"] == 5 * TENSOR / 4
    whole = {**cut, "sequence_parallel": False}
    assert _pointwise("attention output data gradient", **whole) == {"quantize": 6 * TENSOR}
    assert "transpose" not in _pointwise("attention output weight gradient", **whole)


def _pointwise(node: str, **given: Any) -> dict[str, float]:
    """Bytes of element-wise work of a node, by name."""
    step = graph(granularity="operator", **given)
    row = next(row for row in range(step.node_count) if step.node_name(row) == node)
    return {
        term.name: term.access_bytes * count
        for term, count in step.works[step.work[row]]
        if isinstance(term, Pointwise)
    }


def test_a_compiler_joins_the_steps_of_the_loss() -> None:
    """Three passes over logits in fp32 where there were seven, and one back."""
    plain, compiled = (_moved(f"{kind}loss forward", compiled_loss=bool(kind)) for kind in ("", "compiled "))
    assert compiled * 34 == plain * 22
    assert _moved("fused loss forward", compiled_loss=True, fused_loss=True) > 0


@pytest.mark.parametrize(
    ("given", "forward", "backward"),
    [
        ({"attention_layout": "as_needed"}, 0, 0),
        # Attention takes what one product gives.
        ({"attention_layout": "joint"}, 0, 0),
        # Values, and gradients of all three joined.
        ({"attention_layout": "joint", "positions": "rotary"}, 1, 3),
        # Queries, too, where four share a key.
        ({"attention_layout": "joint", "positions": "rotary", "kv_heads": 2}, 1.25, 1.5),
        # All three; of several sequences results, too, and their gradients.
        ({"attention_layout": "batches"}, 3, 3),
        ({"attention_layout": "batches", "mbs": 2}, 4, 4),
        ({"attention_layout": "batches", "positions": "rotary"}, 1, 3),
        ({"attention_layout": "batches", "positions": "rotary", "mbs": 2}, 5, 4),
        ({"attention_layout": "batches", "attention": "unfused"}, 0, 0),
        # All three, keys and values once more to stack them, and again token by token.
        ({"attention_layout": "stacked"}, 7, 5),
        ({"attention_layout": "stacked", "kv_heads": 2}, 2.5, 2),
    ],
)
def test_layouts_around_attention_are_copies(given: dict[str, Any], forward: float, backward: float) -> None:
    """Of Megatron-LM, Transformer Engine's FlashAttention and nanotron's CausalSelfAttention, tensor by tensor."""
    tensor = 2 * 2 * TENSOR * given.get("mbs", 1)
    assert _moved("layout forward", **given) == forward * tensor
    assert _moved("layout backward", **given) == backward * tensor


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
