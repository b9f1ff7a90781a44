"""Sizes in bytes and times for people; sizes in binary units, as sizes of tensors are chosen."""

from __future__ import annotations

import math

_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def spelt_size(size_bytes: float) -> str:
    """A size with its unit in four significant digits: ``1.5 GiB``."""
    for unit, name in _SIZES:
        if size_bytes >= unit:
            value = size_bytes / unit
            return f"{value:.0f} {name}" if value >= 1e4 else f"{value:.4g} {name}"
    return f"{size_bytes:.4g} B"


def spelt_time(time_s: float) -> str:
    """Seconds with their unit in four significant digits: ``14.02 µs``."""
    if time_s == 0 or not math.isfinite(time_s):
        return f"{time_s:g} s"
    unit, name = _unit(time_s)
    # Four digits, without the exponent that 1234 s would get.
    value = time_s / unit
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f} {name}".replace("-", "−")


def chosen_time(time_s: float) -> str:
    """Seconds that a person chose, as they would write them: ``5 µs``."""
    if time_s == 0 or not math.isfinite(time_s):
        return f"{time_s:g} s"
    unit, name = _unit(time_s)
    return f"{time_s / unit:.6g} {name}".replace("-", "−")


def _unit(time_s: float) -> tuple[float, str]:
    return next((entry for entry in _TIMES if abs(time_s) >= entry[0]), _TIMES[-1])
