"""Memory that is freed stays with the process, so that its next column need not be cleared by the system again."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Numbers of glibc's ``mallopt``."""

_LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> None:
    """Do so where the C library is glibc; elsewhere nothing.

    Mappings of their own go back to the system as soon as a column is dropped, however large the threshold for what is
    kept; without any, columns of a hundred megabytes follow one another in the same memory.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _LARGEST_INT)
