"""Pinning: work becomes integer nanoseconds, and with graph and system the inputs that every simulator is given.

Folded communication is part of compute, so whoever times it changes the pin.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from versim.errors import FaultsError, VersimError
from versim.fabric import Message, System
from versim.graph import NONE, ExecutionGraph, participants_of
from versim.graph.columns import Op
from versim.inputs import Inputs
from versim.timing import ComputeTiming, NetworkTiming
from versim.units import NS_PER_S
from versim.work import DeviceTerm, Fixed, Folded, Term

LONGEST_NS = 2**53
"""Durations above this (104 days) lose nanoseconds in double precision and are refused."""


def pin(
    graph: ExecutionGraph,
    system: System,
    compute: ComputeTiming | None = None,
    folded: NetworkTiming | None = None,
    *,
    durations_s: Mapping[int, float] | None = None,
    label: str = "",
    provenance: Mapping[str, str] | None = None,
) -> Inputs:
    """Turn work into nanoseconds.

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
    return Inputs(
        graph=graph,
        compute_s=compute_s,
        compute_ns=compute_ns,
        system=system,
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
