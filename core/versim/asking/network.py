"""Asking a simulator what the network check holds against the wires: its communications alone, here and narrowed.

Asked once per backend, options, network and communications, and remembered for as long as the registry lives: the pins
of a scenario and the points of a sweep that leave the network alone cost nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import attrs
import numpy as np

from versim.asking.isolation import alone_with, times_alone
from versim.asking.preparation import Prepared, network_timing
from versim.asking.simulation import request_for
from versim.comparison.checks import Check
from versim.comparison.wires import Deviation, check_of, deviations, distinct
from versim.components import LimitsNetwork, SimulationRequest, SimulatorBackend
from versim.containment import held_responsible
from versim.errors import ComponentError, VersimError
from versim.fabric import Message, System
from versim.inputs import Inputs
from versim.pinning import distinct_messages, folded_messages
from versim.registry import Registry
from versim.scenario import Instance
from versim.timing import NetworkLimits, NetworkTiming

FOLDED = "folded network"
"""The name of the check of a pin's timing of folded communication."""

_KNOWN: WeakKeyDictionary[Registry, dict[tuple[str, ...], tuple[Deviation, ...]]] = WeakKeyDictionary()


def check_network(inputs: Inputs, instance: Instance, registry: Registry, place: str) -> Check:
    """Whether an instance sees the network that everybody got, as a check of its prediction.

    Args:
        inputs: The step and what it runs on.
        instance: Who is asked.
        registry: The plugins there are.
        place: Where the instance stands in the scenario.
    """
    request, _ = request_for(inputs, instance, registry, place)
    messages = distinct(distinct_messages(inputs.graph)[0], inputs.system)
    if not messages:
        return check_of((), 0, inputs.system)
    known = _KNOWN.setdefault(registry, {})
    digest = alone_with(messages, request).inputs.digest
    key = (instance.backend, repr(request.options), repr(instance.network), digest)
    if key not in known:
        try:
            known[key] = deviations_of(registry.backend(instance.backend), messages, request)
        except VersimError as error:
            # Of the step there is an answer; a plugin that cannot say what it does not model keeps it.
            return Check(name="network", passed=None, detail=f"it could not be made: {error}")
    return check_of(known[key], len(messages), inputs.system)


def check_folded(prepared: Prepared, registry: Registry, place: str) -> Check | None:
    """The same of the timing that a pin names for folded communication; None where that is nowhere on the network.

    Args:
        prepared: The step, and its pin.
        registry: The plugins there are.
        place: Where the pin stands in the scenario.
    """
    inputs, choice = prepared.inputs, prepared.pin.folded
    messages = distinct(folded_messages(inputs.graph), inputs.system) if choice is not None else ()
    if choice is None or not messages:
        return None
    known = _KNOWN.setdefault(registry, {})
    system = inputs.system
    key = ("folded", repr(choice), repr(messages), repr((system, dict(system.device.parameters))))
    try:
        if key not in known:
            timing = network_timing(choice, registry, f"{place}.folded")
            with held_responsible("timing", choice.timing):
                found = deviations(messages, system, lambda asked, on: _answers(timing, asked, on))
                limits = dict(zip(messages, timing.network_limits(messages, system), strict=True)) if found else {}
            known[key] = tuple(attrs.evolve(one, declared=limits[one.message]) for one in found)
    except VersimError as error:
        return Check(name=FOLDED, passed=None, detail=f"it could not be made: {error}")
    return attrs.evolve(check_of(known[key], len(messages), system), name=FOLDED)


def _answers(timing: NetworkTiming, messages: Sequence[Message], system: System) -> list[float | None]:
    times_s = np.asarray(timing.times_s(messages, system), dtype=np.float64).tolist()
    return [None if math.isnan(time_s) else time_s for time_s in times_s]


def deviations_of(
    backend: SimulatorBackend, messages: Sequence[Message], request: SimulationRequest
) -> tuple[Deviation, ...]:
    """The communications that a backend times as if on another network, each with the limit it declares."""

    def alone(asked: Sequence[Message], system: System) -> list[float | None]:
        there = attrs.evolve(request, inputs=request.inputs.on(system))
        found = times_alone(backend, asked, there)
        return [found[message][0] for message in asked]

    found = deviations(messages, request.inputs.system, alone, uncertain=True)
    declared = dict(zip(messages, limits_of(backend, messages, request), strict=True)) if found else {}
    told = (attrs.evolve(deviation, declared=declared[deviation.message]) for deviation in found)
    return tuple(deviation for deviation in told if deviation.certain or deviation.declared)


def limits_of(backend: SimulatorBackend, messages: Sequence[Message], request: SimulationRequest) -> list[str]:
    """What a backend, or the timing that drives it, declares not to model of each message's network; "" if nothing."""
    said: list[Sequence[str]] = []
    network: object = request.network
    with held_responsible("backend", backend.name):
        if isinstance(network, NetworkLimits):
            said.append(network.network_limits(messages, request.inputs.system))
        if isinstance(backend, LimitsNetwork):
            said.append(backend.network_limits(messages, request))
    if any(len(limits) != len(messages) for limits in said):
        raise ComponentError("backend", backend.name, "network_limits has to give one text per message")
    return ["; ".join(filter(None, texts)) for texts in zip([""] * len(messages), *said, strict=True)]
