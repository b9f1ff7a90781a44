"""The timing model ``roofline``: operations over the device's peak or bytes over its memory, whichever takes longer.

The roofline model (Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009) with a launch per kernel, and an efficiency per kind of work, for no kernel reaches a
data sheet. With the data sheets of :mod:`versim.fabric` any graph can be timed on any device.

The efficiencies are stated, not fitted: what well-tuned kernels reach at sizes that fill the device. Products: cuBLAS
on A100 and H100 at 70 to 80 % of the dense peak (NVIDIA, "Matrix Multiplication Background User's Guide"). Attention:
FlashAttention-2 on A100 at up to 73 % forwards and 63 % backwards (Dao 2023); FlashAttention-3 on H100 at up to 75 % of
the FP16 peak (Shah et al. 2024). Memory: copies of a large array on HBM devices at 85 to 92 % (BabelStream). Small work
is slower than that, so this model errs on the fast side there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    Attention,
    ComputeTiming,
    Device,
    DeviceTerm,
    Gemm,
    GroupedGemm,
    HostTransfer,
    NetworkTiming,
    Pass,
    Pointwise,
    UnsupportedGraphError,
    option,
)

_OF_WIDTH = {8.0: "fp64", 4.0: "fp32", 2.0: "fp16", 1.0: "fp8", 0.5: "fp4"}
"""What products of elements of so many bytes run as where no format is given."""


def _share(default: float, text: str) -> Any:
    within = [attrs.validators.gt(0), attrs.validators.le(1)]
    return option(default, validator=within, help=f"{text}; a share of the device's peak")


@attrs.frozen(kw_only=True)
class RooflineOptions:
    """Options of the timing model ``roofline``."""

    gemm: float = _share(0.75, "matrix products")
    grouped_gemm: float = _share(0.65, "products of experts")
    attention: float = _share(0.65, "fused attention, forwards")
    attention_backward: float = _share(0.55, "fused attention, backwards")
    pointwise: float = _share(0.5, "element-wise operations, of single precision")
    memory: float = option(
        0.85,
        validator=[attrs.validators.gt(0), attrs.validators.le(1)],
        help="bytes moved per second; a share of the memory's bandwidth",
    )
    launch_s: float | None = option(
        None,
        validator=attrs.validators.optional([attrs.validators.ge(0), attrs.validators.lt(float("inf"))]),
        help="seconds per kernel launch; the device's unless given",
    )
    host_bandwidth_bytes_per_s: float = option(
        25e9,
        validator=[attrs.validators.gt(0), attrs.validators.lt(float("inf"))],
        help="bytes per second between host and device; 25 GB/s is PCIe 4.0 x16 as copies see it",
    )


@attrs.frozen
class _Row:
    """What a term asks of the device."""

    flop: float
    access_bytes: float
    launches: float
    efficiency: float
    dtype: str


@attrs.frozen
class RooflineCompute:
    """Seconds of terms on a device with a data sheet."""

    options: RooflineOptions

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:
        """The longer of operations over peak and bytes over memory, and the launches; shape (terms,).

        Raises:
            UnsupportedGraphError: The device has no data sheet, or none for a term's number format.
        """
        if not terms:
            return np.empty(0)
        rows = [self._row(term) for term in terms]
        peaks = {dtype: _peak(device, dtype) for dtype in {row.dtype for row in rows}}
        if not device.memory_bandwidth_bytes_per_s:
            raise UnsupportedGraphError(f"roofline: {_who(device)} has no memory bandwidth; {_REMEDY}")
        flop, access_bytes, launches, efficiency = np.array(
            [(row.flop, row.access_bytes, row.launches, row.efficiency) for row in rows]
        ).T
        peak = np.array([peaks[row.dtype] for row in rows])
        launch_s = device.kernel_launch_overhead_s if self.options.launch_s is None else self.options.launch_s
        memory = device.memory_bandwidth_bytes_per_s * self.options.memory
        times_s: NDArray[np.float64] = np.maximum(flop / (peak * efficiency), access_bytes / memory)
        times_s += launches * launch_s
        host = np.array([isinstance(term, HostTransfer) for term in terms])
        times_s[host] = access_bytes[host] / self.options.host_bandwidth_bytes_per_s
        return times_s

    def _row(self, term: DeviceTerm) -> _Row:
        given = self.options
        match term:
            case Gemm():
                return _Row(term.flop, term.access_bytes, 1, given.gemm, _dtype(term))
            case GroupedGemm():
                return _Row(term.flop, term.access_bytes, 1, given.grouped_gemm, _dtype(term))
            case Attention():
                share = given.attention if term.of_pass is Pass.FORWARD else given.attention_backward
                return _Row(term.flop, term.access_bytes, 1, share, _dtype(term))
            case Pointwise():
                return _Row(term.flop, term.access_bytes, term.launches, given.pointwise, "fp32")
            case HostTransfer():
                return _Row(0, term.size_bytes, 0, 1, "fp32")


def _dtype(term: Gemm | GroupedGemm | Attention) -> str:
    """A term's number format, or the one that its elements' width stands for."""
    found = term.dtype or _OF_WIDTH.get(float(term.element_bytes), "")
    if not found:
        raise UnsupportedGraphError(f"roofline: {term} says no number format, and {term.element_bytes} bytes are none")
    return found


_REMEDY = "name a data sheet (system: {device: h100}), or give it with memory_bandwidth and peak"


def _who(device: Device) -> str:
    return f"device {device.name!r}"


def _peak(device: Device, dtype: str) -> float:
    found = device.peak(dtype)
    if found is None:
        known = ", ".join(sorted(device.peak_flop_per_s)) or "none"
        raise UnsupportedGraphError(f"roofline: {_who(device)} has no peak for {dtype} (it has {known}); {_REMEDY}")
    return found


@attrs.frozen
class Roofline:
    """The timing model ``roofline``; it times compute only."""

    name: str = "roofline"
    options: type[RooflineOptions] = RooflineOptions

    def compute(self, options: RooflineOptions) -> ComputeTiming:
        """The roofline with these efficiencies."""
        return RooflineCompute(options)

    def network(self, options: RooflineOptions) -> NetworkTiming | None:  # noqa: ARG002 - the protocol's
        """None: communication is another model's business."""
        return None
