"""Which of a scenario's optional simulators are there on this machine, and the scenario without the others."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from versim.components import Diagnoses
from versim.containment import held_responsible
from versim.errors import UnknownNameError, VersimError
from versim.registry import Registry
from versim.scenario.check import check_scenario
from versim.scenario.model import Instance, Scenario


def without_absent(scenario: Scenario, registry: Registry, source: str = "") -> Scenario:
    """A scenario without the optional instances whose plugin, or the program that it runs, is not there.

    Those that are there are optional no more, so that nothing looks for them again.

    Args:
        scenario: The scenario.
        registry: The plugins there are.
        source: Where it came from, for messages.

    Raises:
        FaultsError: What is left refers to an instance that is not there.
        VersimError: Nothing is left.
    """
    if not any(instance.if_installed for instance in scenario.backends):
        return scenario
    absent = {
        instance.label: why
        for instance in scenario.backends
        if instance.if_installed and (why := why_absent(instance, registry))
    }
    present = [
        attrs.evolve(instance, if_installed=False) for instance in scenario.backends if instance.label not in absent
    ]
    if not present:
        said = "; ".join(f"{label}: {why}" for label, why in absent.items())
        raise VersimError(f"scenario {scenario.name!r}: none of its simulators is installed ({said})")
    left = with_instances(scenario, present)
    if not left.workloads:
        raise VersimError(f"scenario {scenario.name!r}: nothing simulates it without {', '.join(absent)}")
    left = attrs.evolve(left, left_out={**scenario.left_out, **absent})
    if absent:
        check_scenario(left, registry, source)
    return left


def why_absent(instance: Instance, registry: Registry) -> str:
    """Why an instance cannot be asked here, in a line; "" if it can."""
    try:
        backend = registry.backend(instance.backend)
    except UnknownNameError:
        return f"no plugin that is installed offers the backend {instance.backend!r}"
    if not isinstance(backend, Diagnoses):
        return ""
    missing = ""
    with held_responsible("backend", instance.backend):
        for line in backend.diagnose():
            if line.found:
                return ""
            missing = missing or line.detail
    return missing


def with_instances(scenario: Scenario, instances: Sequence[Instance]) -> Scenario:
    """A scenario with these instances instead of its own.

    Pins and workloads that are limited to instances are limited to those that are left of them; where none is, a pin or
    workload goes, if other instances of the scenario stay, and else is limited no longer.
    """
    labels = [instance.label for instance in instances]
    picked = any(instance.label in labels for instance in scenario.backends)

    def kept(limit: tuple[str, ...] | None) -> tuple[str, ...] | None:
        remaining = tuple(label for label in limit or () if label in labels)
        return remaining if remaining or (picked and limit is not None) else None

    pins = [attrs.evolve(pin, backends=kept(pin.backends)) for pin in scenario.pins]
    pins = [pin for pin in pins if pin.backends != ()]
    pin_labels = {pin.label for pin in pins}
    workloads = [
        attrs.evolve(
            workload,
            backends=kept(workload.backends),
            pins=None if workload.pins is None else [label for label in workload.pins if label in pin_labels],
        )
        for workload in scenario.workloads
    ]
    workloads = [workload for workload in workloads if workload.backends != () and workload.pins != ()]
    return attrs.evolve(
        scenario,
        backends=instances,
        reference=scenario.reference if scenario.reference in labels else None,
        workloads=workloads,
        pins=pins,
    )
