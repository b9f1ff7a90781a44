"""What cannot be is said, all of it at once, with its place and what to do."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from transformer_steps import EXPERTS, graph, options, settings
from versim import FaultsError, UnknownNameError, VersimError, compare
from versim_transformer import stamping
from versim_transformer.pipeline_split import split_layers
from versim_transformer.validation import architecture_of, parallelism_of, settings_of

CASES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"tp": 3}, r"\$\.tp: 8 heads cannot be dealt to 3 ranks"),
    ({"heads": 8, "kv_heads": 3}, r"\$\.kv_heads: 3 does not divide"),
    ({"heads": 16, "kv_heads": 4, "tp": 8, "ffn": 100}, r"\$\.tp: the feed-forward width 100"),
    ({"cp": 3}, r"\$\.cp: 128 tokens per sequence"),
    ({"cp": 16, "tp": 8, "sequence_parallel": True, "seq_len": 64}, r"\$\.seq_len: 64 tokens"),
    ({"gbs": 10, "dp": 4}, r"\$\.gbs: 10 is no multiple of mbs · dp"),
    ({"ep": 2, "dp": 2}, r"\$\.ep: custom has no experts"),
    ({**EXPERTS, "ep": 3, "dp": 3, "gbs": 6}, r"\$\.ep: 16 experts cannot be dealt to 3"),
    ({**EXPERTS, "ep": 8, "dp": 4}, r"\$\.ep: etp · ep = 8 has to divide tp · cp · dp = 4"),
    ({**EXPERTS, "ep": 2, "tp": 3, "dp": 4, "heads": 9, "ffn": 9}, r"\$\.ep: groups of experts"),
    ({**EXPERTS, "ep": 4, "dp": 4, "etp": 1, "experts_per_token": 17}, r"\$\.experts_per_token: 17 of 16"),
    ({"vp": 2}, r"\$\.vp: 2 chunks per stage need more than one stage"),
    ({"vp": 2, "pp": 2, "schedule": "1f1b"}, r"\$\.vp: 2 chunks per stage need schedule: interleaved"),
    ({"pp": 2, "schedule": "interleaved"}, r"\$\.vp: schedule: interleaved needs at least 2"),
    ({"vp": 2, "pp": 4, "gbs": 6}, r"\$\.gbs: interleaving deals microbatches in groups of pp = 4"),
    ({"vp": 8, "pp": 4}, r"\$\.vp: pp · vp = 32 chunks are more than the 8 layers"),
    ({"pp": 2, "layers_per_stage": [4, 5]}, r"\$\.layers_per_stage: adds up to 9"),
    ({"pp": 2, "layers_per_stage": [8]}, r"\$\.layers_per_stage: has 1 numbers, but pp · vp = 2"),
    ({"pp": 2, "layers_per_stage": [9, -1]}, r"\$\.layers_per_stage: a chunk cannot hold fewer than 0"),
    ({"pp": 2, "schedule": "zb-h1", "sharding": "zero3", "dp": 2}, r"\$\.schedule: zb-h1 is not run with"),
    ({"gbs": 10**9, "pp": 8}, r"\$\.gbs: about .* are more than"),
    ({"shared_ffn": 64}, r"\$\.experts: is missing"),
)


@pytest.mark.parametrize(("given", "message"), CASES, ids=lambda case: case if isinstance(case, str) else "")
def test_every_fault_says_where_and_what(given: dict[str, Any], message: str) -> None:
    """A traceback, or a graph of something else, would cost an afternoon."""
    with pytest.raises(FaultsError, match=message):
        graph(**given)


def test_a_graph_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before memory is asked for, with the way out."""
    monkeypatch.setattr(stamping, "LARGEST_ROWS", 100)
    monkeypatch.setattr(stamping, "_RECENT", OrderedDict())  # another test may have left such a graph
    with pytest.raises(FaultsError, match=r"\$\.granularity: .* nodes are more than the 100 that fit"):
        graph(granularity="operator")
    assert graph(granularity="stage", gbs=8).node_count <= 100


def test_all_faults_are_told_at_once() -> None:
    """Mending one fault to be told of the next wastes a run each."""
    with pytest.raises(FaultsError) as caught:
        graph(tp=3, cp=5, gbs=7, dp=2, vp=2)
    assert len(caught.value.faults) == 6
    assert all(fault.startswith("$.") for fault in caught.value.faults)


