"""Pinning: work becomes integer nanoseconds, and the graph is frozen with a digest.

This is the promise of equal inputs: every backend is given the same :class:`PinnedGraph`, and two predictions may be
compared only if their digests are equal. Folded communication is part of compute, so whoever times it changes the
pin.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import FaultsError, VersimError
from versim.fabric import Message, System
from versim.graph import NONE, ExecutionGraph, participants_of
from versim.graph.columns import Op
from versim.timing import ComputeTiming, NetworkTiming
from versim.units import NS_PER_S
from versim.work import DeviceTerm, Fixed, Folded, Term

LONGEST_NS = 2**53
"""Durations above this (104 days) lose nanoseconds in double precision and are refused."""


@attrs.frozen(eq=False, repr=False, kw_only=True)
class PinnedGraph:
    """A graph with fixed compute times: what every simulator is given.

    Attributes:
        graph: The step.
        compute_s: float64 (nodes,), seconds before rounding; 0 for communication. Never simulated: exact re-creations
            are verified on it.
        compute_ns: int64 (nodes,), the nanoseconds every simulator uses; 0 for communication.
        digest: sha256 over everything a simulator may consume, as hexadecimal digits.
        label: The pin's name in the scenario.
        provenance: Who timed what, for people: ``compute`` and ``folded`` with their options.
    """

    graph: ExecutionGraph
    compute_s: NDArray[np.float64]
    compute_ns: NDArray[np.int64]
    digest: str
    label: str = ""
    provenance: Mapping[str, str] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        return f"<PinnedGraph {self.label!r} {self.digest[:12]} of {self.graph!r}>"


def pin(
    graph: ExecutionGraph,
    system: System,
    compute: ComputeTiming | None = None,
    folded: NetworkTiming | None = None,
    *,
    durations_s: Mapping[int, float] | None = None,
    label: str = "",
    provenance: Mapping[str, str] | None = None,
) -> PinnedGraph:
    """Turn work into nanoseconds and freeze the graph.

    Args:
        graph: The step.
        system: Its device times compute; its links time folded communication.
        compute: Times GEMMs, pointwise work and host transfers; may be left out if the graph has none.
        folded: Times folded communication; may be left out if the graph has none.
        durations_s: Rows whose duration is given, e.g. by another simulation, instead of timed.
        label: The pin's name.
        provenance: Who timed what.

    Raises:
        VersimError: A timing is missing, or returned something that is not a duration.
        FaultsError: The terms of a node add up to something that is not a duration.
        ValueError: ``durations_s`` names a row that is no compute node.
    """
    for row in durations_s or {}:
        if not 0 <= row < graph.node_count or graph.op[row] != Op.COMPUTE:
            raise ValueError(f"durations_s names row {row}, which is no compute node of {graph}")
    term_s = _term_seconds(graph, system, compute, folded, skip=durations_s or {})
    work_s = np.array(
        [math.fsum(count * term_s.get(term, 0.0) for term, count in work) for work in graph.works] or [0.0]
    )
    compute_s = np.where(graph.work == NONE, 0.0, work_s[graph.work])
    for row, seconds in (durations_s or {}).items():
        compute_s[row] = seconds
    bad = np.flatnonzero(~(np.isfinite(compute_s) & (compute_s >= 0) & (compute_s * NS_PER_S < LONGEST_NS)))
    if len(bad):
        raise FaultsError(
            f"pin {label!r}",
            [
                f"node {row} ({graph.node_name(row)!r}) takes {compute_s[row]} s; a duration has to be a finite "
                f"number from 0 to {LONGEST_NS / NS_PER_S:.0f} s"
                for row in bad[:20].tolist()
            ],
        )
    compute_ns = np.rint(compute_s * NS_PER_S).astype(np.int64)
    return PinnedGraph(
        graph=graph,
        compute_s=compute_s,
        compute_ns=compute_ns,
        digest=_digest(graph, compute_ns),
        label=label,
        provenance=dict(provenance or {}),
    )


def _term_seconds(
    graph: ExecutionGraph,
    system: System,
    compute: ComputeTiming | None,
    folded: NetworkTiming | None,
    skip: Iterable[int],
) -> dict[Term, float]:
    """Seconds of every distinct term that is in use."""
    used = np.ones(graph.node_count, dtype=bool)
    used[list(skip)] = False
    used &= graph.op == Op.COMPUTE
    works = [graph.works[code] for code in np.unique(graph.work[used]).tolist()]
    device: dict[DeviceTerm, None] = {}
    messages: dict[Folded, None] = {}
    seconds: dict[Term, float] = {}
    for work in works:
        for term, _ in work:
            if isinstance(term, Fixed):
                seconds[term] = term.duration_s
            elif isinstance(term, Folded):
                messages[term] = None
            else:
                device[term] = None
    if device:
        if compute is None:
            raise VersimError(f"{next(iter(device))} has to be timed; name a compute timing in the pin (compute: …)")
        times_s = _column(compute.times_s(tuple(device), system.device), tuple(device), "compute")
        seconds.update(zip(device, times_s, strict=True))
    if messages:
        if folded is None:
            raise VersimError(f"{next(iter(messages))} has to be timed; name a network timing in the pin (folded: …)")
        rows = tuple(Message(f.kind, f.size_bytes, f.participants, f.axis) for f in messages)
        times_s = _column(folded.times_s(rows, system), rows, "folded")
        seconds.update(zip(messages, times_s, strict=True))
    return seconds


def _column(
    times_s: Sequence[float] | NDArray[np.float64], rows: Sequence[DeviceTerm | Message], role: str
) -> list[float]:
    """What a timing returned, held to its contract."""
    values = np.asarray(times_s, dtype=np.float64)
    if values.shape != (len(rows),):
        raise VersimError(
            f"the {role} timing returned shape {values.shape} for {len(rows)} rows; it has to be one number each"
        )
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise VersimError(
            f"the {role} timing gives {values[bad[0]]} s for {rows[bad[0]]}; a duration has to be a finite number of "
            "at least 0"
        )
    return [float(value) for value in values]


def messages_of(graph: ExecutionGraph) -> tuple[Message, ...]:
    """Every communication of a graph as a network timing sees it, in order; equal rows are one object."""
    participants = participants_of(graph).tolist()
    start, rows = graph.parts()
    made: dict[tuple[object, ...], Message] = {}
    result = []
    columns = (graph.kind, graph.size_bytes, graph.scope, graph.algorithm)
    placements = graph.placement[rows].tolist()
    starts = start.tolist()
    for match, (kind, size_bytes, scope, algorithm) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        key = (kind, size_bytes, scope, algorithm, *placements[starts[match] : starts[match + 1]])
        if key not in made:
            axes = graph.scopes[scope].axes
            made[key] = Message(
                kind=graph.kinds[kind],
                size_bytes=size_bytes,
                participants=participants[match],
                axis="+".join(axes),
                ranks=graph.communication(match).groups[0],
                algorithm=graph.algorithms[algorithm],
            )
        result.append(made[key])
    return tuple(result)


def communication_s(graph: ExecutionGraph, system: System, network: NetworkTiming) -> NDArray[np.float64]:
    """Seconds that each communication takes in isolation; shape (communications,), each distinct row timed once."""
    messages = messages_of(graph)
    unique = tuple(dict.fromkeys(messages))
    seconds = dict(zip(unique, _column(network.times_s(unique, system), unique, "network"), strict=True))
    return np.array([seconds[message] for message in messages], dtype=np.float64)


def _digest(graph: ExecutionGraph, compute_ns: NDArray[np.int64]) -> str:
    """sha256 over what a simulator may consume: ranks, nodes, dependencies, communications, nanoseconds."""
    content = hashlib.sha256()
    tables = {
        "mesh": [list(graph.mesh.names), list(graph.mesh.sizes)],
        "placements": [[list(i) if i is not None else None for i in p.indices] for p in graph.placements],
        "scopes": [[list(scope.axes), list(scope.ranks)] for scope in graph.scopes],
        "algorithms": list(graph.algorithms),
        "kinds": [kind.value for kind in graph.kinds],
    }
    content.update(json.dumps(tables, sort_keys=True).encode())
    for column in (
        graph.op,
        graph.placement,
        graph.match,
        graph.dependency_start,
        graph.dependency,
        graph.kind,
        graph.size_bytes,
        graph.scope,
        graph.algorithm,
        graph.tag,
        compute_ns,
    ):
        content.update(f"{column.dtype.str}{column.shape}".encode())
        content.update(np.ascontiguousarray(column).data)
    for attributes in (graph.node_attributes, graph.communication_attributes):
        for name in sorted(attributes):
            content.update(json.dumps([name, len(attributes[name])]).encode())
            content.update(np.ascontiguousarray(attributes[name], dtype=np.int64).data)
    return content.hexdigest()
