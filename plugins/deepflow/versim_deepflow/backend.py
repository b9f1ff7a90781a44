"""The backend ``deepflow``: event-driven, compute exclusive per device, communication concurrent.

A node starts when everything it waits for has ended and, for compute, its device is free, first come, first served.
Communications never contend; each takes what the network timing says it takes alone, plus one kernel launch for
all-reduce, all-gather and reduce-scatter. Times are whole picoseconds, rounded once per duration.
"""

from __future__ import annotations

import time

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    KINDS,
    NO_TIME,
    PS_PER_NS,
    PS_PER_S,
    Consumed,
    ExecutionGraph,
    Instances,
    NetworkTiming,
    Op,
    Prediction,
    Resource,
    Schedule,
    SimulationRequest,
    Spans,
    Status,
    System,
    communication_s,
    instances_of,
    option,
    replay,
)

from versim_deepflow.collectives import LAUNCHED
from versim_deepflow.corrections import Corrections
from versim_deepflow.pipeline_graph import SIGNAL_TAG
from versim_deepflow.timing import DeepFlowNetworkTiming

ALL_ROOTS = "all"
FIRST_ROOT = "first"
_NAMED = 5
"""How many of the nodes that never ran a diagnosis names."""


@attrs.frozen
class DeepFlowOptions:
    """Options of the backend ``deepflow``.

    Attributes:
        roots: Which of the nodes that wait for nothing are started.
    """

    roots: str = option(
        ALL_ROOTS,
        validator=attrs.validators.in_((ALL_ROOTS, FIRST_ROOT)),
        help="all, or first: start only the first compute node that waits for nothing and what follows from it, as "
        "DeepFlow does; a graph with further ones then stays incomplete",
    )


def durations_s(graph: ExecutionGraph, system: System, network: NetworkTiming) -> NDArray[np.float64]:
    """Seconds of each communication as DeepFlow runs it; shape (communications,).

    The network's own time, and one launch for the kinds that launch a kernel; a signal takes none.
    """
    signal = graph.tag == SIGNAL_TAG
    seconds = np.where(signal, 0.0, communication_s(graph, system, network))
    launched = np.isin(graph.kind, [KINDS.index(kind) for kind in LAUNCHED])
    return np.where(launched, seconds + system.device.kernel_launch_overhead_s, seconds)


def schedule(
    graph: ExecutionGraph,
    compute_ps: NDArray[np.int64],
    communication_ps: NDArray[np.int64],
    *,
    roots: str = ALL_ROOTS,
) -> tuple[Instances, Schedule]:
    """When every node runs.

    Args:
        graph: The step.
        compute_ps: int64 (nodes,), duration of each compute node, in any unit of time.
        communication_ps: int64 (communications,), duration of each communication, in the same unit.
        roots: :data:`ALL_ROOTS` or :data:`FIRST_ROOT`.
    """
    instances = instances_of(graph)
    runs = None
    if roots == FIRST_ROOT:
        waits = np.diff(graph.dependency_start)
        free = np.flatnonzero((graph.op == Op.COMPUTE) & (waits == 0))
        runs = ~np.isin(instances.node, free[1:])
    return instances, replay(instances, compute_ps, communication_ps[instances.meeting_match], runs=runs)


@attrs.frozen
class DeepFlow:
    """The backend ``deepflow``; runs on whichever network timing the scenario names."""

    name: str = "deepflow"
    options: type = DeepFlowOptions
    network_timing: str = "deepflow"

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Predicts when each node runs.

        Raises:
            UnsupportedGraphError: The network timing cannot time a communication.
        """
        began = time.perf_counter()
        pinned, options = request.pinned, request.options
        graph = pinned.graph
        network = request.network or DeepFlowNetworkTiming(Corrections())
        communication_ps = np.rint(durations_s(graph, request.system, network) * PS_PER_S).astype(np.int64)
        compute_ps = pinned.compute_ns * PS_PER_NS
        instances, ran = schedule(graph, compute_ps, communication_ps, roots=options.roots)
        finish = _finish(instances, ran)
        status = _status(ran, options.roots)
        return Prediction(
            simulator=self.name,
            engine="event-driven, communication without contention",
            digest=pinned.digest,
            status=status,
            makespan_ps=ran.makespan_ps if status is Status.COMPLETED else None,
            finish_ps=finish,
            representative=instances.classes.representatives()[instances.classes.of_rank()],
            spans=_spans(instances, ran),
            consumed=Consumed(
                compute_ns=pinned.compute_ns.copy(), size_bytes=graph.size_bytes.copy(), notes=_notes(graph)
            ),
            diagnosis=_diagnosis(instances, ran, options.roots),
            waiting=_waiting(instances, ran),
            reported_s=ran.makespan_ps / PS_PER_S if status is Status.INCOMPLETE else None,
            wall_s=time.perf_counter() - began,
        )


def _status(ran: Schedule, roots: str) -> Status:
    if ran.completed:
        return Status.COMPLETED
    return Status.INCOMPLETE if roots == FIRST_ROOT else Status.DEADLOCK


def _finish(instances: Instances, ran: Schedule) -> NDArray[np.int64]:
    """When every rank finished; NO_TIME for one with nodes that never ran; shape (world size,)."""
    of_class = np.zeros(instances.classes.count, dtype=np.int64)
    np.maximum.at(of_class, instances.rank_class, ran.end_ps)
    of_class[instances.rank_class[ran.end_ps == NO_TIME]] = NO_TIME
    return of_class[instances.classes.of_rank()]


def _spans(instances: Instances, ran: Schedule) -> Spans:
    happened = np.flatnonzero(ran.end_ps != NO_TIME)
    node = instances.node[happened]
    is_compute = instances.graph.op[node] == Op.COMPUTE
    return Spans(
        node=node.astype(np.int32),
        rank=instances.classes.representatives()[instances.rank_class[happened]],
        ready_ps=ran.ready_ps[happened],
        start_ps=ran.start_ps[happened],
        end_ps=ran.end_ps[happened],
        resource=np.where(is_compute, Resource.COMPUTE, Resource.COMMUNICATION).astype(np.int8),
    )


def _waiting(instances: Instances, ran: Schedule) -> tuple[tuple[int, int], ...]:
    stuck = np.flatnonzero(ran.end_ps == NO_TIME)
    ranks = instances.classes.representatives()[instances.rank_class[stuck]]
    return tuple(zip(ranks.tolist(), instances.node[stuck].tolist(), strict=True))


def _diagnosis(instances: Instances, ran: Schedule, roots: str) -> tuple[str, ...]:
    waiting = _waiting(instances, ran)
    if not waiting:
        return ()
    graph = instances.graph
    named = ", ".join(f"node {node} ({graph.node_name(node)!r}) on rank {rank}" for rank, node in waiting[:_NAMED])
    more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
    cause = "only the first root was started (roots: first)" if roots == FIRST_ROOT else "they wait for one another"
    return (f"never ran, because {cause}: {named}{more}",)


def _notes(graph: ExecutionGraph) -> tuple[str, ...]:
    signals = int(np.count_nonzero(graph.tag == SIGNAL_TAG))
    return (f"{signals} signals between stages are taken as free",) if signals else ()
