"""Traces as graphs, graphs on a ring, and what each rank of a graph does: how tests of importing compare steps."""

from __future__ import annotations

from pathlib import Path

from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Inputs,
    Kind,
    Link,
    SimulationRequest,
    System,
    pin,
)
from versim_astrasim.importing.options import ImportOptions
from versim_astrasim.importing.producer import ChakraProducer
from versim_astrasim.options import BackendOptions

LINK = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)


def imported(where: Path, **options: str) -> ExecutionGraph:
    """The graph of a trace."""
    return ChakraProducer().produce(ImportOptions(path=str(where), **options))


def request_for(graph: ExecutionGraph, **options: str) -> SimulationRequest:
    """A graph on a ring."""
    system = System(
        dimensions=(Dimension(topology="ring", size=graph.mesh.world_size, link=LINK),), device=Device(name="test")
    )
    return SimulationRequest(inputs=pin(graph, system), options=BackendOptions(**options))


def per_rank(pinned: Inputs) -> list[list[object]]:
    """What each rank does, in order, with everything but row numbers: two graphs that agree here are the same step."""
    graph = pinned.graph
    rank_of = [graph.placements[code].indices[0] for code in graph.placement.tolist()]
    ranks = [0 if indices is None else indices[0] for indices in rank_of]
    position: list[int] = []
    lengths: dict[int, int] = {}
    for rank in ranks:
        position.append(lengths.get(rank, 0))
        lengths[rank] = position[-1] + 1
    start, rows = graph.parts()
    result: list[list[object]] = [[] for _ in range(graph.mesh.world_size)]
    for row in range(graph.node_count):
        node = graph.node(row)
        met: object = None
        if graph.match[row] >= 0:
            match = int(graph.match[row])
            parts = rows[start[match] : start[match + 1]].tolist()
            scope = graph.scopes[graph.scope[match]]
            met = (
                graph.kind_of(match),
                int(graph.size_bytes[match]),
                scope.ranks if graph.kind_of(match) is not Kind.POINT_TO_POINT else (),
                graph.algorithms[graph.algorithm[match]],
                int(graph.tag[match]),
                sorted((ranks[part], position[part]) for part in parts),
            )
        result[ranks[row]].append(
            (
                node.op,
                node.name,
                int(pinned.compute_ns[row]),
                node.phase,
                node.layer,
                node.microbatch,
                sorted(position[on] for on in node.dependencies),
                met,
            )
        )
    return result
