"""From a workload and a pin of a scenario to what every simulator is given: produce, place on a system, pin."""

from __future__ import annotations

import copy
import fnmatch
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import attrs

from versim.chains import ComputeChain, NetworkChain
from versim.comparison import Unpinned
from versim.components import CountsRanks, GraphProducer, ProposesSystem, Sizes, TimingModel
from versim.containment import held_responsible
from versim.errors import ComponentError, FaultsError, SimulationError, VersimError
from versim.fabric import System
from versim.graph import ExecutionGraph, laid_out, slowed, told_apart
from versim.inputs import Inputs
from versim.pinning import pin
from versim.prediction import Prediction
from versim.registry import Registry
from versim.scenario import DurationSource, Pin, Scenario, TimingChoice, Workload
from versim.sizes import StepSizes
from versim.units import PS_PER_S

_Chain = TypeVar("_Chain", ComputeChain, NetworkChain)


@attrs.frozen(kw_only=True)
class Prepared:
    """A workload under one pin, ready to be simulated.

    Attributes:
        workload: The workload.
        pin: The pin.
        inputs: What every simulator is given.
    """

    workload: Workload
    pin: Pin
    inputs: Inputs


@attrs.frozen(kw_only=True)
class Simulated:
    """A prediction with the graph it is of, for pins that borrow durations from it."""

    inputs: Inputs
    prediction: Prediction


Simulations = dict[tuple[str, str, str], Simulated | Unpinned]
"""What there is to borrow from, by (workload, pin, instance)."""


class NothingToBorrowError(SimulationError):
    """A pin borrows durations from a simulation that did not complete.

    Attributes:
        place: Where the pin says so.
        lender: Workload, pin and instance that were to lend.
        why: What became of it.
    """

    def __init__(self, place: str, lender: tuple[str, str, str], why: str) -> None:
        super().__init__(place, lender, why)
        self.place, self.lender, self.why = place, lender, why

    def said(self) -> str:
        """What, where and how."""
        return f"{self.place}: {' / '.join(self.lender)} did not complete: {self.why}"


def compute_timing(choice: TimingChoice, registry: Registry, path: str) -> ComputeChain:
    """The compute timings a scenario names, in the order in which they are asked."""
    timings = []
    for model, options, at in _links(choice, registry, path):
        with held_responsible("timing", model.name):
            timing = model.compute(options)
        if timing is None:
            raise VersimError(f"{at}: timing {model.name!r} does not time compute; name one that does")
        timings.append(timing)
    return ComputeChain(tuple(link.timing for link in choice.chain()), tuple(timings))


def network_timing(choice: TimingChoice, registry: Registry, path: str) -> NetworkChain:
    """The network timings a scenario names, in the order in which they are asked."""
    timings = []
    for model, options, at in _links(choice, registry, path):
        with held_responsible("timing", model.name):
            timing = model.network(options)
        if timing is None:
            raise VersimError(f"{at}: timing {model.name!r} does not time communication; name one that does")
        timings.append(timing)
    return NetworkChain(tuple(link.timing for link in choice.chain()), tuple(timings))


_CHAINS: WeakKeyDictionary[Registry, dict[tuple[str, str], Any]] = WeakKeyDictionary()


def _one_of_alike(
    role: str,
    choice: TimingChoice | None,
    registry: Registry,
    path: str,
    make: Callable[[TimingChoice, Registry, str], _Chain],
) -> _Chain | None:
    """The same chain for equal choices, which then remembers what it was asked."""
    if choice is None:
        return None
    chains, key = _CHAINS.setdefault(registry, {}), (role, repr(choice))
    if key not in chains:
        chains[key] = make(choice, registry, path)
    found: _Chain = chains[key]
    return found


def _links(choice: TimingChoice, registry: Registry, path: str) -> Iterator[tuple[TimingModel, Any, str]]:
    """The links of a chain: each timing model, its options, and where it stands."""
    links = choice.chain()
    for place, link in enumerate(links):
        at = path if len(links) == 1 else f"{path}[{place}]"
        found = registry.resolve("timing", link.timing, link.options, f"{at}.options")
        yield found.component, found.options, at


@attrs.frozen(eq=False, kw_only=True)
class Placed:
    """A workload's graph on its system, before anything is timed; pins with equal options share it."""

    graph: ExecutionGraph
    system: System
    sizes: StepSizes | None


