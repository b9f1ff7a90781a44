"""Roofline compute: the time operations and bytes take at limited performance and memory bandwidth."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from versim_astrasim.engine.event_queue import as_uint64, quotient
from versim_astrasim.engine.outcome import RooflineAverages
from versim_astrasim.engine.units import BYTES_PER_GB, NS_PER_S

FLOP_PER_TFLOP = 1e12


@attrs.frozen
class RooflinePoint:
    """One compute node under the roofline.

    Attributes:
        duration_ns: How long it runs.
        intensity_flop_per_byte: Operations per byte.
        compute_utilization: Performance over peak performance.
        memory_utilization: Bytes per second over memory bandwidth.
        compute_bound: Whether it runs at peak performance.
    """

    duration_ns: int
    intensity_flop_per_byte: float
    compute_utilization: float
    memory_utilization: float
    compute_bound: bool


@attrs.frozen
class Roofline:
    """A device.

    Attributes:
        bandwidth_bytes_per_s: Local memory bandwidth.
        peak_flop_per_s: Peak performance.
    """

    bandwidth_bytes_per_s: float
    peak_flop_per_s: float

    @classmethod
    def of(cls, bandwidth_gb_per_s: float, peak_tflop_per_s: float) -> Roofline:
        """A device in the system configuration's units (10^9 B/s, 10^12 FLOP/s)."""
        return cls(bandwidth_gb_per_s * BYTES_PER_GB, peak_tflop_per_s * FLOP_PER_TFLOP)

    def point(self, num_ops: int, tensor_bytes: int) -> RooflinePoint:
        """Time ``num_ops`` operations on ``tensor_bytes`` bytes (more than 0).

        No operations take 2^63 ns and no performance takes 0 ns, as out-of-range numbers are truncated.
        """
        intensity = float(num_ops) / float(tensor_bytes)
        performance = min(self.bandwidth_bytes_per_s * intensity, self.peak_flop_per_s)
        return RooflinePoint(
            duration_ns=as_uint64(quotient(float(num_ops), performance) * NS_PER_S),
            intensity_flop_per_byte=intensity,
            compute_utilization=quotient(performance, self.peak_flop_per_s),
            memory_utilization=quotient(quotient(performance, intensity), self.bandwidth_bytes_per_s),
            compute_bound=not performance < self.peak_flop_per_s,
        )


def averages_of(computed: Iterable[tuple[int, RooflinePoint | None]]) -> RooflineAverages:
    """Averages over a rank's compute nodes in order of id: the duration of each, and its place under the roofline."""
    bound = compute = memory = intensity = 0.0
    total_ns = 1  # as the original, which keeps clear of a division by zero
    for duration_ns, point in computed:
        total_ns += duration_ns
        if point is None:
            continue
        bound += duration_ns if point.compute_bound else 0
        compute += point.compute_utilization * duration_ns
        memory += point.memory_utilization * duration_ns
        intensity += point.intensity_flop_per_byte * duration_ns
    return RooflineAverages(
        compute_bound_pct=100 * bound / total_ns,
        compute_utilization_pct=100 * (compute / total_ns),
        memory_utilization_pct=100 * (memory / total_ns),
        intensity_flop_per_byte=intensity / total_ns,
    )
