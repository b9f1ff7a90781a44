"""Asking one instance of a backend: look at its input first, simulate, hold the answer to its form."""

from __future__ import annotations

import time

import attrs
import numpy as np

from versim.comparison.attribution import Isolated
from versim.components import Finding, Isolates, Preflights, Severity, SimulationRequest
from versim.errors import ComponentError, UnsupportedGraphError, VersimError
from versim.prediction import NO_TIME, Consumed, Prediction, Spans, Status
from versim.preparing import Prepared, held_responsible, network_timing
from versim.registry import Registry, structure_options
from versim.scenario import Instance, Scenario, TimingChoice
from versim.units import PS_PER_S

ITS_OWN_NETWORK = "its own"
"""What stands for the network timing of a backend that models the network itself."""


@attrs.frozen(eq=False, kw_only=True)
class Answer:
    """What one instance answered.

    Attributes:
        prediction: Labelled and timed.
        network: The network timing that drove the backend, or "its own".
        isolated_ps: What each communication takes alone in this simulator, where it can say.
    """

    prediction: Prediction
    network: str
    isolated_ps: Isolated | None = None


def ask(
    prepared: Prepared, instance: Instance, scenario: Scenario, registry: Registry, *, force: bool = False
) -> Answer:
    """Ask one instance about a prepared workload.

    A graph that the backend cannot express, or input in which its preflight finds an error, gives an aborted
    prediction that says so; ``force`` simulates in spite of findings. What else it finds is said with the prediction.

    Raises:
        ComponentError: The backend failed, or returned something that is no prediction.
    """
    place = f"$.backends[{[other.label for other in scenario.backends].index(instance.label)}]"
    request, network = request_for(prepared, instance, registry, place)
    backend = registry.backend(instance.backend)
    began = time.perf_counter()
    isolated: Isolated | None = None
    findings: tuple[Finding, ...] = ()
    try:
        with held_responsible("backend", instance.backend):
            findings = tuple(backend.preflight(request)) if isinstance(backend, Preflights) else ()
            errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
            if errors and not force:
                return Answer(prediction=_labelled(_not_run(prepared, instance, errors), instance), network=network)
            began = time.perf_counter()
            prediction: object = backend.simulate(request)
            wall_s = time.perf_counter() - began
            if isinstance(backend, Isolates):
                isolated = _picoseconds(backend.isolated_s(request))
    except UnsupportedGraphError as error:
        prediction, wall_s = _refused(prepared, instance.backend, (str(error),)), time.perf_counter() - began
    if not isinstance(prediction, Prediction):
        cause = f"it returned {type(prediction).__name__}, not a Prediction"
        raise ComponentError("backend", instance.backend, cause)
    measured = prediction.wall_s if prediction.wall_s is not None else wall_s
    diagnosis = (*prediction.diagnosis, *(f"{found.severity.value}: {_said(found)}" for found in findings))
    prediction = attrs.evolve(prediction, wall_s=measured, diagnosis=diagnosis)
    return Answer(prediction=_labelled(prediction, instance), network=network, isolated_ps=isolated)


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


def _labelled(prediction: Prediction, instance: Instance) -> Prediction:
    return attrs.evolve(prediction, label=instance.label)


def _picoseconds(isolated_s: object) -> tuple[int | None, ...]:
    """Seconds, NaN where not known, as whole picoseconds."""
    seconds = np.asarray(isolated_s, dtype=np.float64)
    return tuple(None if np.isnan(value) else round(value * PS_PER_S) for value in seconds.tolist())


def _not_run(prepared: Prepared, instance: Instance, errors: tuple[Finding, ...]) -> Prediction:
    said = (*map(_said, errors), "not simulated; --force simulates all the same")
    return _refused(prepared, instance.backend, said)


def _said(finding: Finding) -> str:
    return f"{finding.rule}: {finding.message}" + (f"; {finding.remedy}" if finding.remedy else "")


def _refused(prepared: Prepared, backend: str, why: tuple[str, ...]) -> Prediction:
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
        diagnosis=why,
    )
