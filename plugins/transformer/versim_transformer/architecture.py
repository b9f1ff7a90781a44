"""The architecture of a transformer: sizes of its parts, and how many parameters they hold."""

from __future__ import annotations

from typing import Literal

import attrs

Norm = Literal["rms", "layer"]
Positions = Literal["rotary", "learned", "alibi"]


@attrs.frozen(kw_only=True)
class Latent:
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1).

    Attributes:
        query_rank: Width that queries are compressed to; 0 leaves them whole.
        key_value_rank: Width that keys and values are compressed to.
        rotary_size: Elements per head that carry the position; the key's are shared by all heads.
        plain_size: Elements per head of queries and keys that carry none.
        value_size: Elements per head of values.
    """

    query_rank: int
    key_value_rank: int
    rotary_size: int
    plain_size: int
    value_size: int


@attrs.frozen(kw_only=True)
class Experts:
    """A mixture of experts in place of the feed-forward part.

    Attributes:
        count: Experts per layer.
        per_token: Experts that each token visits.
        ffn: Width of an expert.
        shared_ffn: Width of the experts that every token visits, together; 0 if there are none.
        dense_layers: Leading layers that keep a plain feed-forward part.
        router_bias: True if the router adds a bias per expert.
        biases: True if every expert adds biases.
    """

    count: int
    per_token: int
    ffn: int
    shared_ffn: int = 0
    dense_layers: int = 0
    router_bias: bool = False
    biases: bool = False


@attrs.frozen(kw_only=True)
class Architecture:
    """A decoder-only transformer.

    Attributes:
        name: What it is called.
        layers: Transformer layers.
        hidden: Width.
        heads: Query heads.
        kv_heads: Key and value heads: ``heads`` for multi-head, 1 for multi-query, between for grouped-query attention.
        head_size: Elements per head.
        ffn: Width of the feed-forward part.
        gated: True if it is gated (SwiGLU and its like): three matrices instead of two.
        vocab: Tokens in the vocabulary.
        tied: True if embedding and head share one matrix.
        norm: RMS or layer normalisation.
        biases: True if every product adds a bias, and layer normalisation, too.
        attention_biases: True if the projections of queries, keys, values add one.
        output_bias: True if the projection after attention adds one.
        qk_norm: True if queries and keys are normalised per head.
        sinks: True if every head has a learned sink.
        positions: How positions enter.
        max_positions: Rows of the table of learned positions.
        latent: Multi-head latent attention; None for plain heads.
        experts: Mixture of experts; None where every layer is dense.
        predicted_tokens: Multi-token-prediction modules behind the layers (DeepSeek-V3, arXiv 2412.19437, section 2.2).
        window: Tokens that a token attends to in every other layer; 0 if all attend to everything before them.
    """

    name: str = "custom"
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    ffn: int
    gated: bool
    vocab: int
    tied: bool
    norm: Norm = "rms"
    biases: bool = False
    attention_biases: bool = False
    output_bias: bool = False
    qk_norm: bool = False
    sinks: bool = False
    positions: Positions = "rotary"
    max_positions: int = 0
    latent: Latent | None = None
    experts: Experts | None = None
    predicted_tokens: int = 0
    window: int = 0

    @property
    def query_size(self) -> int:
        """Elements of all queries of a token."""
        if self.latent is None:
            return self.heads * self.head_size
        return self.heads * (self.latent.plain_size + self.latent.rotary_size)

    @property
    def value_size(self) -> int:
        """Elements of what attention gives for a token, over all heads."""
        return self.heads * (self.head_size if self.latent is None else self.latent.value_size)

    @property
    def norm_parameters(self) -> int:
        """Parameters of one normalisation over the width."""
        return self.hidden * (2 if self.norm == "layer" and self.biases else 1)

    def has_experts(self, layer: int) -> bool:
        """True if a layer has a mixture of experts."""
        return self.experts is not None and layer >= self.experts.dense_layers


@attrs.frozen(kw_only=True)
class Parameters:
    """Parameters by how they are spread.

    Attributes:
        sharded: Cut over the tensor-parallel ranks.
        replicated: Held whole by each of them.
        experts: Of experts: cut over the expert-parallel ranks, and each over expert tensor parallelism.
    """

    sharded: int = 0
    replicated: int = 0
    experts: int = 0

    def __add__(self, other: Parameters) -> Parameters:
        return Parameters(
            sharded=self.sharded + other.sharded,
            replicated=self.replicated + other.replicated,
            experts=self.experts + other.experts,
        )

    def __mul__(self, times: int) -> Parameters:
        return Parameters(
            sharded=self.sharded * times, replicated=self.replicated * times, experts=self.experts * times
        )

    @property
    def total(self) -> int:
        """All of them."""
        return self.sharded + self.replicated + self.experts


def attention_parameters(model: Architecture) -> Parameters:
    """Of the attention of one layer, its normalisation included."""
    hidden = model.hidden
    replicated = model.norm_parameters
    if model.latent is not None:
        latent = model.latent
        head = latent.plain_size + latent.rotary_size
        replicated += hidden * (latent.key_value_rank + latent.rotary_size) + latent.key_value_rank
        sharded = model.heads * latent.key_value_rank * (latent.plain_size + latent.value_size)
        sharded += model.heads * latent.value_size * hidden
        if latent.query_rank:
            replicated += hidden * latent.query_rank + latent.query_rank
            sharded += latent.query_rank * model.heads * head
        else:
            sharded += hidden * model.heads * head
        return Parameters(sharded=sharded, replicated=replicated)
    inputs = (model.heads + 2 * model.kv_heads) * model.head_size
    sharded = hidden * inputs + model.query_size * hidden
    if model.biases or model.attention_biases:
        sharded += inputs
    if model.biases or model.output_bias:
        replicated += hidden
    if model.qk_norm:
        replicated += 2 * model.head_size
    if model.sinks:
        sharded += model.heads
    return Parameters(sharded=sharded, replicated=replicated)


def _feed_forward(model: Architecture, ffn: int) -> tuple[int, int]:
    """Weights with the inner biases, and outer biases, of one feed-forward part."""
    inner = 2 if model.gated else 1
    weights = (inner + 1) * model.hidden * ffn
    return (weights + inner * ffn, model.hidden) if model.biases else (weights, 0)


def feed_forward_parameters(model: Architecture, layer: int) -> Parameters:
    """Of the feed-forward part of one layer, dense or a mixture of experts, its normalisation included."""
    replicated = model.norm_parameters
    if not model.has_experts(layer) or model.experts is None:
        weights, biases = _feed_forward(model, model.ffn)
        return Parameters(sharded=weights, replicated=replicated + biases)
    experts = model.experts
    router = model.hidden * experts.count + (experts.count if experts.router_bias else 0)
    sharded = _feed_forward(model, experts.shared_ffn)[0] if experts.shared_ffn else 0
    each = sum(_feed_forward(attrs.evolve(model, biases=experts.biases), experts.ffn))
    return Parameters(sharded=sharded, replicated=replicated + router, experts=experts.count * each)


def layer_parameters(model: Architecture, layer: int) -> Parameters:
    """Of one transformer layer."""
    return attention_parameters(model) + feed_forward_parameters(model, layer)


def embedding_parameters(model: Architecture, vocab: int | None = None) -> Parameters:
    """Of the embedding; ``vocab`` is the padded vocabulary, where it is padded."""
    rows = model.vocab if vocab is None else vocab
    positions = model.max_positions * model.hidden if model.positions == "learned" else 0
    return Parameters(sharded=rows * model.hidden, replicated=positions)


def head_parameters(model: Architecture, vocab: int | None = None) -> Parameters:
    """Of the last normalisation and the head; a tied head holds none of its own."""
    rows = model.vocab if vocab is None else vocab
    return Parameters(sharded=0 if model.tied else rows * model.hidden, replicated=model.norm_parameters)


def prediction_parameters(model: Architecture) -> Parameters:
    """Of one multi-token-prediction module: normalisations, a projection, a layer; embedding and head are shared."""
    joined = Parameters(sharded=2 * model.hidden * model.hidden, replicated=3 * model.norm_parameters)
    return joined + layer_parameters(model, model.layers)


def model_parameters(model: Architecture) -> Parameters:
    """Of the whole model, multi-token prediction left out: the figure that is published."""
    total = embedding_parameters(model) + head_parameters(model)
    for layer in range(model.layers):
        total = total + layer_parameters(model, layer)
    return total
