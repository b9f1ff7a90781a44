"""Whether simulators choose alike among configurations of a store, and which term makes them disagree.

A *question* is what is ranked: one workload under one pin, over all configurations. Makespans of different workloads or
pins are never ranked against one another, except where every configuration is one workload under one pin, as with
several scenarios of one step each: then that is the question.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

import attrs

from versim.comparison.decisions import Column, Decision, decisions
from versim.errors import UnknownNameError, VersimError
from versim.registry import Registry
from versim.scenario import Scenario
from versim.storage.database import IN_MEMORY, Store
from versim.storage.listing import Listing
from versim.sweeps.results import Row, fields_of, reasons, select
from versim.sweeps.settings import label_of
from versim.sweeps.step_terms import difference, terms_of
from versim.sweeps.sweep import sweep
from versim.units import PS_PER_S

MOST_RANKED = 1000
"""Configurations that are held against each other pair by pair: the fastest in the reference."""

_RANKED_FIELDS = frozenset({"makespan_ps", "wall_s", "digest", "fingerprint", "ranks"})


@attrs.frozen(kw_only=True)
class Question:
    """One ranking, by every simulator.

    Attributes:
        workload: Label of the workload; "" where configurations name theirs differently.
        pin: Label of the pin, as the workload.
        configurations: What is ranked, the fastest in the reference first.
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
class Flip:
    """Why two configurations change places.

    Attributes:
        simulator: Who prefers ``worse``.
        better: The one that is faster in the reference.
        worse: The one that is slower there.
        term: ``compute``, or a kind of communication and its axes, with the phase; or ``waiting, less overlap``.
        seconds: By how much more the reference charges ``worse`` for it against ``better`` than the simulator does, per
            rank.
    """

    simulator: str
    better: str
    worse: str
    term: str
    seconds: float


@attrs.frozen(kw_only=True)
class Choice:
    """Every question that some configurations raise.

    Attributes:
        questions: In the order of workloads and pins.
        flips: The term that flips the pair that matters most, per simulator.
        note: What a reader should know before.
        left_out: Why answers take no part, how often, and the first configuration of which that is so.
    """

    questions: tuple[Question, ...]
    flips: tuple[Flip, ...] = ()
    note: str = ""
    left_out: tuple[tuple[str, int, str], ...] = ()


def choice_in(
    store: Store,
    number: int | None = None,
    *,
    where: Sequence[str] = (),
    reference: str | None = None,
    with_failed: bool = False,
) -> Choice:
    """How the simulators of a store rank the configurations of a sweep.

    Args:
        store: The store.
        number: Of the sweep; the last one unless given.
        where: Conditions that a configuration has to meet.
        reference: Label of the instance that is trusted; the scenario's reference unless given.
        with_failed: True if answers with failed checks take part.

    Raises:
        VersimError: There is no such sweep, or nothing to choose from.
        UnknownNameError: No instance has the reference's label.
    """
    sweeps = {sweep.id: sweep for sweep in store.sweeps()}
    if number is None:
        number = max(sweeps, default=None)
    if number not in sweeps or number is None:
        raise VersimError(f"{store.path} has no sweep {number}; `versim results --sweeps` lists them")
    asked = select(store.rows(number, fields_of(where, "") | _RANKED_FIELDS), where)
    spelt = {id(settings): label_of(settings) for settings in asked.distinct("settings")}
    labels = [spelt[id(settings)] for settings in asked.column("settings")]
    return _choice(store, asked, labels, reference, sweeps[number].reference, with_failed=with_failed)


def choice_among(scenarios: Mapping[str, Scenario], registry: Registry, reference: str | None = None) -> Choice:
    """How simulators rank scenarios, asked here.

    Args:
        scenarios: By what they are called.
        registry: The plugins there are.
        reference: Label of the instance that is trusted; the first scenario's reference unless given.

    Raises:
        VersimError: There is nothing to choose from.
        UnknownNameError: No instance has the reference's label.
    """
    with Store(IN_MEMORY, create=True) as store:
        called = {
            sweep(scenario, {}, store=store, registry=registry).run().number: label
            for label, scenario in scenarios.items()
        }
        asked = store.rows(fields=fields_of((), "") | _RANKED_FIELDS)
        labels = [called[number] for number in asked.column("sweep")]
        return _choice(store, asked, labels, reference, store.sweeps()[0].reference, with_failed=False)


