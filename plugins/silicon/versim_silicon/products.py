"""Matrix products from measured ones."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_silicon.gpus import Gpu
from versim_silicon.interpolation import DECLINED, SATURATED, Answers, Grid, closed
from versim_silicon.roofline import product_s
from versim_silicon.tables import Table

Floats = NDArray[np.float64]

CLOSING = (2, 1, 0)
"""Along k, then n, then m; see :mod:`versim_silicon.interpolation`."""


@attrs.frozen(eq=False)
class Products:
    """Seconds of products (m × k) · (k × n) of one number format on one GPU."""

    gpu: Gpu
    dtype: str
    grid: Grid

    @classmethod
    def of(cls, gpu: Gpu, dtype: str, table: Table) -> Products:
        """From a table of products."""
        m, n, k = (table.axes[axis] for axis in "mnk")
        roofline = product_s(gpu, dtype, m[:, None, None], n[None, :, None], k[None, None, :])
        return cls(gpu, dtype, closed((m, n, k), np.log(table.times_s / roofline), CLOSING))

    def times_s(self, m: Floats, n: Floats, k: Floats) -> Answers:
        """Seconds of each product; shape (products,).

        A product and its transpose are one product to the hardware, so what is declined as asked, or lies beyond what
        was measured, is looked up with m and n exchanged.
        """
        found = self._looked_up(m, n, k)
        weak = np.flatnonzero(found.standing >= SATURATED)
        if len(weak):
            turned = self._looked_up(n[weak], m[weak], k[weak])
            better = turned.standing < found.standing[weak]
            found.values[weak[better]] = turned.values[better]
            found.standing[weak[better]] = turned.standing[better]
        return found

    def _looked_up(self, m: Floats, n: Floats, k: Floats) -> Answers:
        efficiency = self.grid.at(m, n, k)
        with np.errstate(invalid="ignore", divide="ignore"):
            times_s = product_s(self.gpu, self.dtype, m, n, k) * np.exp(efficiency.values)
        times_s[efficiency.standing == DECLINED] = np.nan
        return Answers(times_s, efficiency.standing)
