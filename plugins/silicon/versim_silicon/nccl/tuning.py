"""Latency and bandwidth of every algorithm and protocol, after NCCL's tuning model.

    t = latency · plateau + size / (bandwidth · correction(size))

with, for n ranks on N nodes, n/N of them on each (``src/graph/tuning.cc``):

- ring: 2(n−1) steps of an all-reduce, n−1 of a gather or scatter; those between nodes take a network step.
- tree (all-reduce): 2(n/N − 1) steps within a node, and 2·log2 N between them.
- NVLS (one node) and NVLS tree (several): the switch adds up; 2·log2 N steps between nodes.

Bandwidth is that of all channels, less what a protocol and an algorithm waste.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Kind

from versim_silicon.nccl.channels import Channels, Group, nvls, rings
from versim_silicon.nccl.constants import (
    BASE_S,
    LL_MOST,
    MOST_NVLS_HEADS,
    NET_OVERHEAD_S,
    NET_STEP_S,
    NVLINK_STEP_S,
    NVLS_EFFICIENCY,
    NVLS_TREE_MOST,
    PLATEAU,
    RING_LL128_MOST,
    TREE_CORRECTED_SIZES,
    TREE_CORRECTION,
    TREE_LL128_MOST,
    TREE_MOST,
    Algorithm,
    Generation,
    Protocol,
)

Floats = NDArray[np.float64]

TUNED_KINDS = (Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.BROADCAST)
"""The kinds that NCCL chooses an algorithm for; messages and all-to-all are sends and receives."""


@attrs.frozen
class Way:
    """One algorithm with one protocol.

    Attributes:
        algorithm: And
        protocol: as NCCL prints them.
        base_s: Seconds before the first step.
        within_s: Seconds of all steps within nodes.
        across_s: Seconds of all steps between nodes.
        bytes_per_s: Size over time of a large message.
        correction: Share of the bandwidth by size; None for 1.
        plateau_from_bytes: From here latency is :data:`PLATEAU` times as long.
    """

    algorithm: Algorithm
    protocol: Protocol
    base_s: float
    within_s: float
    across_s: float
    bytes_per_s: float
    correction: Callable[[Floats], Floats] | None = None
    plateau_from_bytes: float = math.inf

    def times_s(self, sizes_bytes: Floats) -> Floats:
        """Seconds by size."""
        latency_s = self.base_s + self.within_s + self.across_s
        latencies = np.where(sizes_bytes >= self.plateau_from_bytes, PLATEAU, 1.0) * latency_s
        share = 1.0 if self.correction is None else self.correction(sizes_bytes)
        return latencies + sizes_bytes / (self.bytes_per_s * share)


def ways(kind: Kind, group: Group) -> list[Way]:
    """Everything NCCL has to choose from for a collective; at least one."""
    return [*_rings(kind, group), *_trees(kind, group), *_switches(kind, group)]


def _column(group: Group) -> int:
    return min(group.nodes, 3) - 1


def _rings(kind: Kind, group: Group) -> Iterator[Way]:
    channels, ranks, nodes = rings(group), group.ranks, group.nodes
    generation, column = group.generation, _column(group)
    halves = 2 if kind is Kind.ALL_REDUCE else 1
    steps = ranks if kind is Kind.BROADCAST else halves * (ranks - 1)
    across = halves * (nodes - 1)
    for protocol in Protocol:
        base_s = BASE_S[Algorithm.RING][protocol]
        step_s, net_s = NVLINK_STEP_S[Algorithm.RING][protocol], NET_STEP_S[Algorithm.RING][protocol]
        if nodes > 1:
            step_s = max(step_s, NET_OVERHEAD_S * (3 if protocol is Protocol.SIMPLE else 1))
            if ranks == nodes:  # nothing hides what a step between nodes takes
                net_s = NET_STEP_S[Algorithm.TREE][protocol]
        if kind is Kind.BROADCAST:
            # A pipeline: its first part passes every rank, the rest follows.
            within_s, across_s = (0.0, net_s) if nodes > 1 else (step_s, 0.0)
        else:
            within_s, across_s = (steps - across) * step_s, across * net_s
        total = channels.together_bytes_per_s
        if protocol is Protocol.LL:
            total = min(_ll_most(group), total / 2)
        elif protocol is Protocol.LL128:
            total = min(0.92 * total, channels.count * RING_LL128_MOST[generation][column])
        plateau = math.inf
        if kind is Kind.ALL_REDUCE and protocol is Protocol.SIMPLE and nodes > 1:
            plateau = 64.0 * channels.count * ranks
        yield Way(
            Algorithm.RING, protocol, base_s, within_s, across_s, total * ranks / steps, plateau_from_bytes=plateau
        )


def _trees(kind: Kind, group: Group) -> Iterator[Way]:
    if kind is not Kind.ALL_REDUCE:
        return
    channels, nodes = rings(group), group.nodes
    generation, column = group.generation, _column(group)
    levels = math.floor(math.log2(nodes))
    for protocol in Protocol:
        total = min(0.92 * channels.together_bytes_per_s, channels.count * TREE_MOST[generation][column])
        if protocol is Protocol.LL:
            total = min(total / 3.8, _ll_most(group))
        elif protocol is Protocol.LL128:
            share = 7 / 9 if nodes == 1 else 120 / 128
            total = min(total * share, channels.count * TREE_LL128_MOST[generation][column])
        yield Way(
            Algorithm.TREE,
            protocol,
            BASE_S[Algorithm.TREE][protocol],
            2 * (max(1.0, group.per_node) - 1) * NVLINK_STEP_S[Algorithm.TREE][protocol],
            2 * levels * NET_STEP_S[Algorithm.TREE][protocol],
            total / 2,
            _correction(protocol, TREE_CORRECTED_SIZES),
        )


def _switches(kind: Kind, group: Group) -> Iterator[Way]:
    channels = nvls(group)
    if channels is None or kind is Kind.BROADCAST:
        return
    if group.nodes == 1:
        if kind is Kind.ALL_REDUCE or group.ranks <= MOST_NVLS_HEADS:
            rate = _through_switch(kind, group, channels) * channels.count
            share = group.ranks / (2 * (group.ranks - 1)) if kind is Kind.ALL_REDUCE else 1.0
            step_s = NVLINK_STEP_S[Algorithm.NVLS][Protocol.SIMPLE]
            yield Way(Algorithm.NVLS, Protocol.SIMPLE, 0.0, step_s, 0.0, rate * share)
    elif kind is Kind.ALL_REDUCE:
        across = channels.bytes_per_s * (2 if group.nodes == 2 else 1)
        most = NVLS_TREE_MOST[group.generation][_column(group)]
        rate = min(_through_switch(kind, group, channels), across, most) * channels.count
        yield Way(
            Algorithm.NVLS_TREE,
            Protocol.SIMPLE,
            0.0,
            NVLINK_STEP_S[Algorithm.NVLS_TREE][Protocol.SIMPLE],
            2 * math.floor(math.log2(group.nodes)) * NET_STEP_S[Algorithm.NVLS_TREE][Protocol.SIMPLE],
            rate * group.ranks / (2 * (group.ranks - 1)),
            _correction(Protocol.SIMPLE, TREE_CORRECTED_SIZES + 1)
            if group.generation is Generation.BLACKWELL
            else None,
        )


def _through_switch(kind: Kind, group: Group, channels: Channels) -> float:
    """What one channel carries through the switch, as bus bandwidth."""
    rate = channels.bytes_per_s * NVLS_EFFICIENCY[group.generation] * (channels.count - 1) / channels.count
    return rate * 2 if kind is Kind.ALL_REDUCE else rate * (group.per_node - 1) / group.per_node


def _ll_most(group: Group) -> float:
    return LL_MOST[group.generation][0] if group.nodes == 1 else LL_MOST[0][_column(group)]


def _correction(protocol: Protocol, sizes: int) -> Callable[[Floats], Floats]:
    table = TREE_CORRECTION[protocol]

    def share(sizes_bytes: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            place = np.floor(np.log2(np.maximum(sizes_bytes, 0) / 64))
        inside = (place >= 0) & (place < sizes)
        return np.where(inside, table[np.clip(place, 0, len(table) - 1).astype(np.intp)], 1.0)

    return share
