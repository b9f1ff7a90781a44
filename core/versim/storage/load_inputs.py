"""Reading back what every simulator was given: the graph as pinned, on its system.

The graph is built from its columns, checked as a producer's would be, and pinned again: the digest that comes out has
to be the one the report was written with. Work is not kept, so compute nodes of a loaded graph have the fixed
durations that were pinned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.graph import NONE, ExecutionGraph, Op, RankClasses, Scope
from versim.graph.validate import faults_of
from versim.inputs import Inputs
from versim.labels import Label
from versim.mesh import Mesh, Placement
from versim.picoseconds import LONGEST_NS
from versim.pinning import pin
from versim.plain.values import Value
from versim.prediction import Prediction
from versim.storage import version_1
from versim.storage.column_reader import ColumnReader, within
from versim.storage.form import Opened
from versim.units import NS_PER_S
from versim.work import Fixed, Kind, Phase, Work

Named = TypeVar("Named", bound=Label)

MOST_EXECUTIONS = 10_000_000
"""Executions told apart that a report may ask for; more only with a quarter as many spans to show for it."""


def inputs_from(comparison: Opened, predictions: Sequence[Prediction], columns: ColumnReader) -> Inputs:
    """The inputs of a comparison whose predictions have been read, which bounds its ranks and nodes."""
    value = comparison.at("graph")
    if "placements" not in value.keys():  # noqa: SIM118
        value.wrong("this report was written before reports could be loaded whole; compare again to have one")
    stated = comparison.graph
    nodes = columns.read("nodes", stated.nodes, rows=stated.node_count)
    graph = _graph(stated, nodes, columns)
    _hold_to_size(value, graph, predictions)
    faults = faults_of(graph)
    if faults:
        value.wrong(f"not a graph: {faults[0]}{f' (and {len(faults) - 1} more)' if len(faults) > 1 else ''}")
    try:
        inputs = pin(graph, comparison.system, label=comparison.pin, provenance=comparison.provenance)
    except VersimError as error:
        value.wrong(str(error))
    if not np.array_equal(inputs.compute_ns, nodes["compute_ns"]):
        value["nodes"].wrong("compute_ns is not compute_s in nanoseconds")
    digest = version_1.digest_of(graph, inputs.compute_ns) if columns.version == 1 else inputs.digest
    if digest != comparison.digest:
        comparison.wrong("digest", f"the inputs have the digest {digest[:12]}…: they are not those simulated")
    return attrs.evolve(inputs, origins=comparison.origins, sizes=comparison.sizes)


def _mesh(stated: Opened) -> Mesh:
    axes = stated.mesh
    try:
        mesh = Mesh(tuple(axis["axis"] for axis in axes), tuple(axis["size"] for axis in axes))
    except ValueError as error:
        stated.wrong("mesh", str(error))
    if mesh.world_size != stated.world_size:
        stated.wrong("mesh", f"it has {mesh.world_size} ranks, not {stated.world_size}")
    return mesh


def _placement(value: Value, mesh: Mesh) -> Placement:
    entries = list(value)
    if len(entries) != len(mesh.names):
        value.wrong(f"expected {len(mesh.names)} entries, one per axis")
    indices: list[tuple[int, ...] | None] = []
    for entry, size in zip(entries, mesh.sizes, strict=True):
        if entry.missing:
            indices.append(None)
            continue
        chosen = tuple(item.integer(highest=size - 1) for item in entry)
        # A whole axis has one spelling, null.
        if not 0 < len(chosen) < size or list(chosen) != sorted(set(chosen)):
            entry.wrong(f"expected null for the whole axis, or some of its {size} indices, ascending")
        indices.append(chosen)
    return Placement(tuple(indices))


def _scope(value: Value, mesh: Mesh) -> Scope:
    axes = tuple(axis.one_of(mesh.names) for axis in value["axes"])
    return Scope(axes=axes, ranks=tuple(rank.integer(highest=mesh.world_size - 1) for rank in value["ranks"]))


def _graph(stated: Opened, nodes: dict[str, Any], columns: ColumnReader) -> ExecutionGraph:
    mesh = _mesh(stated)
    ops = tuple(op.name.lower() for op in Op)
    if stated.ops != ops:
        stated.wrong("ops", f"expected {', '.join(map(repr, ops))}")
    phases, kinds = _labels(stated, "phases", Phase), _labels(stated, "kinds", Kind)
    placements = tuple(_placement(place, mesh) for place in stated.at("placements"))
    scopes = tuple(_scope(scope, mesh) for scope in stated.at("scopes"))
    names, algorithms = stated.names, stated.algorithms
    messages = columns.read("communications", stated.communications, rows=stated.communication_count)
    edges = columns.read("dependencies", stated.dependencies, rows=stated.dependency_count)
    count, matches = len(nodes["op"]), len(messages["kind"])
    for where, name, column, highest, lowest in (
        ("nodes", "op", nodes["op"], max(Op), 0),
        ("nodes", "placement", nodes["placement"], len(placements) - 1, 0),
        ("nodes", "name", nodes["name"], len(names) - 1, 0),
        ("nodes", "phase", nodes["phase"], len(phases) - 1, 0),
        ("nodes", "communication", nodes["communication"], matches - 1, NONE),
        ("nodes", "compute_s", nodes["compute_s"], LONGEST_NS / NS_PER_S, 0),
        ("communications", "kind", messages["kind"], len(kinds) - 1, 0),
        ("communications", "size_bytes", messages["size_bytes"], 2**63 - 1, 1),
        ("communications", "scope", messages["scope"], len(scopes) - 1, 0),
        ("communications", "algorithm", messages["algorithm"], len(algorithms) - 1, 0),
        ("dependencies", "node", edges["node"], count - 1, 0),
        ("dependencies", "on", edges["on"], count - 1, 0),
    ):
        # NaN compares false with everything, so it would pass as being within.
        if not np.isfinite(column).all():
            stated.wrong(where, f"column {name!r} has values that are not finite")
        within(stated.at(where), name, column, highest, lowest)
    _hold_together(stated, nodes, matches, edges)
    start = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(edges["node"], minlength=count), out=start[1:])
    work, works = _works(nodes)
    phase, phases = _in_use(nodes["phase"], phases)
    kind, kinds = _in_use(messages["kind"], kinds)
    return ExecutionGraph(
        mesh=mesh,
        op=nodes["op"],
        placement=nodes["placement"],
        name=nodes["name"],
        work=work,
        phase=phase,
        layer=nodes["layer"],
        microbatch=nodes["microbatch"],
        match=nodes["communication"],
        dependency_start=start,
        dependency=edges["on"],
        kind=kind,
        size_bytes=messages["size_bytes"],
        scope=messages["scope"],
        algorithm=messages["algorithm"],
        tag=messages["tag"],
        placements=placements,
        names=names,
        works=works,
        scopes=scopes,
        algorithms=algorithms,
        phases=phases,
        kinds=kinds,
        notes=stated.notes,
        node_attributes=_attributes(stated.node_attributes, count, columns),
        communication_attributes=_attributes(stated.communication_attributes, matches, columns),
    )


def _labels(stated: Opened, key: str, labels: type[Named]) -> tuple[Named, ...]:
    """A table of labels; each is open text and stands in it once."""
    texts = getattr(stated, key)
    if len(set(texts)) != len(texts):
        stated.wrong(key, "a label stands in it twice")
    try:
        return tuple(map(labels, texts))
    except ValueError as error:
        stated.wrong(key, str(error))


def _in_use(column: NDArray[np.int32], table: tuple[Named, ...]) -> tuple[NDArray[np.int32], tuple[Named, ...]]:
    """A column and its table with what is used only, in order of first use, as a builder makes them.

    Version 1 wrote tables of everything there was.
    """
    used, first = np.unique(column, return_index=True)
    order = used[np.argsort(first)]
    code = np.zeros(len(table), dtype=np.int32)
    code[order] = np.arange(len(order), dtype=np.int32)
    return code[column] if len(table) else column, tuple(table[index] for index in order.tolist())


def _attributes(sets: dict[str, Value], rows: int, columns: ColumnReader) -> dict[str, Any]:
    return {name: columns.read("attribute", found, rows)["value"] for name, found in sets.items()}


def _hold_together(stated: Opened, nodes: dict[str, Any], matches: int, edges: dict[str, Any]) -> None:
    """What the checks of a graph take for granted: a builder cannot break it, a file can."""
    part = nodes["communication"] != NONE
    if (part != (nodes["op"] != Op.COMPUTE)).any():
        stated.wrong("nodes", "communication is given if and only if op is not compute")
    if (nodes["compute_s"][part] != 0).any():
        stated.wrong("nodes", "compute_s of a communication is not 0")
    if len(np.unique(nodes["communication"][part])) != matches:
        stated.wrong("communications", "a communication has no part among the nodes")
    if (np.diff(edges["node"]) < 0).any():
        stated.wrong("dependencies", "column 'node' is not ascending")


def _works(nodes: dict[str, Any]) -> tuple[Any, tuple[Work, ...]]:
    """The column of work and its table: one fixed duration per distinct pinned time."""
    compute = nodes["op"] == Op.COMPUTE
    seconds, inverse = np.unique(nodes["compute_s"][compute], return_inverse=True)
    work = np.full(len(compute), NONE, dtype=np.int32)
    work[compute] = inverse
    return work, tuple(((Fixed(duration_s), 1.0),) for duration_s in seconds.tolist())


def _hold_to_size(value: Value, graph: ExecutionGraph, predictions: Sequence[Prediction]) -> None:
    """Refuse a graph that a small file makes enormous: executions are told apart per rank class, or per rank."""
    classes = RankClasses.of(graph)
    of_rank = classes.of_rank()
    folded = all(
        np.unique(np.stack([of_rank, p.representative]), axis=1).shape[1] == classes.count for p in predictions
    )
    counts = [
        math.prod(map(len, classes.on_axes(place))) if folded else graph.mesh.rank_count(place)
        for place in graph.placements
    ]
    uses = np.bincount(graph.placement, minlength=len(counts)).tolist()
    # Every placement is spread over the classes once, used or not.
    executions = sum(count * max(1, times) for count, times in zip(counts, uses, strict=True))
    allowed = max(MOST_EXECUTIONS, 4 * max(prediction.spans.count for prediction in predictions))
    if executions > allowed:
        value.wrong(f"it has {executions:,} executions, far more than its predictions have spans")
