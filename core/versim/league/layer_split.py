"""How frameworks deal layers out over pipeline stages; stages are uneven where the layers do not divide.

Each answer is ``split[chunk][stage]``: the layers of every chunk of every stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import attrs

Split = tuple[tuple[int, ...], ...]


@attrs.frozen(kw_only=True)
class Sizes:
    """What a split may depend on.

    Attributes:
        layers: Transformer layers.
        pp: Stages.
        vp: Chunks per stage.
        hidden: Width; 0 where not known.
        ffn: Width of the feed-forward part.
        vocab: Rows of the embedding.
        gated: True for three feed-forward matrices.
    """

    layers: int
    pp: int
    vp: int
    hidden: int = 0
    ffn: int = 0
    vocab: int = 0
    gated: bool = True


def even(sizes: Sizes) -> Split | None:
    """As many layers on each; None where they do not divide."""
    places = sizes.pp * sizes.vp
    if sizes.layers % places:
        return None
    return ((sizes.layers // places,) * sizes.pp,) * sizes.vp


def counting_ends(sizes: Sizes) -> Split | None:
    """Embedding and head count as layers: the first and the last chunk hold one less; None where that does not divide.

    Megatron-LM's ``account_for_embedding_in_pipeline_split``, and its like for the loss.
    """
    places = sizes.pp * sizes.vp
    if (sizes.layers + 2) % places:
        return None
    each = (sizes.layers + 2) // places
    order = [each] * places
    order[0] -= 1
    order[-1] -= 1
    return _chunks(order, sizes)


def megatron(sizes: Sizes) -> Split:
    """Even; else with embedding and head counted as layers; else the first chunks hold one layer more."""
    return even(sizes) or counting_ends(sizes) or remainder_first(sizes)


def remainder_first(sizes: Sizes) -> Split:
    """As even as possible, the earlier chunks one layer more."""
    places = sizes.pp * sizes.vp
    each, more = divmod(sizes.layers, places)
    return _chunks([each + (place < more) for place in range(places)], sizes)


def deepspeed(sizes: Sizes) -> Split:
    """DeepSpeed's ``partition_method: type:transformer``, or ``type:transformer|embedding`` where only that is even.

    BigScience changed to the second, in which the embedding and the tied head weigh as much as a layer, with models
    made for it: of two layers less. Where neither is even, stages are filled one after the other up to the least
    bottleneck (``ds_utils.partition_balanced``): 78 layers on 12 stages are 11 times 7, and 1.
    """
    most = math.ceil(sizes.layers / sizes.pp)
    if filled := even(sizes) or counting_ends(sizes):
        return filled
    parts = [max(0, min(most, sizes.layers - stage * most)) for stage in range(sizes.pp)]
    return (tuple(parts),) if all(parts) else remainder_first(sizes)


def nanotron(sizes: Sizes) -> Split:
    """Nanotron's ``build_model``: blocks in order, each stage until its share of the cost is reached.

    A layer costs 4·h² + 3·h·ffn, the head h·vocab, everything else nothing.
    """
    layer = 4 * sizes.hidden**2 + 3 * sizes.hidden * sizes.ffn
    head = sizes.hidden * sizes.vocab
    total = sizes.layers * layer + head
    parts = [0] * sizes.pp
    stage = spent = 0
    for _ in range(sizes.layers):
        parts[stage] += 1
        spent += layer
        if stage + 1 < sizes.pp and spent * sizes.pp >= total * (stage + 1):
            stage += 1
    return (tuple(parts),)


def _chunks(order: Sequence[int], sizes: Sizes) -> Split:
    """Layers in the order of the model, dealt out chunk by chunk over the stages."""
    return tuple(tuple(order[chunk * sizes.pp : (chunk + 1) * sizes.pp]) for chunk in range(sizes.vp))


SPLITS: Mapping[str, Callable[[Sizes], Split]] = {
    "megatron": megatron,
    "deepspeed": deepspeed,
    "nanotron": nanotron,
    "remainder first": remainder_first,
}
"""By the name that conventions use."""
