"""How lint does on tables of recorded cases: ``python -m versim_proof.astrasim.lint_figures FILE…``.

A case is sound if the real program ran it to its end. An error about a sound case is a false alarm; a case on which the
program failed has to have one.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from versim import FaultsError, Severity
from versim_astrasim.lint.check import check
from versim_astrasim.lint.step import Step

from versim_proof.astrasim.cases import case_inputs


@attrs.frozen(kw_only=True)
class Figures:
    """How lint did.

    Attributes:
        sound: Cases that ran to their end.
        faulty: Cases that did not.
        false_alarms: For sound cases with errors, their names and the rules.
        missed: Names of faulty cases without errors.
    """

    sound: int
    faulty: int
    false_alarms: tuple[tuple[str, tuple[str, ...]], ...]
    missed: tuple[str, ...]


def figures(cases: Iterable[Mapping[str, Any]], *, run: bool = True) -> Figures:
    """Check cases; with ``run`` the embedded engine is the last rule."""
    counts: Counter[bool] = Counter()
    alarms: list[tuple[str, tuple[str, ...]]] = []
    missed: list[str] = []
    for case in cases:
        failed = "error" in case["expected"]
        counts[failed] += 1
        try:
            given = case_inputs(case)
        except FaultsError:
            rules = {"configuration"}
        else:
            step = Step.of(given.traces, given.network, given.system, given.groups, given.memory)
            rules = {found.rule for found in check(step, run=run) if found.severity is Severity.ERROR}
        if failed and not rules:
            missed.append(case["name"])
        if rules and not failed:
            alarms.append((case["name"], tuple(sorted(rules))))
    return Figures(sound=counts[False], faulty=counts[True], false_alarms=tuple(alarms), missed=tuple(missed))


def main(paths: Iterable[str]) -> int:
    """Print the figures of some tables; 1 if a faulty case was missed."""
    cases = [case for path in paths for case in json.loads(Path(path).read_text(encoding="utf-8"))["cases"]]
    found = figures(cases)
    sys.stdout.write(
        f"{found.sound} sound cases, {len(found.false_alarms)} with errors; {found.faulty} faulty ones, "
        f"{len(found.missed)} missed\n"
    )
    for name, rules in found.false_alarms:
        sys.stdout.write(f"  {name}: {', '.join(rules)}\n")
    for name in found.missed:
        sys.stdout.write(f"  missed: {name}\n")
    return int(bool(found.missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
