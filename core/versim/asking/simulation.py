"""Asking one instance of a backend: look at its input first, simulate, hold the answer to its form."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.asking.preparation import network_timing
from versim.asking.time_limit import ChildDiedError, within
from versim.comparison import Check
from versim.comparison.attribution import Isolated
from versim.comparison.contract import BrokenContractError, hold_to_contract
from versim.components import Finding, Isolates, Preflights, Severity, SimulationRequest, SimulatorBackend
from versim.containment import frames_of, held_responsible
from versim.errors import ComponentError, TimeIsOverError, VersimError
from versim.fabric import System
from versim.graph import ExecutionGraph
from versim.inputs import Inputs
from versim.picoseconds import in_picoseconds
from versim.prediction import NO_TIME, Consumed, Prediction, Spans, Status
from versim.progress import doing
from versim.registry import Registry, structure_options
from versim.scenario import Instance, TimingChoice
from versim.timing import NetworkTiming

ITS_OWN_NETWORK = "its own"
"""What stands for the network timing of a backend that models the network itself."""

CHANGED_INPUT = "it changed its input, which the others are given, too"


@attrs.frozen(eq=False, kw_only=True)
class Answer:
    """What one instance answered.

    Attributes:
        prediction: Labelled and timed.
        network: The network timing that drove the backend, or "its own".
        isolated_ps: What each communication takes alone in this simulator, where it can say.
        without_contention: Why communications that run at once cost one another nothing; "" where they share links.
        network_check: Whether it sees the network that everybody got; None where it was not asked.
        spoilt: Whether it wrote to its input, which then has to be prepared again for the next one.
    """

    prediction: Prediction
    network: str
    isolated_ps: Isolated | None = None
    network_check: Check | None = None
    without_contention: str = ""
    spoilt: bool = False


def ask(
    inputs: Inputs,
    instance: Instance,
    registry: Registry,
    place: str,
    *,
    force: bool = False,
    contain: bool = True,
    time_limit_s: float | None = None,
    isolate: bool = True,
) -> Answer:
    """Ask one instance of a backend what a step takes.

    What keeps the backend from answering gives an aborted prediction that says so, for the other simulators' answers
    are still worth having: it is not installed, cannot express the graph, gives up, breaks (its traceback is then part
    of the diagnosis), answers with something that is no prediction of this graph, or its preflight finds an error in
    the input; ``force`` simulates in spite of findings. What else it finds is said with the prediction. With a
    ``time_limit_s`` it answers in a child process, which is killed when these seconds are over, and whose crash is
    its own.

    Args:
        inputs: What every simulator is given.
        instance: Who is asked, with its options.
        registry: The plugins there are.
        place: Where the instance stands, for messages.
        force: Simulate in spite of what its preflight finds.
        contain: Make what breaks in it an answer of its own.
        time_limit_s: Seconds it may take; None lets it take any.
        isolate: Also ask what each communication takes alone, where it can say.

    Raises:
        VersimError: The options for it are faulty.
        ComponentError: It breaks, and ``contain`` is false; or it wrote to the inputs, which then are nobody's.
    """
    if time_limit_s is None:
        return _asked(inputs, instance, registry, place, force=force, contain=contain, isolate=isolate)
    began = time.perf_counter()
    try:
        return within(
            time_limit_s,
            lambda: _asked(inputs, instance, registry, place, force=force, contain=contain, isolate=isolate),
        )
    except (TimeIsOverError, ChildDiedError) as error:
        status = Status.TIMED_OUT if isinstance(error, TimeIsOverError) else Status.ABORTED
        refused = refusal(shape_of(inputs), instance, registry, (str(error),), status)
        wall_s = time.perf_counter() - began
        return attrs.evolve(refused, prediction=attrs.evolve(refused.prediction, wall_s=wall_s))


def refusal(
    shape: Shape,
    instance: Instance,
    registry: Registry,
    why: tuple[str, ...],
    status: Status = Status.ABORTED,
    *,
    spoilt: bool = False,
) -> Answer:
    """The answer of an instance that gives none."""
    network = _network_of(registry.backend(instance.backend), instance)
    return Answer(
        prediction=_labelled(_refused(shape, instance.backend, why, status), instance),
        network=ITS_OWN_NETWORK if network is None else _spelt(network),
        spoilt=spoilt,
    )


def _asked(
    inputs: Inputs, instance: Instance, registry: Registry, place: str, *, force: bool, contain: bool, isolate: bool
) -> Answer:
    request, network = request_for(inputs, instance, registry, place)
    backend = registry.backend(instance.backend)
    shape = shape_of(inputs)
    began = time.perf_counter()
    findings: tuple[Finding, ...] = ()
    errors: tuple[Finding, ...] = ()
    prediction: Prediction | None = None
    answered: object = None
    try:
        if isinstance(backend, Preflights):
            doing("looking over its input")
        findings = preflown(request, backend, instance.backend)
        errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
        if not errors or force:
            if isinstance(backend, Preflights):
                doing("")
            began = time.perf_counter()
            answered = _answered(request, backend, instance.backend)
    except ComponentError as error:
        if not contain:
            raise
        prediction = _refused(shape, instance.backend, (str(error), *frames_of(error)))
    except VersimError as error:
        prediction = _refused(shape, instance.backend, (str(error),))
    if not inputs.unchanged():
        fault = ComponentError("backend", instance.backend, CHANGED_INPUT)
        if not contain:
            raise fault
        return Answer(
            prediction=_labelled(_refused(shape, instance.backend, (str(fault),)), instance),
            network=network,
            spoilt=True,
        )
    if errors and not force:
        return Answer(prediction=_labelled(_not_run(shape, instance, errors), instance), network=network)
    if prediction is None:
        # Only now: an answer is held against inputs that are what they were.
        try:
            prediction = _held(inputs, instance.backend, answered)
        except ComponentError as error:
            if not contain:
                raise
            prediction = _refused(shape, instance.backend, (str(error), *frames_of(error)))
        except VersimError as error:  # longer than times can say
            prediction = _refused(shape, instance.backend, (str(error),))
    wall_s = time.perf_counter() - began
    measured = prediction.wall_s if prediction.wall_s is not None else wall_s
    diagnosis = (*prediction.diagnosis, *(f"{found.severity.value}: {_said(found)}" for found in findings))
    prediction = attrs.evolve(prediction, wall_s=measured, diagnosis=diagnosis)
    isolated_ps = None
    if isolate and prediction.completed and isinstance(backend, Isolates):
        try:
            isolated_ps = _remembered_isolated_ps(backend, request, instance)
        except VersimError as error:
            # The answer stands; only contention cannot be told apart.
            said = f"what communications take alone is not known: {error}"
            prediction = attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, said))
    return Answer(
        prediction=_labelled(prediction, instance),
        network=network,
        isolated_ps=isolated_ps,
        without_contention=str(getattr(backend, "without_contention", "")),
    )


def preflown(request: SimulationRequest, backend: SimulatorBackend, name: str) -> tuple[Finding, ...]:
    """What a backend finds in its input before it simulates.

    Raises:
        ComponentError: It breaks.
    """
    with held_responsible("backend", name):
        return tuple(backend.preflight(request)) if isinstance(backend, Preflights) else ()


def simulated(request: SimulationRequest, backend: SimulatorBackend, name: str) -> Prediction:
    """What a backend answers, held to its form.

    Raises:
        VersimError: It cannot express the graph, or gives up.
        ComponentError: It breaks, or its answer is no prediction of the graph.
    """
    return _held(request.inputs, name, _answered(request, backend, name))


def _answered(request: SimulationRequest, backend: SimulatorBackend, name: str) -> object:
    with held_responsible("backend", name):
        return backend.simulate(request)


def _held(inputs: Inputs, backend: str, prediction: object) -> Prediction:
    """Hold an answer to its form, where it enters; everything behind this takes it for granted."""
    if not isinstance(prediction, Prediction):
        raise ComponentError("backend", backend, f"it returned {type(prediction).__name__}, not a Prediction")
    try:
        hold_to_contract(inputs, prediction)
    except BrokenContractError as error:
        raise ComponentError("backend", backend, f"its prediction {error.fault}") from error
    return prediction


def request_for(inputs: Inputs, instance: Instance, registry: Registry, place: str) -> tuple[SimulationRequest, str]:
    """What a backend is given, and the name of the network timing that drives it."""
    backend = registry.backend(instance.backend)
    choice = _network_of(backend, instance)
    if choice is not None and getattr(backend, "network_timing", None) is None:
        raise VersimError(f"{place}.network: backend {instance.backend!r} models the network itself; leave network out")
    options = registry.resolve("backend", instance.backend, instance.options, f"{place}.options").options
    if choice is None:
        return SimulationRequest(inputs=inputs, options=options), ITS_OWN_NETWORK
    # A timing may remember what it was asked, so every question to one instance goes to one object.
    networks, key = _NETWORKS.setdefault(registry, {}), repr(instance)
    if key not in networks:
        networks[key] = network_timing(choice, registry, f"{place}.network")
    return SimulationRequest(inputs=inputs, options=options, network=networks[key]), _spelt(choice)


_NETWORKS: WeakKeyDictionary[Registry, dict[str, NetworkTiming]] = WeakKeyDictionary()


def _network_of(backend: SimulatorBackend, instance: Instance) -> TimingChoice | None:
    """The network timing that drives a backend: the scenario's, else its own default; None if it needs none."""
    driven_by = getattr(backend, "network_timing", None)
    if instance.network is None and driven_by is not None:
        return TimingChoice(timing=driven_by)
    return instance.network


