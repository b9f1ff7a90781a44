"""The backend ``deepflow``: event-driven, compute exclusive per device, communication concurrent.

A node starts when everything it waits for has ended and, for compute, its device is free, first come, first served.
Communications never contend; each takes what the network timing says it takes alone, plus one kernel launch for
all-reduce, all-gather and reduce-scatter. Times are whole picoseconds, rounded once per duration.

DeepFlow's order of service is that of :func:`versim.replay`; measured: golden/deepflow/schedules. Only among events of
the very same instant may they differ, because DeepFlow passes from a layer to the next through an event of no length.
"""

# ruff: noqa: RUF009 - option() and its likes are attrs.field() with a help text
from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    PS_PER_NS,
    PS_PER_S,
    ExecutionGraph,
    Instances,
    NetworkTiming,
    Op,
    Prediction,
    Schedule,
    SimulationRequest,
    Status,
    System,
    communication_s,
    consumed_as_pinned,
    in_picoseconds,
    instances_of,
    option,
    prediction_of,
    replay,
)

from versim_deepflow.collectives import LAUNCHED
from versim_deepflow.corrections import Corrections
from versim_deepflow.pipeline_graph import signals_of
from versim_deepflow.timing import DeepFlowNetworkTiming

if TYPE_CHECKING:
    from versim.testing import Claims


class Roots(enum.StrEnum):
    """Which of the compute nodes that wait for nothing are started."""

    ALL = "all"
    FIRST = "first"
    """Only the first of them, as DeepFlow does; what does not follow from it never runs."""


@attrs.frozen
class DeepFlowOptions:
    """Options of the backend ``deepflow``.

    Attributes:
        roots: Which of the compute nodes that wait for nothing are started.
    """

    roots: Roots = option(
        Roots.ALL,
        converter=Roots,
        help="all, or first: start only the first compute node that waits for nothing and what follows from it, as "
        "DeepFlow does; a graph with further ones then stays incomplete",
    )


def durations_s(graph: ExecutionGraph, system: System, network: NetworkTiming) -> NDArray[np.float64]:
    """Seconds of each communication as DeepFlow runs it; shape (communications,).

    The network's own time, and one launch for the kinds that launch a kernel; a signal takes none.
    """
    seconds = np.where(signals_of(graph), 0.0, communication_s(graph, system, network))
    launched = graph.is_kind(*LAUNCHED)
    return np.where(launched, seconds + system.device.kernel_launch_overhead_s, seconds)


def schedule(
    graph: ExecutionGraph,
    compute_ps: NDArray[np.int64],
    communication_ps: NDArray[np.int64],
    *,
    roots: Roots = Roots.ALL,
) -> tuple[Instances, Schedule]:
    """When every node runs.

    Args:
        graph: The step.
        compute_ps: int64 (nodes,), duration of each compute node, in any unit of time.
        communication_ps: int64 (communications,), duration of each communication, in the same unit.
        roots: Which of the compute nodes that wait for nothing are started.
    """
    instances = instances_of(graph)
    runs = None
    if roots is Roots.FIRST:
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
    without_contention: str = "communications that run at once do not share links"

    @property
    def claims(self) -> tuple[Claims, ...]:
        """What it models, for versim's conformance kit."""
        from versim_deepflow.claims import claims  # noqa: PLC0415 - not needed to simulate

        return claims()

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Predicts when each node runs.

        Raises:
            UnsupportedGraphError: The network timing cannot time a communication.
            VersimError: The step takes longer than times can say.
        """
        began = time.perf_counter()
        pinned, roots = request.inputs, request.options.roots
        network = request.network or DeepFlowNetworkTiming(Corrections())
        communication_ps = in_picoseconds(
            durations_s(pinned.graph, request.inputs.system, network),
            lambda match: f"{pinned.graph.communication_name(match)} takes",
        )
        instances, ran = schedule(pinned.graph, pinned.compute_ns * PS_PER_NS, communication_ps, roots=roots)
        prediction = prediction_of(
            pinned,
            instances,
            ran,
            simulator=self.name,
            engine="event-driven, communication without contention",
            consumed=consumed_as_pinned(pinned, _notes(pinned.graph)),
            wall_s=time.perf_counter() - began,
        )
        if prediction.completed or roots is Roots.ALL:
            return prediction
        cause = "only the first compute node that waits for nothing was started (roots: first)"
        return attrs.evolve(
            prediction,
            status=Status.INCOMPLETE,
            diagnosis=(f"{len(prediction.waiting)} nodes never ran: {cause}", *prediction.diagnosis),
            reported_s=ran.makespan_ps / PS_PER_S,
        )

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """Seconds that each communication takes alone: as in the step, where nothing shares links with it."""
        network = request.network or DeepFlowNetworkTiming(Corrections())
        return durations_s(request.inputs.graph, request.inputs.system, network)


def _notes(graph: ExecutionGraph) -> tuple[str, ...]:
    signals = int(np.count_nonzero(signals_of(graph)))
    return (f"{signals} signals between stages, which carry no data, are taken as free",) if signals else ()
