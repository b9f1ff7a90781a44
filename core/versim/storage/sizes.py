"""What a step amounts to, and the sanity figures of a prediction, as a document states them."""

from __future__ import annotations

from versim.sizes import RankMemory, StepSizes
from versim.storage.form import Flag, Integer, Key, Many, Maybe, Named, Number, Record, Text

_MEMORY = Record(
    "Ranks that hold one part of the model.",
    RankMemory,
    keys={
        "label": Key(Text(), "Which ranks."),
        "weights_bytes": Key(Number(0), "Parameters."),
        "gradients_bytes": Key(Number(0), "Gradients."),
        "optimizer_bytes": Key(Number(0), "Optimizer state."),
        "activations_bytes": Key(Number(0), "Stored for the backward pass, at their peak."),
        "logits_bytes": Key(Number(0), "Of the head, at their peak."),
        "buffers_bytes": Key(Number(0), "What communication and kernels need."),
        "persistent_bytes": Key(Number(0), "Kept between two steps.", kept=False),
        "peak_bytes": Key(Number(0), "The most at one time.", kept=False),
    },
)

SIZES = Record(
    "What the step amounts to, over all its ranks.",
    StepSizes,
    keys={
        "tokens": Key(Integer(), "Tokens that the step trains on."),
        "model_flop": Key(
            Named(Number(0), "Forward products times three by number format, attention in full, head included.")
        ),
        "causal_flop": Key(Number(0), "Without the masked half of causal attention."),
        "hardware_flop": Key(Number(0), "With what recomputation adds."),
        "usable_share": Key(
            Number(0, 1),
            "Of a device's memory, what tensors can take; missing in files written before this was kept.",
            # Those took all of it for usable.
            before=1.0,
        ),
        "memory": Key(Many(_MEMORY), "Device memory per part of the model, in bytes; empty where it is not modelled."),
    },
)

SANITY = Record(
    "Figures by which practitioners know a step.",
    name="sanity",
    keys={
        "mfu": Key(Maybe(Number()), "Model FLOP utilisation, a fraction."),
        "hfu": Key(Maybe(Number()), "The same with what recomputation adds."),
        "causal_mfu": Key(Maybe(Number()), "The same without the masked half of causal attention."),
        "tokens_per_s_per_rank": Key(Maybe(Number()), "Tokens per second and device."),
        "persistent_bytes": Key(Maybe(Number()), "Kept between two steps on the fullest rank."),
        "peak_bytes": Key(Maybe(Number()), "The highest peak of any rank."),
        "fits": Key(Maybe(Flag()), "Whether that is within the device's memory."),
    },
)
"""It follows from the sizes and the makespan, so nobody reads it."""
