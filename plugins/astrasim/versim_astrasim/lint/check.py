"""All checks of a step, in order."""

from __future__ import annotations

from collections.abc import Iterator

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
from versim_astrasim.lint.findings import bounded, in_order, merged
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

_PER_CLASS = frozenset({dependencies.check, attributes.check, collectives.check_order, sizes.check})
"""Checks that look at each distinct trace once and name the first rank that runs it."""


_OF_KINDS = (
    attributes.check,
    groups.check,
    sizes.check,
    configuration.check,
    configuration.check_start,
    algorithms.check,
)
"""Checks that one node of each kind and rank, and what waits for nothing, answer for all; see :mod:`.excerpt`."""


def check_excerpt(step: Step) -> Iterator[Finding]:
    """What is found on an excerpt of a step whose columns are sound."""
    for look in _OF_KINDS:
        yield from look(step)


def check(step: Step, *, run: bool = True, order: bool = True) -> list[Finding]:
    """Every finding, errors first; one per rule and class of ranks.

    Args:
        step: What is looked at.
        run: Whether to end with a run in the embedded engine, if nothing else is an error.
        order: Whether to say where dependencies leave the order of collectives open.
    """
    class_of = {rank: id(program) for rank, program in enumerate(step.programs)}
    alike: dict[int, list[int]] = {}
    for rank, program in enumerate(step.ranks):
        alike.setdefault(id(program), []).append(rank)
    looks = [look for look in _CHECKS if order or look is not collectives.check_order]
    found: list[Finding] = []
    for look in looks:
        found += bounded(merged(look(step), class_of, alike if look in _PER_CLASS else {}))
    if run and not any(finding.severity is Severity.ERROR for finding in found):
        found += bounded(running.check(step))
    return in_order(found)
