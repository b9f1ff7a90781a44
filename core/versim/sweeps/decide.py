"""Whether simulators choose alike: run every configuration and compare how each simulator ranks them.

A *question* is what is ranked: one workload under one pin, over all configurations. Makespans of different workloads or
pins are never ranked against one another, except where every configuration is one workload under one pin, as with
several scenarios of one step each: then that is the question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from versim.comparison.decisions import Column, Decision, decisions
from versim.errors import ComponentError, UnknownNameError, VersimError
from versim.registry import Registry
from versim.run import run
from versim.sweeps.variations import Configuration
from versim.units import PS_PER_S

Row = dict[str, int | None]
"""Instance ─▶ makespan in picoseconds; None where it did not complete."""


@attrs.frozen(kw_only=True)
class Question:
    """One ranking, by every simulator.

    Attributes:
        workload: Label of the workload; "" where configurations name theirs differently.
        pin: Label of the pin, as the workload.
        configurations: What is ranked, in the order given.
        makespans_ps: Instance ─▶ one makespan per configuration; None where it did not complete or was not asked.
        wall_s: Instance ─▶ seconds its simulations took in all: what trusting it saves.
        reference: The instance the others are held against.
        decisions: What trusting each of the others leads to.
    """

    workload: str
    pin: str
    configurations: tuple[str, ...]
    makespans_ps: dict[str, tuple[int | None, ...]]
    wall_s: dict[str, float]
    reference: str
    decisions: tuple[Decision, ...]

    def rank(self, instance: str, configuration: int) -> int | None:
        """1 for the shortest makespan, equal ones sharing the better rank; None without a makespan."""
        column = self.makespans_ps[instance]
        mine = column[configuration]
        return None if mine is None else 1 + sum(other is not None and other < mine for other in column)

    def makespan_s(self, instance: str, configuration: int) -> float | None:
        """Seconds; None where it did not complete."""
        makespan_ps = self.makespans_ps[instance][configuration]
        return None if makespan_ps is None else makespan_ps / PS_PER_S


@attrs.frozen(kw_only=True)
class Choice:
    """Every question that some configurations raise.

    Attributes:
        questions: In the order of workloads and pins.
        refused: Configuration ─▶ why it could not be run.
    """

    questions: tuple[Question, ...]
    refused: dict[str, str]


def decide(
    configurations: Sequence[Configuration],
    registry: Registry,
    reference: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Choice:
    """Run configurations and compare how simulators rank them.

    Args:
        configurations: At least two that can be run.
        registry: The plugins there are.
        reference: Label of the instance that is trusted; the first scenario's reference unless given.
        progress: Called with a sentence whenever something long begins.

    Raises:
        VersimError: There are not two configurations to choose from, or a component fails.
        UnknownNameError: No instance has the reference's label.
    """
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    wall_s: dict[tuple[str, str], dict[str, float]] = {}
    refused: dict[str, str] = {}
    ran: list[Configuration] = []
    for configuration in configurations:
        try:
            found = _run(configuration, registry, progress)
        except ComponentError:
            raise  # a fault of a plugin is no property of a configuration
        except VersimError as error:
            refused[configuration.label] = str(error)
            continue
        ran.append(configuration)
        for key, answers in found.items():
            rows.setdefault(key, {})[configuration.label] = {name: makespan for name, (makespan, _) in answers.items()}
            spent = wall_s.setdefault(key, {})
            for name, (_, seconds) in answers.items():
                spent[name] = spent.get(name, 0.0) + seconds
    _hold_to_choice(ran, refused)
    trusted = reference if reference is not None else next((c.scenario.reference for c in ran if c.scenario), None)
    rows, wall_s = _merged_where_single(rows, wall_s, [configuration.label for configuration in ran])
    asked = [key for key, table in rows.items() if len(table) > 1]
    if not asked:
        raise VersimError(
            "no workload and pin is in two configurations; give them the same labels, or one of each per scenario"
        )
    return Choice(questions=tuple(_question(key, rows[key], wall_s[key], trusted) for key in asked), refused=refused)


def _run(
    configuration: Configuration, registry: Registry, progress: Callable[[str], None] | None
) -> dict[tuple[str, str], dict[str, tuple[int | None, float]]]:
    """(workload, pin) ─▶ instance ─▶ makespan and wall time."""
    if configuration.scenario is None:
        raise VersimError(configuration.fault)
    say = None if progress is None else lambda text: progress(f"{configuration.label}: {text}")
    found: dict[tuple[str, str], dict[str, tuple[int | None, float]]] = {}
    for workload, comparison, result in run(configuration.scenario, registry, progress=say, contain=False).results():
        answer = result.prediction.makespan_ps, result.prediction.wall_s or 0.0
        # Pins with equal inputs were simulated once and answer for each.
        for pin in (comparison.inputs.label, *comparison.same_as):
            found.setdefault((workload.label, pin), {})[result.label] = answer
    return found


def _hold_to_choice(ran: Sequence[Configuration], refused: dict[str, str]) -> None:
    if len(ran) > 1:
        return
    reasons = "".join(f"\n  - {label}: {why}" for label, why in refused.items())
    raise VersimError(
        f"there is nothing to choose: {len(ran)} configuration{'' if len(ran) == 1 else 's'} ran{reasons}"
    )


def _merged_where_single(
    rows: dict[tuple[str, str], dict[str, Row]], wall_s: dict[tuple[str, str], dict[str, float]], labels: list[str]
) -> tuple[dict[tuple[str, str], dict[str, Row]], dict[tuple[str, str], dict[str, float]]]:
    """One question if every configuration is one workload under one pin, whatever they are called."""
    questions_of = {label: [key for key, table in rows.items() if label in table] for label in labels}
    if len(rows) == 1 or any(len(keys) != 1 for keys in questions_of.values()):
        return rows, wall_s
    merged = {label: rows[keys[0]][label] for label, keys in questions_of.items()}
    spent: dict[str, float] = {}
    for seconds in wall_s.values():
        for name, value in seconds.items():
            spent[name] = spent.get(name, 0.0) + value
    return {("", ""): merged}, {("", ""): spent}


def _question(key: tuple[str, str], table: dict[str, Row], wall_s: dict[str, float], reference: str | None) -> Question:
    configurations = tuple(table)
    instances = list(dict.fromkeys(name for row in table.values() for name in row))
    trusted = instances[0] if reference is None else reference
    if trusted not in instances:
        raise UnknownNameError("backend instance", trusted, instances)
    makespans = {name: tuple(row.get(name) for row in table.values()) for name in instances}
    # A step that takes no time ranks nothing.
    positive: dict[str, Column] = {name: [value or None for value in column] for name, column in makespans.items()}
    return Question(
        workload=key[0],
        pin=key[1],
        configurations=configurations,
        makespans_ps=makespans,
        wall_s=wall_s,
        reference=trusted,
        decisions=decisions(configurations, positive, trusted),
    )
