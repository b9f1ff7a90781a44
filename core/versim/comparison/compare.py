"""From predictions of one pin to their comparison."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from versim.comparison.align import Timeline, common_instances, timeline
from versim.comparison.attribution import Averaging, Isolated, attribute
from versim.comparison.attribution.chain import Chain, chain_of
from versim.comparison.bounds import Bounds, bounds_of
from versim.comparison.checks import checks
from versim.comparison.critical_path import CriticalPath, critical_path, shared_ps
from versim.comparison.model import Comparison, Result
from versim.comparison.slack import execution_slack_ps, path_change
from versim.comparison.totals import by_group, by_operation, totals
from versim.errors import VersimError
from versim.graph import ExecutionGraph
from versim.inputs import Inputs
from versim.prediction import NO_TIME, Prediction, Spans


def compare_predictions(
    inputs: Inputs,
    predictions: Sequence[Prediction],
    reference: str,
    networks: Mapping[str, str] | None = None,
    same_as: tuple[str, ...] = (),
    *,
    isolated_ps: Mapping[str, Isolated] | None = None,
    averaging: Averaging | str = Averaging.SEQUENTIAL,
) -> Comparison:
    """Compare predictions of the same inputs.

    Args:
        inputs: What they were given.
        predictions: Their labels are distinct.
        reference: The label that differences refer to.
        networks: Per label, the network timing that drove it.
        same_as: Further pins with the same digest.
        isolated_ps: Per label, what each communication takes alone in that simulator on the scenario's network, where
            known; tells contention apart.
        averaging: How the difference is attributed, see :func:`versim.comparison.attribution.attribute`.

    Raises:
        VersimError: A prediction is of another digest, or is not a prediction of this graph at all.
    """
    labels = [prediction.label for prediction in predictions]
    if len(set(labels)) != len(labels):
        raise ValueError(f"labels of predictions have to differ, got {labels}")
    for prediction in predictions:
        _hold_to_contract(inputs, prediction)
    instances = common_instances(inputs.graph, predictions)
    lines = [timeline(prediction, instances) for prediction in predictions]
    anchor = labels.index(reference)
    bounds = bounds_of(inputs, instances)
    anchor_chain = _chain(predictions[anchor], lines[anchor])
    anchor_path = critical_path(anchor_chain) if anchor_chain is not None else None
    results = []
    for number, (prediction, line) in enumerate(zip(predictions, lines, strict=True)):
        network = (networks or {}).get(prediction.label, "")
        # The chain of one prediction at a time: it is the largest thing here.
        chain = anchor_chain if number == anchor else _chain(prediction, line)
        result = _result(inputs, bounds, prediction, line, chain, predictions[anchor], anchor_path, network)
        if number != anchor and chain is not None and anchor_chain is not None:
            attribution = attribute(
                inputs,
                predictions[anchor],
                prediction,
                chains=(anchor_chain, chain),
                isolated_ps=(isolated_ps or {}).get(prediction.label),
                averaging=averaging,
            )
            result = attrs.evolve(result, attribution=attribution, path_change=path_change(anchor_chain, chain))
        results.append(result)
    return Comparison(
        inputs=inputs,
        instances=instances,
        reference=reference,
        results=tuple(results),
        same_as=same_as,
    )


def _chain(prediction: Prediction, line: Timeline) -> Chain | None:
    """The longest-path problem of a prediction that says when everything ran."""
    return chain_of(line) if prediction.completed and line.ran.all() and line.instances.count else None


def _result(
    pinned: Inputs,
    bounds: Bounds,
    prediction: Prediction,
    line: Timeline,
    chain: Chain | None,
    reference: Prediction,
    reference_path: CriticalPath | None,
    network: str,
) -> Result:
    path = critical_path(chain) if chain is not None else None
    difference_ps = difference_percent = shared = shared_percent = None
    if prediction.makespan_ps is not None and reference.makespan_ps is not None:
        difference_ps = prediction.makespan_ps - reference.makespan_ps
        if reference.makespan_ps:
            difference_percent = 100 * difference_ps / reference.makespan_ps
    if path is not None and reference_path is not None:
        shared = shared_ps(path, reference_path)
        length = sum(step.duration_ps for step in reference_path.steps)
        shared_percent = 100 * shared / length if length else None
    return Result(
        label=prediction.label,
        prediction=prediction,
        network=network,
        difference_ps=difference_ps,
        difference_percent=difference_percent,
        totals=totals(line) if prediction.completed and line.ran.all() else None,
        operations=by_operation(line),
        groups=by_group(line),
        critical_path=path,
        shared_path_ps=shared,
        shared_path_percent=shared_percent,
        checks=checks(pinned, bounds, prediction, line),
        slack_ps=execution_slack_ps(chain) if chain is not None else None,
    )


def _hold_to_contract(pinned: Inputs, prediction: Prediction) -> None:
    """Refuse what is not a prediction of this graph, naming the backend, before any of it is used as an index."""
    fault = _breach(pinned, prediction)
    if fault:
        raise VersimError(
            f"backend {prediction.simulator!r} ({prediction.label}) returned a prediction that {fault}; "
            "this is a fault of its plugin"
        )


def _breach(pinned: Inputs, prediction: Prediction) -> str | None:
    graph, world = pinned.graph, pinned.graph.mesh.world_size
    if prediction.digest != pinned.digest:
        return f"is of another graph (digest {prediction.digest[:12]}, given was {pinned.digest[:12]})"
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
        if not np.issubdtype(column.dtype, np.integer):
            return f"has {name} of type {column.dtype} instead of integers"
    return _breach_of_range(prediction, graph.node_count, world) or _breach_of_sense(graph, prediction)


def _breach_of_range(prediction: Prediction, nodes: int, world: int) -> str | None:
    spans = prediction.spans
    for name, lowest, highest, limit in (
        ("spans.node", spans.node.min(initial=0), spans.node.max(initial=0), nodes),
        ("spans.rank", spans.rank.min(initial=0), spans.rank.max(initial=0), world),
        ("representative", prediction.representative.min(), prediction.representative.max(), world),
    ):
        if lowest < 0 or highest >= limit:
            return f"has {name} outside 0..{limit - 1}"
    if (spans.end_ps < spans.start_ps).any() or (spans.start_ps < 0).any():
        row = int(np.argmax((spans.end_ps < spans.start_ps) | (spans.start_ps < 0)))
        return f"has a span of node {spans.node[row]} from {spans.start_ps[row]} to {spans.end_ps[row]} ps"
    keys = spans.node.astype(np.int64) * world + spans.rank
    if len(np.unique(keys)) != len(keys):
        return "has two spans of one node on one rank"
    return None


def _breach_of_sense(graph: ExecutionGraph, prediction: Prediction) -> str | None:
    """Whether representatives, spans and finish times can belong together."""
    spans, representative, finish_ps = prediction.spans, prediction.representative, prediction.finish_ps
    if (representative[representative] != representative).any():
        rank = int(np.argmax(representative[representative] != representative))
        return f"has a representative of rank {rank} that does not represent itself"
    silent = representative[spans.rank] != spans.rank
    if silent.any():
        return f"has a span on rank {spans.rank[np.argmax(silent)]}, which represents no rank"
    foreign = _foreign_span(graph, spans)
    if foreign is not None:
        node, rank = int(spans.node[foreign]), int(spans.rank[foreign])
        return f"has a span of node {node} on rank {rank}, where the node does not stand"
    last_end = np.full(len(finish_ps), NO_TIME, dtype=np.int64)
    np.maximum.at(last_end, spans.rank, spans.end_ps)
    early = (finish_ps != NO_TIME) & (finish_ps < last_end[representative])
    if early.any():
        rank = int(np.argmax(early))
        return f"has finish_ps {finish_ps[rank]} for rank {rank}, before its last span ends"
    last = max(int(finish_ps.max()), int(spans.end_ps.max(initial=NO_TIME)), 0)
    if prediction.makespan_ps is not None and prediction.makespan_ps != last:
        return f"has a makespan of {prediction.makespan_ps} ps but ends at {last} ps"
    return None


def _foreign_span(graph: ExecutionGraph, spans: Spans) -> int | None:
    """The first span on a rank where its node does not stand, or None."""
    world = np.int64(graph.mesh.world_size)
    pairs, first = np.unique(graph.placement[spans.node] * world + spans.rank, return_index=True)
    placements = pairs // world
    starts: list[int] = np.flatnonzero(np.diff(placements, prepend=-1)).tolist()
    for start, end in itertools.pairwise([*starts, len(pairs)]):
        stands_on = graph.mesh.ranks(graph.placements[int(placements[start])])
        outside = ~np.isin(pairs[start:end] % world, stands_on, assume_unique=True)
        if outside.any():
            return int(first[start + int(np.argmax(outside))])
    return None
