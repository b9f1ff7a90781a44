"""What a group of ranks on a network is to NCCL: how many channels of which speed it finds."""

from __future__ import annotations

import math

import attrs
from versim import Dimension, System, Topology

from versim_silicon.gpus import GPUS, gpu_of
from versim_silicon.nccl.constants import (
    DOUBLED_FROM,
    KEPT_ABOVE_CHANNELS,
    KEPT_BELOW,
    MOST_CHANNELS,
    MOST_NVLS_HEADS,
    NVLINK_SHARE,
    SPEEDS_ACROSS,
    SPEEDS_WITHIN,
    Generation,
)

FAST = 0.5
"""Dimensions whose links carry at least this share of the innermost ones' belong to the fast domain, NCCL's "node"."""

SLOWEST_NVLINK = 1 / 6
"""Innermost links with less than this share of the GPU's NVLink are network cards: each node uses one GPU."""


@attrs.frozen(kw_only=True)
class Group:
    """A group of ranks as NCCL sees it.

    Attributes:
        generation: Of the GPUs.
        ranks: How many.
        nodes: Fast domains that they are spread over.
        link_bytes_per_s: What a GPU sends within its domain, by the data sheet.
        nic_bytes_per_s: What a GPU sends out of it; ignored in one domain.
    """

    generation: Generation
    ranks: int
    nodes: int
    link_bytes_per_s: float
    nic_bytes_per_s: float = 0.0

    @property
    def per_node(self) -> float:
        """Ranks per domain; a fraction where they are spread unevenly."""
        return self.ranks / self.nodes


@attrs.frozen
class Channels:
    """Channels of one speed.

    Attributes:
        count: How many run side by side.
        bytes_per_s: What each carries.
    """

    count: int
    bytes_per_s: float

    @property
    def together_bytes_per_s(self) -> float:
        """What all carry."""
        return self.count * self.bytes_per_s


def group_of(system: System, ranks: tuple[int, ...], participants: int) -> Group:
    """The group of these ranks; of a folded communication, whose place is not known, the innermost ranks."""
    members = ranks or tuple(range(min(participants, system.world_size)))
    fast = fast_dimensions(system)
    levels = system.fabric.spread(members).levels if len(members) > 1 else ()
    nodes = math.prod(level.size for level in levels if level.dimension >= fast)
    node = system.dimensions[0]
    return Group(
        generation=generation_of(system.device.name),
        ranks=participants,
        nodes=min(nodes, participants),
        link_bytes_per_s=_within(node, next((level.size for level in levels if level.dimension == 0), node.size)),
        nic_bytes_per_s=min(
            (_share(system, level.dimension, participants / nodes) for level in levels if level.dimension >= fast),
            default=0.0,
        ),
    )


def _within(node: Dimension, members: int) -> float:
    """What a rank sends to so many members of its line at once: two on a ring are one link apart, others have two."""
    others = max(1, members - 1)
    ways = min(2, others) * node.link.bandwidth_bytes_per_s
    return ways if node.topology is Topology.RING else node.rate_bytes_per_s(others)


def _share(system: System, number: int, per_node: float) -> float:
    """What each of a group's ranks in a node sends along a dimension at once."""
    dimension, inside = system.dimensions[number], system.fabric.strides[number]
    return dimension.rate_bytes_per_s(1) * min(1.0, inside / (dimension.oversubscription * per_node))


def fast_dimensions(system: System) -> int:
    """How many dimensions, from the innermost, make up the fast domain."""
    gpu = gpu_of(system.device.name)
    innermost = system.dimensions[0].rate_bytes_per_s(max(1, system.dimensions[0].size - 1))
    if gpu is not None and innermost < SLOWEST_NVLINK * GPUS[gpu].link_bytes_per_s:
        return 0
    least = FAST * system.dimensions[0].link.bandwidth_bytes_per_s
    count = 1
    for dimension in system.dimensions[1:]:
        if dimension.link.bandwidth_bytes_per_s < least:
            break
        count += 1
    return count


def generation_of(device_name: str) -> Generation:
    """Of a device; what is not known is Ampere, which has no NVLS."""
    gpu = gpu_of(device_name)
    if gpu is not None:
        return Generation.of(GPUS[gpu].compute_capability)
    return Generation.VOLTA if "v100" in device_name.lower() else Generation.AMPERE


def rings(group: Group) -> Channels:
    """Channels of rings and trees."""
    generation = group.generation
    if group.nodes > 1:
        # A channel leaves its node through one card.
        card = _best(SPEEDS_ACROSS[generation], group.nic_bytes_per_s)
        return Channels(max(1, round(group.per_node)) * card.count, card.bytes_per_s)
    found = _best(SPEEDS_WITHIN[generation], NVLINK_SHARE[generation] * group.link_bytes_per_s)
    few = found.bytes_per_s < DOUBLED_FROM or (
        generation >= Generation.HOPPER and found.bytes_per_s < KEPT_BELOW and found.count > KEPT_ABOVE_CHANNELS
    )
    return found if few or 2 * found.count > MOST_CHANNELS else Channels(2 * found.count, found.bytes_per_s / 2)


def nvls(group: Group) -> Channels | None:
    """Channels through the switch, one head per GPU; None where there are none."""
    heads = min(MOST_NVLS_HEADS, round(group.per_node))
    if group.generation < Generation.HOPPER or heads < 2:
        return None
    if group.nodes > 1:
        card = _best(SPEEDS_ACROSS[group.generation], group.nic_bytes_per_s)
        return Channels(heads, card.together_bytes_per_s)
    total = NVLINK_SHARE[group.generation] * group.link_bytes_per_s
    return Channels(heads, _fastest(SPEEDS_WITHIN[group.generation], total / heads))


def _best(speeds: tuple[float, ...], total: float) -> Channels:
    """What carries most of a total; of equals the fastest channels, below all speeds one channel of the total."""
    fitting = [Channels(min(MOST_CHANNELS, int(total / speed * (1 + 1e-9))), speed) for speed in speeds]
    best = max(fitting, key=lambda channels: channels.together_bytes_per_s)
    return best if best.count else Channels(1, total)


def _fastest(speeds: tuple[float, ...], limit: float) -> float:
    """The fastest speed that fits; below them all, the limit itself."""
    return next((speed for speed in speeds if speed <= limit * (1 + 1e-9)), limit)
