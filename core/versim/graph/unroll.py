"""A graph with every node on one rank, as simulators that read per-rank traces see it."""

from __future__ import annotations

import numpy as np

from versim.graph.classes import RankClasses
from versim.graph.columns import NONE, ExecutionGraph, Scope
from versim.graph.instances import instances_of
from versim.mesh import Mesh, Placement
from versim.work import Kind


def unroll(graph: ExecutionGraph) -> ExecutionGraph:
    """The same step on a mesh of the single axis ``rank``; rows ordered by row of the graph, then rank."""
    mesh = Mesh(("rank",), (graph.mesh.world_size,))
    per_rank = instances_of(graph, RankClasses.single(graph.mesh))
    node = per_rank.node
    match = per_rank.meeting
    source = per_rank.meeting_match
    scopes: dict[Scope, int] = {}
    scope = np.empty(len(source), dtype=np.int32)
    start, rows = per_rank.parts()
    for meeting, communication in enumerate(source.tolist()):
        if graph.kind_of(communication) == Kind.POINT_TO_POINT:
            made = Scope(axes=("rank",))
        else:
            explicit = graph.scopes[graph.scope[communication]].ranks
            members = per_rank.rank_class[rows[start[meeting] : start[meeting + 1]]]
            made = Scope(ranks=explicit or tuple(sorted(members.tolist())))
        scope[meeting] = scopes.setdefault(made, len(scopes))
    used = np.unique(per_rank.rank_class)
    placement_of_rank = np.zeros(mesh.world_size, dtype=np.int32)
    placement_of_rank[used] = np.arange(len(used), dtype=np.int32)
    alone = mesh.world_size == 1
    return ExecutionGraph(
        mesh=mesh,
        op=graph.op[node],
        placement=placement_of_rank[per_rank.rank_class],
        name=graph.name[node],
        work=graph.work[node],
        phase=graph.phase[node],
        layer=graph.layer[node],
        microbatch=graph.microbatch[node],
        match=np.where(match == NONE, NONE, match).astype(np.int32),
        dependency_start=per_rank.dependency_start,
        dependency=per_rank.dependency,
        kind=graph.kind[source],
        size_bytes=graph.size_bytes[source],
        scope=scope,
        algorithm=graph.algorithm[source],
        tag=graph.tag[source],
        placements=tuple(Placement((None if alone else (rank,),)) for rank in used.tolist()),
        names=graph.names,
        works=graph.works,
        scopes=tuple(scopes),
        algorithms=graph.algorithms,
        phases=graph.phases,
        kinds=graph.kinds,
        notes=graph.notes,
        node_attributes={name: column[node] for name, column in graph.node_attributes.items()},
        communication_attributes={name: column[source] for name, column in graph.communication_attributes.items()},
    )