def _spelt(choice: TimingChoice) -> str:
    return " then ".join(link.timing for link in choice.chain())


def request_of(
    backend: SimulatorBackend,
    inputs: Inputs,
    options: Mapping[str, Any],
    network: NetworkTiming | None,
    place: str = "$",
) -> SimulationRequest:
    """What a backend at hand is given: its options checked, and the timing that drives it if it is driven by one."""
    return SimulationRequest(
        inputs=inputs,
        # A copy: a backend that changes a mapping among its options changes no other's.
        options=structure_options(backend, copy.deepcopy(dict(options)), f"{place}.options"),
        network=network if getattr(backend, "network_timing", None) is not None else None,
    )


def _labelled(prediction: Prediction, instance: Instance) -> Prediction:
    return attrs.evolve(prediction, label=instance.label)


def _remembered_isolated_ps(backend: Isolates, request: SimulationRequest, instance: Instance) -> NDArray[np.int64]:
    """What each communication takes alone; pins that time compute otherwise ask the same of one graph and system."""
    inputs, key = request.inputs, (instance.backend, repr(request.options), repr(instance.network))
    known = _ALONE.setdefault(inputs.graph, {})
    answered = known.get(key)
    if answered is None or answered[0] is not backend or answered[1] is not inputs.system:
        answered = known[key] = backend, inputs.system, _isolated_ps(backend, request, instance.backend)
    return answered[2]


