"""One configuration, asked: what a process does for a sweep, whichever machine it is on.

A task is a scenario and the questions of it that are open. What comes back is small: totals and sums, no arrays. Of
what a comparison does, a sweep leaves out what serves to explain one pair of answers; it keeps every check that needs
nothing but the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from versim.asking.preparation import Placed, Prepared, place_workload, prepare_pin
from versim.asking.simulation import Answer, ask
from versim.comparison.align import Timeline, common_instances, timeline
from versim.comparison.bounds import Bounds, compute_bound_ps, respects_compute
from versim.comparison.checks import Check, checks
from versim.comparison.sanity import Sanity, sanity_of
from versim.comparison.totals import by_group, totals
from versim.containment import frames_of
from versim.deadline import limiting
from versim.errors import ComponentError, SimulationError, TimeIsOverError, VersimError
from versim.graph import sharing_instances
from versim.inputs import Inputs
from versim.prediction import Prediction, Status
from versim.registry import Registry
from versim.run import prepare
from versim.scenario import Instance, Pin, Scenario, Workload
from versim.scenario.form import plain_value
from versim.storage.answers import Answered, AnswerRow, InputsRow, InstanceRow, MemberRow, QuestionRow
from versim.sweeps.fingerprint import code_of
from versim.sweeps.node_times import packed


@attrs.frozen(kw_only=True)
class Question:
    """One question of a configuration: labels, and the keys under which it is stored."""

    workload: str
    pin: str
    instance: str
    key: str
    fingerprint: str


@attrs.frozen(kw_only=True)
class Task:
    """A configuration with its open questions.

    Attributes:
        number: Of the configuration.
        settings: Of the configuration.
        scenario: With these settings.
        questions: In the order of workloads and pins.
        like: Equal for tasks whose steps have most in common.
    """

    number: int
    settings: Mapping[str, Any]
    scenario: Scenario
    questions: tuple[Question, ...]
    like: str = ""


@attrs.frozen(kw_only=True)
class Manner:
    """How answers are asked for.

    Attributes:
        time_limit_s: What each may take, and what makes its inputs; None sets no limit.
        keep_spans: True if it is kept when each node ran.
    """

    time_limit_s: float | None = None
    keep_spans: bool = False


class Known(Protocol):
    """Where answers may be that were given already."""

    def answer(self, digest: str, fingerprint: str) -> AnswerRow | None:
        """The answer of an instance about inputs; None if there is none."""


def answer_task(task: Task, registry: Registry, manner: Manner, known: Known | None = None) -> list[Answered]:
    """What the open questions of a configuration bring, in their order; one that fails costs no other."""
    with sharing_instances(), limiting(manner.time_limit_s):
        return _answer_task(task, registry, manner, known)


def _answer_task(task: Task, registry: Registry, manner: Manner, known: Known | None) -> list[Answered]:
    placed: dict[str, Placed] = {}
    prepared: dict[tuple[str, str], Prepared | VersimError] = {}
    found = []
    for question in task.questions:
        step = (question.workload, question.pin)
        if step not in prepared:
            prepared[step] = _prepared(task.scenario, registry, *step, placed, manner.time_limit_s)
        ready = prepared[step]
        instance = task.scenario.instance(question.instance)
        if isinstance(ready, VersimError):
            found.append(_without_inputs(task, question, ready))
            continue
        answered, spoilt = _answered(task, question, ready, instance, registry, manner, known)
        found.append(answered)
        if spoilt:
            placed.clear()
            prepared.clear()
    return found


def _prepared(
    scenario: Scenario,
    registry: Registry,
    workload_label: str,
    pin_label: str,
    placed: dict[str, Placed],
    time_limit_s: float | None,
) -> Prepared | VersimError:
    workload, pin = scenario.workload(workload_label), scenario.pin(pin_label)
    try:
        if pin.durations:
            return prepare(scenario, registry, workload_label, pin_label, time_limit_s=time_limit_s)
        key = json.dumps([workload_label, plain_value(scenario.producer_options(workload, pin))], default=str)
        if key not in placed:
            placed[key] = place_workload(scenario, registry, workload, pin)
        return prepare_pin(scenario, registry, workload, pin, placed=placed[key], origins=False)
    except VersimError as error:
        return error


def member_of(task: Task, question: Question, failure: str = "") -> MemberRow:
    """A question's place in its sweep, and why it has neither answer nor refusal."""
    return MemberRow(
        number=task.number,
        settings=dict(task.settings),
        workload=question.workload,
        pin=question.pin,
        instance=question.instance,
        key=question.key,
        failure=failure,
    )


def _without_inputs(task: Task, question: Question, error: VersimError) -> Answered:
    """A refusal is the configuration's, and stays; what breaks, and what does not complete, may next time."""
    if isinstance(error, ComponentError | SimulationError | TimeIsOverError):
        said = "\n".join((str(error), *(frames_of(error) if isinstance(error, ComponentError) else ())))
        return Answered(member=member_of(task, question, said), question=None, inputs=None, instance=None, answer=None)
    row = QuestionRow(key=question.key, digest="", fingerprint=question.fingerprint, refusal=str(error))
    return Answered(member=member_of(task, question), question=row, inputs=None, instance=None, answer=None)


