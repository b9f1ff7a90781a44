"""A device of which only a data sheet is known, as DeepFlow would model it: the nearest described device, scaled.

DeepFlow derives what a device reaches from areas and power budgets, which data sheets do not print. Here a device takes
the figures of a preset of its generation, with arithmetic and caches scaled by the data sheets' peaks, and memory by
their bandwidths. So the efficiency that DeepFlow finds for the described device carries over, and nothing is fitted.
"""

from __future__ import annotations

from functools import lru_cache

import attrs
from versim import Device, UnsupportedGraphError

from versim_deepflow.hardware.derive import derive
from versim_deepflow.hardware.device import DeviceModel
from versim_deepflow.hardware.preset import load_preset

_H100 = ("h100-sxm5", 989.4e12, 3.35e12)

NEAREST = {"V100": ("v100", 125e12, 0.9e12), "A100": ("a100-80gb", 312e12, 2.039e12)}
"""Word in a device's name ─▶ the preset, and its data sheet's dense FP16 peak and memory bandwidth; H100 for others."""

_OF_WIDTH = {4.0: "tf32", 2.0: "fp16", 1.0: "fp8", 0.5: "fp4"}


def modelled(device: Device, dtype: str, element_bytes: float = 2.0) -> DeviceModel:
    """A device as DeepFlow's timing sees it, for products of one number format.

    Args:
        device: Its own figures for DeepFlow hold for every format; without them its data sheet is taken.
        dtype: Number format of operands; "" where only the width is known.
        element_bytes: Their width.

    Raises:
        FaultsError: The device has faulty figures for DeepFlow, or neither figures nor a data sheet.
        UnsupportedGraphError: Its data sheet has no peak for the format.
    """
    if "deepflow" in device.parameters or not device.peak_flop_per_s:
        return DeviceModel.of(device)
    peak = device.peak(dtype or _OF_WIDTH.get(element_bytes, "fp16"))
    if peak is None:
        raise UnsupportedGraphError(f"deepflow: the data sheet of {device.name} has no peak for {dtype!r}")
    return _scaled(device.name, peak, device.memory_bandwidth_bytes_per_s, device.kernel_launch_overhead_s)


@lru_cache(maxsize=256)
def _scaled(
    name: str, peak_flop_per_s: float, memory_bytes_per_s: float, kernel_launch_overhead_s: float
) -> DeviceModel:
    preset, peak, memory = next((known for word, known in NEAREST.items() if word in name), _H100)
    nearest = derive(load_preset(preset)).device
    faster, wider = peak_flop_per_s / peak, memory_bytes_per_s / memory
    *caches, dram = nearest.memory
    return attrs.evolve(
        nearest,
        name=name,
        throughput_flop_per_s=nearest.throughput_flop_per_s * faster,
        kernel_launch_overhead_s=kernel_launch_overhead_s,
        memory=(
            *(attrs.evolve(level, throughput_bytes_per_s=level.throughput_bytes_per_s * faster) for level in caches),
            attrs.evolve(dram, throughput_bytes_per_s=dram.throughput_bytes_per_s * wider),
        ),
    )
