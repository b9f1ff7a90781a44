"""From a scenario to a report: produce, pin, simulate, compare.

The command line and library users call the same functions. Nothing here knows a simulator: every name is looked up in
the registry.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import attrs
import numpy as np

from versim.comparison import Comparison, Report, WorkloadReport, compare_predictions
from versim.components import SimulationRequest
from versim.errors import ComponentError, UnsupportedGraphError, VersimError
from versim.prediction import NO_TIME, Consumed, Prediction, Spans, Status
from versim.preparing import Prepared, Simulated, held_responsible, network_timing, prepare_pin
from versim.registry import Registry, load_registry, structure_options
from versim.scenario import Instance, Scenario, TimingChoice, Workload, load_scenario

Progress = Callable[[str], None]

ITS_OWN_NETWORK = "its own"
"""What stands for the network timing of a backend that models the network itself."""


def compare(
    scenario: str | Path | Scenario = "bundled", *, registry: Registry | None = None, progress: Progress | None = None
) -> Report:
    """Compare simulators on a scenario.

    Args:
        scenario: A file, the name of a shipped scenario, or a scenario made in Python.
        registry: The plugins to use; the installed ones unless given.
        progress: Called with a sentence whenever something long begins.

    Raises:
        VersimError: The scenario is faulty, or asks for something that no plugin offers.
    """
    registry = load_registry() if registry is None else registry
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, registry)
    return run(scenario, registry, progress=progress)


def run(scenario: Scenario, registry: Registry, *, progress: Progress | None = None) -> Report:
    """Run every workload of a scenario under each of its pins through each of its instances.

    Workloads whose durations others borrow run first; the report keeps the scenario's order.
    """
    say = progress or (lambda _: None)
    simulated: dict[tuple[str, str, str], Simulated] = {}
    reports = {
        workload.label: _run_workload(scenario, registry, workload, simulated, say)
        for workload in _lenders_first(scenario)
    }
    return Report(
        scenario=scenario.name,
        description=scenario.description,
        workloads=tuple(reports[workload.label] for workload in scenario.workloads),
        provenance=_provenance(registry),
    )


def prepare(scenario: Scenario, registry: Registry, workload_label: str, pin_label: str | None = None) -> Prepared:
    """One workload of a scenario under one pin (the first that applies unless named), not simulated.

    Raises:
        VersimError: No such workload or pin, or the pin borrows durations from a simulation.
    """
    workload = scenario.workload(workload_label)
    applying = scenario.pins_of(workload)
    for chosen in applying:
        if pin_label in (None, chosen.label):
            if not chosen.durations:
                return prepare_pin(scenario, registry, workload, chosen)
            simulated: dict[tuple[str, str, str], Simulated] = {}
            for lender in _lenders_first(scenario):
                if lender.label in {borrowed.workload for borrowed in chosen.durations}:
                    _run_workload(scenario, registry, lender, simulated, lambda _: None)
            return prepare_pin(scenario, registry, workload, chosen, simulated)
    raise VersimError(
        f"workload {workload_label!r} has no pin {pin_label!r}; it has {', '.join(pin.label for pin in applying)}"
    )


def _lenders_first(scenario: Scenario) -> list[Workload]:
    """Workloads in an order in which durations exist before they are borrowed."""
    wants = {
        workload.label: {borrowed.workload for pin in scenario.pins_of(workload) for borrowed in pin.durations}
        for workload in scenario.workloads
    }
    ordered: list[Workload] = []
    done: set[str] = set()
    while len(ordered) < len(scenario.workloads):
        ready = [w for w in scenario.workloads if w.label not in done and wants[w.label] <= done]
        if not ready:
            circle = ", ".join(sorted(set(wants) - done))
            raise VersimError(f"workloads {circle} borrow durations from one another in a circle")
        ordered.extend(ready)
        done.update(workload.label for workload in ready)
    return ordered


def _run_workload(
    scenario: Scenario,
    registry: Registry,
    workload: Workload,
    simulated: dict[tuple[str, str, str], Simulated],
    say: Progress,
) -> WorkloadReport:
    # Pins by digest: equal inputs are simulated once.
    by_digest: dict[str, tuple[Prepared, dict[str, Prediction], dict[str, str], list[str]]] = {}
    for chosen in scenario.pins_of(workload):
        say(f"{workload.label}: producing and pinning ({chosen.label})")
        prepared = prepare_pin(scenario, registry, workload, chosen, simulated)
        first, predictions, networks, same_as = by_digest.setdefault(prepared.pinned.digest, (prepared, {}, {}, []))
        if first is not prepared:
            same_as.append(chosen.label)
        for instance in scenario.instances_of(workload, chosen):
            if instance.label not in predictions:
                say(f"{workload.label}: {instance.label} ({chosen.label})")
                predictions[instance.label], networks[instance.label] = simulate(first, instance, scenario, registry)
            simulated[workload.label, chosen.label, instance.label] = Simulated(
                pinned=first.pinned, prediction=predictions[instance.label]
            )
    comparisons = tuple(
        _comparison(scenario, first, predictions, networks, tuple(same_as))
        for first, predictions, networks, same_as in by_digest.values()
        if predictions
    )
    return WorkloadReport(label=workload.label, producer=workload.producer, comparisons=comparisons)


def _comparison(
    scenario: Scenario,
    prepared: Prepared,
    predictions: Mapping[str, Prediction],
    networks: Mapping[str, str],
    same_as: tuple[str, ...],
) -> Comparison:
    asked = [instance for instance in scenario.backends if instance.label in predictions]
    return compare_predictions(
        prepared.pinned,
        prepared.system,
        [predictions[instance.label] for instance in asked],
        scenario.reference_of(asked).label,
        networks,
        same_as,
    )


def simulate(prepared: Prepared, instance: Instance, scenario: Scenario, registry: Registry) -> tuple[Prediction, str]:
    """Ask one instance; returns its prediction, labelled and timed, and the name of the network timing used.

    A graph the backend cannot express gives an aborted prediction that says so.
    """
    place = f"$.backends[{[other.label for other in scenario.backends].index(instance.label)}]"
    request, network = request_for(prepared, instance, registry, place)
    backend = registry.backend(instance.backend)
    began = time.perf_counter()
    try:
        with held_responsible("backend", instance.backend):
            prediction: object = backend.simulate(request)
    except UnsupportedGraphError as error:
        prediction = _refused(prepared, instance.backend, str(error))
    wall_s = time.perf_counter() - began
    if not isinstance(prediction, Prediction):
        cause = f"it returned {type(prediction).__name__}, not a Prediction"
        raise ComponentError("backend", instance.backend, cause)
    measured = prediction.wall_s if prediction.wall_s is not None else wall_s
    return attrs.evolve(prediction, label=instance.label, wall_s=measured), network


def request_for(
    prepared: Prepared, instance: Instance, registry: Registry, place: str
) -> tuple[SimulationRequest, str]:
    """What a backend is given, and the name of the network timing that drives it."""
    backend = registry.backend(instance.backend)
    driven_by = getattr(backend, "network_timing", None)
    choice = instance.network
    if choice is None and driven_by is not None:
        choice = TimingChoice(timing=driven_by)
    if choice is not None and driven_by is None:
        raise VersimError(f"{place}.network: backend {instance.backend!r} models the network itself; leave network out")
    request = SimulationRequest(
        pinned=prepared.pinned,
        system=prepared.system,
        options=structure_options(backend, instance.options, f"{place}.options"),
        network=None if choice is None else network_timing(choice, registry, f"{place}.network"),
    )
    return request, ITS_OWN_NETWORK if choice is None else choice.timing


def _refused(prepared: Prepared, backend: str, why: str) -> Prediction:
    graph = prepared.pinned.graph
    nothing = np.empty(0, dtype=np.int64)
    return Prediction(
        simulator=backend,
        engine="none",
        digest=prepared.pinned.digest,
        status=Status.ABORTED,
        makespan_ps=None,
        finish_ps=np.full(graph.mesh.world_size, NO_TIME, dtype=np.int64),
        representative=np.arange(graph.mesh.world_size, dtype=np.int64),
        spans=Spans(
            node=nothing.astype(np.int32),
            rank=nothing,
            ready_ps=nothing,
            start_ps=nothing,
            end_ps=nothing,
            resource=nothing.astype(np.int8),
        ),
        consumed=Consumed(
            compute_ns=np.full(graph.node_count, NO_TIME, dtype=np.int64),
            size_bytes=np.full(graph.communication_count, NO_TIME, dtype=np.int64),
        ),
        diagnosis=(why,),
    )


def _provenance(registry: Registry) -> dict[str, str]:
    """Versions of what took part, for people."""
    found = {"versim": metadata.version("versim"), "python": platform.python_version(), "numpy": np.__version__}
    for plugin in registry.plugins():
        if not plugin.error:
            found[f"plugin {plugin.name}"] = f"{plugin.distribution} {plugin.version}".strip() or plugin.origin
    return found
