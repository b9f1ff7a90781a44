"""Isolated communication in closed form: ring collectives and point-to-point transfers as DeepFlow counts them.

With p ranks, shard s = size / p, bandwidth B, latency l, kernel launch overhead O, and roofline times R on one byte
count:

- all-reduce: 2 (p-1) (s/B + l + R(0, 2s)) + (p-1) (R(s flop, 3s) + O)
- reduce-scatter: (p-1) (s/B + l + R(0, 2s)) + (p-1) (R(s flop, 3s) + O)
- all-gather: (p-1) (s/B + l + R(0, 2s/p)); s is rounded up to whole bytes
- all-to-all: (p-1) (s/B + l)
- point-to-point: size/B + l

The launch of the collective itself, one O more for the first three, is not part of the network's time. Measured:
golden/deepflow/collectives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from versim import Kind

from versim_deepflow.corrections import Corrections
from versim_deepflow.hardware.device import DeviceModel
from versim_deepflow.roofline import pointwise_times_s

Floats = NDArray[np.float64]

LAUNCHED = frozenset({Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER})
"""Kinds that launch a kernel of their own: one O more, charged by whoever runs the collective."""


class IsolatedCollectives:
    """Times of communications that have the network to themselves.

    Args:
        device: Whose memory and launch overhead count.
        corrections: Which known defects to mend.
    """

    def __init__(self, device: DeviceModel, corrections: Corrections) -> None:
        self._device = device
        self._corrections = corrections
        self._formulas: Mapping[Kind, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
            Kind.ALL_REDUCE: self._all_reduce,
            Kind.REDUCE_SCATTER: self._reduce_scatter,
            Kind.ALL_GATHER: self._all_gather,
            Kind.ALL_TO_ALL: self._all_to_all,
            Kind.POINT_TO_POINT: self._point_to_point,
        }

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds there is a formula for."""
        return frozenset(self._formulas)

    def times_s(
        self, kind: Kind, size_bytes: Floats, participants: Floats, bandwidth_bytes_per_s: Floats, latency_s: Floats
    ) -> Floats:
        """Seconds of communications of one kind, element-wise over shape (n,).

        Args:
            kind: What is done.
            size_bytes: The full tensor, see :mod:`versim.work`; 0 takes no time.
            participants: Ranks; 1 takes no time.
            bandwidth_bytes_per_s: Of the link; without any, a communication takes for ever.
            latency_s: Of the link.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            times = self._formulas[kind](np.ceil(size_bytes), participants, bandwidth_bytes_per_s, latency_s)
        return np.where((size_bytes > 0) & (participants > 1), times, 0.0)

    def _memory(self, access_bytes: Floats, flop: Floats | None = None) -> Floats:
        work = np.zeros_like(access_bytes) if flop is None else flop
        return pointwise_times_s(
            work, np.ceil(access_bytes), self._device, from_dram=self._corrections.pointwise_memory
        )

    def _ring_step(self, shard: Floats, bandwidth: Floats, latency: Floats) -> Floats:
        return shard / bandwidth + self._memory(2 * shard) + latency

    def _reduction(self, shard: Floats, size: Floats, ranks: Floats) -> Floats:
        step = self._memory(3 * size / ranks, shard) + self._device.kernel_launch_overhead_s
        return step * (ranks - 1)

    def _all_reduce(self, size: Floats, ranks: Floats, bandwidth: Floats, latency: Floats) -> Floats:
        shard = size / ranks
        return self._ring_step(shard, bandwidth, latency) * 2 * (ranks - 1) + self._reduction(shard, size, ranks)

    def _reduce_scatter(self, size: Floats, ranks: Floats, bandwidth: Floats, latency: Floats) -> Floats:
        shard = size / ranks
        return self._ring_step(shard, bandwidth, latency) * (ranks - 1) + self._reduction(shard, size, ranks)

    def _all_gather(self, size: Floats, ranks: Floats, bandwidth: Floats, latency: Floats) -> Floats:
        shard = np.ceil(size / ranks)
        accessed = 2 * shard if self._corrections.all_gather_memory else 2 * shard / ranks
        return (shard / bandwidth + self._memory(accessed) + latency) * (ranks - 1)

    @staticmethod
    def _all_to_all(size: Floats, ranks: Floats, bandwidth: Floats, latency: Floats) -> Floats:
        return (size / ranks / bandwidth + latency) * (ranks - 1)

    @staticmethod
    def _point_to_point(size: Floats, _: Floats, bandwidth: Floats, latency: Floats) -> Floats:
        return size / bandwidth + latency
