"""All checks of a step, in order."""

from __future__ import annotations

from versim import Finding, Severity

from versim_astrasim.lint import (
    algorithms,
    attributes,
    collectives,
    configuration,
    counters,
    dependencies,
    groups,
    messages,
    running,
    sizes,
)
from versim_astrasim.lint.findings import bounded, in_order
from versim_astrasim.lint.step import Step

_CHECKS = (
    dependencies.check,
    attributes.check,
    messages.check,
    groups.check,
    collectives.check,
    collectives.check_order,
    counters.check,
    sizes.check,
    configuration.check,
    configuration.check_start,
    algorithms.check,
)


def check(step: Step, *, run: bool = True, order: bool = True) -> list[Finding]:
    """Every finding, errors first.

    Args:
        step: What is looked at.
        run: Whether to end with a run in the embedded engine, if nothing else is an error.
        order: Whether to say where dependencies leave the order of collectives open.
    """
    looks = [look for look in _CHECKS if order or look is not collectives.check_order]
    found = [finding for look in looks for finding in bounded(look(step))]
    if run and not any(finding.severity is Severity.ERROR for finding in found):
        found += bounded(running.check(step))
    return in_order(found)
