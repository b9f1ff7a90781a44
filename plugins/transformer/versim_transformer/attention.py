"""The attention part of a layer."""

from __future__ import annotations

import attrs
from versim import Attention, Gemm, Kind, Pass, Work

from versim_transformer.pieces import Beside, Collective, Compute, Module, collective, joined
from versim_transformer.pointwise import converting_norm, pointwise
from versim_transformer.products import Arrival, column_parallel, product, row_parallel
from versim_transformer.settings import AttentionLayout, Recompute, Settings


def attention_part(settings: Settings, *, windowed: bool) -> Module:
    """Normalisation, projections, attention, projection back and residual; of a window where ``windowed``."""
    model = settings.architecture
    heads = model.heads / settings.parallelism.tp
    out = product(
        settings,
        "attention output",
        settings.tokens,
        model.value_size / settings.parallelism.tp,
        model.hidden,
        bias=model.biases or model.output_bias,
        gradient=Arrival.CUT,
    )
    inputs = _latent_inputs(settings) if model.latent is not None else _inputs(settings)
    return joined(
        (
            norm(settings, "attention norm", converts=model.latent is None),
            *inputs,
            _core(settings, heads, windowed=windowed),
            row_parallel(settings, out, model.hidden),
            residual(settings, "attention residual"),
        )
    )


def norm(settings: Settings, name: str, elements: float | None = None, *, converts: bool = False) -> Module:
    """Normalisation over the width; each rank its share of the tokens.

    Args:
        settings: The step.
        name: Of the nodes.
        elements: Normalised; all of the rank's share if not given.
        converts: True if a product alone takes its output, which then is written in that one's format.
    """
    count = settings.shard_tokens * settings.architecture.hidden if elements is None else elements
    module = element_wise(settings, name, "norm", count, cheap=True)
    if not converts or not settings.norms_convert:
        return module
    return Module(
        forward=_node(f"{name} forward", converting_norm(settings, count), cheap=True), backward=module.backward
    )


def element_wise(settings: Settings, name: str, operation: str, elements: float, *, cheap: bool = False) -> Module:
    """An element-wise operation with its backward; ``cheap`` if its output need not be kept."""
    return Module(
        forward=_node(f"{name} forward", pointwise(settings, f"{operation} forward", elements), cheap=cheap),
        backward=_node(f"{name} backward", pointwise(settings, f"{operation} backward", elements)),
    )


def residual(settings: Settings, name: str) -> Module:
    """Dropout, and the sum with what went past the part; backward, the sum of both gradients."""
    elements = settings.shard_tokens * settings.architecture.hidden
    forward: Work = pointwise(settings, "residual forward", elements)
    backward: Work = pointwise(settings, "residual backward", elements)
    if settings.dropout > 0:
        forward = (*pointwise(settings, "dropout forward", elements), *forward)
        backward = (*backward, *pointwise(settings, "dropout backward", elements))
    return Module(forward=_node(f"{name} forward", forward), backward=_node(f"{name} backward", backward))


def _node(name: str, work: Work, *, cheap: bool = False) -> tuple[Compute, ...]:
    return (Compute(name, work, cheap=cheap),) if work else ()


def kv_heads(settings: Settings) -> float:
    """Key and value heads on one rank; ranks beyond their number hold copies."""
    return max(1.0, settings.architecture.kv_heads / settings.parallelism.tp)


def _inputs(settings: Settings) -> tuple[Module, ...]:
    """Queries, keys and values in one product, positions, normalisation per head."""
    model = settings.architecture
    heads = model.heads / settings.parallelism.tp
    columns = (heads + 2 * kv_heads(settings)) * model.head_size
    joint = product(
        settings,
        "qkv",
        settings.tokens,
        model.hidden,
        columns,
        bias=model.biases or model.attention_biases,
        operand=Arrival.NORMED,
    )
    rotated = settings.tokens * (heads + kv_heads(settings)) * model.head_size
    modules = [column_parallel(settings, (joint,), model.hidden), _layout(settings, heads)]
    if model.qk_norm:
        modules.append(norm(settings, "qk norm", rotated))
    if model.positions == "rotary":
        modules.append(element_wise(settings, "rotary", "rotary", rotated, cheap=True))
    return tuple(modules)


