"""Bounds that hold for any simulator of the scenario's network: what its bisection has to carry.

The ranks are cut in two halves, lower and upper. Whatever the algorithm, the data that one half needs of the other has
to cross the cut, and each direction of the cut carries so many bytes per second at most.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from versim.graph import KINDS, ExecutionGraph
from versim.system import System, Topology
from versim.units import PS_PER_S
from versim.work import Kind


def bisection_bound_ps(graph: ExecutionGraph, system: System) -> int | None:
    """The least time in which all communication of a graph can cross the middle of its network.

    Of a group with a ranks below the cut and b above it (p = a + b), at least these bytes go up and down:

    ==================  ======================  ======================
    all_reduce          S                       S
    all_gather          a · S/p                 b · S/p
    reduce_scatter      b · S/p                 a · S/p
    all_to_all          a · b · S/p             a · b · S/p
    point_to_point      S if it goes up         S if it goes down
    ==================  ======================  ======================

    A broadcast's root is not part of the graph, so it counts nothing.

    Returns:
        Picoseconds, rounded down; None where the network has several dimensions or no even cut.
    """
    links = _links_across(system)
    if links is None:
        return None
    half = graph.mesh.world_size // 2
    up = down = Fraction(0)
    known: dict[tuple[int, ...], tuple[Fraction, Fraction]] = {}
    start, rows = graph.parts()
    starts, placements = start.tolist(), graph.placement[rows].tolist()
    columns = (graph.kind.tolist(), graph.size_bytes.tolist(), graph.scope.tolist())
    for match, (kind, size_bytes, scope) in enumerate(zip(*columns, strict=True)):
        key = (kind, size_bytes, scope, *placements[starts[match] : starts[match + 1]])
        if key not in known:
            groups = graph.communication(match).groups
            each = [_crossing(KINDS[kind], size_bytes, group, half) for group in groups]
            known[key] = (sum((e[0] for e in each), Fraction(0)), sum((e[1] for e in each), Fraction(0)))
        up, down = up + known[key][0], down + known[key][1]
    # Timings that know links per axis may give one more than the dimension has.
    fastest = max(link.bandwidth_bytes_per_s for link in (system.dimensions[0].link, *system.axis_links.values()))
    return floor(max(up, down) * PS_PER_S / (Fraction(fastest) * links))


def _links_across(system: System) -> int | None:
    """Links in each direction between the halves of a network of one dimension."""
    if len(system.dimensions) != 1:
        return None
    (dimension,) = system.dimensions
    if dimension.size % 2 or dimension.size < 4:
        return None
    half = dimension.size // 2
    return {Topology.RING: 2, Topology.FULLY_CONNECTED: half * half, Topology.SWITCH: half}[dimension.topology]


def _crossing(kind: Kind, size_bytes: int, group: tuple[int, ...], half: int) -> tuple[Fraction, Fraction]:
    """Bytes that have to go up and down across the cut for one group; of a message, (sender, receiver)."""
    below = sum(rank < half for rank in group)
    above = len(group) - below
    if not below or not above:
        return Fraction(0), Fraction(0)
    shard = Fraction(size_bytes // len(group))
    whole = Fraction(size_bytes)
    match kind:
        case Kind.ALL_REDUCE:
            return whole, whole
        case Kind.ALL_GATHER:
            return below * shard, above * shard
        case Kind.REDUCE_SCATTER:
            return above * shard, below * shard
        case Kind.ALL_TO_ALL:
            return below * above * shard, below * above * shard
        case Kind.POINT_TO_POINT:
            return (whole, Fraction(0)) if group[0] < half else (Fraction(0), whole)
        case Kind.BROADCAST:
            return Fraction(0), Fraction(0)
