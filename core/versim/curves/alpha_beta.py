"""The latency and bandwidth that a model implies: a straight line through its times.

t(S) ≈ α + β·S by weighted least squares, each residual relative to its time:

    minimise  Σ ((α + β·S_i − t_i) / t_i)²

Without the weights the largest size alone would decide, and α, which matters for small ones, would be noise. A model
that is no straight line (several algorithms, chunks, contention) shows in the residual instead of hiding in α and β.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Fit:
    """A straight line through times by size.

    Attributes:
        alpha_s: Seconds at size 0; below 0 where the line misses small sizes.
        beta_s_per_byte: Seconds per byte.
        residual: Root of the mean squared relative residual; 0 is a perfect line.
        worst: The largest relative residual in size.
        count: Sizes it goes through.
    """

    alpha_s: float
    beta_s_per_byte: float
    residual: float
    worst: float
    count: int

    @property
    def bytes_per_s(self) -> float | None:
        """1/β; None if more bytes take no longer."""
        return 1 / self.beta_s_per_byte if self.beta_s_per_byte > 0 else None


def fit(sizes_bytes: Sequence[int], times_s: Sequence[float]) -> Fit | None:
    """The line through some times; None with fewer than two sizes, or a time that is not above 0."""
    if len(set(sizes_bytes)) < 2 or any(not (time > 0 and math.isfinite(time)) for time in times_s):
        return None
    # In units of the largest size, so that the sums are of one magnitude.
    unit = float(max(sizes_bytes))
    rows = [(1 / time, size / unit / time) for size, time in zip(sizes_bytes, times_s, strict=True)]
    # Unknowns α, β·unit; the matrix is [1/t, S/t], the right-hand side all ones.
    aa, ab, bb = (math.fsum(column) for column in zip(*((a * a, a * b, b * b) for a, b in rows), strict=True))
    a1, b1 = math.fsum(a for a, _ in rows), math.fsum(b for _, b in rows)
    determinant = aa * bb - ab * ab
    if determinant <= 0:
        return None
    alpha, slope = (a1 * bb - b1 * ab) / determinant, (aa * b1 - ab * a1) / determinant
    residuals = [alpha * a + slope * b - 1 for a, b in rows]
    return Fit(
        alpha_s=alpha,
        beta_s_per_byte=slope / unit,
        residual=math.sqrt(math.fsum(r * r for r in residuals) / len(residuals)),
        worst=max(map(abs, residuals)),
        count=len(residuals),
    )
