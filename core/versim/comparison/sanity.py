"""Sanity figures: what practitioners know a step by, beside every makespan.

Model FLOP utilisation counts forward products three times, attention in full and the head, and nothing twice, over the
dense peak of the number format of each product (Narayanan et al. 2021, section 5; Chowdhery et al. 2022, appendix B).
"""

from __future__ import annotations

import attrs

from versim.inputs import Inputs
from versim.units import PS_PER_S


@attrs.frozen(kw_only=True)
class Sanity:
    """Figures of one prediction; None where the producer, the device or the prediction does not say.

    Attributes:
        mfu: Model FLOP over what all devices could do in the makespan, a fraction.
        hfu: The same with what recomputation adds.
        causal_mfu: The same without the masked half of causal attention.
        tokens_per_s_per_rank: Tokens per second and device.
        persistent_bytes: Kept between two steps on the fullest rank.
        peak_bytes: The highest peak of any rank.
        fits: Whether that is within what tensors can take of the device's memory.
    """

    mfu: float | None = None
    hfu: float | None = None
    causal_mfu: float | None = None
    tokens_per_s_per_rank: float | None = None
    persistent_bytes: float | None = None
    peak_bytes: float | None = None
    fits: bool | None = None


def sanity_of(inputs: Inputs, makespan_ps: int | None) -> Sanity | None:
    """The figures of a prediction, None where the producer does not say what the step amounts to."""
    sizes, device = inputs.sizes, inputs.system.device
    if sizes is None:
        return None
    memory = Sanity(
        persistent_bytes=sizes.persistent_bytes,
        peak_bytes=sizes.peak_bytes,
        fits=sizes.fits(device.memory_bytes) if device.memory_bytes else None,
    )
    if not makespan_ps:
        return memory
    ranks = inputs.graph.mesh.world_size
    rank_s = ranks * makespan_ps / PS_PER_S
    memory = attrs.evolve(memory, tokens_per_s_per_rank=sizes.tokens / rank_s)
    peaks = {dtype: device.peak(dtype) for dtype in sizes.model_flop}
    known = {dtype: peak for dtype, peak in peaks.items() if peak}
    if not known or len(known) < len(peaks):
        return memory
    mfu = sum(sizes.model_flop[dtype] / peak for dtype, peak in known.items()) / rank_s
    total = sum(sizes.model_flop.values())
    if not total:
        return memory
    # What is recomputed or masked is of the formats of the model's own products, in their shares.
    return attrs.evolve(
        memory, mfu=mfu, hfu=mfu * sizes.hardware_flop / total, causal_mfu=mfu * sizes.causal_flop / total
    )
