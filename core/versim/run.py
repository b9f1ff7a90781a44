"""From a scenario to a report: produce, pin, simulate, compare.

The command line and library users call the same functions. Nothing here knows a simulator: every name is looked up in
the registry.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from versim.asking.causes import Answers, with_causes
from versim.asking.network import check_folded, check_network
from versim.asking.preparation import (
    Placed,
    Prepared,
    Simulated,
    Simulations,
    check_borrowed,
    place_workload,
    prepare_pin,
)
from versim.asking.sessions import holds_sessions, open_session
from versim.asking.simulation import Answer, ask
from versim.asking.time_limit import ChildDiedError, within
from versim.comparison import Check, Comparison, Report, Unpinned, WorkloadReport, compare_predictions
from versim.deadline import limiting
from versim.errors import TimeIsOverError, VersimError
from versim.fabric import Message
from versim.graph import ExecutionGraph, sharing_instances
from versim.pinning import distinct_messages
from versim.progress import said_in_notebook, telling
from versim.registry import Registry, load_registry
from versim.scenario import DEFAULT_SCENARIO, Instance, Scenario, Workload, load_scenario, structure_scenario
from versim.scenario.lenders import lenders_first, lenders_of
from versim.scenario.presence import without_absent

if TYPE_CHECKING:
    from versim.curves import SweptCommunication

Progress = Callable[[str], None]


def compare(
    scenario: str | Path | Mapping[str, Any] | Scenario = DEFAULT_SCENARIO,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
    averaging: str = "sequential",
    force: bool = False,
    sweep: bool = False,
) -> Report:
    """Compare simulators on a scenario.

    Args:
        scenario: A file, the name of a shipped scenario, what a file would hold as a dict, or a scenario made in
            Python.
        registry: The plugins to use; the installed ones unless given.
        progress: Called with a sentence whenever something long begins, and with how far it is; in a notebook what it
            says stands below the cell unless given.
        averaging: How differences are attributed: ``sequential``, or ``shapley`` for the average over orders.
        force: Simulate even where a backend finds errors in its input beforehand.
        sweep: Also ask every instance for the step's communications alone, by size.

    Raises:
        VersimError: The scenario is faulty, or asks for something that no plugin offers.
    """
    registry = load_registry() if registry is None else registry
    if isinstance(scenario, Mapping):
        scenario = structure_scenario({"name": "unnamed", **scenario}, registry, "scenario")
    elif not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, registry)
    else:
        scenario = without_absent(scenario, registry)
    with said_in_notebook() if progress is None else nullcontext(progress) as say:
        return run(scenario, registry, progress=say, averaging=averaging, force=force, sweep=sweep)


def run(
    scenario: Scenario,
    registry: Registry,
    *,
    progress: Progress | None = None,
    averaging: str = "sequential",
    force: bool = False,
    sweep: bool = False,
    contain: bool = True,
    time_limit_s: float | None = None,
    command: str = "",
) -> Report:
    """Run every workload of a scenario under each of its pins through each of its instances.

    Workloads whose durations others borrow run first; the report keeps the scenario's order. A ``command`` is what was
    typed to get the report, which then says so. A backend that breaks leaves its own column empty, unless ``contain``
    is false: then its error is raised. With a ``time_limit_s`` each answers in a child process and has so many seconds,
    and so has whatever else of a plugin's runs: a producer or timing that takes longer is an error that names it.
    """
    say = progress or (lambda _: None)
    simulated: Simulations = {}
    with limiting(time_limit_s):
        prepared = _prepared_beforehand(scenario, registry, say)
        reports = {}
        for workload in lenders_first(scenario):
            with ExitStack() as sessions:
                reports[workload.label] = _run_workload(
                    scenario,
                    registry,
                    workload,
                    simulated,
                    say,
                    sessions,
                    averaging,
                    force,
                    sweep,
                    contain,
                    time_limit_s,
                    prepared,
                )
    return Report(
        scenario=scenario.name,
        description=scenario.description,
        workloads=tuple(reports[workload.label] for workload in scenario.workloads),
        provenance=provenance_of(registry, command),
        left_out=scenario.left_out,
    )


def _prepared_beforehand(
    scenario: Scenario, registry: Registry, say: Progress
) -> dict[tuple[str, str], Prepared | Placed]:
    """What can be prepared before anything is simulated, by workload and pin; of pins that borrow, the graph.

    A producer or timing that fails for the last workload then costs no answer about the first.
    """
    prepared: dict[tuple[str, str], Prepared | Placed] = {}
    for workload in scenario.workloads:
        # Pins that give the producer the same options share a graph.
        known: dict[str, Placed] = {}
        for chosen in scenario.pins_of(workload):
            say(f"{workload.label}: producing and pinning ({chosen.label})")
            options = repr(scenario.producer_options(workload, chosen))
            if options not in known:
                known[options] = place_workload(scenario, registry, workload, chosen)
            placed = known[options]
            if chosen.durations:
                check_borrowed(scenario, placed.graph, chosen)
                prepared[workload.label, chosen.label] = placed
            else:
                prepared[workload.label, chosen.label] = prepare_pin(
                    scenario, registry, workload, chosen, placed=placed
                )
    return prepared


def prepare(
    scenario: Scenario,
    registry: Registry,
    workload_label: str,
    pin_label: str | None = None,
    *,
    time_limit_s: float | None = None,
) -> Prepared:
    """One workload of a scenario under one pin (the first that applies unless named), not simulated.

    What the pin borrows durations from is simulated, each answer within ``time_limit_s``.

    Raises:
        NothingToBorrowError: What it borrows from did not complete.
        VersimError: No such workload or pin, or the pin cannot be made.
    """
    workload = scenario.workload(workload_label)
    applying = scenario.pins_of(workload)
    for chosen in applying:
        if pin_label in (None, chosen.label):
            if not chosen.durations:
                return prepare_pin(scenario, registry, workload, chosen)
            simulated: Simulations = {}
            lenders = lenders_of(scenario, chosen)
            for lender in lenders_first(scenario):
                if lender.label in lenders:
                    with ExitStack() as sessions:
                        _run_workload(
                            scenario, registry, lender, simulated, lambda _: None, sessions, time_limit_s=time_limit_s
                        )
            return prepare_pin(scenario, registry, workload, chosen, simulated)
    raise VersimError(
        f"workload {workload_label!r} has no pin {pin_label!r}; it has {', '.join(pin.label for pin in applying)}"
    )


@sharing_instances()
def _run_workload(
    scenario: Scenario,
    registry: Registry,
    workload: Workload,
    simulated: Simulations,
    say: Progress,
    sessions: ExitStack,
    averaging: str = "sequential",
    force: bool = False,
    sweep: bool = False,
    contain: bool = True,
    time_limit_s: float | None = None,
    beforehand: dict[tuple[str, str], Prepared | Placed] | None = None,
) -> WorkloadReport:
    spoilt = False
    # Pins by digest: equal inputs are simulated once.
    by_digest: dict[str, _Asked] = {}
    unpinned: list[Unpinned] = []
    for chosen in scenario.pins_of(workload):
        # Taken out, so that inputs equal to others are not kept.
        prepared = (beforehand or {}).pop((workload.label, chosen.label), None)
        if spoilt:  # what a backend wrote to may be part of other pins' inputs, too
            prepared = None
        if not isinstance(prepared, Prepared):
            say(f"{workload.label}: producing and pinning ({chosen.label})")
            try:
                prepared = prepare_pin(scenario, registry, workload, chosen, simulated, prepared)
            except VersimError as error:
                if not (chosen.durations and contain):
                    raise
                # The others' answers are still worth having.
                labels = tuple(instance.label for instance in scenario.instances_of(workload, chosen))
                unpinned.append(Unpinned(pin=chosen.label, labels=labels, why=str(error)))
                simulated.update({(workload.label, chosen.label, label): unpinned[-1] for label in labels})
                continue
        place = f"$.pins[{[other.label for other in scenario.pins].index(chosen.label)}]"
        digest = prepared.inputs.digest
        if digest not in by_digest:
            by_digest[digest] = _Asked(digest, prepared, folded=check_folded(prepared, registry, place))
        asked = by_digest[digest]
        if asked.prepared is not prepared:
            asked.same_as.append(chosen.label)
        instances = scenario.instances_of(workload, chosen)
        # A child process finds nothing that was begun here.
        for instance in instances if time_limit_s is None else ():
            if instance.label not in asked.answers and holds_sessions(instance, registry):
                say(f"{workload.label}: {instance.label} begins ({chosen.label})")
                broken = open_session(
                    sessions, asked.prepared.inputs, instance, registry, _place_of(instance, scenario), contain=contain
                )
                if broken is not None:
                    spoilt |= asked.note(instance, broken, scenario, registry, simulated)
        for instance in instances:
            if instance.label not in asked.answers:
                what = f"{workload.label}: {instance.label} ({chosen.label})"
                say(what)
                with telling(say, what):
                    answer = _answer(
                        asked.prepared,
                        instance,
                        scenario,
                        registry,
                        force=force,
                        contain=contain,
                        time_limit_s=time_limit_s,
                    )
                spoilt |= asked.note(instance, answer, scenario, registry, simulated)
            simulated[workload.label, chosen.label, instance.label] = Simulated(
                inputs=asked.prepared.inputs, prediction=asked.answers[instance.label].prediction
            )
    what = f"{workload.label}: comparing"
    say(what)
    answered = [asked for asked in by_digest.values() if asked.answers]
    with telling(say, what):
        comparisons = [asked.compared(scenario, averaging) for asked in answered]
    say(f"{workload.label}: asking why")
    known: Answers = {}
    comparisons = [
        _explained(comparison, asked, scenario, registry, time_limit_s, known)
        for comparison, asked in zip(comparisons, answered, strict=True)
    ]
    if sweep:
        say(f"{workload.label}: its communications alone")
        comparisons = [
            attrs.evolve(comparison, sweep=sweep)
            for comparison, sweep in zip(comparisons, _sweeps(answered, scenario, registry, time_limit_s), strict=True)
        ]
    return WorkloadReport(
        label=workload.label,
        producer=workload.producer,
        comparisons=tuple(comparisons),
        unpinned=tuple(unpinned),
    )


def _answer(
    prepared: Prepared,
    instance: Instance,
    scenario: Scenario,
    registry: Registry,
    *,
    force: bool,
    contain: bool,
    time_limit_s: float | None,
) -> Answer:
    """What an instance answers, held against the network that everybody got."""
    inputs, place = prepared.inputs, _place_of(instance, scenario)
    answer = ask(inputs, instance, registry, place, force=force, contain=contain, time_limit_s=time_limit_s)
    # A measurement is of the network that there was, and who gave up has none.
    if not answer.prediction.completed or answer.prediction.measured:
        return answer
    if time_limit_s is None:
        check = check_network(inputs, instance, registry, place)
        # It was asked again, on arrays it shares with everybody.
        return attrs.evolve(answer, network_check=check, spoilt=not inputs.unchanged())
    try:
        check = within(time_limit_s, lambda: check_network(inputs, instance, registry, place))
    except (TimeIsOverError, ChildDiedError) as error:
        # Of the step there is an answer.
        check = Check(name="network", passed=None, detail=f"it could not be made: {error}")
    return attrs.evolve(answer, network_check=check)


def _place_of(instance: Instance, scenario: Scenario) -> str:
    return f"$.backends[{[other.label for other in scenario.backends].index(instance.label)}]"


def _declared(instance: Instance, answer: Answer) -> Mapping[str, str]:
    """Per check why its deviation is meant: what the scenario says, and what the simulator says it does not model.

    Whose communications cost nothing to one another, or who charges other links than those of the network, may be
    faster than the network's middle.
    """
    seen = answer.network_check.declared if answer.network_check is not None else ""
    why = seen or answer.without_contention
    return {**({"bisection": why} if why else {}), **instance.declares}


def _explained(
    comparison: Comparison,
    asked: _Asked,
    scenario: Scenario,
    registry: Registry,
    time_limit_s: float | None,
    known: Answers,
) -> Comparison:
    """A comparison with the causes of its largest terms, as far as simulators can be asked."""
    # A measurement would answer with the time of the step, whatever it is asked for.
    simulating = {
        instance.label: instance
        for instance in scenario.backends
        if instance.label in asked.answers and not asked.answers[instance.label].prediction.measured
    }
    if time_limit_s is None:
        return with_causes(comparison, simulating, registry, known)
    try:
        causes = within(
            time_limit_s,
            lambda: [result.causes for result in with_causes(comparison, simulating, registry, known).results],
        )
    except (TimeIsOverError, ChildDiedError):
        # Of the step there is a comparison.
        return comparison
    results = zip(comparison.results, causes, strict=True)
    return attrs.evolve(comparison, results=tuple(attrs.evolve(result, causes=found) for result, found in results))


def _again(
    prepared: Prepared,
    digest: str,
    scenario: Scenario,
    registry: Registry,
    simulated: Simulations,
) -> Prepared:
    """What was prepared, and had this digest, made anew because a backend wrote to it.

    Raises:
        VersimError: The producer does not make the same again: what the others were given cannot be had any more.
    """
    made = prepare_pin(scenario, registry, prepared.workload, prepared.pin, simulated)
    if made.inputs.digest != digest:
        raise VersimError(
            f"workload {prepared.workload.label!r}: a backend changed the inputs, and producer "
            f"{prepared.workload.producer!r} does not make the same again"
        )
    return made


def _sweeps(
    answered: Sequence[_Asked], scenario: Scenario, registry: Registry, time_limit_s: float | None
) -> list[tuple[SweptCommunication, ...]]:
    """The communications of each, alone; pins that differ in compute only are swept once."""
    swept: list[tuple[_Asked, tuple[SweptCommunication, ...]]] = []
    for asked in answered:
        same = next((sweep for other, sweep in swept if other.communicates_as(asked)), None)
        swept.append((asked, asked.swept(scenario, registry, time_limit_s) if same is None else same))
    return [sweep for _, sweep in swept]


@attrs.define
class _Asked:
    """Everything that was answered about one digest."""

    digest: str
    prepared: Prepared
    answers: dict[str, Answer] = attrs.field(factory=dict)
    same_as: list[str] = attrs.field(factory=list)
    folded: Check | None = None

    def note(
        self, instance: Instance, answer: Answer, scenario: Scenario, registry: Registry, simulated: Simulations
    ) -> bool:
        """Note an answer; True if the inputs had to be made anew, for it spoilt them."""
        self.answers[instance.label] = answer
        if answer.spoilt:
            self.prepared = _again(self.prepared, self.digest, scenario, registry, simulated)
        return answer.spoilt

    def compared(self, scenario: Scenario, averaging: str) -> Comparison:
        instances = [instance for instance in scenario.backends if instance.label in self.answers]
        answers = {instance.label: self.answers[instance.label] for instance in instances}
        return compare_predictions(
            self.prepared.inputs,
            [answer.prediction for answer in answers.values()],
            scenario.reference_of(instances).label,
            {label: answer.network for label, answer in answers.items()},
            tuple(self.same_as),
            isolated_ps={
                label: answer.isolated_ps for label, answer in answers.items() if answer.isolated_ps is not None
            },
            more_checks={
                label: [check for check in (answer.network_check, self.folded) if check is not None]
                for label, answer in answers.items()
            },
            declared={instance.label: _declared(instance, answers[instance.label]) for instance in instances},
            averaging=averaging,
        )

    def communicates_as(self, other: _Asked) -> bool:
        """True if the same instances were given the same communications on the same system."""
        mine, theirs = self.prepared, other.prepared
        return (
            list(self.answers) == list(other.answers)
            and mine.inputs.system == theirs.inputs.system
            and mine.inputs.graph.mesh == theirs.inputs.graph.mesh
            and _counted(mine.inputs.graph) == _counted(theirs.inputs.graph)
        )

    def swept(
        self, scenario: Scenario, registry: Registry, time_limit_s: float | None
    ) -> tuple[SweptCommunication, ...]:
        """The step's communications through everyone who simulates, the reference first."""
        from versim.asking.step_curves import sweep_step  # noqa: PLC0415 - only where somebody shows curves

        instances = [instance for instance in scenario.backends if instance.label in self.answers]
        reference = scenario.reference_of(instances).label
        # A measurement would answer with the time of the step, whatever it is asked for.
        simulating = [i for i in instances if not self.answers[i.label].prediction.measured]
        simulating.sort(key=lambda instance: instance.label != reference)
        return sweep_step(self.prepared, simulating, scenario, registry, time_limit_s=time_limit_s)


def _counted(graph: ExecutionGraph) -> dict[Message, int]:
    """How often each distinct communication of a graph is done."""
    messages, numbers = distinct_messages(graph)
    return dict(zip(messages, np.bincount(numbers, minlength=len(messages)).tolist(), strict=True))


def provenance_of(registry: Registry, command: str = "") -> dict[str, str]:
    """Versions of what took part, and what was typed, for people."""
    found = {"versim": metadata.version("versim"), "python": platform.python_version(), "numpy": np.__version__}
    found |= {f"plugin {name}": version for name, version in registry.versions().items()}
    return found | ({"command": command} if command else {})
