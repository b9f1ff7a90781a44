"""The original's unit of bandwidth: what it calls GB/s is 2^30 bytes per second."""

from __future__ import annotations

BYTES_PER_GB = 1e9
BYTES_PER_GIB = 1 << 30
NS_PER_S = 1e9


def bandwidth_bytes_per_ns(bandwidth_gib_per_s: float) -> float:
    """A link's bandwidth in bytes per ns."""
    return bandwidth_gib_per_s * BYTES_PER_GIB / NS_PER_S
