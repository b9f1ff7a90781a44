"""Asking a simulator what the network check holds against the wires: its communications alone, here and narrowed.

Asked once per backend, options, network and communications, and remembered for as long as the registry lives: the pins
of a scenario and the points of a sweep that leave the network alone cost nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import attrs

from versim.asking.isolation import alone_with, times_alone
from versim.asking.simulation import request_for
from versim.comparison.checks import Check
from versim.comparison.wires import Deviation, check_of, deviations, distinct
from versim.components import LimitsNetwork, SimulationRequest, SimulatorBackend
from versim.containment import held_responsible
from versim.errors import ComponentError, VersimError
from versim.fabric import Message, System
from versim.inputs import Inputs
from versim.pinning import messages_of
from versim.registry import Registry
from versim.scenario import Instance
from versim.timing import NetworkLimits

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
    messages = distinct(messages_of(inputs.graph), inputs.system)
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
