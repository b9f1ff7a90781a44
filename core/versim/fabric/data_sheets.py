"""Devices by name, as their makers' data sheets have them.

Peaks are dense: where a sheet gives figures "with sparsity", half of them stands here. A sheet's "80 GB" of device
memory are 80 GiB, as drivers report them; bandwidths are decimal. The launch overhead is the time between two
dependent kernels of one stream when the host runs ahead: 3.8 µs per launch of a kernel that runs for 2.9 µs on a V100
(A. Gray, "Getting Started with CUDA Graphs", NVIDIA developer blog, 2019), so 1 µs. What a framework adds is not here.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from versim.errors import UnknownNameError
from versim.fabric.device import Device

TERA = 10**12
GIB = 2**30
LAUNCH_OVERHEAD_S = 1e-6


@attrs.frozen(kw_only=True)
class DataSheet:
    """A device and where its figures are from.

    Attributes:
        device: The device.
        source: The document.
    """

    device: Device
    source: str


def _sheet(
    name: str, peak_tflop_per_s: Mapping[str, float], memory_tb_per_s: float, gib: int, source: str
) -> DataSheet:
    device = Device(
        name=name,
        kernel_launch_overhead_s=LAUNCH_OVERHEAD_S,
        peak_flop_per_s={dtype: peak * TERA for dtype, peak in peak_tflop_per_s.items()},
        memory_bandwidth_bytes_per_s=memory_tb_per_s * TERA,
        memory_bytes=gib * GIB,
    )
    return DataSheet(device=device, source=source)


_AMPERE = {"fp32": 19.5, "tf32": 156, "fp16": 312, "bf16": 312, "int8": 624}
_HOPPER = {"fp32": 66.9, "tf32": 494.7, "fp16": 989.4, "bf16": 989.4, "fp8": 1978.9, "int8": 1978.9}
_A100 = "NVIDIA A100 Tensor Core GPU data sheet, 2021"
_H100 = "NVIDIA H100 Tensor Core GPU Architecture (whitepaper), 2022, table of peak rates"

DATA_SHEETS: Mapping[str, DataSheet] = {
    "v100": _sheet(
        "NVIDIA V100 SXM2 32GB",
        {"fp32": 15.7, "fp16": 125},
        0.9,
        32,
        "NVIDIA V100 Tensor Core GPU data sheet, 2020 (SXM2)",
    ),
    "a100-40gb": _sheet("NVIDIA A100 SXM 40GB", _AMPERE, 1.555, 40, _A100),
    "a100-80gb": _sheet("NVIDIA A100 SXM 80GB", _AMPERE, 2.039, 80, _A100),
    "a100-pcie-80gb": _sheet("NVIDIA A100 PCIe 80GB", _AMPERE, 1.935, 80, _A100),
    "h100": _sheet("NVIDIA H100 SXM 80GB", _HOPPER, 3.35, 80, _H100),
    "h100-pcie": _sheet(
        "NVIDIA H100 PCIe 80GB",
        {"fp32": 51.2, "tf32": 378, "fp16": 756, "bf16": 756, "fp8": 1513, "int8": 1513},
        2.0,
        80,
        _H100,
    ),
    "h200": _sheet("NVIDIA H200 SXM 141GB", _HOPPER, 4.8, 141, "NVIDIA H200 Tensor Core GPU data sheet, 2024"),
    "b200": _sheet(
        "NVIDIA B200 SXM 180GB",
        {"fp32": 75, "tf32": 1125, "fp16": 2250, "bf16": 2250, "fp8": 4500, "fp4": 9000},
        7.7,
        180,
        "NVIDIA HGX B200 data sheet, 2024 (a board of eight; its TF32, FP16 and FP8 are with sparsity)",
    ),
    "b300": _sheet(
        "NVIDIA B300 SXM 288GB",
        {"fp32": 75, "tf32": 1125, "fp16": 2250, "bf16": 2250, "fp8": 4500, "fp4": 13500},
        8.0,
        288,
        "NVIDIA HGX B300 and DGX B300 data sheets, 2025 (a board of eight: 108 PFLOP/s dense FP4)",
    ),
    "gb200": _sheet(
        "NVIDIA GB200 186GB",
        {"fp32": 80, "tf32": 1250, "fp16": 2500, "bf16": 2500, "fp8": 5000, "fp4": 10000},
        8.0,
        186,
        "NVIDIA GB200 NVL72 data sheet, 2024 (72 GPUs; 360 PFLOP/s FP16 with sparsity, 576 TB/s, 13.4 TB)",
    ),
    "gb300": _sheet(
        "NVIDIA GB300 288GB",
        {"fp32": 80, "tf32": 1250, "fp16": 2500, "bf16": 2500, "fp8": 5000, "fp4": 15000},
        8.0,
        288,
        "NVIDIA GB300 NVL72 data sheet, 2025 (72 GPUs; 1,080 PFLOP/s dense FP4, 576 TB/s)",
    ),
    "mi300x": _sheet(
        "AMD Instinct MI300X 192GB",
        {"fp32": 163.4, "tf32": 653.7, "fp16": 1307.4, "bf16": 1307.4, "fp8": 2614.9, "int8": 2614.9},
        5.3,
        192,
        "AMD Instinct MI300X accelerator data sheet, 2023",
    ),
}
"""By the name that scenarios use."""


def data_sheet(name: str) -> DataSheet:
    """A device by name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    try:
        return DATA_SHEETS[name]
    except KeyError:
        raise UnknownNameError("device preset", name, DATA_SHEETS) from None
