"""A curve as JSON values: what was asked, and all that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from versim.curves.curve import Curve


def curve_document(curve: Curve, ratio: Callable[[Curve, int], float | None]) -> dict[str, Any]:
    """Times, bandwidths, ratios and the line through the times, in SI units; null is "has none"."""
    line = curve.fit()
    return {
        "model": curve.model,
        "times_s": list(curve.times_s),
        "algorithm_bandwidth_bytes_per_s": [curve.algorithm_bandwidth(size) for size in curve.sizes_bytes],
        "bus_bandwidth_bytes_per_s": [curve.bus_bandwidth(size) for size in curve.sizes_bytes],
        "ratio": [ratio(curve, size) for size in curve.sizes_bytes],
        "fit": None if line is None else {**attrs.asdict(line), "bytes_per_s": line.bytes_per_s},
        "refusal": curve.refusal,
    }
