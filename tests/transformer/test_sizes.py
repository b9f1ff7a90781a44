"""Operations and memory follow the published formulas."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformer_steps import EXPERTS, graph, options, settings
from versim import Attention, Gemm, GroupedGemm, Op
from versim_transformer.activations import layer_bytes
from versim_transformer.bookkeeping import BOOKKEEPING
from versim_transformer.producer import TransformerProducer

GPT: dict[str, Any] = {
    "layers": 6, "hidden": 512, "heads": 8, "vocab": 8192, "norm": "layer", "biases": True, "positions": "learned",
    "tied": True, "vocab_multiple": 1, "seq_len": 256, "gbs": 8,
}  # fmt: skip


def _formula(factor: float, per_layer: float) -> float:
    """Narayanan et al. 2021, section 5: B · s · l · h² · factor · (1 + s / (6h) + V / (per_layer · l · h))."""
    b, s, h, layers, vocab = (int(GPT[name]) for name in ("gbs", "seq_len", "hidden", "layers", "vocab"))
    return factor * b * s * layers * h**2 * (1 + s / (6 * h) + vocab / (per_layer * layers * h))


def test_model_flop_of_a_gpt() -> None:
    """Three forward passes' worth, attention in full, head included."""
    sizes = TransformerProducer().sizes(options(**GPT, recompute="full"))
    assert sum(sizes.model_flop.values()) == pytest.approx(_formula(72, 12), rel=1e-12)
    assert sizes.hardware_flop == pytest.approx(_formula(96, 16), rel=1e-12)
    assert sizes.tokens == GPT["gbs"] * GPT["seq_len"]
    assert TransformerProducer().sizes(options(**GPT)).hardware_flop == pytest.approx(_formula(72, 12), rel=1e-12)


def _graph_flop(**given: Any) -> float:
    """Operations of all products of all ranks."""
    step = graph(granularity="stage", **given)
    total = 0.0
    for row in range(step.node_count):
        if step.op[row] == Op.COMPUTE:
            ranks = step.mesh.rank_count(step.placements[step.placement[row]])
            for term, count in step.works[step.work[row]]:
                if isinstance(term, Gemm | GroupedGemm | Attention):
                    total += count * ranks * term.flop
    return total


@pytest.mark.parametrize(
    "spread",
    [
        {},
        {"tp": 4},
        {"tp": 4, "sequence_parallel": True, "pp": 2},
        {"dp": 4, "sharding": "zero3"},
        {"cp": 4},
        {"pp": 2, "vp": 3, "gbs": 8},
        {"pp": 3, "schedule": "zb-h1"},
    ],
)
@pytest.mark.parametrize("recompute", ["none", "full"])
def test_the_graph_does_what_the_formula_says(spread: dict[str, Any], recompute: str) -> None:
    """However a step is spread, its products add up to the same; attention unfused, as nothing of it is masked."""
    found = _graph_flop(**{**GPT, **spread}, recompute=recompute, attention="unfused")
    expected = _formula(96, 16) if recompute == "full" else _formula(72, 12)
    assert found == pytest.approx(expected, rel=1e-12)


def test_fused_attention_masks_half_of_its_products() -> None:
    """Flash attention computes half of the pairs of tokens, and in its backward five products for two."""
    full = _graph_flop(**GPT, attention="unfused")
    s, h = GPT["seq_len"], GPT["hidden"]
    attention = 12 * GPT["gbs"] * s * s * h * GPT["layers"]
    fused = attention / 3 / 2 * (1 + 2.5)
    for cp in (1, 2, 8):
        assert _graph_flop(**GPT, cp=cp) == pytest.approx(full - attention + fused, rel=1e-12)


def test_experts_compute_what_tokens_visit() -> None:
    """Balanced experts do the work of the visits, wherever they stand."""
    alone = _graph_flop(**EXPERTS)
    sizes = TransformerProducer().sizes(options(**EXPERTS, attention="unfused"))
    assert _graph_flop(**EXPERTS, attention="unfused") == pytest.approx(sizes.hardware_flop, rel=1e-12)
    for spread in ({"dp": 4, "ep": 4}, {"dp": 8, "ep": 2}, {"tp": 2, "sequence_parallel": True, "dp": 4, "ep": 8}):
        assert _graph_flop(**EXPERTS, **spread) == pytest.approx(alone, rel=1e-12)
    more = _graph_flop(**EXPERTS, dp=4, ep=4, capacity_factor=1.5)
    assert more > alone


