"""How far collectors disagree about the same product: the noise floor beneath any error."""

from __future__ import annotations

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


def _ratios(one: Table, other: Table) -> NDArray[np.float64]:
    common = [np.intersect1d(one.axes[axis], other.axes[axis]) for axis in ("m", "n", "k")]
    common = [values[values >= 512] for values in common]
    mine, theirs = (
        table.times_s[np.ix_(*(np.searchsorted(table.axes[a], v) for a, v in zip("mnk", common, strict=True)))]
        for table in (one, other)
    )
    ratios = (theirs / mine).ravel()
    return ratios[np.isfinite(ratios)]
