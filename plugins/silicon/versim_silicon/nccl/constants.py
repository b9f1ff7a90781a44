"""Figures of NCCL's tuning model, as its source publishes them.

From NCCL 2.30.7's repository (github.com/NVIDIA/nccl): ``src/graph/tuning.cc`` (latencies, caps, efficiency, correction
of trees), ``src/graph/topo.h`` (what a link of a generation carries), ``src/graph/search.cc`` (speeds that channels are
tried at). Microseconds and GB/s (10^9) there, seconds and bytes per second here.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import numpy as np

US = 1e-6
GB = 1e9


class Algorithm(enum.StrEnum):
    """Spelt as NCCL prints them."""

    TREE = "Tree"
    RING = "Ring"
    NVLS = "NVLS"
    NVLS_TREE = "NVLSTree"


class Protocol(enum.StrEnum):
    """Spelt as NCCL prints them."""

    LL = "LL"
    LL128 = "LL128"
    SIMPLE = "Simple"


class Generation(enum.IntEnum):
    """Of GPUs, as NCCL tells them apart by compute capability."""

    VOLTA = 0
    AMPERE = 1
    HOPPER = 2
    BLACKWELL = 3

    @classmethod
    def of(cls, compute_capability: int) -> Generation:
        """E.g. 90 is Hopper."""
        return cls(sum(compute_capability >= least for least in (80, 90, 100)))


LL, LL128, SIMPLE = Protocol.LL, Protocol.LL128, Protocol.SIMPLE

BASE_S: Mapping[Algorithm, Mapping[Protocol, float]] = {
    Algorithm.TREE: {LL: 6.8 * US, LL128: 14.0 * US, SIMPLE: 8.4 * US},
    Algorithm.RING: {LL: 6.6 * US, LL128: 14.0 * US, SIMPLE: 8.4 * US},
    Algorithm.NVLS: {SIMPLE: 0.0},
    Algorithm.NVLS_TREE: {SIMPLE: 0.0},
}
"""Before the first step; of a ring's LL it is what a launch takes."""

NVLINK_STEP_S: Mapping[Algorithm, Mapping[Protocol, float]] = {
    Algorithm.TREE: {LL: 0.6 * US, LL128: 1.25 * US, SIMPLE: 4.0 * US},
    Algorithm.RING: {LL: 0.6 * US, LL128: 1.9 * US, SIMPLE: 3.4 * US},
    Algorithm.NVLS: {SIMPLE: 25.0 * US},
    Algorithm.NVLS_TREE: {SIMPLE: 25.0 * US},
}
"""A step over NVLink."""

NET_STEP_S: Mapping[Algorithm, Mapping[Protocol, float]] = {
    Algorithm.TREE: {LL: 5.0 * US, LL128: 8.5 * US, SIMPLE: 14.0 * US},
    Algorithm.RING: {LL: 2.7 * US, LL128: 4.0 * US, SIMPLE: 14.0 * US},
    Algorithm.NVLS: {SIMPLE: 18.0 * US},
    Algorithm.NVLS_TREE: {SIMPLE: 20.9 * US},
}
"""A step over a network card."""

NET_OVERHEAD_S = 1.0 * US
"""What posting to a network card takes on an Intel host (2 on AMD); no step of a ring across nodes is shorter."""

PLATEAU = 1.4
"""Latency of a Simple ring all-reduce across nodes, once each rank has 64 bytes per channel."""

LL_MOST = tuple(
    tuple(rate * GB for rate in row)
    for row in ((39.0, 39.0, 20.4), (87.7, 22.5, 19.0), (141.0, 45.0, 35.0), (282.0, 90.0, 70.0))
)
"""Most that LL carries: of one node by generation; of two, and of more, by the host's maker, of which the first row is
Intel's."""

