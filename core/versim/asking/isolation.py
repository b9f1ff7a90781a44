"""Communications alone: what a simulator says of each without anything beside it, on the system of a step.

A simulator that can say what communications take alone (:class:`versim.components.Isolates`) is asked once for all of
them; another one simulates a step of each, one after the other, for as long as there is time.
"""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np

from versim.asking.simulation import simulated
from versim.components import Isolates, SimulationRequest, SimulatorBackend
from versim.containment import held_responsible
from versim.errors import VersimError
from versim.fabric import Message, System
from versim.graph import GraphBuilder
from versim.inputs import Inputs
from versim.mesh import Mesh
from versim.pinning import pin
from versim.units import PS_PER_S
from versim.work import Kind

BUDGET_S = 2.0
"""Seconds after which a simulator that has to simulate each is asked for no further one."""

OUT_OF_TIME = f"not asked: simulating what came before took more than {BUDGET_S:g} s"

Times = dict[Message, tuple[float | None, str]]
"""Seconds of each, or None and why not."""


def times_alone(
    backend: SimulatorBackend,
    messages: Sequence[Message],
    request: SimulationRequest,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Seconds of communications, each alone on the request's system; None and why where a backend cannot say.

    A backend that answers for all of them at once is asked once; another one simulates them one by one, for as long as
    there is time.
    """
    began = clock()
    known = _isolated(backend, messages, request)
    found: Times = {}
    for message in messages:
        if message in known:
            found[message] = known[message], ""
        elif clock() - began > BUDGET_S:
            found[message] = None, OUT_OF_TIME
        else:
            found[message] = _simulated(backend, message, request)
    return found


def _isolated(
    backend: SimulatorBackend, messages: Sequence[Message], request: SimulationRequest
) -> dict[Message, float]:
    """What the backend itself says that communications take alone; empty if it does not."""
    if not isinstance(backend, Isolates) or not messages:
        return {}
    try:
        with held_responsible("backend", backend.name):
            seconds = np.asarray(backend.isolated_s(alone_with(messages, request)), dtype=np.float64).tolist()
            answered = dict(zip(messages, seconds, strict=True))
    except VersimError:
        # One that it cannot express, or fails at, must not hide the others: they are asked one by one.
        return {}
    # What is no time is no answer: the message is simulated instead.
    return {message: value for message, value in answered.items() if 0 <= value < math.inf}


def _simulated(backend: SimulatorBackend, message: Message, request: SimulationRequest) -> tuple[float | None, str]:
    """The makespan of a graph of one communication and nothing else."""
    try:
        prediction = simulated(alone_with([message], request), backend, backend.name)
    except VersimError as error:
        # Of the step there is an answer; that a size beside it has none is no reason to lose that.
        return None, str(error)
    if prediction.makespan_ps is None:
        return None, "; ".join(prediction.diagnosis) or prediction.status.value
    return prediction.makespan_ps / PS_PER_S, ""


def _box(places: Sequence[Mapping[str, int]]) -> dict[str, set[int]]:
    """Per axis the indices that ranks have."""
    return {name: {place[name] for place in places} for name in places[0]}


def alone_with(messages: Sequence[Message], request: SimulationRequest) -> SimulationRequest:
    """The same asked about a graph of communications that do not depend on one another."""
    inputs = request.inputs
    return attrs.evolve(request, inputs=alone(messages, inputs.graph.mesh, inputs.system))


def alone(messages: Sequence[Message], mesh: Mesh, system: System) -> Inputs:
    """A step of communications that do not depend on one another, and nothing else.

    Several simulators are asked the same, one after the other, so the last steps are kept.
    """
    question = tuple(messages), mesh, system
    for known, inputs in _RECENT:
        if known == question:
            return inputs
    inputs = _alone(messages, mesh, system)
    _RECENT.append((question, inputs))
    return inputs


_RECENT: collections.deque[tuple[tuple[tuple[Message, ...], Mesh, System], Inputs]] = collections.deque(maxlen=32)


def _alone(messages: Sequence[Message], mesh: Mesh, system: System) -> Inputs:
    builder = GraphBuilder(mesh)
    for position, message in enumerate(messages):
        # The ranks of the first group and no others: elsewhere nothing happens.
        places = [dict(zip(mesh.names, mesh.coordinates(rank), strict=True)) for rank in message.ranks]
        if message.kind is Kind.POINT_TO_POINT:
            builder.transfer("alone", message.size_bytes, source=places[0], target=places[1])
            continue
        scope = {"axes": message.axis.split("+")} if message.axis else {"ranks": message.ranks}
        for place in [_box(places)] if message.axis else places:
            builder.collective(
                "alone",
                message.kind,
                message.size_bytes,
                **scope,
                on=place,
                algorithm=message.algorithm,
                match=position,
            )
    return pin(builder.build(), system, label="alone")
