"""Units as numbers with names, so that no conversion factor is ever anonymous."""

from __future__ import annotations

NS_PER_S = 1_000_000_000
PS_PER_S = 1_000_000_000_000
PS_PER_NS = 1_000

GB = 10**9
GIB = 2**30
"""One gibibyte. ASTRA-sim's and DeepFlow's network "GB/s" are 2**30 bytes per second."""