RING_LL128_MOST = tuple((rate * GB,) * 3 for rate in (20.0, 20.0, 36.7, 40.0))
TREE_LL128_MOST = tuple(
    tuple(rate * GB for rate in row)
    for row in ((20.0, 20.0, 20.0), (20.0, 20.0, 20.0), (36.7, 36.7, 29.0), (55.6, 31.67, 20.0))
)
TREE_MOST = tuple(
    tuple(rate * GB for rate in row)
    for row in ((26.5, 18.5, 10.0), (24.0, 23.6, 17.8), (38.7, 41.4, 36.0), (70.0, 42.8, 24.0))
)
NVLS_TREE_MOST = tuple(
    tuple(rate * GB for rate in row)
    for row in ((26.5, 18.5, 10.0), (24.0, 23.6, 17.8), (0.0, 57.7, 45.5), (0.0, 96.0, 80.0))
)
"""Most per channel, by generation, of one node, two, and more."""

NVLS_EFFICIENCY = (0.0, 0.0, 0.85, 0.74)
"""What adding up in the switch reaches, by generation."""

MOST_NVLS_HEADS = 32

TREE_CORRECTION: Mapping[Protocol, np.ndarray] = {
    LL: np.array(
        [1, 1, 1, 1, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.6, 0.5, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1, 1, 1, 1]
    ),
    LL128: np.array(
        [1, 1, 1, 1, 1, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.8, 0.9, 0.9, 0.9, 0.9, 1, 1, 1]
    ),
    SIMPLE: np.array([0.9] * 7 + [0.8, 0.7, 0.6, 0.6, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9, 0.9]),
}
"""Share of a tree's bandwidth at 64 bytes, 128, … 512 MiB."""

TREE_CORRECTED_SIZES = 23
"""Of an all-reduce by tree; by NVLS tree one more."""

NVLINK_SHARE = (20.0 / 25.0, 20.0 / 25.0, 20.6 / 25.0, 40.1 / 50.0)
"""What NCCL reckons a link carries over its data sheet (25, 25, 25 and 50 GB/s), by generation."""

SPEEDS_WITHIN = tuple(
    tuple(rate * GB for rate in row)
    for row in (
        (40.0, 30.0, 20.0, 18.0, 15.0, 12.0, 10.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.0),
        (40.0, 30.0, 20.0, 18.0, 15.0, 12.0, 10.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.0),
        (60.0, 50.0, 40.0, 30.0, 24.0, 20.0, 15.0, 12.0, 11.0, 6.0, 3.0),
        (90.0, 80.0, 70.0, 60.0, 50.0, 45.0, 40.0, 30.0, 24.0, 20.0, 19.0, 18.0),
    )
)
SPEEDS_ACROSS = tuple(
    tuple(rate * GB for rate in row)
    for row in (
        (48.0, 30.0, 28.0, 24.0, 20.0, 18.0, 15.0, 12.0, 10.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.4, 1.2, 0.24, 0.12),
        (48.0, 30.0, 28.0, 24.0, 20.0, 18.0, 15.0, 12.0, 10.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.4, 1.2, 0.24, 0.12),
        (48.0, 45.0, 42.0, 40.0, 30.0, 24.0, 22.0, 20.0, 17.5, 15.0, 12.0, 6.0, 3.0, 2.4, 1.2, 0.24, 0.12),
        (
            *(96.0, 86.0, 80.0, 48.0, 45.1, 42.0, 40.0, 30.0, 24.0, 22.0),
            *(20.0, 17.5, 15.0, 12.0, 6.0, 3.0, 2.4, 1.2, 0.24, 0.12),
        ),
    )
)
"""Speeds that channels are tried at within a node and across nodes, by generation."""

MOST_CHANNELS = 32
DOUBLED_FROM = 25.0 * GB
"""Channels this fast are made twice as many of half the speed,"""
KEPT_BELOW = 50.0 * GB
KEPT_ABOVE_CHANNELS = 4
"""but from Hopper on not where there are more than four of less than this."""
