"""Hypothesis strategies for meshes, graphs and durations.

Generated graphs are sound: dependencies name earlier rows that share a rank, both ends of a message stand side by side
and a collective is one row, so nothing can deadlock.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from versim import Dimension, ExecutionGraph, Fabric, Fixed, GraphBuilder, Kind, Link, Mesh, Phase, Placement

AXES = ("dp", "pp", "tp")
COLLECTIVES = tuple(kind for kind in Kind if kind is not Kind.POINT_TO_POINT)
Choice = tuple[int, ...] | None


@st.composite
def meshes(draw: st.DrawFn, most_axes: int = 3, most_ranks_per_axis: int = 3) -> Mesh:
    """Small meshes; axes of size 1 included."""
    sizes = draw(st.lists(st.integers(1, most_ranks_per_axis), min_size=1, max_size=most_axes))
    return Mesh(AXES[: len(sizes)], tuple(sizes))


@st.composite
def placements(draw: st.DrawFn, mesh: Mesh, whole: Sequence[str] = ()) -> Placement:
    """Any placement on a mesh; the axes in ``whole`` are occupied whole."""
    on = {}
    for name, size in zip(mesh.names, mesh.sizes, strict=True):
        if name not in whole and not draw(st.booleans()):
            on[name] = draw(st.sets(st.integers(0, size - 1), min_size=1))
    return mesh.placement(on)


@st.composite
def graphs(
    draw: st.DrawFn,
    mesh: Mesh | None = None,
    most_nodes: int = 10,
    replicated: Sequence[str] = (),
    in_order: bool = False,
) -> ExecutionGraph:
    """Sound graphs of compute nodes, messages and collectives.

    Args:
        draw: Given by Hypothesis.
        mesh: On this mesh; any unless given.
        most_nodes: Roughly, how many nodes at most.
        replicated: Axes along which every node stands on all ranks.
        in_order: Compute nodes of one rank wait for one another in row order, so that no device is ever contended for.
    """
    mesh = draw(meshes()) if mesh is None else mesh
    builder = GraphBuilder(mesh)
    rows: list[Placement] = []
    computing: list[int] = []

    def earlier(placement: Placement) -> list[int]:
        sharing = [row for row, other in enumerate(rows) if other.common(placement) is not None]
        return draw(st.lists(st.sampled_from(sharing), max_size=3, unique=True)) if sharing else []

    for _ in range(draw(st.integers(1, most_nodes))):
        phase = draw(st.sampled_from(list(Phase)))
        placement = draw(placements(mesh, whole=replicated))
        kind = draw(st.sampled_from(["compute", "compute", "message", "collective"]))
        split = [name for name, size in zip(mesh.names, mesh.sizes, strict=True) if size > 1 and name not in replicated]
        occupied = dict(zip(mesh.names, mesh.occupied(placement), strict=True))
        wide = [name for name, indices in occupied.items() if len(indices) > 1]
        if kind == "message" and split:
            axis = draw(st.sampled_from(split))
            source, target = draw(st.permutations(range(mesh.size(axis))))[:2]
            ends = [mesh.placement({**occupied, axis: index}) for index in (source, target)]
            size_bytes = draw(st.integers(1, 1 << 20))
            match = ("message", len(rows))
            builder.send("send", size_bytes, match=match, on=ends[0], after=earlier(ends[0]), phase=phase)
            builder.recv("recv", size_bytes, match=match, on=ends[1], after=earlier(ends[1]), phase=phase)
            rows.extend(ends)
        elif kind == "collective" and wide:
            builder.collective(
                "collective",
                draw(st.sampled_from(COLLECTIVES)),
                draw(st.integers(1, 1 << 20)),
                axes=draw(st.lists(st.sampled_from(wide), min_size=1, unique=True)),
                on=placement,
                after=earlier(placement),
                phase=phase,
            )
            rows.append(placement)
        else:
            work = [(Fixed(draw(st.integers(0, 1000)) * 1e-9), 1)]
            after = earlier(placement)
            if in_order:
                after += [row for row in computing if rows[row].common(placement) is not None and row not in after]
            computing.append(builder.compute("compute", work, on=placement, after=after, phase=phase))
            rows.append(placement)
    return builder.build()


@st.composite
def durations(draw: st.DrawFn, count: int, most_ps: int = 5, least_ps: int = 0) -> NDArray[np.int64]:
    """One duration each; small, so that many things happen in the same tick."""
    drawn = draw(st.lists(st.integers(least_ps, most_ps), min_size=count, max_size=count))
    return np.array(drawn, dtype=np.int64)


@st.composite
def unlike_durations(draw: st.DrawFn, count: int) -> NDArray[np.int64]:
    """One duration each, so unlike that no two sums of a few are equal: after the first tick nothing ties."""
    source = random.Random(draw(st.integers(0, 1 << 32)))
    return np.array([source.randrange(1, 1 << 45) for _ in range(count)], dtype=np.int64)


def fabric_of(
    *dimensions: tuple[str, int, float] | tuple[str, int, float, float], endpoints: int | None = None
) -> Fabric:
    """A fabric of (topology, size, GB/s[, oversubscription]); fewer endpoints leave its last block partly filled."""
    return Fabric(
        [
            Dimension(
                topology=topology,
                size=size,
                link=Link(bandwidth_bytes_per_s=rate * 1e9, latency_s=1e-6),
                oversubscription=rest[0] if rest else 1.0,
            )
            for topology, size, rate, *rest in dimensions
        ],
        endpoints=endpoints,
    )


@st.composite
def fabrics(draw: st.DrawFn, *, partly: bool = True) -> Fabric:
    """Up to three dimensions of up to five ranks; the last block may be partly filled if that is wanted."""
    made: list[tuple[str, int, float, float]] = []
    for _ in range(draw(st.integers(1, 3))):
        topology = draw(st.sampled_from(["ring", "fully_connected", "switch"]))
        shared = draw(st.sampled_from([1.0, 1.5, 3.0])) if topology == "switch" else 1.0
        made.append((topology, draw(st.integers(1, 5)), float(draw(st.sampled_from([1, 3, 10]))), shared))
    endpoints = None
    if partly and all(topology != "ring" or size == 1 for topology, size, *_ in made):
        places = math.prod(size for _, size, *_ in made)
        endpoints = draw(st.integers(places - places // made[-1][1] + 1, places))
    return fabric_of(*made, endpoints=endpoints)
