"""What a step's makespan is made of, by term: of a stored answer, or of any sums by group."""

from __future__ import annotations

from typing import Any

from versim.storage.database import Store
from versim.sweeps.results import Row


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
