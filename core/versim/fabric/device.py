"""What computes: a device and its data sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from versim.fabric.network import not_negative

_SAME_UNITS = {"fp8_block": "fp8", "mxfp8": "fp8", "nvfp4": "fp4", "mxfp4": "fp4", "half": "fp16"}
"""Formats that differ in their scaling factors but run on the same units."""


def _copied(peaks: Mapping[str, float]) -> dict[str, float]:
    return dict(peaks)


def _peaks(_: object, attribute: attrs.Attribute[Any], value: Mapping[str, float]) -> None:
    for dtype, peak in value.items():
        if not 0 < peak < float("inf"):
            raise ValueError(f"{attribute.name}[{dtype!r}] must be a finite number above 0, got {peak!r}")


@attrs.frozen(kw_only=True)
class Device:
    """What computes.

    Attributes:
        name: For people.
        kernel_launch_overhead_s: Seconds between two dependent kernels, paid per launch.
        peak_flop_per_s: By dtype (fp32, tf32, fp16, bf16, fp8, fp4 …), dense floating-point operations per second, a
            multiply-add counted as 2. Empty where nobody said.
        memory_bandwidth_bytes_per_s: Of device memory; 0 where nobody said.
        memory_bytes: Size of device memory; 0 where nobody said.
        parameters: What a compute timing knows beyond that, as plain data (strings, numbers, lists, mappings).
    """

    name: str
    kernel_launch_overhead_s: float = attrs.field(default=0.0, validator=not_negative)
    peak_flop_per_s: Mapping[str, float] = attrs.field(factory=dict, converter=_copied, hash=False, validator=_peaks)
    memory_bandwidth_bytes_per_s: float = attrs.field(default=0.0, validator=not_negative)
    memory_bytes: int = attrs.field(default=0, validator=not_negative)
    parameters: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)

    def peak(self, dtype: str) -> float | None:
        """Dense FLOP/s of a dtype, None where the data sheet has none; block-scaled formats run on the plain ones'."""
        found = self.peak_flop_per_s.get(dtype)
        return self.peak_flop_per_s.get(_SAME_UNITS.get(dtype, "")) if found is None else found
