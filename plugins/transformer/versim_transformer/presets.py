"""Published architectures.

Sizes are those of each model's ``config.json`` on Hugging Face or of the paper named beside it.
"""

from __future__ import annotations

from typing import Any

import attrs
from versim import UnknownNameError

from versim_transformer.architecture import Architecture, Experts, Latent


@attrs.frozen(kw_only=True)
class Preset:
    """A published architecture.

    Attributes:
        architecture: Its sizes.
        parameters: Parameters as published, or as counted in the published weights.
        source: Where both were read.
    """

    architecture: Architecture
    parameters: float
    source: str


def _model(name: str, layers: int, hidden: int, heads: int, kv_heads: int, ffn: int, **more: Any) -> Architecture:
    more.setdefault("head_size", hidden // heads)
    more.setdefault("gated", True)
    more.setdefault("tied", False)
    return Architecture(name=name, layers=layers, hidden=hidden, heads=heads, kv_heads=kv_heads, ffn=ffn, **more)


def _gpt(name: str, layers: int, hidden: int, heads: int, parameters: float, source: str) -> Preset:
    """A model of GPT's kind: multi-head attention, plain feed-forward of four widths, learned positions, biases."""
    architecture = _model(
        name, layers, hidden, heads, heads, 4 * hidden, gated=False, vocab=51200, tied=True, norm="layer", biases=True,
        positions="learned", max_positions=2048,
    )  # fmt: skip
    return Preset(architecture=architecture, parameters=parameters, source=source)


def _mpt(name: str, layers: int, hidden: int, heads: int, parameters: float) -> Preset:
    """A model of MPT's kind: as GPT, with ALiBi instead of a table of positions, and no biases."""
    architecture = _model(
        name, layers, hidden, heads, heads, 4 * hidden, gated=False, vocab=50368, tied=True, norm="layer",
        positions="alibi",
    )  # fmt: skip
    source = "llm-foundry scripts/train/yamls/pretrain/mpt-*.yaml; the name's figure, 7b and 30b as published"
    return Preset(architecture=architecture, parameters=parameters, source=source)


_MLA = Latent(query_rank=1536, key_value_rank=512, rotary_size=64, plain_size=128, value_size=128)
_HF = "config.json on Hugging Face: "

PRESETS: dict[str, Preset] = {
    "gpt3-175b": _gpt("gpt3-175b", 96, 12288, 96, 175e9, "Brown et al. 2020, arXiv 2005.14165, table 2.1"),
    "gpt3-5b": _gpt("gpt3-5b", 24, 4096, 32, 5e9, "NVIDIA NeMo 24.07, performance summary: GPT3-5B"),
    "gpt3-20b": _gpt("gpt3-20b", 44, 6144, 48, 20e9, "NVIDIA NeMo 24.07, performance summary: GPT3-20B"),
    "megatron-22b": _gpt("megatron-22b", 48, 6144, 64, 22e9, "Korthikanti et al. 2022, arXiv 2205.05198, table 3"),
    "megatron-530b": _gpt("megatron-530b", 105, 20480, 128, 530e9, "arXiv 2205.05198, table 3; arXiv 2201.11990"),
    "megatron-1t": _gpt("megatron-1t", 128, 25600, 160, 1008e9, "Narayanan et al. 2021, arXiv 2104.04473, table 1"),
    "mpt-125m": _mpt("mpt-125m", 12, 768, 12, 125e6),
    "mpt-350m": _mpt("mpt-350m", 24, 1024, 16, 350e6),
    "mpt-760m": _mpt("mpt-760m", 24, 1536, 12, 760e6),
    "mpt-1b": _mpt("mpt-1b", 24, 2048, 16, 1.3e9),
    "mpt-3b": _mpt("mpt-3b", 32, 2560, 20, 2.7e9),
    "mpt-7b": _mpt("mpt-7b", 32, 4096, 32, 6.65e9),
    "mpt-13b": _mpt("mpt-13b", 40, 5120, 40, 13e9),
    "mpt-30b": _mpt("mpt-30b", 48, 7168, 56, 30e9),
    "mpt-70b": _mpt("mpt-70b", 80, 8192, 64, 65e9),
    "llama2-7b": Preset(
        architecture=_model("llama2-7b", 32, 4096, 32, 32, 11008, vocab=32000),
        parameters=6_738_415_616,
        source=_HF + "meta-llama/Llama-2-7b-hf",
    ),
    "llama2-13b": Preset(
        architecture=_model("llama2-13b", 40, 5120, 40, 40, 13824, vocab=32000),
        parameters=13_015_864_320,
        source=_HF + "meta-llama/Llama-2-13b-hf",
    ),
    "llama2-70b": Preset(
        architecture=_model("llama2-70b", 80, 8192, 64, 8, 28672, vocab=32000),
        parameters=68_976_648_192,
        source=_HF + "meta-llama/Llama-2-70b-hf",
    ),
    "llama3-8b": Preset(
        architecture=_model("llama3-8b", 32, 4096, 32, 8, 14336, vocab=128256),
        parameters=8_030_261_248,
        source=_HF + "meta-llama/Meta-Llama-3-8B",
    ),
    "llama3-70b": Preset(
        architecture=_model("llama3-70b", 80, 8192, 64, 8, 28672, vocab=128256),
        parameters=70_553_706_496,
        source=_HF + "meta-llama/Meta-Llama-3-70B",
    ),
    "llama3-405b": Preset(
        architecture=_model("llama3-405b", 126, 16384, 128, 8, 53248, vocab=128256),
        parameters=405_853_388_800,
        source=_HF + "meta-llama/Llama-3.1-405B",
    ),
    "mistral-7b": Preset(
        architecture=_model("mistral-7b", 32, 4096, 32, 8, 14336, vocab=32000),
        parameters=7_241_732_096,
        source=_HF + "mistralai/Mistral-7B-v0.1",
    ),
    "mixtral-8x7b": Preset(
        architecture=_model(
            "mixtral-8x7b", 32, 4096, 32, 8, 14336, vocab=32000, experts=Experts(count=8, per_token=2, ffn=14336)
        ),
        parameters=46_702_792_704,
        source=_HF + "mistralai/Mixtral-8x7B-v0.1",
    ),
    "mixtral-8x22b": Preset(
        architecture=_model(
            "mixtral-8x22b", 56, 6144, 48, 8, 16384, vocab=32000, experts=Experts(count=8, per_token=2, ffn=16384)
        ),
        parameters=140_620_634_112,
        source=_HF + "mistralai/Mixtral-8x22B-v0.1",
    ),
    "qwen3-30b-a3b": Preset(
        architecture=_model(
            "qwen3-30b-a3b", 48, 2048, 32, 4, 6144, vocab=151936, head_size=128, qk_norm=True,
            experts=Experts(count=128, per_token=8, ffn=768),
        ),
        parameters=30_532_122_624,
        source=_HF + "Qwen/Qwen3-30B-A3B",
    ),
    "qwen3-235b-a22b": Preset(
        architecture=_model(
            "qwen3-235b-a22b", 94, 4096, 64, 4, 12288, vocab=151936, head_size=128, qk_norm=True,
            experts=Experts(count=128, per_token=8, ffn=1536),
        ),
        parameters=235_093_634_560,
        source=_HF + "Qwen/Qwen3-235B-A22B",
    ),
    "deepseek-v2": Preset(
        architecture=_model(
            "deepseek-v2", 60, 5120, 128, 128, 12288, vocab=102400, head_size=192, latent=_MLA,
            experts=Experts(count=160, per_token=6, ffn=1536, shared_ffn=2 * 1536, dense_layers=1),
        ),
        parameters=235_741_434_880,
        source=_HF + "deepseek-ai/DeepSeek-V2",
    ),
    "deepseek-v3": Preset(
        architecture=_model(
            "deepseek-v3", 61, 7168, 128, 128, 18432, vocab=129280, head_size=192, latent=_MLA,
            experts=Experts(count=256, per_token=8, ffn=2048, shared_ffn=2048, dense_layers=3, router_bias=True),
            predicted_tokens=1,
        ),
        parameters=671e9,
        source=_HF + "deepseek-ai/DeepSeek-V3; arXiv 2412.19437",
    ),
    "gpt-oss-120b": Preset(
        architecture=_model(
            "gpt-oss-120b", 36, 2880, 64, 8, 2880, vocab=201088, head_size=64, attention_biases=True,
            output_bias=True, sinks=True, window=128,
            experts=Experts(count=128, per_token=4, ffn=2880, router_bias=True, biases=True),
        ),
        parameters=116_829_156_672,
        source=_HF + "openai/gpt-oss-120b; model card, table 1: 116.83 B",
    ),
    "kimi-k2": Preset(
        architecture=_model(
            "kimi-k2", 61, 7168, 64, 64, 18432, vocab=163840, head_size=192, latent=_MLA,
            experts=Experts(count=384, per_token=8, ffn=2048, shared_ffn=2048, dense_layers=1, router_bias=True),
        ),
        parameters=1.04e12,
        source=_HF + "moonshotai/Kimi-K2-Base; arXiv 2507.20534, table 2: 1.04 T",
    ),
}  # fmt: skip
"""By the name that ``model:`` takes."""


def preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in PRESETS:
        raise UnknownNameError("model preset", name, tuple(sorted(PRESETS)))
    return PRESETS[name]
