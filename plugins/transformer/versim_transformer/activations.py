"""Bytes that a forward pass leaves for the backward pass, per microbatch.

Tensors are counted as Korthikanti et al. (2022, arXiv 2205.05198, section 4) count them: what each operation's backward
needs, at its width, on one rank. Of plain layers with dropout, unfused attention and a feed-forward part of 4h that is
s·b·h·(34 + 5·a·s/h) bytes.
"""

from __future__ import annotations

from versim_transformer.architecture import Experts
from versim_transformer.attention import kv_heads
from versim_transformer.bookkeeping import Bookkeeping
from versim_transformer.settings import Kernels, Recompute, Settings

SINGLE_BYTES = 4
"""Of an fp32 number: fused attention keeps one per token and query head, the logarithm of its sum of exponentials."""


def layer_bytes(settings: Settings, books: Bookkeeping, *, experts: bool) -> float:
    """Of one layer that is not recomputed as a whole."""
    return _attention_bytes(settings, books) + _feed_forward_bytes(settings, books, experts=experts)


def input_bytes(settings: Settings) -> float:
    """Of a layer that is recomputed from its input."""
    return settings.shard_tokens * settings.architecture.hidden * settings.precision.activation_bytes


def embedding_bytes(settings: Settings) -> float:
    """Of the embedding: the mask of its dropout."""
    return settings.shard_tokens * settings.architecture.hidden if settings.dropout > 0 else 0.0


def head_bytes(settings: Settings, books: Bookkeeping) -> tuple[float, float]:
    """Of the last normalisation and the head's input; and of logits and the loss."""
    width = settings.precision.activation_bytes
    kept = settings.architecture.hidden * width * (settings.shard_tokens + _input_tokens(settings, books))
    logits = settings.tokens * settings.padded_vocab / settings.parallelism.tp
    logits *= books.logit_bytes + (0 if settings.fused_loss else books.loss_bytes)
    return kept, logits


def _input_tokens(settings: Settings, books: Bookkeeping) -> float:
    """Tokens of a column-parallel product's input as it is kept: the rank's share, or all if it is kept as gathered."""
    return settings.tokens if books.keeps_gathered_inputs else settings.shard_tokens


def _product_width(settings: Settings) -> float:
    """Bytes per element of a product's input as it is kept."""
    return settings.precision.product_bytes


def _attention_bytes(settings: Settings, books: Bookkeeping) -> float:
    model, tp = settings.architecture, settings.parallelism.tp
    width, kept_width = settings.precision.activation_bytes, _product_width(settings)
    shard, tokens = settings.shard_tokens, settings.tokens
    hidden = model.hidden
    light = settings.recompute is Recompute.LIGHT
    # The input of the normalisation, and its output: the input of the projections.
    kept = shard * hidden * width + (0 if light else _input_tokens(settings, books) * hidden * kept_width)
    heads = model.heads / tp
    if model.latent is None:
        inputs = (heads + 2 * kv_heads(settings)) * model.head_size
        rotated = (heads + kv_heads(settings)) * model.head_size
        if model.qk_norm:
            kept += tokens * rotated * width
        if settings.kernels is Kernels.EAGER and model.positions == "rotary":
            kept += tokens * rotated * width
    else:
        latent = model.latent
        head = latent.plain_size + latent.rotary_size
        inputs = heads * (2 * head + latent.value_size)
        # Compressed, normalised, and what the normalised are expanded to before they are joined with positions.
        compressed = latent.query_rank + latent.key_value_rank
        kept += shard * compressed * (width + (0 if light else kept_width))
        if light:
            inputs = 0
    kept += tokens * inputs * width
    values = model.value_size / tp
    if settings.flash:
        kept += tokens * heads * SINGLE_BYTES
    elif settings.recompute is not Recompute.SELECTIVE:
        scores = settings.tokens * heads * settings.sequence_length
        kept += scores * width
        if settings.dropout > 0:
            kept += scores * (1 + width)
    # What attention gives is the input of the projection back; a converted input is a tensor of its own.
    kept += tokens * values * width
    if settings.precision.quantized:
        kept += tokens * values * kept_width
    if settings.dropout > 0:
        kept += shard * hidden
    return kept


def _feed_forward_bytes(settings: Settings, books: Bookkeeping, *, experts: bool) -> float:
    model = settings.architecture
    width = settings.precision.activation_bytes
    shard = settings.shard_tokens
    kept = shard * model.hidden * width
    if experts and model.experts is not None:
        kept += _mixture_bytes(settings, books, model.experts)
    else:
        kept += _dense_bytes(settings, books, model.ffn)
    if settings.dropout > 0:
        kept += shard * model.hidden
    return kept


def _dense_bytes(settings: Settings, books: Bookkeeping, ffn: float) -> float:
    """Input, what the activation takes, and what it gives."""
    kept = _input_tokens(settings, books) * settings.architecture.hidden * _product_width(settings)
    if settings.recompute is Recompute.LIGHT:
        kept = 0.0
    return kept + settings.tokens * ffn / settings.parallelism.tp * _activation_width(settings)


def _activation_width(settings: Settings) -> float:
    """Bytes per element of the feed-forward width that its activation leaves."""
    width, kept_width = settings.precision.activation_bytes, _product_width(settings)
    gated = settings.architecture.gated
    inner = 2 * width if gated else width
    if gated and settings.kernels is Kernels.EAGER:
        inner += width
    return inner if settings.recompute is Recompute.LIGHT else inner + kept_width


def _mixture_bytes(settings: Settings, books: Bookkeeping, experts: Experts) -> float:
    model, parallel = settings.architecture, settings.parallelism
    width, kept_width = settings.precision.activation_bytes, _product_width(settings)
    shard = settings.shard_tokens
    rows = shard * experts.per_token * settings.capacity_factor * parallel.etp
    # The normalised tokens, logits and probabilities of the router, and what experts take and leave.
    kept = shard * (model.hidden * width + experts.count * SINGLE_BYTES * 2)
    kept += rows * (model.hidden * kept_width + experts.ffn / parallel.etp * _activation_width(settings))
    if experts.shared_ffn:
        kept += _dense_bytes(settings, books, experts.shared_ffn)
    return kept


def gradient_bytes(settings: Settings) -> float:
    """Of gradients of activations that are alive at once in a layer's backward pass: those of the feed-forward part."""
    model = settings.architecture
    inner = 3 if model.gated else 2
    return settings.tokens * inner * model.ffn / settings.parallelism.tp * settings.precision.activation_bytes


def recomputed_layers(settings: Settings, layers: int) -> int:
    """Layers of a chunk that keep only their input."""
    if settings.recompute is not Recompute.FULL:
        return 0
    return layers if settings.recompute_layers is None else min(layers, settings.recompute_layers)
