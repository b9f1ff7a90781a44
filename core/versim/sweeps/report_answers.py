"""A comparison's answers in a store of sweeps: whoever sweeps over the same inputs afterwards asks nothing again."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from versim.asking.simulation import Answer
from versim.comparison import Report
from versim.prediction import Status
from versim.registry import Registry
from versim.scenario import Scenario, dump_scenario
from versim.storage.answers import Answered, MemberRow
from versim.storage.database import Store
from versim.sweeps.fingerprint import Fingerprints, digest_text
from versim.sweeps.tasks import answer_row, inputs_row, instance_row, question_row


def keep_report(report: Report, scenario: Scenario, registry: Registry, store: Store) -> int:
    """Keep the answers of a comparison.

    Args:
        report: What was answered.
        scenario: What was asked.
        registry: The plugins that answered.
        store: Where they are kept, as a sweep of one configuration.

    Returns:
        The number of that sweep.
    """
    plain = attrs.evolve(scenario, search=None)
    number = store.begin(
        key=digest_text(["comparison", dump_scenario(plain)]),
        name=scenario.name,
        scenario=dump_scenario(plain),
        keys=(),
        command=report.provenance.get("command", ""),
        reference=scenario.reference or scenario.backends[0].label,
        provenance=report.provenance,
    )
    store.add(number, _answers(report, plain, registry))
    return number


def _answers(report: Report, scenario: Scenario, registry: Registry) -> Iterator[Answered]:
    fingerprints = Fingerprints(registry)
    for of_workload, comparison, result in report.results():
        workload, instance = scenario.workload(of_workload.label), scenario.instance(result.label)
        fingerprint = fingerprints.instance(instance)
        inputs = comparison.inputs
        answer = Answer(prediction=result.prediction, network=result.network)
        row = attrs.evolve(
            answer_row(inputs, instance, fingerprint, answer),
            failed_checks=tuple(f"{check.name}: {check.detail}" for check in result.checks if check.passed is False),
        )
        for label in (inputs.label, *comparison.same_as):
            pin = scenario.pin(label)
            if instance.label not in {one.label for one in scenario.instances_of(workload, pin)}:
                continue
            key = fingerprints.question(scenario, workload, pin, instance)
            member = MemberRow(
                number=0, settings={}, workload=workload.label, pin=label, instance=instance.label, key=key
            )
            if result.prediction.status is Status.TIMED_OUT:
                # With more time it may answer, so it is asked again.
                member = attrs.evolve(member, failure="; ".join(result.prediction.diagnosis))
                yield Answered(member=member, question=None, inputs=None, instance=None, answer=None)
                continue
            yield Answered(
                member=member,
                question=question_row(inputs, key, row),
                inputs=inputs_row(inputs),
                instance=instance_row(instance, fingerprint, result.network, registry),
                answer=row,
            )
