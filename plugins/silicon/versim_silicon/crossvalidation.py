"""How far off a measured time would be predicted, had it not been measured."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_silicon.conversion import Conversion
from versim_silicon.experts import GroupedProducts
from versim_silicon.gpus import Gpu
from versim_silicon.products import Products
from versim_silicon.tables import EXPERT_COLUMNS, Table

TRAINING_FROM = 512
"""Rows of the left matrix from which a product counts as one of training; below, as one of decoding."""


@attrs.frozen
class Errors:
    """Of rows that were held out.

    Attributes:
        rows: How many.
        answered: Share of them that were not declined.
        mean: Mean absolute error of the answered, relative.
        worst: The largest.
    """

    rows: int
    answered: float
    mean: float
    worst: float

    @classmethod
    def of(cls, predicted_s: NDArray[np.float64], measured_s: NDArray[np.float64]) -> Errors:
        """From both times; NaN is declined."""
        errors = np.abs(predicted_s / measured_s - 1)
        known = np.isfinite(errors)
        return cls(
            rows=len(errors),
            answered=float(np.mean(known)),
            mean=float(np.mean(errors[known])),
            worst=float(np.max(errors[known])),
        )


def of_products(gpu: Gpu, dtype: str, tables: Mapping[str, Table], *, included: bool) -> dict[str, Errors]:
    """Products of training and of decoding, each (n, k) predicted from all others.

    Args:
        gpu: On which.
        dtype: Number format of the products.
        tables: Of the GPU.
        included: True to hold predictions against products as they were collected, False against what is left of them
            without the conversion of their left operand, where they were collected with one.
    """
    name = f"product/{dtype}"
    table = tables[name]
    m, n, k = (table.axes[axis] for axis in "mnk")
    predicted = np.full(table.times_s.shape, np.nan)
    for i in range(len(n)):
        for j in range(len(k)):
            if np.isfinite(table.times_s[:, i, j]).any():
                rest = {**tables, name: table.without((slice(None), i, j))}
                products = Products.of(gpu, dtype, rest, included=included)
                if products is not None:
                    predicted[:, i, j] = products.times_s(m, np.full(len(m), n[i]), np.full(len(m), k[j])).values
    conversion = None if included else Conversion.of(gpu, dtype, tables)
    measured_s = table.times_s if conversion is None else conversion.taken_off(table).times_s
    known = np.isfinite(measured_s)
    training = known & (m >= TRAINING_FROM)[:, None, None]
    return {
        part: Errors.of(predicted[rows], measured_s[rows])
        for part, rows in (("training", training), ("decoding", known & ~training))
    }


def of_experts(gpu: Gpu, dtype: str, table: Table) -> Errors:
    """Layers of experts, each (hidden, inner) predicted from all others."""
    columns = [table.axes[name] for name in EXPERT_COLUMNS]
    _, site = np.unique(np.stack(columns[2:4]), axis=1, return_inverse=True)
    predicted = np.full(len(table.times_s), np.nan)
    for place in range(site.max() + 1):
        held = site.ravel() == place
        rest = Table({name: values[~held] for name, values in table.axes.items()}, table.times_s[~held])
        model = GroupedProducts.of(gpu, dtype, rest)
        predicted[held] = model.layers_s(*(values[held] for values in columns))
    return Errors.of(predicted, table.times_s)


def of_collectives(table: Table) -> Errors:
    """Collectives, each size predicted from its neighbours; the smallest and largest have none."""
    sizes = table.axes["size_bytes"]
    predicted = np.full(table.times_s.shape, np.nan)
    for place in range(1, len(sizes) - 1):
        low, high = sizes[place - 1], sizes[place + 1]
        share = (sizes[place] - low) / (high - low)
        predicted[:, place] = table.times_s[:, place - 1] * (1 - share) + table.times_s[:, place + 1] * share
    inner = table.times_s[:, 1:-1]
    known = np.isfinite(inner)
    return Errors.of(predicted[:, 1:-1][known], inner[known])
