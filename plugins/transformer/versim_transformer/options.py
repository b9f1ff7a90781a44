"""Options of the producer ``transformer``."""

# ruff: noqa: RUF009 - option() and its likes are attrs.field() with a help text
from __future__ import annotations

from typing import Any, Literal

import attrs
from versim import option

from versim_transformer.architecture import Norm, Positions
from versim_transformer.settings import AttentionLayout, Granularity, Kernels, Overlap, Recompute, Sharding

_LARGEST = 10**12


def _countable(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST:
        raise ValueError(f"{attribute.name} must be a whole number from 1 to {_LARGEST}, got {value!r}")


def _whole(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{attribute.name} must be a whole number from 0 to {_LARGEST}, got {value!r}")


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{attribute.name} must be at least 0 and below 1, got {value!r}")


def _factor(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 < value <= 1000:
        raise ValueError(f"{attribute.name} must be above 0 and at most 1000, got {value!r}")


def _count(default: int, help: str) -> Any:  # noqa: A002 - reads as what it is
    return option(default, help=help, validator=_countable)


def _optional_count(help: str, *, zero: bool = False) -> Any:  # noqa: A002
    return option(None, help=help, validator=attrs.validators.optional(_whole if zero else _countable))


Communicated = Literal["fp32", "bf16", "fp16", "fp8"]


@attrs.frozen(kw_only=True)
class TransformerOptions:
    """Options of the producer ``transformer``, named as in records of training runs."""

    model: str = option(
        "",
        path=True,
        shipped=True,
        flag="--model",
        help="an architecture: a preset such as llama3-8b, or the path of a Hugging Face config.json; empty if the "
        "sizes below say everything",
    )
    layers: int | None = _optional_count("transformer layers; this and the next ones replace what the model says")
    hidden: int | None = _optional_count("width of the model")
    heads: int | None = _optional_count("query heads")
    kv_heads: int | None = _optional_count("key and value heads; as many as query heads if nothing says otherwise")
    head_size: int | None = _optional_count("elements per head; hidden / heads if nothing says otherwise")
    ffn: int | None = _optional_count("width of the feed-forward part; 4 · hidden if nothing says otherwise")
    gated: bool | None = option(None, help="true for a feed-forward part of three matrices (SwiGLU and its like)")
    vocab: int | None = _optional_count("tokens in the vocabulary")
    tied: bool | None = option(None, help="true if embedding and head share one matrix")
    norm: Norm | None = option(
        None, help="normalisation: rms or layer; rms if nothing says otherwise and the feed-forward part is gated"
    )
    biases: bool | None = option(
        None, help="true if every product adds a bias; if nothing says otherwise, unless gated"
    )
    positions: Positions | None = option(
        None,
        help="how positions enter: rotary, learned or alibi; else rotary where gated, learned where not",
    )
    experts: int | None = _optional_count("experts per layer; 0 for dense layers", zero=True)
    experts_per_token: int | None = _optional_count("experts that each token visits")
    moe_ffn: int | None = _optional_count("width of an expert")
    shared_ffn: int | None = _optional_count("width of the experts that every token visits, together", zero=True)
    dense_layers: int | None = _optional_count("leading layers without experts", zero=True)
    predicted_tokens: int | None = _optional_count("multi-token-prediction modules", zero=True)

    seq_len: int = _count(4096, "tokens per sequence")
    mbs: int = _count(1, "sequences per microbatch and replica")
    gbs: int = _count(32, "sequences per step, over all replicas")

    tp: int = _count(1, "tensor-parallel ranks")
    sequence_parallel: bool = option(
        default=False, help="cut along the sequence what tensor parallelism leaves whole (norms, residuals)"
    )
    pp: int = _count(1, "pipeline stages")
    vp: int = _count(1, "chunks of layers per stage; above 1 the schedule is interleaved")
    cp: int = _count(1, "context-parallel ranks, each with a share of every sequence")
    ep: int = _count(1, "expert-parallel ranks; etp · ep has to divide tp · cp · dp")
    etp: int = _count(1, "tensor-parallel ranks of an expert")
    dp: int = _count(1, "data-parallel replicas")
    sharding: Sharding = option(
        Sharding.NONE,
        converter=Sharding,
        help="what replicas keep a share of: none, zero1 (optimizer state), zero2 (and gradients) or zero3 (and "
        "parameters: FSDP)",
    )
    schedule: Literal["auto", "none", "gpipe", "1f1b", "interleaved", "zb-h1"] = option(
        "auto", help="order of microbatches on a stage; auto and none: 1f1b, or interleaved where vp is above 1"
    )
    layers_per_stage: tuple[int, ...] | None = option(
        None,
        converter=attrs.converters.optional(tuple),
        help="layers of each chunk in the order of the model, pp · vp numbers; instead of pipeline_split",
    )
    pipeline_split: Literal["auto", "even", "ends", "cost"] = option(
        "auto",
        help="how layers are dealt to chunks: even (the first chunks take what is left over), ends (embedding and head "
        "count as a layer each), cost (nanotron's: embedding, layers and head in one line, cut where their cost is), "
        "auto: even where layers divide, else ends where that divides, else even",
    )
    recompute: Recompute = option(
        Recompute.NONE,
        converter=Recompute,
        help="what is computed twice instead of stored: none, light (norms, activation functions, what MLA expands), "
        "selective (the core of attention) or full (layers)",
    )
    recompute_layers: int | None = _optional_count("layers per chunk that recompute: full holds for; all if not given")

    precision: Literal["fp32", "tf32", "fp16", "bf16", "fp8", "fp8_block", "mxfp8", "nvfp4"] = option(
        "bf16", help="format of the layers' matrix products; head, router and the rest stay in 16 bits"
    )
    gradient_products: Literal["bf16", "fp8_block"] | None = option(
        None,
        help="format whose products the backward ones of layers take as long as, if another than precision's: those of "
        "fp8_block move accumulators to fp32 as they go, as exact ones in fp8 do on Hopper",
    )
    current_scaling: bool = option(
        default=False,
        help="scales are of the very tensor that is converted, which is read once more to find its largest element",
    )
    transposed_copies: bool = option(
        default=True,
        help="conversions write the transposed operand, too, for products of other layouts (Hopper's in 8 bits, and "
        "blocks that are scaled in both directions)",
    )
    attention: Literal["flash", "unfused"] = option(
        "flash", help="attention as one fused kernel, or as two products with softmax between them"
    )
    attention_layout: AttentionLayout = option(
        AttentionLayout.AS_NEEDED,
        converter=AttentionLayout,
        help="queries, keys and values as attention needs them (as_needed), or in one tensor: some are taken out, and "
        "gradients joined (joint: Megatron-LM), all are copied into batches, too (batches: FlashAttention-2 in "
        "Transformer Engine), or all are taken out and keys and values stacked (stacked: nanotron)",
    )
    dropout: float = option(0.0, validator=_share, help="probability of dropout; 0 leaves it out")
    gradient_dtype: Literal["fp32", "bf16", "fp16"] = option("fp32", help="format in which gradients are accumulated")
    reduce_dtype: Communicated | None = option(
        None, help="format of gradients as communicated; that of gradients if not given"
    )
    reduce_whole: bool = option(
        default=False,
        help="under zero1, all-reduce gradients, of which each rank then uses its share (DeepSpeed's bf16 optimizer)",
    )
    gather_dtype: Communicated | None = option(
        None, help="format of parameters as gathered; that of activations if not given"
    )
    tp_dtype: Communicated | None = option(
        None,
        help="format of tensor-parallel collectives; if not given, of operands that are gathered as converted that of "
        "products, else that of activations",
    )
    scatter_dtype: Communicated | None = option(
        None, help="format of what layers sum and scatter over tensor-parallel ranks; as tp_dtype if not given"
    )
    ep_dtype: Communicated | None = option(
        None, help="format of tokens on their way to experts; that of activations if not given"
    )
    vocab_multiple: int = _count(
        128, "the vocabulary is padded to a multiple of this times tp (Megatron-LM: 128; nanotron: 1)"
    )

    overlap_tp: Overlap = option(
        Overlap.NONE,
        converter=Overlap,
        help="tensor-parallel collectives beside products: none, backward (Megatron-LM), matched (those of one "
        "product: asynchronous TP) or all (user buffers)",
    )
    overlap_gradients: bool = option(
        default=True, help="reduce gradients in buckets beside the last backward passes, or whole after them"
    )
    overlap_parameters: bool = option(
        default=True, help="gather sharded parameters in buckets beside the first forward passes, or whole at the end"
    )
    overlap_p2p: bool | None = option(
        None, help="send and receive between stages beside computation; if not given, under interleaved and zb-h1"
    )
    serial_p2p: bool = option(
        default=False, help="receive only once what was sent last has arrived: a stage has one message at a time"
    )
    scatter_p2p: bool = option(
        default=False,
        help="without sequence parallelism, send each tensor-parallel rank's share of a message between stages, and "
        "gather it on arrival (Megatron-LM's scatter-gather, DeepSpeed's partitioned tensors)",
    )
    overlap_ep: bool = option(default=False, help="exchange experts' tokens beside the computation of shared experts")
    cp_exchange: Literal["ring", "all_gather"] = option(
        "ring", help="keys and values over cp: beside attention, step by step (ring), or before it (all_gather)"
    )
    dispatch: Literal["all_to_all", "all_gather"] = option("all_to_all", help="how experts get their tokens")
    dispatch_node: int | None = _optional_count(
        "ranks of a node that a token is sent to once for all its experts there; if not given, each is sent its own"
    )
    expert_kernels: Literal["each", "grouped", "fused"] = option(
        "each",
        help="products of experts: a kernel for each (Transformer Engine over cuBLAS), one for all of them, or one "
        "that converts and activates, too",
    )
    capacity_factor: float = option(
        1.0, validator=_factor, help="tokens that experts compute over what they get when balanced"
    )
    beside_share: float = option(
        0.0,
        validator=_share,
        help="share of the device that communication between replicas takes from computation beside it: NCCL's blocks "
        "over multiprocessors",
    )
    bucket_parameters: int = _count(40_000_000, "least parameters per bucket of reductions and gathers")
    kernels: Kernels = option(
        Kernels.FUSED,
        converter=Kernels,
        help="element-wise work: fused, or eager, one kernel per elementary operation",
    )
    fused_loss: bool = option(
        default=False, help="the loss over the vocabulary in one kernel each way; otherwise step by step in fp32"
    )
    compiled_loss: bool = option(
        default=False, help="where it is not fused, its steps in fp32 as PyTorch's compiler joins them"
    )
    fused_accumulation: bool = option(
        default=True, help="weight gradients are accumulated by their product, or by a kernel of their own"
    )
    convert_gradients: bool = option(
        default=False,
        help="where a kernel of its own accumulates gradients, another one converts them to gradient_dtype before",
    )
    cuda_graphs: bool = option(default=False, help="element-wise kernels cost no launch")
    memory: Literal["megatron-lm", "nanotron", "fsdp"] = option(
        "megatron-lm", help="whose bookkeeping counts memory; see the table of constants in the documentation"
    )
    granularity: Granularity = option(
        Granularity.LAYER,
        converter=Granularity,
        help="what a compute node stands for: operator, layer (what a layer computes between two communications) or "
        "stage (a pass of a microbatch over a chunk, with communication that nothing hides folded into it)",
    )
