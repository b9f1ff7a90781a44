"""The compute timing: operations and bytes by ASTRA-sim's roofline, as ``roofline-enabled`` does it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NS_PER_S, Device, DeviceTerm, Pointwise, UnsupportedGraphError

from versim_astrasim.engine.roofline import Roofline
from versim_astrasim.options import TimingOptions

_LONGEST_NS = 2**62


@attrs.frozen
class AstraSimComputeTiming:
    """Whole nanoseconds, truncated as the program truncates them.

    Attributes:
        options: Peak performance and local memory bandwidth; the scenario's device is not asked.
    """

    options: TimingOptions

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:  # noqa: ARG002 - protocol's
        """Seconds of each term, NaN for what is no plain operations and bytes; shape (terms,).

        Raises:
            UnsupportedGraphError: Operations on so little bandwidth or performance that they never end.
        """
        roofline = Roofline.of(self.options.local_mem_bw_gb_per_s, self.options.peak_perf_tflop_per_s)
        return np.array([self._time_s(term, roofline) for term in terms], dtype=np.float64)

    def _time_s(self, term: DeviceTerm, roofline: Roofline) -> float:
        if not isinstance(term, Pointwise):
            return float("nan")
        if not term.access_bytes:
            return 0.0  # the program skips compute on no bytes
        duration_ns = roofline.point(int(term.flop), int(term.access_bytes)).duration_ns
        if duration_ns > _LONGEST_NS:
            raise UnsupportedGraphError(
                f"{term.flop:g} operations on {term.access_bytes:g} bytes never end by ASTRA-sim's roofline"
            )
        return duration_ns / NS_PER_S