_ALONE: WeakKeyDictionary[ExecutionGraph, dict[tuple[str, ...], tuple[Isolates, System, NDArray[np.int64]]]] = (
    WeakKeyDictionary()
)


def _isolated_ps(backend: Isolates, request: SimulationRequest, name: str) -> NDArray[np.int64]:
    """What each communication takes alone, in whole picoseconds; NO_TIME where not known; shape (communications,)."""
    with held_responsible("backend", name):
        seconds = np.asarray(backend.isolated_s(request), dtype=np.float64)
    count = request.inputs.graph.communication_count
    if seconds.shape != (count,):
        raise ComponentError("backend", name, f"isolated_s has shape {seconds.shape} instead of ({count},)")
    wrong = np.flatnonzero((seconds < 0) | np.isinf(seconds))
    if len(wrong):
        raise ComponentError("backend", name, f"isolated_s of communication {wrong[0]} is {seconds[wrong[0]]} s")
    known = ~np.isnan(seconds)
    graph = request.inputs.graph
    times_ps = in_picoseconds(np.where(known, seconds, 0.0), lambda match: f"{graph.communication_name(match)} takes")
    times_ps[~known] = NO_TIME
    times_ps.flags.writeable = False  # remembered
    return times_ps


def _not_run(shape: Shape, instance: Instance, errors: tuple[Finding, ...]) -> Prediction:
    said = (*map(_said, errors), "not simulated; --force simulates all the same")
    return _refused(shape, instance.backend, said)


def _said(finding: Finding) -> str:
    return f"{finding.rule}: {finding.message}" + (f"; {finding.remedy}" if finding.remedy else "")


@attrs.frozen
class Shape:
    """What an answer that is none takes from the inputs; asked for before a stranger has them."""

    digest: str
    ranks: int
    nodes: int
    communications: int


def shape_of(inputs: Inputs) -> Shape:
    """The shape of these, before a stranger has them."""
    graph = inputs.graph
    return Shape(inputs.digest, graph.mesh.world_size, graph.node_count, graph.communication_count)


def _refused(shape: Shape, backend: str, why: tuple[str, ...], status: Status = Status.ABORTED) -> Prediction:
    return Prediction(
        simulator=backend,
        engine="none",
        digest=shape.digest,
        status=status,
        makespan_ps=None,
        finish_ps=np.full(shape.ranks, NO_TIME, dtype=np.int64),
        representative=np.arange(shape.ranks, dtype=np.int64),
        spans=Spans.none(),
        consumed=Consumed(
            compute_ns=np.full(shape.nodes, NO_TIME, dtype=np.int64),
            size_bytes=np.full(shape.communications, NO_TIME, dtype=np.int64),
        ),
        diagnosis=why,
    )
