"""What simulators answer for the measured iterations: one graph and one pin per model, given to each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    PS_PER_S,
    Accuracy,
    Message,
    NetworkTiming,
    ProposesSystem,
    Registry,
    SimulationRequest,
    SimulatorBackend,
    System,
    UnsupportedGraphError,
    VersimError,
    accuracy,
    pin,
    signed_error,
    structure_options,
)

from versim_basics.measured.cases import Case

PRODUCER = "deepflow-llm"
TIMING = "deepflow"
"""Times compute and folded communication, so that every simulator is given the same."""


@attrs.frozen(kw_only=True)
class Answer:
    """A measured iteration and what simulators say it takes.

    Attributes:
        case: What was measured.
        predicted_s: Per simulator, seconds; None where it did not complete.
        folded_share: Part of the pinned compute, summed over nodes, that is tensor-parallel communication folded into
            them; the same for all simulators.
    """

    case: Case
    predicted_s: Mapping[str, float | None]
    folded_share: float

    def error(self, simulator: str) -> float | None:
        """Signed error, (predicted − measured) / measured; None where it did not complete."""
        predicted_s = self.predicted_s[simulator]
        return None if predicted_s is None else signed_error(predicted_s, self.case.measured_s)


def answers(
    cases: Sequence[Case],
    registry: Registry,
    simulators: Sequence[str],
    *,
    hardware: str = "a100-80gb",
    compat: str = "deepflow",
    progress: Callable[[str], None] | None = None,
) -> tuple[Answer, ...]:
    """The simulators' answers, in the order of the cases; cases that give one graph are simulated once.

    Args:
        cases: What was measured.
        registry: The plugins there are.
        simulators: Names of backends.
        hardware: A hardware preset or file of ``deepflow-llm``.
        compat: Which known defects of DeepFlow to mend, in graph and timing.
        progress: Called with a sentence before anything long.

    Raises:
        VersimError: No such backend, or a case that cannot be described.
    """
    backends = [registry.backend(name) for name in simulators]
    known: dict[str, tuple[dict[str, float | None], float]] = {}
    found = []
    for case in cases:
        options = case.producer_options(hardware, compat)
        key = str(sorted(options.items(), key=lambda item: item[0]))
        if key not in known:
            if progress is not None:
                progress(f"{case.model}: {case.layers} layers on {case.gpus} devices")
            known[key] = _simulated(options, registry, backends, compat)
        predicted_s, folded_share = known[key]
        found.append(Answer(case=case, predicted_s=predicted_s, folded_share=folded_share))
    return tuple(found)


def accuracy_of(found: Sequence[Answer], simulator: str) -> Accuracy | None:
    """The errors of a simulator over some answers, summed up."""
    return accuracy([answer.predicted_s[simulator] for answer in found], [answer.case.measured_s for answer in found])


def _simulated(
    options: Mapping[str, object], registry: Registry, backends: Sequence[SimulatorBackend], compat: str
) -> tuple[dict[str, float | None], float]:
    producer, timing = registry.producer(PRODUCER), registry.timing(TIMING)
    chosen = structure_options(producer, options)
    if not isinstance(producer, ProposesSystem):
        raise VersimError(f"producer {PRODUCER!r} proposes no system")
    graph, system = producer.produce(chosen), producer.system(chosen)
    timing_options = structure_options(timing, {"compat": compat})
    compute = timing.compute(timing_options)
    pinned = pin(graph, system, compute, timing.network(timing_options))
    alone_ns = int(pin(graph, system, compute, _Nothing()).compute_ns.sum())
    seconds: dict[str, float | None] = {}
    for backend in backends:
        request = SimulationRequest(
            inputs=pinned,
            options=structure_options(backend, {}),
            network=_network(backend, registry, compat),
        )
        try:
            makespan_ps = backend.simulate(request).makespan_ps
        except UnsupportedGraphError:
            makespan_ps = None
        seconds[backend.name] = None if makespan_ps is None else makespan_ps / PS_PER_S
    return seconds, 1 - alone_ns / int(pinned.compute_ns.sum())


class _Nothing:
    """A network on which everything has already arrived: what remains of a pin is compute."""

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:  # noqa: ARG002
        """Zeros; shape (messages,)."""
        return np.zeros(len(messages))


def _network(backend: SimulatorBackend, registry: Registry, compat: str) -> NetworkTiming | None:
    name = getattr(backend, "network_timing", None)
    if name is None:
        return None
    timing = registry.timing(name)
    return timing.network(structure_options(timing, {"compat": compat} if name == TIMING else {}))
