"""What a GPU and a network card make of NCCL's model: two constants each, and where they come from.

NCCL chooses by its published figures, so the choice is left as it is. What the chosen way then takes is

    t = latency · launch / 6.6 µs + size / (bandwidth · achieved)

with NCCL's latency and bandwidth, of which 6.6 µs is what it reckons a launch takes. Across nodes, steps between them
and the bandwidth are the network card's.

A rank's own part of a buffer passes the channels as well: it is copied, not sent, which is about twice as fast. That
is seen in every table, as the bus bandwidth of a large message that grows with the number of ranks (:data:`OWN_PART`).
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_silicon.nccl.constants import BASE_S, LL, US, Algorithm, Generation
from versim_silicon.nccl.tuning import Way

Floats = NDArray[np.float64]

NCCL_LAUNCH_S = BASE_S[Algorithm.RING][LL]

OWN_PART = 2.0
"""How much faster a channel copies than it sends. Large all-gathers of 2, 4 and 8 ranks give 2.2 on A100, 2.7 on H100
and 2.0 on B200, all-reduces and reduce-scatters the like; one figure serves all."""


@attrs.frozen
class GpuConstants:
    """Of a generation of GPUs.

    Attributes:
        launch_s: What a launch takes, where NCCL reckons 6.6 µs; steps are longer and shorter with it.
        achieved: Bandwidth over what NCCL reckons with, which is 0.8 of the data sheet's.
        source: Where both come from.
    """

    launch_s: float
    achieved: float
    source: str


@attrs.frozen
class NicConstants:
    """Of a kind of network card.

    Attributes:
        slower: What a step between nodes takes over NCCL's figure.
        achieved: Bandwidth over what NCCL reckons with.
        source: Where both come from.
    """

    slower: float
    achieved: float
    source: str


_TABLES = (
    "fitted on NCCL's tables of aiconfigurator-core 0.12.0: all-reduce, all-gather and reduce-scatter of 2, 4 and 8"
)

GPU_CONSTANTS: Mapping[Generation, GpuConstants] = {
    Generation.VOLTA: GpuConstants(9.4 * US, 0.93, "Ampere's; no measurements of Volta are open"),
    Generation.AMPERE: GpuConstants(9.4 * US, 0.93, f"{_TABLES} A100, NCCL 2.27.3"),
    Generation.HOPPER: GpuConstants(5.8 * US, 1.01, f"{_TABLES} H100, NCCL 2.29.2"),
    Generation.BLACKWELL: GpuConstants(9.4 * US, 0.94, f"{_TABLES} B200, NCCL 2.29.2"),
}

NIC_CONSTANTS: Mapping[str, NicConstants] = {
    "infiniband": NicConstants(1.0, 1.0, "NCCL's own figures, which were taken on InfiniBand; nothing fitted"),
    "efa": NicConstants(
        4.5,
        1.0,
        "fitted on all-reduces of 64 MiB to 16 GiB over four nodes of eight B200 and eight EFA v4 cards, NCCL 2.27.7 "
        "(github.com/stas00/ml-engineering, network/README.md)",
    ),
}


def times_s(
    way: Way, sizes_bytes: Floats, parts: float, gpu: GpuConstants, nic: NicConstants | None, own_part: float = OWN_PART
) -> Floats:
    """Seconds that a way takes by size.

    Args:
        way: Algorithm and protocol.
        sizes_bytes: Shape (sizes,).
        parts: Parts of the buffer that a rank sends: ranks − 1, twice as many of an all-reduce.
        gpu: Constants of the GPUs.
        nic: Constants of the network cards; None within one node.
        own_part: See :data:`OWN_PART`; infinite where copying takes no time.
    """
    scale = gpu.launch_s / NCCL_LAUNCH_S
    achieved = gpu.achieved if nic is None else nic.achieved
    own = 1.0 if way.algorithm in (Algorithm.NVLS, Algorithm.NVLS_TREE) else 1 + 1 / (own_part * parts)
    real = attrs.evolve(
        way,
        base_s=way.base_s * scale,
        within_s=way.within_s * scale,
        across_s=way.across_s * (1.0 if nic is None else nic.slower),
        bytes_per_s=way.bytes_per_s * achieved / own,
    )
    return real.times_s(sizes_bytes)
