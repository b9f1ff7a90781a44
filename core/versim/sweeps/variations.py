"""Configurations to choose among: several scenarios, or one whose options are varied."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import attrs

from versim.errors import FaultsError, VersimError, did_you_mean
from versim.registry import Registry
from versim.scenario import Scenario, override

MOST_CONFIGURATIONS = 10_000

_OPEN, _CLOSED = "[{", "]}"


@attrs.frozen(kw_only=True)
class Configuration:
    """One choice.

    Attributes:
        label: What tells it from the others: ``dp=2, pp=4``, or a scenario's name.
        scenario: What is run; None where the varied options are faulty.
        fault: Why it cannot be run; "" if it can.
    """

    label: str
    scenario: Scenario | None
    fault: str = ""


def of_scenarios(scenarios: Sequence[tuple[str, Scenario]]) -> tuple[Configuration, ...]:
    """Several scenarios, each with the name it was asked for by; the scenario's own name where those differ.

    Raises:
        VersimError: One of them is given twice.
    """
    asked = [name for name, _ in scenarios]
    names = [scenario.name for _, scenario in scenarios]
    labels = names if len(set(names)) == len(names) else asked
    if len(set(labels)) != len(labels):
        raise VersimError(f"{', '.join(asked)}: a scenario is given twice")
    pairs = zip(labels, scenarios, strict=True)
    return tuple(Configuration(label=label, scenario=scenario) for label, (_, scenario) in pairs)


def varied(scenario: Scenario, registry: Registry, axes: Mapping[str, Sequence[str]]) -> tuple[Configuration, ...]:
    """Every combination of values of some options of a scenario's producers, the last option varying fastest.

    A combination whose options are faulty by themselves stays in the answer with its fault; one that a producer refuses
    is found when it is run.

    Args:
        scenario: What is varied.
        registry: The plugins there are.
        axes: ``KEY`` (of every workload whose producer has that option) or ``WORKLOAD.KEY`` ─▶ values, as YAML.

    Raises:
        VersimError: An option that no workload has, or more than 10,000 combinations.
    """
    targets = {key: _targets(scenario, registry, key) for key in axes}
    count = 1
    for values in axes.values():
        count *= len(values)
    if count > MOST_CONFIGURATIONS:
        raise VersimError(f"{count} combinations are more than {MOST_CONFIGURATIONS}; vary less at once")
    found = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        label = ", ".join(f"{key}={value}" for key, value in chosen.items())
        options = [f"{target}={value}" for key, value in chosen.items() for target in targets[key]]
        try:
            found.append(Configuration(label=label, scenario=override(scenario, registry, options=options)))
        except FaultsError as error:
            found.append(Configuration(label=label, scenario=None, fault=str(error)))
    return tuple(found)


def parse_axis(text: str) -> tuple[str, tuple[str, ...]]:
    """``KEY=V1,V2,…`` as the key and its values; commas within brackets do not separate.

    Raises:
        VersimError: It is not of that form, or a value is given twice.
    """
    key, equals, rest = text.partition("=")
    values = [""]
    depth = 0
    for letter in rest:
        depth += (letter in _OPEN) - (letter in _CLOSED)
        if letter == "," and depth == 0:
            values.append("")
        else:
            values[-1] += letter
    values = [value.strip() for value in values]
    if not equals or not key.strip() or not all(values):
        raise VersimError(f"--vary {text}: is not KEY=V1,V2,…")
    if len(set(values)) != len(values):
        raise VersimError(f"--vary {text}: a value is given twice")
    return key.strip(), tuple(values)


def _targets(scenario: Scenario, registry: Registry, key: str) -> tuple[str, ...]:
    """``WORKLOAD.KEY`` of every workload that is meant."""
    labels = {workload.label for workload in scenario.workloads}
    # Labels may contain dots: the longest one that fits is meant.
    cuts = [cut for cut, letter in enumerate(key) if letter == "." and key[:cut] in labels]
    if cuts:
        return (key,)
    known: dict[str, list[str]] = {
        workload.label: [
            field.alias or field.name for field in attrs.fields(registry.producer(workload.producer).options)
        ]
        for workload in scenario.workloads
    }
    found = tuple(f"{label}.{key}" for label, names in known.items() if key.partition(".")[0] in names)
    if not found:
        names = sorted({name for options in known.values() for name in options})
        raise VersimError(
            f"--vary {key}: no workload of scenario {scenario.name!r} has that option{did_you_mean(key, names)}"
        )
    return found