def place_workload(scenario: Scenario, registry: Registry, workload: Workload, chosen: Pin) -> Placed:
    """Produce a workload's graph and lay it on its system.

    Args:
        scenario: Where both stand.
        registry: Whose components are used.
        workload: The workload.
        chosen: The pin, whose options the producer is given, too.
    """
    of_workload = f"$.workloads[{[other.label for other in scenario.workloads].index(workload.label)}]"
    given = scenario.producer_options(workload, chosen)
    resolved = registry.resolve("producer", workload.producer, given, f"{of_workload}.options")
    producer, options = registry.producer(workload.producer), resolved.options
    with held_responsible("producer", workload.producer):
        try:
            graph = producer.produce(options)
        except FaultsError as error:
            others = _world_faults(scenario, workload, producer, options)
            if not others:
                raise
            raise FaultsError(error.subject, [*error.faults, *others]) from None
        proposed = producer.system(options) if isinstance(producer, ProposesSystem) else None
        sizes = producer.sizes(options) if isinstance(producer, Sizes) else None
    if not isinstance(graph, ExecutionGraph):
        raise ComponentError("producer", workload.producer, f"it returned {type(graph).__name__}, not a graph")
    for what, found, kind in (("system", proposed, System), ("sizes", sizes, StepSizes)):
        if not isinstance(found, kind | None):
            fault = f"its {what} is {type(found).__name__}, not a {kind.__name__}"
            raise ComponentError("producer", workload.producer, fault)
    layout = scenario.system_part(workload).layout
    if layout is not None:
        graph = laid_out(graph, layout)
    # A copy: what a backend does to links and devices does not reach the scenario, out of which they can be made anew.
    system = _one_of_equal(copy.deepcopy(scenario.system_of(workload, proposed, graph.mesh.world_size)))
    if system.world_size != graph.mesh.world_size:
        raise FaultsError(
            f"workload {workload.label!r}", [_unlike_world(f"{graph.mesh.world_size} ranks, mesh {graph.mesh}", system)]
        )
    separated = system.fabric.separated()
    if separated:
        told = ", ".join(map(str, separated[:8])) + (" …" if len(separated) > 8 else "")
        raise VersimError(f"$.system.degraded: links that are down leave no way to rank {told} from the others")
    graph = slowed(graph, scenario.system_part(workload).slow_devices)
    return Placed(graph=told_apart(graph, system.fabric.signatures), system=system, sizes=sizes)


def _unlike_world(ranks: str, system: System) -> str:
    shape = " × ".join(str(dimension.size) for dimension in system.dimensions)
    return (
        f"$.system: has {system.world_size} endpoints ({shape}), but the step takes {ranks}; make the sizes of the "
        "network's dimensions multiply to as many, or change the parallelism"
    )


def _world_faults(scenario: Scenario, workload: Workload, producer: GraphProducer, options: Any) -> Sequence[str]:
    """What keeps a step with other faults from fitting its system, as far as that can be told without it."""
    if not isinstance(producer, CountsRanks):
        return ()
    try:
        ranks = producer.world_size(options)
        proposed = producer.system(options) if isinstance(producer, ProposesSystem) else None
        system = scenario.system_of(workload, proposed, ranks)
    except FaultsError as error:
        return error.faults
    return () if system.world_size == ranks else (_unlike_world(f"{ranks} ranks", system),)


_RECENT: deque[System] = deque(maxlen=8)


def _one_of_equal(system: System) -> System:
    """The same object for systems that are equal, whose fabric then remembers what it was asked about groups."""
    for known in _RECENT:
        # What only a timing knows of a device is no part of its equality.
        if known == system and known.device.parameters == system.device.parameters:
            return known
    _RECENT.append(system)
    return system


def prepare_pin(
    scenario: Scenario,
    registry: Registry,
    workload: Workload,
    chosen: Pin,
    simulated: Simulations | None = None,
    placed: Placed | None = None,
    *,
    origins: bool = True,
) -> Prepared:
    """Produce a workload's graph and pin it.

    Args:
        scenario: Where both stand.
        registry: Whose components are used.
        workload: The workload.
        chosen: The pin.
        simulated: Predictions so far by (workload, pin, instance), for pins that borrow durations.
        placed: The graph, where it was produced for another pin with the same options.
        origins: Ask where seconds come from, too.

    Raises:
        NothingToBorrowError: What it borrows from did not complete, or was not asked because its own pin could not be
            made.
        VersimError: Anything else that keeps the pin from being made.
    """
    at = f"$.pins[{[other.label for other in scenario.pins].index(chosen.label)}]"
    if placed is None:
        placed = place_workload(scenario, registry, workload, chosen)
    graph, system, sizes = placed.graph, placed.system, placed.sizes
    compute = _one_of_alike("compute", chosen.compute, registry, f"{at}.compute", compute_timing)
    folded = _one_of_alike("network", chosen.folded, registry, f"{at}.folded", network_timing)
    with held_responsible(
        "timing",
        ", ".join(link.timing for choice in (chosen.compute, chosen.folded) if choice for link in choice.chain()),
    ):
        inputs = pin(
            graph,
            system,
            compute,
            folded,
            durations_s=_borrowed(scenario, graph, chosen, simulated or {}),
            label=chosen.label,
            provenance=_provenance(chosen),
            sizes=sizes,
            origins=origins,
        )
    return Prepared(workload=workload, pin=chosen, inputs=inputs)


