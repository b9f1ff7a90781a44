"""Bounds that hold for any simulator of a scenario: its pinned compute, and what its network's middle has to carry.

Along each dimension the network is cut in two halves: the ranks whose coordinate in it is in the lower half, and the
rest. A product of rings, switches and full meshes has no other links between them than those of that dimension, so
whatever the algorithm and the routes, the data that one half needs of the other has to cross them, and each direction
carries so many bytes per second at most.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline
from versim.comparison.groups import exact_sums
from versim.fabric import System
from versim.fabric.crossing import bytes_across
from versim.graph import ExecutionGraph, Instances, distinct_communications
from versim.inputs import Inputs
from versim.schedule import longest_chain_ps
from versim.units import PS_PER_NS, PS_PER_S
from versim.work import Kind


@attrs.frozen(kw_only=True)
class Bounds:
    """Times in picoseconds that no sound prediction of a pinned graph is below.

    Attributes:
        compute_ps: Pinned compute of the busiest device or host, and of the longest chain of dependencies and
            communications.
        bisection_ps: See :func:`bisection_bound_ps`.
    """

    compute_ps: int
    bisection_ps: int | None


def bounds_of(inputs: Inputs, instances: Instances) -> Bounds:
    """The bounds of what is given to every simulator."""
    return Bounds(
        compute_ps=compute_bound_ps(inputs, instances),
        bisection_ps=bisection_bound_ps(inputs.graph, inputs.system),
    )


def compute_bound_ps(inputs: Inputs, instances: Instances) -> int:
    """Pinned compute of the busiest rank, or of the longest chain if that is longer."""
    compute_ps = inputs.compute_ns * PS_PER_NS
    busiest_ps = max(
        exact_sums(compute_ps[instances.node], instances.processor, 2 * instances.classes.count),
        default=0,
    )
    return max(longest_chain_ps(instances, compute_ps), busiest_ps)


def respects_compute(line: Timeline) -> bool:
    """Whether the last end cannot be below the pinned compute, given that single nodes are as they should be.

    That is: every node ran, none before what it waits for, none on a processor that ran another, each for its pinned
    time. Then only a communication could still be shorter than a chain that leads through it: if one of its parts
    ended before another was posted.
    """
    return line.all_ran and line.posted_in_time


def bisection_bound_ps(graph: ExecutionGraph, system: System) -> int | None:
    """The least time in which all communication of a graph can cross the middle of its network.

    What has to cross of a group that has ranks on both sides: see :func:`versim.fabric.crossing.bytes_across`.

    A simulator that counts in whole nanoseconds may round the time of every message on a link down, so a nanosecond is
    allowed for each: one per message, 2 (p − 1) per collective, as many as its longest algorithm has rounds.

    Returns:
        Picoseconds, rounded down, of the dimension that takes longest; None if the network has one rank only.
    """
    cut = [number for number, dimension in enumerate(system.dimensions) if dimension.size > 1]
    if not cut:
        return None
    stride = np.cumprod([1, *(dimension.size for dimension in system.dimensions)])
    ranks = np.arange(system.world_size)
    halves = [ranks // stride[number] % system.dimensions[number].size for number in cut]
    below = np.array([half < system.dimensions[number].size // 2 for number, half in zip(cut, halves, strict=True)])
    crossing = _crossing(graph, below)
    bounds = []
    for number, (up, down, either, messages) in zip(cut, crossing, strict=True):
        links = system.fabric.links_across(number)
        # An axis with a link of its own may be another network beside this one.
        beside = sum(Fraction(link.bandwidth_bytes_per_s) for link in system.axis_links.values())
        capacity = Fraction(system.fabric.bisection_bytes_per_s(number)) + links * beside
        busier = max(up, down, (up + down + either) / 2)
        bounds.append(math.floor(busier * PS_PER_S / capacity - messages * PS_PER_NS / links))
    return max(0, *bounds)


Crossing = tuple[Fraction, Fraction, Fraction, Fraction]
"""Bytes that have to go up, down, and one of the two ways; and in how many messages."""


def _crossing(graph: ExecutionGraph, below: NDArray[np.bool_]) -> list[Crossing]:
    """What crosses each cut in all; ``below`` has shape (cuts, ranks)."""
    total = [[Fraction(0)] * 4 for _ in below]
    alike, which = distinct_communications(graph)
    for match, count in zip(alike.tolist(), np.bincount(which, minlength=len(alike)).tolist(), strict=True):
        kind, size_bytes = graph.kind_of(match), int(graph.size_bytes[match])
        for cut, halves in enumerate(_halves(graph.communication(match).groups, below)):
            for (under, over, sends), groups in halves.items():
                each = _of_group(kind, size_bytes, under, over, sends=sends)
                total[cut] = [sum_ + count * groups * more for sum_, more in zip(total[cut], each, strict=True)]
    return [(up, down, either, messages) for up, down, either, messages in total]


def _halves(groups: Sequence[tuple[int, ...]], below: NDArray[np.bool_]) -> list[Counter[tuple[int, int, bool]]]:
    """Per cut, how many groups have so many ranks below it, so many above, and their first below it or not."""
    members = np.array([len(group) for group in groups], dtype=np.int64)
    start = np.cumsum(members) - members
    side = below[:, np.fromiter(itertools.chain.from_iterable(groups), dtype=np.int64, count=int(members.sum()))]
    under = np.add.reduceat(side, start, axis=1, dtype=np.int64)
    columns = (under.tolist(), (members - under).tolist(), side[:, start].tolist())
    return [Counter(zip(*of_cut, strict=True)) for of_cut in zip(*columns, strict=True)]


def _of_group(kind: Kind, size_bytes: int, under: int, over: int, *, sends: bool) -> Crossing:
    """What crosses of one group with so many ranks on either side; ``sends`` if a message's sender is below the cut."""
    across = bytes_across(kind, size_bytes, under, over, sends=sends)
    crosses = bool(under and over)
    messages = 1 if kind is Kind.POINT_TO_POINT else 2 * (under + over - 1)
    return across.out, across.into, across.either, Fraction(messages * crosses)