@given(
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([128, 1024]),
    st.sampled_from([512, 2048]),
    st.booleans(),
    st.sampled_from(["none", "selective"]),
)
def test_activations_of_a_layer(tp: int, s: int, h: int, sequence_parallel: bool, recompute: str) -> None:
    """Korthikanti et al. 2022, equations 1 to 4: unfused attention, dropout, plain feed-forward part of 4h, 2 bytes."""
    a, b = 8, 2
    step = settings(
        **{**GPT, "hidden": h, "heads": a, "seq_len": s, "mbs": b, "gbs": b},
        tp=tp,
        sequence_parallel=sequence_parallel,
        attention="unfused",
        dropout=0.1,
        recompute=recompute,
    )
    scores = 0 if recompute == "selective" else 5 * a * s / h
    sharded = tp if sequence_parallel else 1
    expected = s * b * h * (10 / sharded + 24 / tp + scores / tp)
    assert layer_bytes(step, BOOKKEEPING["megatron-lm"], experts=False) == pytest.approx(expected)


def test_light_recomputation_keeps_what_is_dear() -> None:
    """Norms and activation functions leave nothing; with latent attention neither do expanded queries and keys."""
    for model in (GPT, {"model": "deepseek-v3", "layers": 4, "seq_len": 256, "ep": 8, "dp": 8, "gbs": 8}):
        given = {**model, "attention": "flash"}
        plain, light = (TransformerProducer().sizes(options(**given, recompute=how)) for how in ("none", "light"))
        assert light.memory[0].activations_bytes < plain.memory[0].activations_bytes
        assert light.model_flop == plain.model_flop
        masked = {**given, "attention": "unfused"}
        done = _graph_flop(**masked, recompute="light") - _graph_flop(**masked)
        added = light.hardware_flop - plain.hardware_flop
        assert done == pytest.approx(added, rel=1e-9)
        assert (added > 0) is ("model" in model)


def test_recomputed_layers_keep_their_input() -> None:
    """2 · s · b · h bytes per layer (section 5), and one layer whole while it is computed again."""
    step = {**GPT, "attention": "unfused", "dropout": 0.1, "gbs": 1}
    whole = settings(**step)
    memory = TransformerProducer().sizes(options(**step, recompute="full")).memory[0]
    input_bytes = 2 * GPT["seq_len"] * GPT["hidden"]
    layer = layer_bytes(whole, BOOKKEEPING["megatron-lm"], experts=False)
    head = 2 * input_bytes
    embedding = GPT["seq_len"] * GPT["hidden"]
    assert memory.activations_bytes == pytest.approx(GPT["layers"] * input_bytes + layer + head + embedding)


def test_stages_hold_as_many_microbatches_as_are_in_flight() -> None:
    """Under 1F1B the first stage holds most; with fewer microbatches than stages, all of them."""

    def activations(gbs: int, **given: Any) -> list[float]:
        sizes = TransformerProducer().sizes(options(**{**GPT, "gbs": gbs, "layers": 8}, pp=4, **given))
        return [stage.activations_bytes for stage in sizes.memory]

    many = activations(16)
    assert many[0] == 4 / 3 * many[1] == 2 * many[2]
    assert activations(1)[0] == many[0] / 4
    assert activations(16, schedule="gpipe")[0] == 4 * many[0]
    assert activations(16, schedule="zb-h1")[:3] == [many[0]] * 3


@pytest.mark.parametrize(
    ("sharding", "weights", "gradients", "optimizer"),
    [("none", 2, 4, 12), ("zero1", 2, 4, 12 / 8), ("zero2", 2, 4 / 8, 12 / 8), ("zero3", 2 / 8, 4 / 8, 12 / 8)],
)
def test_sharding_divides_what_it_shards(sharding: str, weights: float, gradients: float, optimizer: float) -> None:
    """Rajbhandari et al. 2020 (arXiv 1910.02054), figure 1, with gradients in fp32."""
    whole = TransformerProducer().sizes(options(**GPT)).memory[0]
    parameters = whole.optimizer_bytes / 12
    memory = TransformerProducer().sizes(options(**GPT, dp=8, sharding=sharding)).memory[0]
    assert memory.weights_bytes == pytest.approx(weights * parameters)
    assert memory.gradients_bytes == pytest.approx(gradients * parameters)
    assert memory.optimizer_bytes == pytest.approx(optimizer * parameters)
    assert memory.persistent_bytes < memory.peak_bytes
