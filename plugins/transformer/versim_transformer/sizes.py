"""What a step amounts to: tokens, floating-point operations, memory."""

from __future__ import annotations

import functools

from versim import StepSizes

from versim_transformer.architecture import Architecture
from versim_transformer.bookkeeping import BOOKKEEPING
from versim_transformer.chunks import ChunkMaker
from versim_transformer.memory import stage_memories
from versim_transformer.settings import Recompute, Settings


def step_sizes(settings: Settings) -> StepSizes:
    """The sizes of a step."""
    model = settings.architecture
    sequences = settings.microbatch_size * settings.microbatches * settings.parallelism.dp
    tokens = sequences * settings.sequence_length
    layers, head, attention = _forward_flop_per_token(model, settings.sequence_length)
    precision = settings.precision
    by_format = {precision.products: 3.0 * tokens * layers}
    by_format[precision.activations] = by_format.get(precision.activations, 0.0) + 3.0 * tokens * (head + attention)
    total = sum(by_format.values())
    again = _again_flop_per_token(settings, layers, attention)
    return StepSizes(
        tokens=tokens,
        model_flop=by_format,
        causal_flop=total - 3.0 * tokens * attention / 2,
        hardware_flop=total + tokens * again,
        memory=stage_memories(settings, ChunkMaker(settings).chunks()),
        usable_share=BOOKKEEPING[settings.memory_profile].usable_share,
    )


@functools.lru_cache(maxsize=64)
def _forward_flop_per_token(model: Architecture, sequence_length: int) -> tuple[float, float, float]:
    """Operations of a token's forward pass: products of the layers, of the head, and attention in full."""
    depth = model.layers + model.predicted_tokens
    layers, attention_weights = 0.0, _attention_weights(model)
    for layer in range(depth):
        layers += 2.0 * (attention_weights + _feed_forward_weights(model, layer))
    layers += model.predicted_tokens * 2.0 * 2 * model.hidden**2
    head = 2.0 * model.hidden * model.vocab * (1 + model.predicted_tokens)
    attention = depth * 2.0 * sequence_length * (model.query_size + model.value_size)
    return layers, head, attention


def _attention_weights(model: Architecture) -> int:
    """Elements of the matrices of a layer's projections."""
    out = model.value_size * model.hidden
    if model.latent is None:
        return model.hidden * (model.query_size + 2 * model.kv_heads * model.head_size) + out
    latent = model.latent
    keys = model.hidden * (latent.key_value_rank + latent.rotary_size)
    keys += latent.key_value_rank * model.heads * (latent.plain_size + latent.value_size)
    if not latent.query_rank:
        return model.hidden * model.query_size + keys + out
    return latent.query_rank * (model.hidden + model.query_size) + keys + out


def _feed_forward_weights(model: Architecture, layer: int) -> float:
    """Elements of the matrices that a token meets in a layer's feed-forward part."""
    matrices = 3 if model.gated else 2
    if not model.has_experts(layer) or model.experts is None:
        return matrices * model.hidden * model.ffn
    experts = model.experts
    width = experts.per_token * experts.ffn + experts.shared_ffn
    return matrices * model.hidden * width + model.hidden * experts.count


def _expansions(model: Architecture) -> float:
    """Operations per token with which latent attention expands queries, keys and values, over all layers."""
    latent = model.latent
    if latent is None:
        return 0.0
    keys = latent.key_value_rank * model.heads * (latent.plain_size + latent.value_size)
    return (
        2.0 * (model.layers + model.predicted_tokens) * ((latent.query_rank or model.hidden) * model.query_size + keys)
    )


def _again_flop_per_token(settings: Settings, layers: float, attention: float) -> float:
    """Operations per token that recomputation adds."""
    if settings.recompute is Recompute.SELECTIVE:
        return attention
    if settings.recompute is Recompute.LIGHT:
        return _expansions(settings.architecture)
    if settings.recompute is Recompute.NONE:
        return 0.0
    share = 1.0
    if settings.recompute_layers is not None:
        counts = [count for of_chunk in settings.stages for count in of_chunk]
        share = sum(min(count, settings.recompute_layers) for count in counts) / sum(counts)
    return share * (layers + attention)
