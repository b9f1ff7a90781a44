"""Matrix products from measured ones."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_silicon.conversion import Conversion
from versim_silicon.gpus import Gpu
from versim_silicon.interpolation import DECLINED, INTERPOLATED, SATURATED, Answers, Grid, closed
from versim_silicon.roofline import product_s
from versim_silicon.tables import Table

Floats = NDArray[np.float64]

CLOSING = (2, 1, 0)
"""Along k, then n, then m; see :mod:`versim_silicon.interpolation`."""

CORRECTING = 1
"""What closing along k misses beside a missing place, along n; by held-out products of every GPU and format."""


@attrs.frozen(eq=False)
class Products:
    """Seconds of products (m × k) · (k × n) of one number format on one GPU.

    Attributes:
        conversion: Of the left operand, where products were collected together with it.
        included: True if a product's time includes its conversion, as collected; else it is taken off.
    """

    gpu: Gpu
    dtype: str
    grid: Grid
    conversion: Conversion | None
    included: bool

    @classmethod
    def of(cls, gpu: Gpu, dtype: str, tables: Mapping[str, Table], *, included: bool = False) -> Products | None:
        """From the tables of a GPU; None where no products in this format were measured."""
        table = tables.get(f"product/{dtype}")
        if table is None:
            return None
        conversion = Conversion.of(gpu, dtype, tables)
        m, n, k = (table.axes[axis] for axis in "mnk")
        reference_s = product_s(gpu, dtype, m[:, None, None], n[None, :, None], k[None, None, :])
        times_s = table.times_s
        if conversion is not None and included:
            reference_s = reference_s + conversion.over_grid_s()[:, None, :]
        elif conversion is not None:
            times_s = conversion.taken_off(table).times_s
        grid = closed((m, n, k), np.log(times_s / reference_s), CLOSING, CORRECTING)
        return cls(gpu, dtype, grid, conversion, included)

    def times_s(self, m: Floats, n: Floats, k: Floats) -> Answers:
        """Seconds of each product; shape (products,).

        A product and its transpose are one product to the hardware, so what is declined as asked, or lies beyond what
        was measured, is looked up with m and n exchanged, unless the conversion of one of both is included.
        """
        found = self._looked_up(m, n, k)
        weak = np.flatnonzero(found.standing >= SATURATED)
        if len(weak) and not self._converts:
            turned = self._looked_up(n[weak], m[weak], k[weak])
            better = turned.standing < found.standing[weak]
            found.values[weak[better]] = turned.values[better]
            found.standing[weak[better]] = turned.standing[better]
        return found

    @property
    def _converts(self) -> bool:
        return self.included and self.conversion is not None

    def _looked_up(self, m: Floats, n: Floats, k: Floats) -> Answers:
        efficiency = self.grid.at(m, n, k)
        reference_s, standing = product_s(self.gpu, self.dtype, m, n, k), efficiency.standing
        if self.conversion is not None and self.included:
            reference_s = reference_s + self.conversion.times_s(m, k).values
        elif self.conversion is not None and self.conversion.estimated:
            # What is left of a measured product is not measured where what was taken off is an estimate.
            standing = np.maximum(standing, INTERPOLATED)
        with np.errstate(invalid="ignore", divide="ignore"):
            times_s = reference_s * np.exp(efficiency.values)
        standing[np.isnan(times_s)] = DECLINED
        times_s[standing == DECLINED] = np.nan
        return Answers(times_s, standing)
