"""Memory of every stage: what stays between steps, and the peak under the schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from versim import NONE, RankMemory

from versim_transformer.activations import (
    embedding_bytes,
    gradient_bytes,
    head_bytes,
    input_bytes,
    layer_bytes,
    recomputed_layers,
)
from versim_transformer.bookkeeping import BOOKKEEPING, Bookkeeping
from versim_transformer.chunks import Chunk
from versim_transformer.replicas import Held, held
from versim_transformer.schedules import most_in_flight
from versim_transformer.settings import Settings, Sharding


def stage_memories(settings: Settings, chunks: tuple[Chunk, ...]) -> tuple[RankMemory, ...]:
    """The memory of each stage's ranks, first to last."""
    pp, books = settings.parallelism.pp, BOOKKEEPING[settings.memory_profile]
    kinds = (False,) if settings.architecture.experts is None else (False, True)
    layers = {experts: layer_bytes(settings, books, experts=experts) for experts in kinds}
    return tuple(
        _stage(settings, stage, [chunk for number, chunk in enumerate(chunks) if number % pp == stage], layers)
        for stage in range(pp)
    )


def _stage(settings: Settings, stage: int, chunks: list[Chunk], layers: Mapping[bool, float]) -> RankMemory:
    books = BOOKKEEPING[settings.memory_profile]
    dense = experts = 0.0
    for chunk in chunks:
        for section in chunk.sections:
            of_one = held(settings, section.parameters)
            for _ in range(section.count):
                dense += of_one.dense
                experts += of_one.experts
    parameters = Held(dense, experts)
    parallel = settings.parallelism
    in_flight = most_in_flight(settings.schedule, stage, parallel.pp, settings.microbatches, parallel.vp)
    activations, logits = _activations(settings, books, chunks, in_flight, layers)
    weights, gradients, optimizer = _kept(settings, books, parameters)
    whole = settings.tokens * settings.architecture.hidden
    stays = books.constant_bytes + (books.message_bytes * whole if parallel.tp > 1 else 0.0)
    return RankMemory(
        label=f"stage {stage}",
        weights_bytes=weights,
        gradients_bytes=gradients + stays,
        optimizer_bytes=optimizer,
        activations_bytes=activations,
        logits_bytes=logits,
        buffers_bytes=_buffers(settings, books, chunks, logits),
    )


def _kept(settings: Settings, books: Bookkeeping, parameters: Held) -> tuple[float, float, float]:
    """Bytes of weights, gradients and optimizer state on one rank."""
    layout = settings.layout
    dense, experts = layout.size(layout.dp), layout.size(layout.edp)

    def share(each: Held) -> float:
        return each.dense / dense + each.experts / experts

    gradient = books.gradient_bytes + (books.replica_gradient_bytes if dense > 1 else 0.0)
    total, shared = parameters.total, share(parameters)
    if settings.sharding is Sharding.NONE or dense == 1:
        return books.weight_bytes * total, gradient * total, books.optimizer_bytes * total
    if settings.sharding is Sharding.ZERO1:
        more, more_shared = books.zero1_bytes
        return (
            (books.weight_bytes + more) * total,
            gradient * total,
            (books.optimizer_bytes + more_shared) * shared,
        )
    if settings.sharding is Sharding.ZERO2:
        return books.weight_bytes * total, gradient * shared, books.optimizer_bytes * shared
    return books.weight_bytes * shared, gradient * shared, books.optimizer_bytes * shared


def _activations(
    settings: Settings,
    books: Bookkeeping,
    chunks: list[Chunk],
    in_flight: Sequence[int],
    layers: Mapping[bool, float],
) -> tuple[float, float]:
    """Bytes kept for backward passes at the peak, and logits of one microbatch; a layer's are in ``layers``."""
    kept, logits, of_input = 0.0, 0.0, input_bytes(settings)
    for number, chunk in enumerate(chunks):
        each = 0.0
        again = recomputed_layers(settings, chunk.layers)
        for layer in range(chunk.layers):
            experts = settings.architecture.has_experts(chunk.first_layer + layer)
            each += of_input if layer < again else layers[experts]
        if chunk.first:
            each += embedding_bytes(settings)
        if chunk.last:
            head, logits = head_bytes(settings, books)
            each += head
        kept += each * in_flight[number]
        if again:
            # One layer at a time is computed again and held whole.
            experts = settings.architecture.has_experts(chunk.first_layer)
            kept += layers[experts] if number == 0 else 0.0
    return kept, logits


def _buffers(settings: Settings, books: Bookkeeping, chunks: list[Chunk], logits: float) -> float:
    """What is allocated beside the rest at the peak."""
    width = settings.precision.activation_bytes
    sections = [section for chunk in chunks for section in chunk.sections if section.layer != NONE]
    # The gradients of one layer's activations, unless the logits, which are gone by then, take more.
    passing = gradient_bytes(settings) if sections else 0.0
    buffers = max(0.0, passing - logits)
    largest = max((section.parameters for section in sections), key=lambda p: held(settings, p).dense, default=None)
    if books.dummy_gradients and largest is not None:
        shapes = held(settings, largest).dense
        experts = settings.architecture.experts
        if experts is not None:
            shapes += 3 * settings.architecture.hidden * experts.ffn / settings.parallelism.etp
        if any(chunk.last for chunk in chunks):
            shapes += settings.padded_vocab * settings.architecture.hidden / settings.parallelism.tp
        buffers += shapes * width
    if settings.sharding is Sharding.ZERO3 and sections:
        # The layer at work, and the one that is gathered ahead.
        buffers += 2 * max(held(settings, section.parameters).total for section in sections) * width
    return buffers
