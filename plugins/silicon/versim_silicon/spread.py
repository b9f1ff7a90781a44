"""How far collectors disagree about the same product: the noise floor beneath any error."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from versim_silicon.tables import Table, Tables

LEAST = 20
"""Shapes in common below which nothing is said."""


def spread_of(tables: Mapping[str, Tables], collector: str) -> dict[str, dict[str, float]]:
    """Table of products ─▶ other collector ─▶ mean absolute difference of shapes that both measured, as a fraction.

    Only products with all of m, n, k at least 512 count: there launches no longer do.
    """
    found: dict[str, dict[str, float]] = {}
    for name, table in tables[collector].items():
        if not name.startswith("product/"):
            continue
        for other, theirs in tables.items():
            if other != collector and name in theirs:
                ratios = _ratios(table, theirs[name])
                if len(ratios) >= LEAST:
                    found.setdefault(name, {})[other] = round(float(np.mean(np.abs(ratios - 1))), 4)
    return found


BANDS = {"≤ 64 KiB": 64 * 2**10, "≤ 4 MiB": 4 * 2**20, "above": math.inf}
"""Bands of sizes by the largest of each, as ``versim collectives`` has them."""


def noise_of(sizes_bytes: NDArray[np.float64], apart: NDArray[np.float64]) -> dict[str, float]:
    """Band of sizes ─▶ mean distance of repeated measurements."""
    found, least = {}, 0.0
    for band, most in BANDS.items():
        inside = (sizes_bytes > least) & (sizes_bytes <= most)
        least = most
        if inside.any():
            found[band] = round(float(np.mean(apart[inside])), 4)
    return found


def _ratios(one: Table, other: Table) -> NDArray[np.float64]:
    common = [np.intersect1d(one.axes[axis], other.axes[axis]) for axis in ("m", "n", "k")]
    common = [values[values >= 512] for values in common]
    mine, theirs = (
        table.times_s[np.ix_(*(np.searchsorted(table.axes[a], v) for a, v in zip("mnk", common, strict=True)))]
        for table in (one, other)
    )
    ratios = (theirs / mine).ravel()
    return ratios[np.isfinite(ratios)]