def _choice(
    store: Store, asked: Listing, labels: Sequence[str], reference: str | None, usual: str, *, with_failed: bool
) -> Choice:
    """The choice among some rows, each of the configuration of that label."""
    rows = [row | {"label": label} for row, label in zip(asked, labels, strict=True)]
    usable = {"completed", "check failed"} if with_failed else {"completed"}
    counts = collections.Counter(row["status"] for row in rows if row["status"] not in usable)
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    note = f"Not ranked: {said}. " if said else ""
    instances = list(dict.fromkeys(row["instance"] for row in rows))
    if reference is not None and reference not in instances:
        raise UnknownNameError("backend instance", reference, instances)
    pins = {label: {row["pin"] for row in rows if row["instance"] == label} for label in instances}
    apart = all(len(found) == 1 for found in pins.values()) and len({row["pin"] for row in rows}) > 1
    if apart:
        note += (
            "Instances stand under different pins, so they were not given equal inputs: what is ranked is the pair. "
        )
    asked_of: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        row["question"] = row["workload"], "" if apart else row["pin"]
        asked_of.setdefault(row["label"], set()).add(row["question"])
    # One step per scenario is one question, whatever the steps are called.
    if len(set().union(*asked_of.values())) > 1 and all(len(found) == 1 for found in asked_of.values()):
        for row in rows:
            row["question"] = "", ""
    questions: list[Question] = []
    flips: list[Flip] = []
    for key in dict.fromkeys(row["question"] for row in rows):
        mine = [row for row in rows if row["question"] == key]
        question, cells = _question(key, mine, reference or usual, usable)
        if len(question.configurations) > 1:
            questions.append(question)
            flips += _flips(question, cells, store)
    if not questions:
        raise VersimError(_nothing_to_choose(rows, asked, usable))
    left_out = reasons(asked)
    return Choice(questions=tuple(questions), flips=tuple(flips), note=note.strip(), left_out=tuple(left_out))


def _nothing_to_choose(rows: Sequence[Row], asked: Listing, usable: set[str]) -> str:
    ran = {row["label"] for row in rows if row["status"] in usable}
    if len(ran) > 1:
        return "no workload and pin is in two configurations; give them the same labels, or one of each per scenario"
    why = "".join(f"\n  - {count} × {said} (first: {example})" for said, count, example in reasons(asked))
    return f"there is nothing to choose: {len(ran)} configuration{'' if len(ran) == 1 else 's'} completed{why}"


def _question(
    key: tuple[str, str], rows: Sequence[Row], trusted: str, usable: set[str]
) -> tuple[Question, dict[tuple[str, str], Row]]:
    cells = {(row["label"], row["instance"]): row for row in rows if row["status"] in usable}
    instances = list(dict.fromkeys(row["instance"] for row in rows))
    reference = trusted if trusted in instances else instances[0]
    labels = list(dict.fromkeys(label for label, _ in cells))
    # By the reference; what it did not complete comes last.
    labels.sort(key=lambda label: (cells.get((label, reference)) or {}).get("makespan_ps") or float("inf"))
    labels = labels[:MOST_RANKED]
    makespans: dict[str, tuple[int | None, ...]] = {
        name: tuple((cells.get((label, name)) or {}).get("makespan_ps") for label in labels) for name in instances
    }
    positive: dict[str, Column] = {name: [value or None for value in column] for name, column in makespans.items()}
    question = Question(
        workload=key[0],
        pin=key[1],
        configurations=tuple(labels),
        makespans_ps=makespans,
        wall_s={name: sum(row["wall_s"] or 0.0 for row in rows if row["instance"] == name) for name in instances},
        reference=reference,
        decisions=decisions(labels, positive, reference),
    )
    return question, cells


def _flips(question: Question, cells: dict[tuple[str, str], Row], store: Store) -> list[Flip]:
    """The term that flips the first cross-over of each simulator."""
    found = []
    for decision in question.decisions:
        if not decision.cross_overs:
            continue
        crossed = decision.cross_overs[0]

        def terms(label: str, instance: str) -> dict[str, float]:
            return terms_of(cells[label, instance], store)

        theirs = difference(terms(crossed.better, question.reference), terms(crossed.worse, question.reference))
        ours = difference(terms(crossed.better, decision.simulator), terms(crossed.worse, decision.simulator))
        changed = difference(ours, theirs)
        if changed:
            term = max(changed, key=lambda name: changed[name])
            found.append(
                Flip(
                    simulator=decision.simulator,
                    better=crossed.better,
                    worse=crossed.worse,
                    term=term,
                    seconds=changed[term],
                )
            )
    return found
