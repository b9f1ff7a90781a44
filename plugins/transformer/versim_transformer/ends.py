"""What stands before the first layer and behind the last: embedding, head, loss, and predictions of further tokens."""

from __future__ import annotations

from versim import Kind

from versim_transformer.attention import element_wise, norm
from versim_transformer.pieces import Compute, Module, collective, joined
from versim_transformer.pointwise import pointwise
from versim_transformer.products import Arrival, column_parallel, product, tensor_collective
from versim_transformer.settings import Settings


def embedding_part(settings: Settings) -> Module:
    """Rows of the embedding, of which each rank holds some; the sum brings every token to every rank."""
    model = settings.architecture
    whole = settings.tokens * model.hidden
    if settings.sequence_parallel:
        summed = tensor_collective(settings, "scatter embedding", Kind.REDUCE_SCATTER, whole)
        gathered = tensor_collective(settings, "gather embedding gradient", Kind.ALL_GATHER, whole)
    else:
        summed, gathered = tensor_collective(settings, "reduce embedding", Kind.ALL_REDUCE, whole), ()
    modules = [
        Module(
            forward=(Compute("embedding forward", pointwise(settings, "embedding forward", whole)), *summed),
            backward=(
                *gathered,
                Compute("embedding backward", pointwise(settings, "embedding backward", whole), weights=True),
            ),
        )
    ]
    shard = settings.shard_tokens * model.hidden
    if model.positions == "learned":
        modules.append(element_wise(settings, "positions", "positions", shard))
    if settings.dropout > 0:
        modules.append(element_wise(settings, "embedding dropout", "dropout", shard))
    return joined(modules)


def head_part(settings: Settings) -> Module:
    """Last normalisation, logits over the rank's share of the vocabulary, and the loss over all shares."""
    model = settings.architecture
    share = settings.padded_vocab / settings.parallelism.tp
    logits = product(settings, "logits", settings.tokens, model.hidden, share, high=True)
    # Maximum, the target's logit, sum of exponentials: one fp32 number per token each.
    sums = tuple(
        part
        for name in ("reduce maximum", "reduce target logit", "reduce exponentials")
        for part in collective(name, Kind.ALL_REDUCE, settings.tokens * 4, settings.layout.tp, settings.parallelism.tp)
    )
    elements = settings.tokens * share
    fused = "fused " if settings.fused_loss else "compiled " if settings.compiled_loss else ""
    loss = Module(
        forward=(Compute("loss forward", pointwise(settings, f"{fused}loss forward", elements)), *sums),
        backward=(Compute("loss backward", pointwise(settings, f"{fused}loss backward", elements)),),
    )
    return joined((norm(settings, "last norm"), column_parallel(settings, (logits,), model.hidden, high=True), loss))


def prediction_part(settings: Settings, layer: Module) -> Module:
    """One multi-token-prediction module: both inputs normalised and joined, a layer, and the shared head again."""
    model = settings.architecture
    columns = model.hidden / settings.parallelism.tp
    joint = product(settings, "prediction input", settings.tokens, 2 * model.hidden, columns, operand=Arrival.CUT)
    whole = settings.tokens * model.hidden
    gathered = tensor_collective(settings, "gather prediction input", Kind.ALL_GATHER, whole)
    scattered = tensor_collective(settings, "scatter prediction input gradient", Kind.REDUCE_SCATTER, whole)
    return joined(
        (
            norm(settings, "prediction norms", 2 * settings.shard_tokens * model.hidden),
            column_parallel(settings, (joint,), 2 * model.hidden),
            Module(forward=gathered, backward=scattered),
            layer,
            head_part(settings),
        )
    )
