"""Two sets of answers set against one another: what changed, by how much, and which term of the step changed it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import attrs

from versim.storage.database import Store, is_store
from versim.storage.load_report import load_report
from versim.sweeps.settings import label_of
from versim.sweeps.step_terms import by_term, difference, terms_of
from versim.terminal import WIDTH, printable, table, wrapped

FORMAT_VERSION = 1
SHOWN = 40


@attrs.frozen(kw_only=True)
class Stored:
    """One answer, wherever it is kept.

    Attributes:
        digest: Of its inputs.
        makespan_ps: None unless it completed.
        terms_s: Seconds per rank by term.
    """

    digest: str
    makespan_ps: int | None
    terms_s: dict[str, float]


@attrs.frozen(kw_only=True)
class Change:
    """One question that both answer.

    Attributes:
        question: Settings, workload, pin and instance, as far as they tell it from others.
        before_s: Makespan in the first; None if it did not complete.
        after_s: In the second.
        same_inputs: True if both were given the same: then only the simulator changed.
        terms_s: What the second takes more, by term and per rank, the most first.
    """

    question: str
    before_s: float | None
    after_s: float | None
    same_inputs: bool
    terms_s: tuple[tuple[str, float], ...]

    @property
    def percent(self) -> float | None:
        """Of the first; None where there is none."""
        if not self.before_s or self.after_s is None:
            return None
        return 100 * (self.after_s - self.before_s) / self.before_s


Key = tuple[str, str, str, str]


def answers_in(path: Path) -> dict[Key, Stored]:
    """The answers of a store or of a saved report, by settings, workload, pin and instance.

    Of several sweeps that asked one question, the last counts.

    Raises:
        VersimError: It is neither.
    """
    found: dict[Key, Stored] = {}
    if is_store(path):
        with Store(path) as store:
            for row in store.rows():
                if row["digest"]:
                    key = (label_of(row["settings"]), row["workload"], row["pin"], row["instance"])
                    found[key] = Stored(
                        digest=row["digest"], makespan_ps=row["makespan_ps"], terms_s=terms_of(row, store)
                    )
        return found
    for workload, comparison, result in load_report(path).results():
        makespan_ps = result.prediction.makespan_ps
        terms = {}
        if makespan_ps is not None:
            groups = ((group.key, group.phase, group.total_ps) for group in result.groups)
            terms = by_term(groups, makespan_ps, comparison.inputs.graph.mesh.world_size)
        for pin in (comparison.inputs.label, *comparison.same_as):
            found["", workload.label, pin, result.label] = Stored(
                digest=comparison.inputs.digest, makespan_ps=makespan_ps, terms_s=terms
            )
    return found


def changes(before: dict[Key, Stored], after: dict[Key, Stored]) -> tuple[Change, ...]:
    """What both answer, the largest change first; what did not complete on one side comes before all."""
    made = []
    for key in before.keys() & after.keys():
        one, other = before[key], after[key]
        terms = difference(one.terms_s, other.terms_s)
        ordered = sorted(((name, s) for name, s in terms.items() if s), key=lambda item: (-abs(item[1]), item[0]))
        made.append(
            Change(
                question=" / ".join(part for part in key if part),
                before_s=_seconds(one),
                after_s=_seconds(other),
                same_inputs=one.digest == other.digest,
                terms_s=tuple(ordered),
            )
        )
    return tuple(sorted(made, key=_weight))


def _seconds(stored: Stored) -> float | None:
    return None if stored.makespan_ps is None else stored.makespan_ps / 1e12


def _weight(change: Change) -> tuple[float, str]:
    lost = (change.before_s is None) != (change.after_s is None)
    return -(float("inf") if lost else abs(change.percent or 0.0)), change.question


def as_text(before: dict[Key, Stored], after: dict[Key, Stored], width: int = WIDTH) -> str:
    """How many changed, and the largest changes with the term that changed most."""
    found = changes(before, after)
    moved = [change for change in found if change.before_s != change.after_s]
    only = len(before.keys() - after.keys()), len(after.keys() - before.keys())
    lines = [f"{len(found)} answers on both sides, {len(moved)} of them differ"]
    if any(only):
        lines.append(f"{only[0]} are in the first only, {only[1]} in the second only")
    if moved:
        rows = [
            [
                printable(change.question),
                _cell(change.before_s),
                _cell(change.after_s),
                "–" if change.percent is None else f"{change.percent:+.3g}".replace("-", "−"),
                "same" if change.same_inputs else "other",
                printable(_why(change)),
            ]
            for change in moved[:SHOWN]
        ]
        headers = ["answer", "first\n[s]", "second\n[s]", "change\n[%]", "inputs", "most of it"]
        lines += ["", *table(headers, rows, "lrrrll", width)]
        if len(moved) > SHOWN:
            lines.append(f"{len(moved) - SHOWN} more; -f json has all")
    if any(not change.same_inputs for change in moved):
        lines += wrapped(
            "inputs other: graph, compute times or system differ, so the model changed and not only the simulator",
            width,
        )
    return "\n".join(lines) + "\n"


def _cell(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.6g}"


def _why(change: Change) -> str:
    return f"{change.terms_s[0][0]} {change.terms_s[0][1]:+.3g} s".replace("-", "−") if change.terms_s else ""


def as_json(found: Iterable[Change]) -> str:
    """Every change, every term."""
    document = {
        "format_version": FORMAT_VERSION,
        "changes": [{**attrs.asdict(change), "percent": change.percent} for change in found],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
