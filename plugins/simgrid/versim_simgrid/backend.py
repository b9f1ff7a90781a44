"""The backend: translate, launch, and say when each node ran."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    ALGORITHMS,
    NO_TIME,
    PS_PER_S,
    Diagnostic,
    Kind,
    Message,
    Prediction,
    Schedule,
    SimulationRequest,
    Status,
    Topology,
    UnsupportedGraphError,
    VersimError,
    consumed_as_pinned,
    messages_of,
    prediction_of,
)

from versim_simgrid import launch
from versim_simgrid.collectives import Collectives, collectives_on
from versim_simgrid.communications import Communications
from versim_simgrid.document import document_of
from versim_simgrid.fabric import Fabric
from versim_simgrid.folding import folding_of
from versim_simgrid.links import link_loads
from versim_simgrid.options import SimGridOptions
from versim_simgrid.program import Translation, translate
from versim_simgrid.session import Begun, Session, current, run, session
from versim_simgrid.tasks import MARKER, Tasks
from versim_simgrid.times import Times, times_of

if TYPE_CHECKING:
    from versim.testing import Claims

NAME = "simgrid"


@attrs.frozen
class SimGrid:
    """The backend ``simgrid``: every message is a flow, and flows share links."""

    name: str = NAME
    options: type[SimGridOptions] = SimGridOptions

    @property
    def claims(self) -> Claims:
        """What it models, for versim's conformance kit."""
        from versim.testing import AllToAll, Claims, Contention  # noqa: PLC0415 - not needed to simulate

        return Claims(
            kinds=tuple(Kind),
            topologies=tuple(Topology),
            algorithms=ALGORITHMS,
            dimensions=16,
            contention=Contention.SHARE,
            all_to_all=AllToAll.AGGREGATED,
        )

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Simulate one step.

        Raises:
            UnsupportedGraphError: A collective algorithm that does not exist, or not for this collective.
            SimGridNotFoundError: SimGrid is not installed; the message says how to.
            SimulationError: SimGrid failed.
        """
        with current(os.environ) as workers:
            begun = workers.taken(request) or _begun(request, workers)
            try:
                answer = begun.worker.answer(request.options.time_limit_s)
            except launch.TimeLimitError as error:
                return _stopped(request, begun.translation, str(error))
            workers.spare(begun.worker)
        read = time.perf_counter()
        times = times_of(answer, begun.translation.tasks)
        prediction = _prediction(request, begun.translation, times, f"SimGrid {answer['simgrid']}")
        # It may have been simulated long before it was asked for.
        return attrs.evolve(prediction, wall_s=begun.made_s + answer["wall_s"] + time.perf_counter() - read)

    @contextlib.contextmanager
    def session(self, requests: Sequence[SimulationRequest]) -> Iterator[None]:
        """Keep SimGrid loaded for all questions in this block, and begin with these, in a process for each."""
        with session(os.environ) as workers:
            for request in requests:
                # Why it cannot be is said where the answer is asked for.
                with contextlib.suppress(VersimError):
                    workers.begin(request, _begun(request, workers))
            yield

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """Seconds of each communication alone on the network; shape (communications,).

        All of them run in one simulation, one after the other; NaN if that takes longer than the time limit.
        """
        messages = messages_of(request.inputs.graph)
        unique = tuple(dict.fromkeys(messages))
        if not unique:
            return np.zeros(0)
        fabric, collectives = _network(request)
        tasks, ends = _one_by_one(unique, collectives)
        document = document_of(tasks, fabric, request.inputs.system.world_size, request.options)
        try:
            answer = run(document, os.environ, request.options.time_limit_s)
        except launch.TimeLimitError:
            return np.full(len(messages), np.nan)
        times = times_of(answer, tasks)
        dates = [times.end_ps[end] for end in ends]
        lasts = {message: (dates[n + 1] - dates[n]) / PS_PER_S for n, message in enumerate(unique)}
        return np.array([lasts[message] for message in messages])

    def diagnose(self) -> Iterable[Diagnostic]:
        """Whether SimGrid is there."""
        try:
            found = launch.version(os.environ)
        except VersimError as error:
            yield Diagnostic("SimGrid", found=False, detail=str(error))
        else:
            yield Diagnostic("SimGrid", found=True, detail=f"{found}, run by {launch.python_of(os.environ)}")


def _begun(request: SimulationRequest, workers: Session) -> Begun:
    """Give a request's tasks to a worker."""
    asked = time.perf_counter()
    worker = workers.worker()  # it loads SimGrid while the tasks are made
    try:
        fabric, collectives = _network(request)
        communications = Communications(request.inputs.graph)
        options, world = request.options, request.inputs.system.world_size
        folding = folding_of(request.inputs.graph, fabric, collectives, communications) if options.folds else None
        translation = translate(request.inputs, fabric, collectives, communications, folding)
        document = document_of(translation.tasks, translation.fabric, world, options)
    except BaseException:
        workers.spare(worker)
        raise
    worker.ask(document, options.time_limit_s)
    return Begun(translation, worker, time.perf_counter() - asked)


