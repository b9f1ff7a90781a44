"""Slow devices: compute that takes longer on some ranks than on the others.

Durations belong to nodes, not to ranks, so a node that stands on slow and on other ranks becomes several nodes with
placements of their own. Every simulator honours that without knowing of slow devices, and folding unfolds those ranks
and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.graph.columns import NONE, ExecutionGraph
from versim.mesh import Indices, Mesh, Placement
from versim.work import Folded, Work


def _positive(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"{attribute.name} must be a finite number above 0, got {value!r}")


@attrs.frozen(kw_only=True)
class SlowDevices:
    """Ranks whose compute takes longer.

    Attributes:
        ranks: Which.
        factor: Their compute takes so many times as long.
    """

    ranks: tuple[int, ...] = attrs.field(converter=tuple, validator=attrs.validators.min_len(1))
    factor: float = attrs.field(validator=_positive)


def slowed(graph: ExecutionGraph, slow: Sequence[SlowDevices]) -> ExecutionGraph:
    """The same step with compute that takes longer on some ranks; communication, folded or not, takes what it did.

    Raises:
        VersimError: A rank outside the mesh.
    """
    factors = np.ones(graph.mesh.world_size)
    for one in slow:
        outside = [rank for rank in one.ranks if not 0 <= rank < graph.mesh.world_size]
        if outside:
            raise VersimError(f"slow_devices: rank {outside[0]} is outside the mesh {graph.mesh}")
        factors[list(one.ranks)] *= one.factor
    if (factors == 1).all():
        return graph
    parts = [_parts(graph.mesh, place, factors) for place in graph.placements]
    placements: dict[Placement, int] = {place: code for code, place in enumerate(graph.placements)}
    works: dict[Work, int] = {work: code for code, work in enumerate(graph.works)}
    first = np.zeros(graph.node_count + 1, dtype=np.int64)
    computes = graph.match == NONE
    counts = np.where(computes, np.array([len(part) for part in parts])[graph.placement], 1)
    np.cumsum(counts, out=first[1:])
    old = np.repeat(np.arange(graph.node_count), counts)
    placement, work = graph.placement[old], graph.work[old]
    for row in np.flatnonzero(computes).tolist():
        for number, (place, factor) in enumerate(parts[graph.placement[row]]):
            placement[first[row] + number] = placements.setdefault(place, len(placements))
            if factor != 1 and graph.work[row] != NONE:
                longer = _longer(graph.works[graph.work[row]], factor)
                work[first[row] + number] = works.setdefault(longer, len(works))
    start, dependency = _dependencies(graph, first, placement, tuple(placements))
    told = "; ".join(f"compute of {_spelt(one.ranks)} takes {one.factor:g} times as long" for one in slow)
    return attrs.evolve(
        graph,
        **{name: getattr(graph, name)[old] for name in ("op", "name", "phase", "layer", "microbatch", "match")},
        placement=placement,
        work=work,
        dependency_start=start,
        dependency=dependency,
        placements=tuple(placements),
        works=tuple(works),
        node_attributes={name: column[old] for name, column in graph.node_attributes.items()},
        notes=(*graph.notes, told),
    )


def _spelt(ranks: Sequence[int]) -> str:
    shown = ", ".join(map(str, ranks[:8])) + (" …" if len(ranks) > 8 else "")
    return f"rank{'s' if len(ranks) > 1 else ''} {shown}"


def _longer(work: Work, factor: float) -> Work:
    return tuple((term, count if isinstance(term, Folded) else count * factor) for term, count in work)


def _parts(mesh: Mesh, place: Placement, factors: NDArray[np.float64]) -> list[tuple[Placement, float]]:
    """A placement as disjoint ones, on each of which every rank has the same factor."""
    occupied = mesh.occupied(place)
    table = factors[mesh.ranks(place)].reshape([len(indices) for indices in occupied])
    return [(_placement(mesh, chosen), factor) for chosen, factor in _split(table, occupied, 0)]


def _split(table: NDArray[np.float64], occupied: tuple[tuple[int, ...], ...], axis: int) -> list[Any]:
    if (table == table.flat[0]).all():
        return [(occupied, float(table.flat[0]))]
    # Indices of the axis that look alike stay together.
    groups: dict[bytes, list[int]] = {}
    for index in range(table.shape[axis]):
        groups.setdefault(np.take(table, index, axis=axis).tobytes(), []).append(index)
    found: list[Any] = []
    for members in groups.values():
        chosen = tuple(occupied[axis][index] for index in members)
        narrowed = (*occupied[:axis], chosen, *occupied[axis + 1 :])
        found += _split(np.take(table, members, axis=axis), narrowed, axis + 1)
    return found


def _placement(mesh: Mesh, occupied: tuple[tuple[int, ...], ...]) -> Placement:
    indices: list[Indices] = [
        None if len(chosen) == size else chosen for chosen, size in zip(occupied, mesh.sizes, strict=True)
    ]
    return Placement(tuple(indices))


def _dependencies(
    graph: ExecutionGraph,
    first: NDArray[np.int64],
    placement: NDArray[np.int32],
    placements: tuple[Placement, ...],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each part waits for the parts of what it waited for that share a rank with it."""
    meet: dict[tuple[int, int], bool] = {}
    starts, waited = [0], []
    for row in range(graph.node_count):
        targets = graph.dependencies(row).tolist()
        for mine in range(first[row], first[row + 1]):
            for target in targets:
                for theirs in range(first[target], first[target + 1]):
                    pair = (int(placement[mine]), int(placement[theirs]))
                    if pair not in meet:
                        meet[pair] = placements[pair[0]].common(placements[pair[1]]) is not None
                    if meet[pair]:
                        waited.append(theirs)
            starts.append(len(waited))
    return np.array(starts, dtype=np.int64), np.array(waited, dtype=np.int32)
