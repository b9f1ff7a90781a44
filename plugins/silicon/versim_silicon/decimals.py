"""Times as four significant decimal digits and a power of ten: three bytes each, and the digits come back exactly.

``time_s = digits · 10^exponent`` with digits in 1000..9999; digits 0 is "not measured".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST, _MOST = 1000, 9999


def to_digits(times_s: NDArray[np.float64]) -> tuple[NDArray[np.uint16], NDArray[np.int8]]:
    """Digits and exponents of positive times, NaN where not measured; any shape, kept."""
    known = np.isfinite(times_s) & (times_s > 0)
    exponents = np.zeros(times_s.shape, dtype=np.int64)
    exponents[known] = np.floor(np.log10(times_s[known])).astype(np.int64) - 3
    digits = np.zeros(times_s.shape, dtype=np.int64)
    digits[known] = np.rint(times_s[known] / 10.0 ** exponents[known]).astype(np.int64)
    over = digits > _MOST
    digits[over], exponents[over] = _LEAST, exponents[over] + 1
    return digits.astype(np.uint16), exponents.astype(np.int8)


def from_digits(digits: NDArray[np.uint16], exponents: NDArray[np.int8]) -> NDArray[np.float64]:
    """Seconds, NaN where digits are 0; rounded once, so that equal digits are equal times."""
    powers = 10.0 ** -exponents.astype(np.float64)  # negative powers are exact up to 10^22, as positive ones are not
    times_s = digits.astype(np.float64) / powers
    times_s[digits == 0] = np.nan
    return times_s
