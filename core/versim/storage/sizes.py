"""What a step amounts to, and the sanity figures of a prediction, as the document holds them."""

from __future__ import annotations

from typing import Any

import attrs

from versim.comparison.sanity import Sanity
from versim.plain.values import Value
from versim.sizes import RankMemory, StepSizes


def sizes_document(sizes: StepSizes | None) -> dict[str, Any] | None:
    """Tokens, model FLOP and memory of a step."""
    if sizes is None:
        return None
    return {
        "tokens": sizes.tokens,
        "model_flop": {dtype: float(flop) for dtype, flop in sizes.model_flop.items()},
        "causal_flop": float(sizes.causal_flop),
        "hardware_flop": float(sizes.hardware_flop),
        "usable_share": float(sizes.usable_share),
        "memory": [
            {
                **{key: value if key == "label" else float(value) for key, value in attrs.asdict(part).items()},
                "persistent_bytes": float(part.persistent_bytes),
                "peak_bytes": float(part.peak_bytes),
            }
            for part in sizes.memory
        ],
    }


def sanity_document(sanity: Sanity | None) -> dict[str, Any] | None:
    """MFU, tokens per second and GPU, and memory of a prediction."""
    return None if sanity is None else attrs.asdict(sanity)


def sizes_from(value: Value) -> StepSizes | None:
    """What a step amounts to; None where the report does not say."""
    if value.missing:
        return None
    flop, share = value["model_flop"], value.optional("usable_share")
    fields = [field.name for field in attrs.fields(RankMemory) if field.name != "label"]
    return StepSizes(
        tokens=value["tokens"].integer(lowest=0),
        model_flop={dtype: flop[dtype].amount() for dtype in flop.keys()},  # noqa: SIM118 - a Value is no mapping
        causal_flop=value["causal_flop"].amount(),
        hardware_flop=value["hardware_flop"].amount(),
        memory=tuple(
            RankMemory(label=part["label"].text(), **{name: part[name].amount() for name in fields})
            for part in value["memory"]
        ),
        # Reports written before it was kept took all of a device's memory for usable.
        usable_share=1.0 if share.missing else share.amount(1.0),
    )
