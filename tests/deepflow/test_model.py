"""Model files, DeepFlow's and our own, and how a model is spread."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError, UnknownNameError
from versim_deepflow.model import (
    GemmModel,
    TransformerModel,
    load_model,
    load_preset,
    preset_names,
    read_deepflow_model,
    read_transformer,
)
from versim_deepflow.options import GemmOptions, gemm_of
from versim_deepflow.parallelism import Parallelism, TensorScheme

ALONE = Parallelism(dp=1, pp=1, tensor=TensorScheme.NONE, tp1=1, tp2=1, microbatches=1)


def deepflow_model() -> dict[str, Any]:
    """A model that never was, as a model file of DeepFlow."""
    return {
        "model_param": {
            "mode": "LLM",
            "batch_size": 24,
            "seq_len": 384,
            "hidden_dim": 768,
            "num_heads": 12,
            "ffn_dim": 3000,
            "ffn_mult": None,
            "vocab_size": 9000,
            "num_layers": 6,
            "n_tokens": 1,
            "communication_time": 0,
            "N_PP": 1,
        }
    }


def deepflow_gemm() -> dict[str, Any]:
    """A single product as a model file of DeepFlow."""
    return {"model_param": {"mode": "GEMM", "M": 4, "K": 5, "N": 6}}


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_sound(name: str) -> None:
    """Named as their file, with heads that divide the width."""
    model = load_preset(name)
    assert model.name == name
    model.check()


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    """And the closest first."""
    with pytest.raises(UnknownNameError, match="did you mean 'gpt3-175b'"):
        load_preset("gpt3_175b")


@pytest.mark.parametrize(("multiple", "ffn"), [(None, 3000), (4, 3072)])
def test_a_multiple_takes_precedence_over_the_width_of_the_feed_forward_layer(multiple: int | None, ffn: int) -> None:
    """As in DeepFlow."""
    content = deepflow_model()
    content["model_param"]["ffn_mult"] = multiple
    model = read_deepflow_model(content, "file")
    assert isinstance(model, TransformerModel)
    assert model.ffn == ffn


def test_a_single_product_is_a_model_too() -> None:
    """Backward is off unless asked for."""
    content = deepflow_gemm()
    assert read_deepflow_model(content, "file") == GemmModel(name="file", m=4, k=5, n=6, backward=False)


def test_the_kind_of_a_model_file_is_seen_in_its_content(tmp_path: Path) -> None:
    """Theirs and ours may both be called model.yaml."""
    theirs, ours = tmp_path / "theirs.yaml", tmp_path / "ours.yaml"
    theirs.write_text(yaml.safe_dump(deepflow_model()), encoding="utf-8")
    model = load_model(theirs)
    assert isinstance(model, TransformerModel)
    ours.write_text(yaml.safe_dump(attrs.asdict(model)), encoding="utf-8")
    assert load_model(ours) == model


@given(
    st.sampled_from(
        ["batch_size", "seq_len", "hidden_dim", "num_heads", "ffn_dim", "vocab_size", "num_layers", "mode"]
    ),
    st.sampled_from([None, 0, -1, 1.5, math.nan, math.inf, 10**400, "4", True, [], {}]),
)
def test_every_faulty_field_is_named(field: str, value: object) -> None:
    """By the path it has in the file."""
    content = deepflow_model()
    content["model_param"][field] = value
    with pytest.raises(FaultsError, match=rf"\$\.model_param\.{field}"):
        read_deepflow_model(content, "file")


def test_all_faults_are_reported_at_once() -> None:
    """A model without anything in it lacks everything."""
    with pytest.raises(FaultsError) as raised:
        read_transformer({"nmae": "x"}, "file")
    assert len(raised.value.faults) == 9
    assert any("did you mean 'name'" in fault for fault in raised.value.faults)


def test_heads_have_to_divide_the_width() -> None:
    """A head of a fraction of an element is none."""
    with pytest.raises(FaultsError, match="not divisible by 5 heads"):
        attrs.evolve(load_preset("small"), heads=5).check()


@given(st.integers(1, 16), st.sampled_from(preset_names()))
def test_products_have_the_rows_of_the_batch(batch: int, name: str) -> None:
    """And the attention products those of every head."""
    model = load_preset(name)
    products = model.products(batch)
    tokens = batch * model.sequence_length
    assert products["qkv_projection"] == (tokens, model.hidden, 3 * model.hidden)
    m, k, n = products["attention_score"]
    assert (m * k, n) == (tokens * model.hidden, model.sequence_length)
    assert products["ffn1"][1:] == products["ffn2"][:0:-1]


@pytest.mark.parametrize(
    ("split", "batch_size", "complaint"),
    [
        (attrs.evolve(ALONE, dp=3), 16, "not divisible by dp=3"),
        (attrs.evolve(ALONE, dp=2, microbatches=3), 16, "not divisible into 3 microbatches"),
        (attrs.evolve(ALONE, dp=4), 16, "number of devices, 8"),
    ],
)
def test_a_spread_that_does_not_fit_is_refused(split: Parallelism, batch_size: int, complaint: str) -> None:
    """With the figures that do not fit."""
    with pytest.raises(FaultsError, match=complaint):
        split.check(batch_size=batch_size, layers=4, world_size=8 if "devices" in complaint else None)


def test_devices_over_which_nothing_is_split_are_a_fault_although_deepflow_computes_them() -> None:
    """Each computes everything there (measured: DeepFlow 9c184bd), so a step may be verified but not produced."""
    idle = attrs.evolve(ALONE, tp1=2, tp2=2)
    idle.check(batch_size=1, layers=1, world_size=4)
    (fault,) = idle.impossible(layers=1, heads=4)
    assert fault.startswith("$.tensor: none, but tp1=2 and tp2=2")
    with pytest.raises(FaultsError, match=r"\$\.tensor: none"):
        gemm_of(GemmOptions(m=8, k=8, n=8, tp1=2))


def test_one_stage_hands_every_microbatch_the_whole_mini_batch() -> None:
    """As DeepFlow does, unless corrected."""
    split = attrs.evolve(ALONE, dp=2, microbatches=4)
    assert split.micro_batch(64) == 32
    assert split.micro_batch(64, split_without_pipeline=True) == 8
    assert attrs.evolve(split, pp=2).micro_batch(64) == 8
