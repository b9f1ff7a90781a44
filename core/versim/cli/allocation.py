"""Memory that is freed stays with the process, so that its next column need not be cleared by the system again."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's ``mallopt``."""

_LARGE_BYTES = 32 << 20
"""The largest that glibc takes for the latter; a column of two million instances is half of it."""


def keep_freed_memory() -> None:
    """Do so where the C library is glibc; elsewhere nothing."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_TRIM_THRESHOLD, 16 * _LARGE_BYTES)
