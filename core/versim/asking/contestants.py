"""Who is asked how long a collective takes: network timings, and backends that simulate it alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import attrs

from versim.asking.isolation import alone, times_alone
from versim.asking.preparation import network_timing
from versim.asking.simulation import request_for
from versim.components import MeasuresNetwork, ProposesSystem
from versim.containment import held_responsible
from versim.errors import FaultsError, UnsupportedGraphError, VersimError
from versim.fabric import Device, Message, System
from versim.mesh import Mesh
from versim.registry import Registry
from versim.scenario import Instance, TimingChoice
from versim.work import Kind

Answer = tuple[float | None, str]
"""Seconds, or None and why not."""


@attrs.frozen(eq=False, kw_only=True)
class Contestant:
    """A model that times collectives.

    Attributes:
        label: Its name in the sweep.
        description: What it is: ``timing alpha-beta`` or ``backend astrasim``, with options.
        ask: (kind, size in bytes, algorithm, system) ─▶ seconds, or None and why not.
        measured: True if its seconds were measured, so that others have errors against it.
        noise: Band of sizes ─▶ how far repeated measurements are apart.
    """

    label: str
    description: str
    ask: Callable[[Kind, int, str, System], Answer]
    measured: bool = False
    noise: Mapping[str, float] = attrs.field(factory=dict)


def proposed_device(registry: Registry, choice: TimingChoice | None = None) -> Device:
    """The device that a producer proposes: some models charge local memory for a collective.

    Args:
        registry: The plugins there are.
        choice: The producer (as ``timing``) and its options; unless given, the first producer by name that proposes a
            device with its defaults.

    Raises:
        VersimError: The producer named does not propose one, or not with these options.
    """
    names = [producer.name for producer in registry.producers()] if choice is None else [choice.timing]
    for name in names:
        producer = registry.producer(name)
        if not isinstance(producer, ProposesSystem):
            continue
        try:
            with held_responsible("producer", name):
                options = registry.resolve("producer", name, choice and choice.options, f"producer {name}").options
                return producer.system(options).device
        except VersimError:
            if choice is not None:
                raise
    if choice is not None:
        raise VersimError(f"producer {choice.timing!r} proposes no device; name one that does")
    return Device(name="none")


def timing_contestant(label: str, choice: TimingChoice, registry: Registry) -> Contestant:
    """A network timing.

    Raises:
        VersimError: It does not exist, does not time communication, or its options are faulty.
    """
    timing = network_timing(choice, registry, f"-t {label}")

    def answer(kind: Kind, size_bytes: int, algorithm: str, system: System) -> Answer:
        message = _message(kind, size_bytes, algorithm, system)
        try:
            with held_responsible("timing", choice.timing):
                (time_s,) = timing.times_s((message,), system)
        except (UnsupportedGraphError, FaultsError) as error:
            return None, str(error)
        if math.isnan(time_s):
            why = timing.why_declined(message, system)
            asked = f"{message.kind} of {size_bytes} bytes over {message.participants} ranks"
            return None, f"timing {choice.timing} declines {asked}{f': {why}' if why else ''}"
        return float(time_s), ""

    model = registry.timing(choice.timing)
    return Contestant(
        label=label,
        description=_described("timing", choice.timing, choice),
        ask=answer,
        measured=isinstance(model, MeasuresNetwork),
        noise=model.network_noise() if isinstance(model, MeasuresNetwork) else {},
    )


def _message(kind: Kind, size_bytes: int, algorithm: str, system: System) -> Message:
    participants = 2 if kind is Kind.POINT_TO_POINT else system.world_size
    ranks = tuple(range(participants))
    return Message(kind, size_bytes, participants, axis="rank", ranks=ranks, algorithm=algorithm)


def backend_contestant(instance: Instance, registry: Registry) -> Contestant:
    """A backend that simulates a graph of one collective.

    Raises:
        VersimError: It does not exist, its options are faulty, or nobody writes such a graph.
    """
    backend = registry.backend(instance.backend)
    registry.resolve("backend", instance.backend, instance.options, f"-b {instance.label}")

    def answer(kind: Kind, size_bytes: int, algorithm: str, system: System) -> Answer:
        message = _message(kind, size_bytes, algorithm, system)
        try:
            request, _ = request_for(
                alone([message], Mesh.of(rank=system.world_size), system), instance, registry, "-b"
            )
        except FaultsError as error:
            return None, str(error)
        return times_alone(backend, [message], request)[message]

    description = _described("backend", instance.backend, instance.network)
    return Contestant(label=instance.label, description=description, ask=answer)


def contestants_of(registry: Registry) -> tuple[Contestant, ...]:
    """Every network timing and every backend that needs no option, with their defaults.

    A name that both a timing and a backend have is told apart: the timing is ``NAME timing``.
    """
    backends = [backend.name for backend in registry.backends() if _needs_nothing(backend.options)]
    found = []
    for model in registry.timings():
        if not _needs_nothing(model.options):
            continue
        with held_responsible("timing", model.name):
            network = model.network(registry.resolve("timing", model.name).options)
        if network is not None:
            label = f"{model.name} timing" if model.name in backends else model.name
            found.append(timing_contestant(label, TimingChoice(timing=model.name), registry))
    return (*found, *(backend_contestant(Instance(label=name, backend=name), registry) for name in backends))


def hold_apart(contestants: Sequence[Contestant]) -> None:
    """Refuse labels that are given twice.

    Raises:
        VersimError: Two contestants have one label.
    """
    labels = [contestant.label for contestant in contestants]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise VersimError(f"{', '.join(twice)}: is given twice; tell them apart with LABEL=NAME")


def _needs_nothing(options: type) -> bool:
    return all(field.default is not attrs.NOTHING for field in attrs.fields(options) if field.init)


def _described(role: str, name: str, choice: TimingChoice | None) -> str:
    text = f"{role} {name}"
    if choice is None:
        return text
    settings = ", ".join(f"{key}={value}" for key, value in sorted(choice.options.items()))
    if role == "backend":
        return f"{text} on {choice.timing}" + (f" ({settings})" if settings else "")
    return f"{text} ({settings})" if settings else text
