"""What a collective's time means as a bandwidth: the two figures that NCCL's tests print.

With S the size as in :mod:`versim.work` and t the time,

    algorithm bandwidth = S / t
    bus bandwidth       = S / t · f(kind, n)

where f makes the figure comparable with a link's bandwidth whatever the number of ranks n: what a rank has to send at
least, in tensors. Definitions and factors are those of NVIDIA's nccl-tests, doc/PERFORMANCE.md; its S is the output of
an all-gather, the input of a reduce-scatter and a rank's send buffer of an all-to-all, as here.
"""

from __future__ import annotations

from versim.work import Kind


def algorithm_bandwidth(size_bytes: int, time_s: float) -> float:
    """Bytes per second, S / t."""
    return size_bytes / time_s


def bus_factor(kind: Kind, ranks: int) -> float:
    """The factor from algorithm to bus bandwidth: 2(n−1)/n, (n−1)/n or 1."""
    if kind is Kind.ALL_REDUCE:
        return 2 * (ranks - 1) / ranks
    if kind in (Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL):
        return (ranks - 1) / ranks
    return 1.0


def bus_bandwidth(kind: Kind, ranks: int, size_bytes: int, time_s: float) -> float:
    """Bytes per second, S / t · f."""
    return algorithm_bandwidth(size_bytes, time_s) * bus_factor(kind, ranks)