def _network(request: SimulationRequest) -> tuple[Fabric, Collectives]:
    world, endpoints = request.inputs.graph.mesh.world_size, request.inputs.system.world_size
    if world != endpoints:
        raise UnsupportedGraphError(f"the graph has {world} ranks, the network {endpoints} endpoints")
    fabric = Fabric(request.inputs.system)
    dimensions = [(dimension.topology, dimension.size) for dimension in request.inputs.system.dimensions]
    return fabric, collectives_on(fabric, request.options, dimensions)


def _one_by_one(messages: Sequence[Message], collectives: Collectives) -> tuple[Tasks, list[int]]:
    """Communications in a chain; returns the marker before the first and after each."""
    tasks = Tasks()
    ends = [tasks.add(MARKER)]
    for message in messages:
        begun = [ends[-1]] * len(message.ranks)
        collectives.add(tasks, Kind(message.kind), message.size_bytes, message.ranks, message.algorithm, begun)
        ends.append(tasks.add(MARKER, waits_for=begun))
    return tasks, ends


def _schedule(translation: Translation, times: Times) -> Schedule:
    instances = translation.instances
    start = np.array([times.start_ps[task] for task in translation.first], dtype=np.int64)
    end = np.array([times.end_ps[task] for task in translation.last], dtype=np.int64)
    ready = np.full(instances.count, NO_TIME, dtype=np.int64)
    for row, task in enumerate(translation.first):
        before = [times.end_ps[on] for on in translation.tasks.waits_for[task]]
        if NO_TIME not in before:
            ready[row] = max(before, default=0)
    return Schedule(ready_ps=ready, start_ps=start, end_ps=end)


def _prediction(request: SimulationRequest, translation: Translation, times: Times, engine: str) -> Prediction:
    options: SimGridOptions = request.options
    notes: tuple[str, ...] = ()
    links = request.inputs.system.axis_links
    if links:
        notes = (f"links of single axes ({', '.join(links)}) are not used: SimGrid has dimensions",)
    provenance = {
        "sharing": options.fairness,
        "ranks": f"{translation.instances.classes.count} of {request.inputs.graph.mesh.world_size} simulated",
        "tasks": str(len(translation.tasks.kind)),
        "rounding": f"dates moved by at most {times.moved_ps} ps",
    }
    return prediction_of(
        request.inputs,
        translation.instances,
        _schedule(translation, times),
        simulator=NAME,
        engine=engine,
        consumed=consumed_as_pinned(request.inputs, notes),
        provenance=provenance,
        links=link_loads(translation.tasks, translation.fabric, times, options.bandwidth_factor),
    )


def _stopped(request: SimulationRequest, translation: Translation, why: str) -> Prediction:
    """What is known of a run that was stopped: that it was."""
    never = np.full(translation.instances.count, NO_TIME, dtype=np.int64)
    nothing = Schedule(ready_ps=never, start_ps=never, end_ps=never)
    made = prediction_of(request.inputs, translation.instances, nothing, simulator=NAME, engine="SimGrid")
    return attrs.evolve(made, status=Status.TIMED_OUT, diagnosis=(why,), waiting=())
