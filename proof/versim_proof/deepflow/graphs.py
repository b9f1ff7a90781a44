"""Graphs of this plugin and graphs that DeepFlow recorded, as labelled graphs that can be compared.

A message is one node, as DeepFlow's edge is. Edges without a size, signals and batch nodes are contracted: they carry
nothing, and the graphs here do not have them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from versim import NONE, ExecutionGraph, Kind, Op, participants_of
from versim_deepflow.pipeline_graph import signals_of

from versim_proof.deepflow.structure import LabelledGraph

Record = Mapping[str, Any]

PRODUCT_NAMES = {
    "gemm_qkv_proj": "qkv_projection",
    "gemm_attn_score": "attention_score",
    "gemm_attn_output": "attention_output",
    "gemm_output_proj": "output_projection",
    "gemm_ffn1": "ffn1",
    "gemm_ffn2": "ffn2",
}
"""DeepFlow's names of a layer's products ─▶ ours."""

_PARTS = {"embeddding": "embedding", "transformer": "transformer", "linear_softmax": "vocabulary"}
_GRADIENTS = {"embedding": "embedding", "transformer": "transformer", "softmax": "vocabulary"}
APPLICATION = "gradient application"
_TASK = re.compile(r"(embeddding|linear_softmax|transformer)(\d*)(_b)?")
_PRODUCT = re.compile(r"(gemm_\w+?)_(fwd|bwd)_rank(\d+)")


@attrs.frozen(eq=False)
class Recognised:
    """A labelled graph and where its nodes come from.

    Attributes:
        graph: Without what carries nothing.
        source: For each node, the row of a graph, or the position in a record; of a message, its receiving end.
    """

    graph: LabelledGraph
    source: Sequence[int]


def _shortened(labels: Sequence[Hashable], waits_for: Sequence[Sequence[int]], source: Sequence[int]) -> Recognised:
    graph, kept = LabelledGraph.of(labels, waits_for).contracted()
    return Recognised(graph, [source[node] for node in kept])


def of_pipeline(graph: ExecutionGraph) -> Recognised:
    """A pipeline graph: parts with phase, stage and microbatch; communications with kind, size and ranks."""
    stage_axis = graph.mesh.names.index("pp")
    labels: list[Hashable] = []
    for row in range(graph.node_count):
        if graph.match[row] != NONE:
            labels.append(_communication(graph, row))
            continue
        name = graph.node_name(row)
        (stage,) = graph.placements[graph.placement[row]].indices[stage_axis] or (0,)
        if name == APPLICATION:
            labels.append((APPLICATION, stage))
            continue
        part, phase = name.split()
        numbered = phase == "forward" and part != "transformer"
        labels.append((part, phase, stage, int(graph.microbatch[row]) if numbered else None))
    return _shortened(labels, _waits_for(graph), range(graph.node_count))


def of_transformer(graph: ExecutionGraph) -> Recognised:
    """A transformer graph on one of its ranks: products with their phase; collectives with kind, size and ranks."""
    labels = [
        graph.node_name(row) if graph.match[row] == NONE else _communication(graph, row)
        for row in range(graph.node_count)
    ]
    return _shortened(labels, _waits_for(graph), range(graph.node_count))


def _communication(graph: ExecutionGraph, row: int) -> Hashable:
    """The label of a part: of a message its receiving end stands for both, a signal carries nothing."""
    match = int(graph.match[row])
    if graph.op[row] == Op.SEND or signals_of(graph)[match]:
        return None
    kind, size = graph.kind_of(match), int(graph.size_bytes[match])
    if kind is Kind.POINT_TO_POINT:
        return ("pipeline", size)
    part = graph.node_name(row).removeprefix("all-reduce ").removesuffix(" gradients")
    ranks = int(participants_of(graph)[match])
    if kind is Kind.ALL_GATHER:
        size = -(-size // ranks)
    return (kind.value, size, ranks, part if kind is Kind.ALL_REDUCE else "")


def _waits_for(graph: ExecutionGraph) -> list[list[int]]:
    """What each row waits for, a receive also for its send."""
    waits_for = [graph.dependencies(row).tolist() for row in range(graph.node_count)]
    sender = {int(graph.match[row]): row for row in np.flatnonzero(graph.op == Op.SEND).tolist()}
    for row in np.flatnonzero(graph.op == Op.RECV).tolist():
        waits_for[row].append(sender[int(graph.match[row])])
    return waits_for


def of_recorded_pipeline(nodes: Sequence[Record]) -> Recognised:
    """DeepFlow's pipeline graph as recorded in the tables."""
    return _shortened([_pipeline_label(node) for node in nodes], _parents(nodes), range(len(nodes)))


def _pipeline_label(node: Record) -> Hashable:
    if node["kind"] == "Node":
        if node["name"] == "transformer_local_comp":
            return (APPLICATION, node["hw_id"])
        found = _TASK.fullmatch(node["name"])
        if found is None:
            return str(node["name"])
        number = int(found[2]) if found[2] else None
        return (_PARTS[found[1]], "backward" if found[3] else "forward", node["hw_id"], number)
    return _edge_label(node, _GRADIENTS.get(node["name"], str(node["name"])))


def _edge_label(node: Record, part: str) -> Hashable:
    if not node.get("comm_size_bytes"):
        return None
    if node["comm_type"] == "pipeline":
        return ("pipeline", node["comm_size_bytes"])
    named = part if node["comm_type"] == Kind.ALL_REDUCE.value else ""
    return (node["comm_type"], node["comm_size_bytes"], node["participants"], named)


def of_recorded_transformer(nodes: Sequence[Record]) -> dict[int, Recognised]:
    """DeepFlow's transformer graph as recorded in the tables: one graph for each of its ranks."""
    rank_of: dict[int, int] = {}
    parents = _parents(nodes)
    for position in sorted(range(len(nodes)), key=lambda place: int(nodes[place]["i"])):
        found = _PRODUCT.fullmatch(nodes[position]["name"])
        if found is not None:
            rank_of[position] = int(found[3])
    by_rank: dict[int, list[int]] = {}
    for position, node in enumerate(nodes):
        rank = rank_of.get(position, _rank_before(position, parents, rank_of))
        if rank is not None and node["kind"] != "Data_batch":
            by_rank.setdefault(rank, []).append(position)
    result = {}
    for rank, members in by_rank.items():
        place = {position: number for number, position in enumerate(members)}
        waits_for = [[place[on] for on in parents[position] if on in place] for position in members]
        result[rank] = _shortened([_transformer_label(nodes[position]) for position in members], waits_for, members)
    return result


def _rank_before(position: int, parents: Sequence[Sequence[int]], rank_of: dict[int, int]) -> int | None:
    while position not in rank_of:
        if not parents[position]:
            return None
        position = parents[position][0]
    return rank_of[position]


def _transformer_label(node: Record) -> Hashable:
    found = _PRODUCT.fullmatch(node["name"])
    if found is not None:
        return f"{PRODUCT_NAMES.get(found[1], found[1])} {'forward' if found[2] == 'fwd' else 'backward'}"
    return _edge_label(node, "")


def _parents(nodes: Sequence[Record]) -> list[list[int]]:
    """What each recorded node waits for: its parents, as its parents list their children."""
    place = {node["i"]: position for position, node in enumerate(nodes)}
    waits_for: list[set[int]] = [set() for _ in nodes]
    for position, node in enumerate(nodes):
        for child in node["children"]:
            waits_for[place[child]].add(position)
        for parent in node["parents"]:
            waits_for[position].add(place[parent])
    return [sorted(before) for before in waits_for]
