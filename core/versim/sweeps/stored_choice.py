"""What simulators would choose among the configurations of a store, and which term makes them disagree."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any

import attrs

from versim.comparison.decisions import Column, decisions
from versim.errors import UnknownNameError, VersimError
from versim.storage.database import Store
from versim.sweeps.decide import Choice, Question
from versim.sweeps.results import Row, fields_of, select, settings_of
from versim.sweeps.settings import label_of

MOST_RANKED = 1000
"""Configurations that are held against each other pair by pair: the fastest in the reference."""

_RANKED_FIELDS = frozenset({"makespan_ps", "wall_s", "digest", "fingerprint", "ranks"})


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


def choice_in(
    store: Store,
    number: int | None = None,
    *,
    where: Sequence[str] = (),
    reference: str | None = None,
    with_failed: bool = False,
) -> tuple[Choice, tuple[Flip, ...], str]:
    """How the simulators of a store rank its configurations.

    Args:
        store: The store.
        number: Of the sweep; the last one unless given.
        where: Conditions that a configuration has to meet.
        reference: Label of the instance that is trusted; the scenario's reference unless given.
        with_failed: True if answers with failed checks take part.

    Returns:
        The ranking; the term that flips the pair that matters most, per simulator; and what a reader should know.

    Raises:
        VersimError: There is no such sweep, or nothing to choose from.
    """
    sweeps = {sweep.id: sweep for sweep in store.sweeps()}
    if number is None:
        number = max(sweeps, default=None)
    if number not in sweeps or number is None:
        raise VersimError(f"{store.path} has no sweep {number}; `versim results --sweeps` lists them")
    trusted = sweeps[number].reference if reference is None else reference
    asked = select(store.rows(number, fields_of(where, "") | _RANKED_FIELDS), where)
    usable = {"completed", "check failed"} if with_failed else {"completed"}
    note = _left_out(asked.column("status"), usable)
    spelt = {id(settings): label_of(settings) for settings in settings_of(asked)}
    rows = [row | {"label": spelt[id(row["settings"])]} for row in asked if row["status"] in usable]
    labels = {row["instance"] for row in rows}
    if trusted not in labels and reference is not None:
        raise UnknownNameError("backend instance", trusted, labels)
    pins = {label: {row["pin"] for row in rows if row["instance"] == label} for label in labels}
    apart = all(len(found) == 1 for found in pins.values()) and len({row["pin"] for row in rows}) > 1
    if apart:
        note += (
            "Instances stand under different pins, so they were not given equal inputs: what is ranked is the pair. "
        )
    questions, flips = [], []
    for key in dict.fromkeys((row["workload"], "" if apart else row["pin"]) for row in rows):
        mine = [row for row in rows if (row["workload"], "" if apart else row["pin"]) == key]
        question, cells = _question(key, mine, trusted)
        if len(question.configurations) > 1:
            questions.append(question)
            flips += _flips(question, cells, store)
    if not questions:
        raise VersimError(
            f"{store.path}: fewer than two configurations of sweep {number} completed; {note or 'add some'}"
        )
    return Choice(questions=tuple(questions), refused={}), tuple(flips), note.strip()


def _left_out(statuses: Sequence[str], usable: set[str]) -> str:
    counts = collections.Counter(status for status in statuses if status not in usable)
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"Not ranked: {said}. " if said else ""


def _question(key: tuple[str, str], rows: Sequence[Row], trusted: str) -> tuple[Question, dict[tuple[str, str], Row]]:
    cells = {(row["label"], row["instance"]): row for row in rows}
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


def terms_of(row: Row, store: Store) -> dict[str, float]:
    """Seconds of a step by term, per rank: what runs, by group and phase, and what is left of the makespan.

    Communication beside compute counts in both, so what is left can be below 0.
    """
    answer = store.answer(row["digest"], row["fingerprint"])
    if answer is None or answer.makespan_ps is None or not row["ranks"]:
        return {}
    return by_term(((key, phase, total) for key, phase, _, total in answer.groups), answer.makespan_ps, row["ranks"])


def by_term(groups: Any, makespan_ps: int, ranks: int) -> dict[str, float]:
    """(key, phase, picoseconds over all ranks) and the makespan as seconds by term, per rank."""
    found: dict[str, float] = {}
    for key, phase, total_ps in groups:
        name = f"{key}, {phase}" if phase else key
        found[name] = found.get(name, 0.0) + total_ps / ranks / 1e12
    found["waiting, less overlap"] = makespan_ps / 1e12 - sum(found.values())
    return found


def difference(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """What ``other`` takes more than ``one``, by term."""
    return {name: other.get(name, 0.0) - one.get(name, 0.0) for name in (one | other)}