def _layout(settings: Settings, heads: float) -> Module:
    """Copies of queries, keys and values, and of what attention gives, into the layouts that come next; and back."""
    model, layout = settings.architecture, settings.attention_layout
    if layout is AttentionLayout.AS_NEEDED or not settings.flash:
        return Module(forward=(), backward=())
    queries, keys = heads * model.head_size, kv_heads(settings) * model.head_size
    every = queries + 2 * keys
    rotary = model.positions == "rotary"
    forward, backward = 0.0, 0.0
    if rotary:
        forward += keys + (queries if model.kv_heads < model.heads else 0)
        backward += every
    if layout is AttentionLayout.STACKED:
        forward, backward = every + 4 * keys, every + 2 * keys
    elif layout is AttentionLayout.BATCHES:
        several = settings.microbatch_size > 1
        # One sequence in tensors of its own is a batch as it is.
        forward += every if several or not rotary else 0
        backward += every if not rotary else 0
        # Results and their gradients.
        forward += queries if several else 0
        backward += queries if several else 0
    tokens = settings.tokens
    return Module(
        forward=_node("attention layout forward", pointwise(settings, "layout forward", tokens * forward)),
        backward=_node("attention layout backward", pointwise(settings, "layout backward", tokens * backward)),
    )


def _latent_inputs(settings: Settings) -> tuple[Module, ...]:
    """Queries, keys and values from compressed ones (MLA); each rank compresses alike and expands its heads."""
    model = settings.architecture
    latent = model.latent
    if latent is None:
        raise ValueError("an architecture without latent attention")
    tokens, tp = settings.tokens, settings.parallelism.tp
    heads = model.heads / tp
    shard = settings.shard_tokens
    # Each rank compresses its share of the tokens; what is compressed is gathered.
    down_width = latent.key_value_rank + latent.rotary_size
    down = [product(settings, "kv down", shard, model.hidden, down_width)]
    if latent.query_rank:
        down.append(product(settings, "q down", shard, model.hidden, latent.query_rank))
    downward = Module(
        forward=tuple(p.forward for p in down), backward=tuple(c for p in down for c in (p.data, p.weights))
    )
    normed = norm(settings, "latent norm", shard * (latent.key_value_rank + latent.query_rank))
    query_input = latent.query_rank or model.hidden
    query_columns = heads * (latent.plain_size + latent.rotary_size)
    key_columns = heads * (latent.plain_size + latent.value_size)
    query = product(settings, "q up", tokens, query_input, query_columns, operand=Arrival.CUT)
    keys = product(settings, "kv up", tokens, latent.key_value_rank, key_columns, operand=Arrival.CUT)
    expanded = tuple(attrs.evolve(part, forward=attrs.evolve(part.forward, cheap=True)) for part in (query, keys))
    upward = column_parallel(settings, expanded, query_input + down_width)
    rotated = element_wise(settings, "rotary", "rotary", tokens * latent.rotary_size * (heads + 1), cheap=True)
    return downward, normed, upward, rotated


def _core(settings: Settings, heads: float, *, windowed: bool) -> Module:
    """Scores, softmax and the sum of values, and over context-parallel ranks the exchange of keys and values."""
    flash = settings.flash
    work, back = (_flash if flash else _unfused)(settings, heads, windowed=windowed)
    forward, backward = Compute("attention forward", work), Compute("attention backward", back)
    gathers, scatters = _exchanges(settings)
    twice = settings.recompute is Recompute.SELECTIVE
    again = (Compute("attention forward again", work),) if twice else ()
    if settings.ring_attention and gathers:
        per_rank = settings.tokens * heads
        model = settings.architecture
        summed = _node("partial outputs", _partial_sums(settings, per_rank * model.value_size / model.heads))
        back_summed = _node(
            "partial gradients",
            _partial_sums(settings, per_rank * model.query_size / model.heads)
            + _partial_sums(settings, settings.tokens * 2 * kv_heads(settings) * model.head_size),
        )
        return Module(
            forward=(Beside((forward,), gathers), *summed),
            backward=(*again, Beside((backward,), (*gathers, *scatters)), *back_summed),
        )
    return Module(forward=(*gathers, forward), backward=(*gathers, *again, backward, *scatters))


def _partial_sums(settings: Settings, elements: float) -> Work:
    """What each step of a ring gives is put to what the others gave, weighted with its share of the softmax.

    Of the steps behind the first half meet all rows of a rank and half of them half.
    """
    further = 0.75 * (settings.parallelism.cp - 1) * elements
    return (*pointwise(settings, "partial first", elements), *pointwise(settings, "partial further", further))


