"""Architectures from a model's ``config.json`` as Hugging Face has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from versim import FaultsError
from versim.plain import read_json

from versim_transformer.architecture import Architecture, Experts, Latent

LARGEST_BYTES = 2**20
"""A config.json is a page of text."""

_GATED = (
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "deepseek_v2", "deepseek_v3", "gemma",
    "gemma2", "gpt_oss", "kimi_k2", "smollm3", "olmo2", "phi3", "cohere", "granite",
)  # fmt: skip
_PLAIN = ("gpt2", "gpt_neox", "bloom", "mpt", "opt")
_TIED = {"gpt2", "bloom", "mpt", "opt", "gemma", "gemma2", "cohere"}


def read_config(path: Path) -> Architecture:
    """The architecture of a config.json.

    Raises:
        UnreadableError: It cannot be read, or is no JSON.
        FaultsError: It is of an unknown kind, or lacks sizes; every fault with its place.
    """
    config = read_json(path, LARGEST_BYTES)
    if not isinstance(config, Mapping):
        raise FaultsError(str(path), ["$: has to be a mapping, as in a model's config.json"])
    return _Reader(str(path), config).architecture(path)


class _Reader:
    """Reads keys, remembering what is wrong with them."""

    def __init__(self, subject: str, config: Mapping[str, Any]) -> None:
        self._subject = subject
        self._config = config
        self._faults: list[str] = []

    def architecture(self, path: Path) -> Architecture:
        config = self._config
        kind = config.get("model_type")
        if kind not in (*_GATED, *_PLAIN):
            known = ", ".join(sorted((*_GATED, *_PLAIN)))
            raise FaultsError(
                self._subject,
                [f"$.model_type: {kind!r} is not known; known are {known}. Give the sizes as options instead"],
            )
        gated = kind in _GATED
        layers = self._count("num_hidden_layers", "n_layer", "n_layers")
        hidden = self._count("hidden_size", "n_embd", "d_model")
        heads = self._count("num_attention_heads", "n_head", "n_heads")
        vocab = self._count("vocab_size")
        kv_heads = self._count("num_key_value_heads", otherwise=heads)
        head_size = self._count("head_dim", otherwise=max(1, hidden // heads))
        ffn = self._count("intermediate_size", "n_inner", "ffn_dim", otherwise=4 * hidden)
        latent = self._latent() if "kv_lora_rank" in config else None
        experts = self._experts()
        plain_biases = kind in ("gpt2", "gpt_neox", "bloom", "opt")
        found = Architecture(
            name=path.parent.name if path.name == "config.json" and path.parent.name else path.stem,
            layers=layers,
            hidden=hidden,
            heads=heads,
            kv_heads=kv_heads,
            head_size=head_size if latent is None else latent.plain_size + latent.rotary_size,
            ffn=ffn,
            gated=gated,
            vocab=vocab,
            tied=bool(config.get("tie_word_embeddings", kind in _TIED)),
            norm="rms" if gated else "layer",
            biases=plain_biases,
            attention_biases=bool(config.get("attention_bias", kind in ("qwen2", "qwen2_moe"))),
            output_bias=kind == "gpt_oss",
            qk_norm=kind in ("qwen3", "qwen3_moe"),
            sinks=kind == "gpt_oss",
            positions="learned" if kind in ("gpt2", "opt") else "alibi" if kind in ("bloom", "mpt") else "rotary",
            max_positions=self._count("max_position_embeddings", "n_positions", otherwise=2048)
            if kind in ("gpt2", "opt")
            else 0,
            latent=latent,
            experts=experts,
            predicted_tokens=self._optional_count("num_nextn_predict_layers"),
            window=self._optional_count("sliding_window") if kind == "gpt_oss" else 0,
        )
        if self._faults:
            raise FaultsError(self._subject, self._faults)
        return found

    def _count(self, *names: str, otherwise: int | None = None) -> int:
        """The first of some keys that is given, a whole number of at least 1."""
        for name in names:
            value = self._config.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**9:
                self._faults.append(f"$.{name}: has to be a whole number of at least 1, got {value!r}")
                return 1
            return value
        if otherwise is None:
            self._faults.append(f"$.{names[0]}: is missing; it is part of every such model's config.json")
            return 1
        return otherwise

    def _optional_count(self, name: str) -> int:
        """A whole number, 0 where it is not given."""
        return self._count(name) if self._config.get(name) else 0

    def _latent(self) -> Latent:
        return Latent(
            query_rank=self._optional_count("q_lora_rank"),
            key_value_rank=self._count("kv_lora_rank"),
            rotary_size=self._count("qk_rope_head_dim"),
            plain_size=self._count("qk_nope_head_dim"),
            value_size=self._count("v_head_dim"),
        )

    def _experts(self) -> Experts | None:
        config = self._config
        names = ("num_local_experts", "num_experts", "n_routed_experts")
        if not any(config.get(name) for name in names):
            return None
        ffn = self._count("moe_intermediate_size", "intermediate_size")
        kind = config.get("model_type")
        return Experts(
            count=self._count(*names),
            per_token=self._count("num_experts_per_tok", "experts_per_token"),
            ffn=ffn,
            shared_ffn=self._optional_count("n_shared_experts") * ffn,
            dense_layers=self._optional_count("first_k_dense_replace"),
            router_bias=kind in ("deepseek_v3", "kimi_k2", "gpt_oss"),
            biases=kind == "gpt_oss",
        )
