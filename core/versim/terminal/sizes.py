"""Sizes in bytes for people, in binary units as sizes of tensors are chosen."""

from __future__ import annotations

_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def spelt_size(size_bytes: float) -> str:
    """A size with its unit in four significant digits: ``1.5 GiB``."""
    for unit, name in _SIZES:
        if size_bytes >= unit:
            value = size_bytes / unit
            return f"{value:.0f} {name}" if value >= 1e4 else f"{value:.4g} {name}"
    return f"{size_bytes:.4g} B"