def _exchanges(settings: Settings) -> tuple[tuple[Collective, ...], tuple[Collective, ...]]:
    """Keys and values to every context-parallel rank, and their gradients back.

    A ring of cp − 1 steps moves what an all-gather moves; the gradients come home as a reduce-scatter does it.
    """
    model, cp = settings.architecture, settings.parallelism.cp
    if model.latent is None:
        per_token = 2 * kv_heads(settings) * model.head_size
    else:
        latent = model.latent
        heads = model.heads / settings.parallelism.tp
        per_token = heads * (latent.plain_size + latent.rotary_size + latent.value_size)
    size = settings.microbatch_size * settings.sequence_length * per_token * settings.precision.activation_bytes
    axes = settings.layout.cp
    return (
        collective("gather keys and values", Kind.ALL_GATHER, size, axes, cp),
        collective("scatter gradients of keys and values", Kind.REDUCE_SCATTER, size, axes, cp),
    )


def _flash(settings: Settings, heads: float, *, windowed: bool) -> tuple[Work, Work]:
    """Fused attention; context-parallel ranks hold two chunks of the sequence so that all have the same to do."""
    model, cp = settings.architecture, settings.parallelism.cp
    here = settings.rank_sequence
    size, value = float(model.head_size), 0.0
    if model.latent is not None:
        size, value = float(model.latent.plain_size + model.latent.rotary_size), float(model.latent.value_size)
    kv = kv_heads(settings) if model.latent is None else heads

    def term(keys: float, *, causal: bool, of_pass: Pass) -> Attention:
        return Attention(
            batch=settings.microbatch_size,
            heads=heads,
            kv_heads=kv,
            query_length=here,
            key_length=keys,
            head_size=size,
            causal=causal,
            element_bytes=settings.precision.activation_bytes,
            dtype=settings.precision.activations,
            of_pass=of_pass,
            value_size=value,
        )

    def work(of_pass: Pass) -> Work:
        if windowed and model.window < settings.sequence_length:
            return ((term(min(model.window, here), causal=False, of_pass=of_pass), 1),)
        own = (term(here, causal=True, of_pass=of_pass), 1)
        if cp == 1:
            return (own,)
        # Of another rank's keys, half of the pairs of tokens are not masked.
        return (own, (term(here / 2, causal=False, of_pass=of_pass), cp - 1))

    return work(Pass.FORWARD), work(Pass.DATA_GRADIENT)


def _unfused(settings: Settings, heads: float, *, windowed: bool) -> tuple[Work, Work]:
    """Attention as two products with softmax and dropout between them; nothing is masked out of the products."""
    del windowed
    model, precision = settings.architecture, settings.precision
    width, dtype = float(precision.activation_bytes), precision.activations
    batch = settings.microbatch_size * heads
    rows, keys = settings.rank_sequence, float(settings.sequence_length)
    size = model.query_size / model.heads
    value = model.value_size / model.heads
    scores = batch * rows * keys

    def gemm(m: float, k: float, n: float, of_pass: Pass = Pass.FORWARD) -> tuple[Gemm, float]:
        return (Gemm(m, k, n, width, batch=batch, dtype=dtype, of_pass=of_pass), 1)

    data, weights = Pass.DATA_GRADIENT, Pass.WEIGHT_GRADIENT
    dropped = settings.dropout > 0
    forward: Work = (
        *(pointwise(settings, "position biases", scores) if model.positions == "alibi" else ()),
        gemm(rows, size, keys),
        *pointwise(settings, "softmax forward", scores),
        *(pointwise(settings, "scores dropout forward", scores) if dropped else ()),
        gemm(rows, keys, value),
        # Heads of a token side by side again, as the projection needs them.
        *pointwise(settings, "transpose forward", batch * rows * value),
    )
    backward: Work = (
        *pointwise(settings, "transpose backward", batch * rows * value),
        gemm(rows, value, keys, data),
        gemm(keys, rows, value, weights),
        *(pointwise(settings, "dropout backward", scores) if dropped else ()),
        *pointwise(settings, "softmax backward", scores),
        gemm(rows, keys, size, data),
        gemm(keys, rows, size, weights),
    )
    return forward, backward
