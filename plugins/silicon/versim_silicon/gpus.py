"""The GPUs that were measured: what they are called, and the peak rates their tables are normalised by.

Rates are those of NVIDIA's data sheets, dense. They only shape the interpolation, which is of efficiency against them;
a measured time does not depend on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

TERA = 1e12

SUSTAINED = {8: 1.0, 9: 1.04, 10: 1.04}
"""Time of a product or of attention in a run of minutes over that of a cold GPU, by compute capability / 10.

As GPUs get warm, the power they may take is enough for less clock. MLPerf's logs show it: of 30 submissions of
llama31_8b on H200, B200, B300, GB200 and GB300 (github.com/mlcommons/training_results_v5.1, ``train_step_time``), whose
first 32 steps wait for nothing else, steps of the second half of a run take 1.042 times the first 32 (median; 1.005 to
1.077; H200 1.040). That these are whole steps, of which memory and network keep their pace, and that 32 steps take half
a minute already, makes it a lower bound. Nothing of the kind is known of Ampere."""


@attrs.frozen(kw_only=True)
class Gpu:
    """A GPU with measured tables.

    Attributes:
        name: Of the tables, e.g. ``h100_sxm``.
        compute_capability: 80 is Ampere, 90 Hopper, 100 and above Blackwell.
        multiprocessors: Streaming multiprocessors.
        flop_per_s: Dense peak by number format of the tables.
        memory_bytes_per_s: Peak bandwidth of device memory.
        link_bytes_per_s: NVLink out of one GPU, one direction.
    """

    name: str
    compute_capability: int
    multiprocessors: int
    flop_per_s: Mapping[str, float]
    memory_bytes_per_s: float
    link_bytes_per_s: float


def _gpu(
    name: str, capability: int, processors: int, rates: dict[str, float], memory_tb_s: float, link_gb_s: float
) -> Gpu:
    flop_per_s = {dtype: rate * TERA for dtype, rate in rates.items()}
    if "fp8" in flop_per_s:
        flop_per_s["fp8_block"] = flop_per_s["fp8"]
    return Gpu(
        name=name,
        compute_capability=capability,
        multiprocessors=processors,
        flop_per_s=flop_per_s,
        memory_bytes_per_s=memory_tb_s * TERA,
        link_bytes_per_s=link_gb_s * 1e9,
    )


GPUS: Mapping[str, Gpu] = {
    gpu.name: gpu
    for gpu in (
        _gpu("a100_sxm", 80, 108, {"bf16": 312}, 2.039, 300),
        _gpu("h100_sxm", 90, 132, {"bf16": 989.4, "fp8": 1978.9}, 3.35, 450),
        _gpu("h200_sxm", 90, 132, {"bf16": 989.4, "fp8": 1978.9}, 4.8, 450),
        _gpu("b200_sxm", 100, 148, {"bf16": 2250, "fp8": 4500, "nvfp4": 9000}, 8.0, 900),
        _gpu("b300_sxm", 103, 148, {"bf16": 2250, "fp8": 4500, "nvfp4": 13500}, 8.0, 900),
        _gpu("gb200", 100, 148, {"bf16": 2500, "fp8": 5000, "nvfp4": 10000}, 8.0, 900),
        _gpu("gb300", 103, 148, {"bf16": 2500, "fp8": 5000, "nvfp4": 15000}, 8.0, 900),
    )
}
"""By the tables' names. Sources: NVIDIA's data sheets and architecture papers of A100, H100, H200, HGX B200 and B300,
GB200 NVL72 and GB300 NVL72 (dense rates; multiprocessors as enabled in the product)."""

_CHIPS = (("gb300", "gb300"), ("gb200", "gb200"), ("b300", "b300_sxm"), ("b200", "b200_sxm"))
_SXM = (("h200", "h200_sxm"), ("h100", "h100_sxm"), ("a100", "a100_sxm"))
_OTHER_BOARDS = ("gh200", "pcie", "nvl2", "h100nvl", "h200nvl", "mig", "cnx")


def gpu_of(device_name: str) -> str | None:
    """The tables' name of a device, e.g. of ``NVIDIA A100-SXM4-80GB``; None where nothing was measured on it.

    What is left out of a name is taken as the SXM board; boards with fewer processors or less power (PCIe, NVL) are
    other devices.

    >>> gpu_of("H100 80GB HBM3"), gpu_of("GB200 NVL72"), gpu_of("A100-PCIE-40GB")
    ('h100_sxm', 'gb200', None)
    """
    word = re.sub(r"[^a-z0-9]", "", device_name.lower())
    for chip, name in _CHIPS:
        if chip in word:
            return name
    for chip, name in _SXM:
        if chip in word:
            return None if any(board in word for board in _OTHER_BOARDS) else name
    return None
