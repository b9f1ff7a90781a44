"""When each instance of the graph ran, from the embedded engine or from the real program's log."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NO_TIME, PS_PER_NS, Op, Resource, SimulationError, Spans

from versim_astrasim.engine import Outcome
from versim_astrasim.engine import Spans as EngineSpans
from versim_astrasim.step.clock import LONGEST_NS
from versim_astrasim.step.numbering import nearest_kept
from versim_astrasim.step.translate import Translation

_NEVER_ENDED = -1


@attrs.frozen(eq=False)
class Times:
    """When instances ran, in ps; columns have shape (instances,) and hold NO_TIME for what did not happen."""

    ready_ps: NDArray[np.int64]
    start_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]


def times_of(outcome: Outcome, translation: Translation) -> Times:
    """Times of all instances; a left-out one gets no length, at the end of what it waits for.

    Raises:
        SimulationError: Naming a node that runs later than picoseconds can be counted.
    """
    instances = translation.instances
    ready, start, end = (np.full(instances.count, NO_TIME, dtype=np.int64) for _ in range(3))
    spans = outcome.spans
    if spans is not None and len(spans):
        rows = _rows_of(spans, translation)
        known: slice | NDArray[np.bool_] = rows >= 0
        if rows is translation.numbering.order:
            known = slice(None)
        for column, given in ((ready, spans.ready_ns), (start, spans.start_ns), (end, spans.end_ns)):
            values = given[known]
            if values.max(initial=0) > LONGEST_NS:
                row = int(rows[known][np.argmax(values)])
                raise SimulationError(
                    f"{instances.graph.node_name(int(instances.node[row]))} on rank {instances.ranks[row]} runs until "
                    f"{values.max()} ns, more than the 106 days that 64 bits hold in picoseconds"
                )
            never = values == _NEVER_ENDED
            in_ps = values * PS_PER_NS
            if never.any():
                in_ps[never] = NO_TIME
            column[rows[known]] = in_ps
    times = Times(ready, start, end)
    fill_left_out(times, translation)
    return times


def _rows_of(spans: EngineSpans, translation: Translation) -> NDArray[np.int64]:
    """The instance of each span; -1 for a placeholder."""
    numbering = translation.numbering
    order, node_ids = numbering.order, spans.node_id.astype(np.int64)
    pairs = ((numbering.ids[order], node_ids), (translation.instances.ranks[order], spans.rank))
    if len(order) == len(spans) and all((ours == theirs).all() for ours, theirs in pairs):
        return order  # everything ran, in the order of the traces
    return translation.instance_of(spans.rank, node_ids)


def fill_left_out(times: Times, translation: Translation) -> None:
    """Give instances that stand in no trace no length, at the end of what they wait for."""
    if translation.kept.all():
        return
    end = times.end_ps
    for row, waited_for in nearest_kept(translation.instances, translation.kept).items():
        ends = end[sorted(waited_for)]
        if (ends != NO_TIME).all():
            times.ready_ps[row] = times.start_ps[row] = end[row] = ends.max(initial=0)


def spans_of(times: Times, translation: Translation) -> Spans:
    """Spans of what ran to its end, by row of the graph and then rank."""
    instances = translation.instances
    ran = np.flatnonzero(times.end_ps != NO_TIME)

    def of_ran(column: NDArray[Any]) -> NDArray[Any]:
        """Of what ran; the instances' own columns where everything did, so that rows need no looking up."""
        return column if len(ran) == instances.count else column[ran]

    node = of_ran(instances.node)
    compute = instances.graph.op[node] == Op.COMPUTE
    return Spans(
        node=node,
        rank=of_ran(instances.ranks),
        ready_ps=of_ran(times.ready_ps),
        start_ps=of_ran(times.start_ps),
        end_ps=of_ran(times.end_ps),
        resource=np.where(compute, Resource.COMPUTE, Resource.COMMUNICATION).astype(np.int8),
    )


def stuck(times: Times, translation: Translation) -> tuple[tuple[int, int], ...]:
    """(rank, row) of everything that began and never ended, or was ready and never began."""
    waits = (times.end_ps == NO_TIME) & ((times.start_ps != NO_TIME) | (times.ready_ps != NO_TIME))
    return places_of(waits, translation)


def places_of(chosen: NDArray[np.bool_], translation: Translation) -> tuple[tuple[int, int], ...]:
    """(rank, row) of the chosen instances."""
    instances = translation.instances
    rows = np.flatnonzero(chosen)
    return tuple(zip(instances.ranks[rows].tolist(), instances.node[rows].tolist(), strict=True))
