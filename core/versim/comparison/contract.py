"""What a prediction has to be, held to the graph it was asked about, before anything is computed from it."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.graph import ELSEWHERE, ExecutionGraph, Places, made_for
from versim.inputs import Inputs
from versim.kernel import passes
from versim.kernel.functions import compiled
from versim.picoseconds import LONGEST_NS, LONGEST_PS, TooLongError
from versim.prediction import NO_TIME, Prediction, Resource, Spans
from versim.units import NS_PER_S, PS_PER_S


class BrokenContractError(VersimError):
    """A prediction that cannot be one of the graph it was asked about.

    Attributes:
        simulator: The backend's name.
        label: The instance's.
        fault: What is wrong with it.
    """

    def __init__(self, simulator: str, label: str, fault: str) -> None:
        super().__init__(simulator, label, fault)
        self.simulator, self.label, self.fault = simulator, label, fault

    def said(self) -> str:
        """What, where and how."""
        labelled = f" ({self.label})" if self.label else ""
        return f"the prediction of backend {self.simulator!r}{labelled} {self.fault}"


def hold_to_contract(inputs: Inputs, prediction: Prediction) -> None:
    """Refuse what is not a prediction of this graph, naming the backend, before any of it is used as an index.

    Raises:
        BrokenContractError: It is none.
        TooLongError: It has times that cannot be counted in picoseconds.
    """
    fault = _breach(inputs, prediction)
    if fault:
        raise BrokenContractError(prediction.simulator, prediction.label, fault)


def _breach(inputs: Inputs, prediction: Prediction) -> str | None:
    graph, world = inputs.graph, inputs.graph.mesh.world_size
    if prediction.digest != inputs.digest:
        return f"is of another graph (digest {prediction.digest[:12]}, given was {inputs.digest[:12]})"
    spans = prediction.spans
    count = len(spans.node) if isinstance(spans.node, np.ndarray) else 0
    columns: dict[str, tuple[object, int]] = {
        "finish_ps": (prediction.finish_ps, world),
        "representative": (prediction.representative, world),
        "consumed.compute_ns": (prediction.consumed.compute_ns, graph.node_count),
        "consumed.size_bytes": (prediction.consumed.size_bytes, graph.communication_count),
    } | {f"spans.{name}": (getattr(spans, name), count) for name in attrs.fields_dict(Spans)}
    for name, (column, length) in columns.items():
        if not isinstance(column, np.ndarray):
            return f"has {name} of type {type(column).__name__} instead of a numpy array"
        if column.shape != (length,):
            return f"has {name} of shape {column.shape} instead of ({length},)"
        if not np.can_cast(column.dtype, np.int64, "safe") or column.dtype == np.bool_:
            return f"has {name} of type {column.dtype} instead of integers of at most 64 bits, signed"
    made = made_for(spans.node, spans.rank)
    if made is not None and made.graph is graph and _is_sound(inputs, prediction):
        return _breach_of_ranks(prediction, world) or _breach_of_sense(graph, prediction)
    _hold_to_length(graph, prediction)
    return (
        _breach_of_range(prediction, graph.node_count, world)
        or _breach_of_ranks(prediction, world)
        or _breach_of_sense(graph, prediction)
    )


def _is_sound(inputs: Inputs, prediction: Prediction) -> bool:
    """Whether spans of instances, and what was consumed, are within their ranges, seen in few passes."""
    spans, consumed = prediction.spans, prediction.consumed
    return (
        compiled()
        and not prediction.waiting
        and consumed.compute_ns is inputs.compute_ns
        and consumed.size_bytes is inputs.graph.size_bytes
        and 0 <= spans.resource.min(initial=0) <= spans.resource.max(initial=0) <= max(Resource)
        and not passes.senseless(spans.start_ps, spans.end_ps, LONGEST_PS)
        and (spans.ready_ps is spans.start_ps or not passes.senseless(spans.ready_ps, spans.ready_ps, LONGEST_PS))
        and NO_TIME <= prediction.finish_ps.min(initial=0) <= prediction.finish_ps.max(initial=0) <= LONGEST_PS
    )


def _breach_of_ranks(prediction: Prediction, world: int) -> str | None:
    """Whether the ranks that stand for others are ranks."""
    representative = prediction.representative
    if representative.min() < 0 or representative.max() >= world:
        return f"has representative outside 0..{world - 1}"
    return None


def _hold_to_length(graph: ExecutionGraph, prediction: Prediction) -> None:
    """Refuse times that sums of two would carry past int64."""
    spans = prediction.spans
    for column in (spans.start_ps, spans.end_ps, spans.ready_ps):
        if column.max(initial=0) > LONGEST_PS:
            row = int(np.argmax(column > LONGEST_PS))
            node = int(spans.node[row])
            name = f" ({graph.node_name(node)!r})" if 0 <= node < graph.node_count else ""
            raise TooLongError(f"node {node}{name} ends at", int(column[row]) / PS_PER_S)
    if prediction.finish_ps.max(initial=0) > LONGEST_PS:
        rank = int(np.argmax(prediction.finish_ps > LONGEST_PS))
        raise TooLongError(f"rank {rank} finishes at", int(prediction.finish_ps[rank]) / PS_PER_S)
    if prediction.consumed.compute_ns.max(initial=0) > LONGEST_NS:
        node = int(np.argmax(prediction.consumed.compute_ns > LONGEST_NS))
        consumed_s = int(prediction.consumed.compute_ns[node]) / NS_PER_S
        raise TooLongError(f"node {node} ({graph.node_name(node)!r}) takes", consumed_s)


def _breach_of_range(prediction: Prediction, nodes: int, world: int) -> str | None:
    spans = prediction.spans
    for name, lowest, highest, limit in (
        ("spans.node", spans.node.min(initial=0), spans.node.max(initial=0), nodes),
        ("spans.rank", spans.rank.min(initial=0), spans.rank.max(initial=0), world),
        ("spans.resource", spans.resource.min(initial=0), spans.resource.max(initial=0), max(Resource) + 1),
    ):
        if lowest < 0 or highest >= limit:
            return f"has {name} outside 0..{limit - 1}"
    consumed = prediction.consumed
    for name, column in (
        ("finish_ps", prediction.finish_ps),
        ("spans.ready_ps", spans.ready_ps),
        ("consumed.compute_ns", consumed.compute_ns),
        ("consumed.size_bytes", consumed.size_bytes),
    ):
        if column.min(initial=NO_TIME) < NO_TIME:
            return f"has {name} of {column.min()}; it is at least 0, or NO_TIME (-1)"
    for rank, node in prediction.waiting:
        if not (0 <= rank < world and 0 <= node < nodes):
            return f"has node {node} of rank {rank} waiting, of {nodes} nodes and {world} ranks"
    if (spans.end_ps < spans.start_ps).any() or (spans.start_ps < 0).any():
        row = int(np.argmax((spans.end_ps < spans.start_ps) | (spans.start_ps < 0)))
        return f"has a span of node {spans.node[row]} from {spans.start_ps[row]} to {spans.end_ps[row]} ps"
    return None


def _breach_of_sense(graph: ExecutionGraph, prediction: Prediction) -> str | None:
    """Whether representatives, spans and finish times can belong together."""
    spans, representative, finish_ps = prediction.spans, prediction.representative, prediction.finish_ps
    if (representative[representative] != representative).any():
        rank = int(np.argmax(representative[representative] != representative))
        return f"has a representative of rank {rank} that does not represent itself"
    made = made_for(spans.node, spans.rank)
    shown = None if made is None else made.classes.representatives()
    if shown is None or (representative[shown] != shown).any():
        fault = _breach_of_place(graph, spans, representative)
        if fault is not None:
            return fault
    last_end = np.full(len(finish_ps), NO_TIME, dtype=np.int64)
    if made is not None and shown is not None:
        last_end[shown] = np.maximum(last_end[shown], made.last_of_class(spans.end_ps))
    else:
        np.maximum.at(last_end, spans.rank, spans.end_ps)
    early = (finish_ps != NO_TIME) & (finish_ps < last_end[representative])
    if early.any():
        rank = int(np.argmax(early))
        return f"has finish_ps {finish_ps[rank]} for rank {rank}, before its last span ends"
    last = max(int(finish_ps.max()), int(spans.end_ps.max(initial=NO_TIME)), 0)
    if prediction.makespan_ps is not None and prediction.makespan_ps != last:
        return f"has a makespan of {prediction.makespan_ps} ps but ends at {last} ps"
    return None


def _breach_of_place(graph: ExecutionGraph, spans: Spans, representative: NDArray[np.int64]) -> str | None:
    """Whether every span is of a node and a rank that represents others, and no two are of the same."""
    rows = Places.of(graph, np.flatnonzero(np.bincount(spans.rank, minlength=len(representative)))).rows(
        spans.node, spans.rank
    )
    if _has_twice(spans, rows):
        return "has two spans of one node on one rank"
    silent = representative[spans.rank] != spans.rank
    if silent.any():
        return f"has a span on rank {spans.rank[np.argmax(silent)]}, which represents no rank"
    if (rows == ELSEWHERE).any():
        foreign = int(np.argmax(rows == ELSEWHERE))
        node, rank = int(spans.node[foreign]), int(spans.rank[foreign])
        return f"has a span of node {node} on rank {rank}, where the node does not stand"
    return None


def _has_twice(spans: Spans, rows: NDArray[np.int64]) -> bool:
    if not len(rows):
        return False
    if (rows == ELSEWHERE).any():
        pairs = np.stack([spans.node.astype(np.int64), spans.rank.astype(np.int64)])
        return bool(np.unique(pairs, axis=1).shape[1] < len(rows))
    seen = np.zeros(int(rows.max()) + 1, dtype=bool)
    seen[rows] = True
    return int(np.count_nonzero(seen)) < len(rows)
