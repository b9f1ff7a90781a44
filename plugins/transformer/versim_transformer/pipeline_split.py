"""Which layers each chunk of the pipeline holds."""

from __future__ import annotations

from collections.abc import Sequence

from versim_transformer.architecture import Architecture
from versim_transformer.parallelism import Parallelism

Stages = tuple[tuple[int, ...], ...]


def split_layers(
    model: Architecture,
    parallel: Parallelism,
    how: str,
    listed: Sequence[int] | None,
) -> tuple[Stages, list[str]]:
    """Layers per chunk and stage, (vp, pp), with what is wrong.

    Args:
        model: Whose layers.
        parallel: Whose stages and chunks.
        how: ``auto``, ``even``, ``ends`` or ``cost``.
        listed: Layers of each chunk in the order of the model; instead of ``how``.
    """
    chunks = parallel.pp * parallel.vp
    if listed is not None:
        counts = list(listed)
        faults = _listed_faults(model, counts, chunks)
    else:
        counts, faults = _dealt(model, chunks, how)
    if faults:
        return (), faults  # as many stages as somebody asked for may not fit into memory
    return tuple(tuple(counts[c * parallel.pp : (c + 1) * parallel.pp]) for c in range(parallel.vp)), []


def _listed_faults(model: Architecture, counts: Sequence[int], chunks: int) -> list[str]:
    faults = []
    if len(counts) != chunks:
        faults.append(f"$.layers_per_stage: has {len(counts)} numbers, but pp · vp = {chunks}")
    if any(count < 0 for count in counts):
        faults.append("$.layers_per_stage: a chunk cannot hold fewer than 0 layers")
    if sum(counts) != model.layers:
        faults.append(f"$.layers_per_stage: adds up to {sum(counts)}, but {model.name} has {model.layers} layers")
    return faults


def _dealt(model: Architecture, chunks: int, how: str) -> tuple[list[int], list[str]]:
    layers = model.layers
    if how == "cost":
        # nanotron lets stages go without a layer.
        return _by_cost(model, chunks), []
    if chunks > layers + 2:
        fault = f"$.vp: pp · vp = {chunks} chunks are more than the {layers} layers of {model.name} and its ends"
        return [], [f"{fault}; use at most {layers + 2}"]
    if how == "auto":
        how = "ends" if layers % chunks and not (layers + 2) % chunks else "even"
    if how == "ends":
        counts = _even(layers + 2, chunks)
        if chunks == 1:
            return [layers], []
        counts[0] -= 1
        counts[-1] -= 1
    else:
        counts = _even(layers, chunks)
    if min(counts) < 0:
        return [], [f"$.pipeline_split: {how} leaves a chunk with fewer than 0 of {layers} layers"]
    return counts, []


def _even(layers: int, chunks: int) -> list[int]:
    """As equal as can be; the first chunks take what is left over."""
    each, rest = divmod(layers, chunks)
    return [each + (chunk < rest) for chunk in range(chunks)]


def _by_cost(model: Architecture, chunks: int) -> list[int]:
    """nanotron's: layers and head in one line, cut where the running cost reaches equal shares of the whole.

    The cost of a layer is 4 · heads · head_size · hidden + 3 · ffn · hidden, that of the head vocab · hidden; the
    embedding costs nothing (nanotron, ``get_block_compute_costs`` of its Llama model).
    """
    layer = 4 * model.query_size * model.hidden + 3 * model.ffn * model.hidden
    head = model.vocab * model.hidden
    total = model.layers * layer + head
    counts = [0] * chunks
    chunk, running = 0, 0
    for _ in range(model.layers):
        running += layer
        counts[chunk] += 1
        if chunk < chunks - 1 and running * chunks >= total * (chunk + 1):
            chunk += 1
    return counts
