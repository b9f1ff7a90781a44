"""The latency and bandwidth of a ring that come nearest to a measured curve, as a system to paste into a scenario.

A ring of n links of bandwidth B and latency α does a collective in (steps)·α + f·S/B, with f the factor of the bus
bandwidth. So the line through measured times, A + β·S, is a ring of links with

    B = f/β        α = A / steps

of 2(n−1) steps for an all-reduce, n−1 for a gather and a scatter, and one for everything that is sent at once.
"""

from __future__ import annotations

from versim.curves.bandwidth import bus_factor
from versim.curves.curve import Curve
from versim.units import GB
from versim.work import Kind


def steps_of(kind: Kind, ranks: int) -> int:
    """Messages that a rank waits for, one after the other."""
    if kind is Kind.ALL_REDUCE:
        return 2 * (ranks - 1)
    return ranks - 1 if kind in (Kind.ALL_GATHER, Kind.REDUCE_SCATTER) else 1


def fitted_system(curve: Curve) -> str | None:
    """YAML of the system that fits a curve best, with its error as a comment; None where no line has both."""
    line = curve.fit()
    if line is None or line.bytes_per_s is None or line.alpha_s <= 0:
        return None
    bandwidth = line.bytes_per_s * bus_factor(curve.kind, curve.ranks) / GB
    latency_us = 1e6 * line.alpha_s / steps_of(curve.kind, curve.ranks)
    fit = f"α = {1e6 * line.alpha_s:.4g} µs, 1/β = {line.bytes_per_s / GB:.4g} GB/s"
    off = f"off by {100 * line.residual:.0f} % (rms), at most {100 * line.worst:.0f} %"
    link = f"bandwidth: {bandwidth:.4g} GB/s, latency: {latency_us:.4g} us"
    return (
        f"# {curve.kind.value} over {curve.ranks} ranks by {curve.model}: {fit}; {off}\n"
        "system:\n"
        "  dimensions:\n"
        f"    - {{topology: ring, size: {curve.ranks}, {link}}}\n"
    )