def _provenance(chosen: Pin) -> dict[str, str]:
    """Who timed what, spelt for people."""
    found = {}
    for role, choice in (("compute", chosen.compute), ("folded", chosen.folded)):
        if choice is not None:
            found[role] = ", then ".join(map(_spelt, choice.chain()))
    for borrowed in chosen.durations:
        found[f"durations of {borrowed.nodes}"] = f"{borrowed.workload} / {borrowed.backend}"
    return found


def _spelt(choice: TimingChoice) -> str:
    options = ", ".join(f"{key}={value}" for key, value in sorted(choice.options.items()))
    return f"{choice.timing} ({options})" if options else choice.timing


def _borrowed(
    scenario: Scenario,
    graph: ExecutionGraph,
    chosen: Pin,
    simulated: Simulations,
) -> dict[int, float]:
    """Rows whose duration another simulation gives: a node takes the span of its phase there."""
    durations: dict[int, float] = {}
    for place, borrowed in _borrowings(scenario, chosen):
        key = (borrowed.workload, lending_pin(scenario, borrowed).label, borrowed.backend)
        source = simulated.get(key)
        if source is None:
            raise VersimError(
                f"{place}: {' / '.join(key)} was not simulated; let that workload have that pin and backend"
            )
        if isinstance(source, Unpinned):
            raise NothingToBorrowError(place, key, source.why)
        if not source.prediction.completed:
            raise NothingToBorrowError(place, key, "; ".join(source.prediction.diagnosis))
        spans_s = _phase_spans_s(source)
        for row in _rows_named(graph, borrowed, place):
            phase = graph.phase_of(row).value
            if phase not in spans_s:
                raise VersimError(
                    f"{place}: node {row} ({graph.node_name(row)!r}) is of phase {phase!r}, which workload "
                    f"{borrowed.workload!r} does not have"
                )
            durations.setdefault(row, spans_s[phase])
    return durations


def check_borrowed(scenario: Scenario, graph: ExecutionGraph, chosen: Pin) -> None:
    """Hold the nodes that a pin borrows durations for to its graph, before anything is simulated for them.

    Raises:
        VersimError: A pattern names no compute node.
    """
    for place, borrowed in _borrowings(scenario, chosen):
        _rows_named(graph, borrowed, place)


def _borrowings(scenario: Scenario, chosen: Pin) -> Iterator[tuple[str, DurationSource]]:
    """What a pin borrows, and where it says so."""
    at = f"$.pins[{scenario.pins.index(chosen)}].durations"
    return ((f"{at}[{number}]", borrowed) for number, borrowed in enumerate(chosen.durations))


def lending_pin(scenario: Scenario, borrowed: DurationSource) -> Pin:
    """The pin under which the lending workload is simulated: the one named, else the only one that applies."""
    if borrowed.pin is not None:
        return scenario.pin(borrowed.pin)
    applying = scenario.pins_of(scenario.workload(borrowed.workload))
    if len(applying) != 1:
        labels = ", ".join(pin.label for pin in applying)
        raise VersimError(f"durations from workload {borrowed.workload!r} need a pin: {labels}")
    return applying[0]


def _rows_named(graph: ExecutionGraph, borrowed: DurationSource, place: str) -> list[int]:
    matching = {code for code, name in enumerate(graph.names) if fnmatch.fnmatchcase(name, borrowed.nodes)}
    rows = [
        row
        for row, (code, work) in enumerate(zip(graph.name.tolist(), graph.work.tolist(), strict=True))
        if code in matching and work >= 0
    ]
    if not rows:
        known = ", ".join(sorted(graph.names)[:8])
        raise VersimError(f"{place}.nodes: no compute node is named {borrowed.nodes!r}; names are {known} …")
    return rows


def _phase_spans_s(source: Simulated) -> dict[str, float]:
    """Seconds from the first start to the last end of each phase of a prediction."""
    spans = source.prediction.spans
    phases = source.inputs.graph.phase[spans.node]
    result = {}
    for code, phase in enumerate(source.inputs.graph.phases):
        here = phases == code
        if here.any():
            length_ps = int(spans.end_ps[here].max()) - int(spans.start_ps[here].min())
            result[phase.value] = length_ps / PS_PER_S
    return result