def _answered(
    task: Task,
    question: Question,
    prepared: Prepared,
    instance: Instance,
    registry: Registry,
    manner: Manner,
    known: Known | None,
) -> tuple[Answered, bool]:
    """What a question brings, and whether the inputs are spoilt for the next."""
    inputs = prepared.inputs
    spoilt = False
    row = None if known is None or manner.keep_spans else known.answer(inputs.digest, question.fingerprint)
    before = row is not None
    network = ""
    if row is None:
        place = f"$.backends[{[other.label for other in task.scenario.backends].index(instance.label)}]"
        try:
            answer = ask(
                inputs, instance, registry, place, contain=True, time_limit_s=manner.time_limit_s, isolate=False
            )
        except VersimError as error:
            return _without_inputs(task, question, error), True
        network, spoilt = answer.network, answer.spoilt
        if answer.prediction.status is Status.TIMED_OUT or answer.spoilt:
            said = "; ".join(answer.prediction.diagnosis)
            failed = Answered(
                member=member_of(task, question, said), question=None, inputs=None, instance=None, answer=None
            )
            return failed, spoilt
        row = answer_row(inputs, instance, question.fingerprint, answer, keep_spans=manner.keep_spans)
    answered = Answered(
        member=member_of(task, question),
        question=question_row(inputs, question.key, row),
        inputs=inputs_row(inputs),
        instance=None if before else instance_row(instance, question.fingerprint, network, registry),
        answer=row,
    )
    return answered, spoilt


def answer_row(
    inputs: Inputs, instance: Instance, fingerprint: str, answer: Answer, *, keep_spans: bool = False
) -> AnswerRow:
    """What is kept of an answer."""
    prediction = answer.prediction
    row = AnswerRow(
        digest=inputs.digest,
        fingerprint=fingerprint,
        status=prediction.status.value,
        makespan_ps=prediction.makespan_ps,
        wall_s=prediction.wall_s,
        engine=prediction.engine,
        diagnosis=prediction.diagnosis,
        spans=packed(prediction, inputs.graph) if keep_spans else None,
    )
    if not prediction.completed:
        return row
    line = timeline(prediction, common_instances(inputs.graph, [prediction]))
    network_check = (answer.network_check,) if answer.network_check else ()
    failed = [
        f"{check.name}: {check.detail}"
        for check in (*_checks(inputs, prediction, line), *network_check)
        if check.passed is False and check.name not in instance.declares
    ]
    row = attrs.evolve(row, failed_checks=tuple(failed))
    if not line.ran.all():
        return row
    spent = totals(line)
    return attrs.evolve(
        row,
        compute_ps=spent.compute_ps,
        communication_ps=spent.communication_ps,
        exposed_communication_ps=spent.exposed_communication_ps,
        idle_ps=spent.idle_ps,
        groups=tuple((group.key, group.phase, group.count, group.total_ps) for group in by_group(line)),
    )


_OF_SINGLE_NODES = frozenset({"inputs", "dependencies", "exclusive", "durations"})


def _checks(inputs: Inputs, prediction: Prediction, line: Timeline) -> tuple[Check, ...]:
    """Every check of a prediction; the bound of compute is worked out only where it does not follow from the others."""
    found = checks(inputs, Bounds(compute_ps=0, bisection_ps=None), prediction, line)
    passed = {check.name for check in found if check.passed}
    if passed >= _OF_SINGLE_NODES and respects_compute(line):
        return found
    bounds = Bounds(compute_ps=compute_bound_ps(inputs, line.instances), bisection_ps=None)
    return checks(inputs, bounds, prediction, line)


def question_row(inputs: Inputs, key: str, answer: AnswerRow) -> QuestionRow:
    """A question with the sanity figures of its answer."""
    sanity = sanity_of(inputs, answer.makespan_ps) or Sanity()
    return QuestionRow(
        key=key,
        digest=inputs.digest,
        fingerprint=answer.fingerprint,
        tokens=None if inputs.sizes is None else inputs.sizes.tokens,
        mfu=sanity.mfu,
        tokens_per_s_per_rank=sanity.tokens_per_s_per_rank,
        persistent_bytes=sanity.persistent_bytes,
        peak_bytes=sanity.peak_bytes,
        fits=sanity.fits,
    )


def inputs_row(inputs: Inputs) -> InputsRow:
    """What simulators were given, for people."""
    system, mesh = inputs.system, inputs.graph.mesh
    dimensions = " × ".join(f"{one.topology.value} {one.size}" for one in system.dimensions)
    return InputsRow(
        digest=inputs.digest,
        ranks=mesh.world_size,
        nodes=inputs.graph.node_count,
        communications=inputs.graph.communication_count,
        mesh=dict(zip(mesh.names, mesh.sizes, strict=True)),
        system=f"{dimensions}, {system.device.name}",
    )


def instance_row(instance: Instance, fingerprint: str, network: str, registry: Registry) -> InstanceRow:
    """Who was asked, for people."""
    return InstanceRow(
        fingerprint=fingerprint,
        backend=instance.backend,
        options=plain_value(instance.options),
        network=network,
        code=code_of(type(registry.backend(instance.backend)).__module__),
    )


def questions_of(scenario: Scenario) -> Sequence[tuple[Workload, Pin, Instance]]:
    """Every question of a scenario."""
    return [
        (workload, pin, instance)
        for workload in scenario.workloads
        for pin in scenario.pins_of(workload)
        for instance in scenario.instances_of(workload, pin)
    ]