def test_a_model_that_nobody_knows_is_told_with_the_rest(tmp_path: Path) -> None:
    """What is wrong with the degrees does not depend on it."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "weird"}))
    with pytest.raises(FaultsError) as caught:
        settings(model=str(file), cp=3, gbs=7, dp=2)
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["$.model", "$.cp", "$.gbs"]
    assert "'weird' is not known" in caught.value.faults[0]


def test_a_world_that_does_not_match_is_told_with_the_rest() -> None:
    """The system is no option of the producer, but who mends one fault wants to know of the other."""
    document = {
        "workloads": [{"label": "step", "producer": "transformer", "options": {"model": "llama3-8b", "tp": 3}}],
        "system": {"preset": "dgx-h100", "nodes": 2},
        "pins": [{"label": "pin", "compute": "roofline", "folded": "alpha-beta"}],
        "backends": [{"label": "deepflow", "backend": "deepflow", "network": "alpha-beta"}],
    }
    with pytest.raises(FaultsError) as caught:
        compare(document)
    assert caught.value.faults[-1].startswith("$.system: has 16 endpoints (8 × 2), but the step takes 3 ranks; make")
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tp", 0),
        ("gbs", -1),
        ("mbs", 1.5),
        ("dropout", 1.0),
        ("granularity", "fine"),
        ("capacity_factor", 0),
        ("dp", True),
    ],
)
def test_options_are_held_to_their_range(key: str, value: object) -> None:
    """A wrong value is refused where it is read."""
    with pytest.raises(FaultsError, match=key):
        options(**{key: value})


def test_sizes_are_asked_for_where_no_model_says_them() -> None:
    """Four numbers make a model; whoever gives two is told of the others."""
    with pytest.raises(FaultsError, match=r"\$\.heads: is missing") as caught:
        settings(model="", layers=2, hidden=8)
    assert len(caught.value.faults) == 2


def test_an_unknown_model_is_refused() -> None:
    """Names are matched exactly, and the known ones are told."""
    with pytest.raises(UnknownNameError, match="llama3-70b"):
        settings(model="llama3-71b")


LLAMA: dict[str, Any] = {
    "model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168, "num_attention_heads": 128,
    "num_key_value_heads": 128, "intermediate_size": 18432, "vocab_size": 129280, "q_lora_rank": 1536,
    "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128, "n_routed_experts": 256,
    "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "n_shared_experts": 1, "first_k_dense_replace": 3,
    "num_nextn_predict_layers": 1, "tie_word_embeddings": False,
}  # fmt: skip
QWEN: dict[str, Any] = {
    "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 32,
    "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "vocab_size": 151936, "num_experts": 128,
    "num_experts_per_tok": 8, "moe_intermediate_size": 768, "tie_word_embeddings": False,
}  # fmt: skip
GPT_OSS: dict[str, Any] = {
    "model_type": "gpt_oss", "num_hidden_layers": 36, "hidden_size": 2880, "num_attention_heads": 64,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880, "vocab_size": 201088, "num_local_experts": 128,
    "num_experts_per_tok": 4, "attention_bias": True, "sliding_window": 128, "tie_word_embeddings": False,
}  # fmt: skip


def _written(folder: Path, config: object) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return str(path)


@pytest.mark.parametrize(
    ("config", "preset"),
    [(LLAMA, "llama3-8b"), (DEEPSEEK, "deepseek-v3"), (QWEN, "qwen3-30b-a3b"), (GPT_OSS, "gpt-oss-120b")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_config_json_is_the_model(tmp_path: Path, config: dict[str, Any], preset: str) -> None:
    """The file that comes with the weights says everything; it must not have to be copied out."""
    read = architecture_of(options(model=_written(tmp_path, config)))
    known = architecture_of(options(model=preset))
    assert vars_without_name(read) == vars_without_name(known)


def vars_without_name(model: Any) -> dict[str, Any]:
    """All sizes of an architecture."""
    return {name: getattr(model, name) for name in model.__slots__ if name not in ("name", "__weakref__")}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**LLAMA, "model_type": "mamba"}, r"\$\.model_type: 'mamba' is not known"),
        ({**LLAMA, "hidden_size": "wide"}, r"\$\.hidden_size: has to be a whole number"),
        ({k: v for k, v in LLAMA.items() if k != "vocab_size"}, r"\$\.vocab_size: is missing"),
        ([1, 2], r"\$: has to be a mapping"),
    ],
)
def test_a_faulty_config_json_is_told(tmp_path: Path, config: object, message: str) -> None:
    """A file from elsewhere is untrusted; what is wrong with it is said by key."""
    with pytest.raises(FaultsError, match=message):
        settings_of(options(model=_written(tmp_path, config)))


def test_a_file_that_is_no_json_is_told(tmp_path: Path) -> None:
    """The most usual slip: the wrong file."""
    path = tmp_path / "config.json"
    path.write_text("layers: 32")
    with pytest.raises(VersimError, match="is not a JSON document"):
        settings(model=str(path))


def test_two_billion_stages_are_refused_before_they_are_laid_out() -> None:
    """They took 16 GB and twenty seconds, and were then thrown away for the fault that was known before."""
    asked = options(pp=2**31)
    stages, faults = split_layers(architecture_of(asked), parallelism_of(asked), "auto", None)
    assert stages == ()
    assert "are more than the" in faults[0]
