"""Times as significant decimal digits and a power of ten: a few bytes each, and the digits come back exactly.

``time_s = digits · 10^exponent``; digits 0 is "not measured". Four digits fit into two bytes, seven into three once
packed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_digits(
    times_s: NDArray[np.float64], kept: int = 4
) -> tuple[NDArray[np.uint16] | NDArray[np.uint32], NDArray[np.int8]]:
    """Digits and exponents of positive times, NaN where not measured; any shape, kept.

    Args:
        times_s: Seconds.
        kept: Significant digits, at most 9.
    """
    known = np.isfinite(times_s) & (times_s > 0)
    exponents = np.zeros(times_s.shape, dtype=np.int64)
    exponents[known] = np.floor(np.log10(times_s[known])).astype(np.int64) - (kept - 1)
    digits = np.zeros(times_s.shape, dtype=np.int64)
    digits[known] = np.rint(times_s[known] / 10.0 ** exponents[known]).astype(np.int64)
    over = digits >= 10**kept
    digits[over], exponents[over] = 10 ** (kept - 1), exponents[over] + 1
    narrow: NDArray[np.uint16] | NDArray[np.uint32] = digits.astype(np.uint32)
    if kept <= 4:
        narrow = digits.astype(np.uint16)
    return narrow, exponents.astype(np.int8)


def from_digits(digits: NDArray[np.generic], exponents: NDArray[np.int8]) -> NDArray[np.float64]:
    """Seconds, NaN where digits are 0; rounded once, so that equal digits are equal times."""
    powers = 10.0 ** -exponents.astype(np.float64)  # negative powers are exact up to 10^22, as positive ones are not
    times_s = digits.astype(np.float64) / powers
    times_s[digits == 0] = np.nan
    return times_s
