"""All checks on one backend, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# Importing a module of checks registers them, in this order.
from versim.testing import breadth, conduct, honesty, laws, oracles, wires  # noqa: F401
from versim.testing.check import (
    CHECKS,
    ConformanceCheck,
    DiffersError,
    NotClaimedError,
    Outcome,
    Verdict,
)
from versim.testing.subject import Subject

ORDER = ("conduct", "honesty", "law", "oracle")


def all_checks() -> tuple[ConformanceCheck, ...]:
    """Every check, by group: how a backend behaves, whether it is honest, laws, oracles."""
    return tuple(sorted(CHECKS, key=lambda check: ORDER.index(check.group)))


def run_check(check: ConformanceCheck, subject: Subject) -> Outcome:
    """One check; whatever the backend raises is what was found."""
    try:
        outcome = check.run(subject)
    except NotClaimedError as error:
        return Outcome(verdict=Verdict.UNCLAIMED, reason=str(error))
    except DiffersError as error:
        outcome = Outcome(verdict=Verdict.FAILED, expected=error.expected, found=error.found)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's backend may raise anything, SystemExit included
        found = f"{type(error).__name__}: {error}"
        outcome = Outcome(verdict=Verdict.FAILED, expected="an answer", found=found)
    declared = subject.claims.differs.get(check.name)
    if declared is None:
        return outcome
    if outcome.verdict is Verdict.FAILED:
        return Outcome(verdict=Verdict.DECLARED, expected=outcome.expected, found=outcome.found, reason=declared)
    # A declaration that no longer holds misleads whoever reads it.
    found = f"{outcome.found}, though declared to differ: {declared}"
    return Outcome(verdict=Verdict.FAILED, expected=outcome.expected, found=found)


def examine(subject: Subject, only: Sequence[str] = ()) -> Iterator[tuple[ConformanceCheck, Outcome]]:
    """Every check with its outcome, or those whose name contains one of ``only``."""
    for check in all_checks():
        if not only or any(part in check.name for part in only):
            yield check, run_check(check, subject)
