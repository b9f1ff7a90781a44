"""What it takes to convert the left operand of a product to 8 or 4 bits, with which products were collected.

trtllm's products in 8 and 4 bits are of an operand in 16 bits: they hold its conversion. The package measured that of
fp8 by itself; of fp8_block and nvfp4 it is estimated from the narrowest product, which is nearly all conversion. Other
collectors' products are of operands that are converted already, or convert otherwise than they measured it: tables
without ``conversion/fp8`` are taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import DTYPE_BITS

from versim_silicon.gpus import Gpu
from versim_silicon.interpolation import Answers, Grid, closed, held
from versim_silicon.roofline import LAUNCH_S
from versim_silicon.tables import Table

Floats = NDArray[np.float64]

MEASURED = "fp8"
"""The format whose conversion was measured by itself."""

ESTIMATED = ("fp8_block", "nvfp4")

PRODUCT_SHARE, PRODUCT_S = 0.5, 3e-6
"""The narrowest product in 8 or 4 bits takes so much of what it takes in bf16, for its operand is half the size or
less, and so many seconds for launches: with these the estimate is within 2 % of the measured conversion to fp8, by
median over products of H100, B200 and GB300 with inner dimensions from 1,024."""

LEAST_LEFT = 0.05
"""A product that takes less than this share of what it took together with its conversion is lost in noise."""


@attrs.frozen(eq=False)
class Conversion:
    """Seconds of conversions of (m × k) operands to one number format on one GPU.

    Attributes:
        table: Over m and k of the products; NaN where not known.
        grid: As multiples of :func:`_roofline_s`.
        estimated: True if nobody measured it by itself.
    """

    gpu: Gpu
    dtype: str
    table: Table
    grid: Grid
    estimated: bool

    @classmethod
    def of(cls, gpu: Gpu, dtype: str, tables: Mapping[str, Table]) -> Conversion | None:
        """From the tables of a GPU; None where products in this format were collected without a conversion."""
        if f"conversion/{MEASURED}" not in tables or dtype not in (MEASURED, *ESTIMATED):
            return None
        products = tables[f"product/{dtype}"]
        axes = {axis: products.axes[axis] for axis in "mk"}
        m, k = axes.values()
        if dtype == MEASURED:
            table = tables[f"conversion/{dtype}"].over(axes)
        else:
            table = Table(axes, _of_narrowest(products, tables["product/bf16"]))
        slower = table.times_s / _roofline_s(gpu, dtype, m[:, None], k[None, :])
        return cls(gpu, dtype, table, held(closed((m, k), slower, (1, 0)), 0), dtype != MEASURED)

    def times_s(self, m: Floats, k: Floats) -> Answers:
        """Seconds of each conversion; shape (operands,)."""
        found = self.grid.at(m, k)
        with np.errstate(invalid="ignore"):
            return Answers(_roofline_s(self.gpu, self.dtype, m, k) * found.values, found.standing)

    def over_grid_s(self) -> Floats:
        """Seconds over m and k of the products, closed and held where not known; shape (m, k)."""
        m, k = np.meshgrid(*self.grid.axes, indexing="ij")
        return self.times_s(m.ravel(), k.ravel()).values.reshape(m.shape)

    def taken_off(self, products: Table) -> Table:
        """The products without their conversions.

        Where a conversion is not known, or the product would be left with nothing or faster than the data sheet, it
        counts as not measured.
        """
        m, n, k = (products.axes[axis] for axis in "mnk")
        left = products.times_s - self.table.times_s[:, None, :]
        sheet_s = 2 * m[:, None, None] * n[None, :, None] * k[None, None, :] / self.gpu.flop_per_s[self.dtype]
        possible = (left > LEAST_LEFT * products.times_s) & (left > sheet_s)
        return Table(products.axes, np.where(possible, left, np.nan))


def _of_narrowest(products: Table, bf16: Table) -> Floats:
    """Seconds of conversions as the narrowest product of each m and k shows them; shape (m, k)."""
    narrow = np.intersect1d(products.axes["n"], bf16.axes["n"])[:1]
    axes = {**products.axes, "n": narrow}
    whole_s, product_s = (table.over(axes).times_s[:, 0] for table in (products, bf16))
    return np.maximum(whole_s - PRODUCT_S - PRODUCT_SHARE * product_s, 0)


def _roofline_s(gpu: Gpu, dtype: str, m: Floats, k: Floats) -> Floats:
    """The least time: the operand is read for its scale and again to be written in fewer bits."""
    moved = (2 + 2 + DTYPE_BITS[dtype] / 8) * m * k
    return moved / gpu.memory_bytes_per_s + 2 * LAUNCH_S
