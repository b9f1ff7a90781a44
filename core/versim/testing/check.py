"""What a conformance check is: a name, what it shows, and an outcome with what was expected and what was found."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from versim.testing.subject import Subject


class Verdict(enum.StrEnum):
    """How a check came out."""

    PASSED = "passed"
    FAILED = "failed"
    UNCLAIMED = "unclaimed"
    """The backend does not say that it models this."""
    DECLARED = "declared"
    """It fails, and says so itself."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a check.

    Attributes:
        verdict: How it came out.
        expected: What a conforming backend gives.
        found: What this one gave.
        reason: Why it was not tested, or why it is known to fail.
    """

    verdict: Verdict
    expected: str = ""
    found: str = ""
    reason: str = ""


class NotClaimedError(Exception):
    """Raised by a check for what the backend does not claim; the message says what that is."""


class DiffersError(Exception):
    """Raised by a check that cannot go on, because what it found is not what has to be.

    Attributes:
        expected: What has to be.
        found: What is.
    """

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected, found)
        self.expected, self.found = expected, found


@attrs.frozen
class ConformanceCheck:
    """A check of a backend.

    Attributes:
        group: ``oracle``, ``law``, ``honesty`` or ``conduct``.
        name: Short and stable; ``Claims.differs`` refers to it.
        shows: What passing it shows.
        run: Does it.
    """

    group: str
    name: str
    shows: str
    run: Callable[[Subject], Outcome] = attrs.field(repr=False)


CHECKS: list[ConformanceCheck] = []
"""Every check, in the order in which they run: a later one trusts what an earlier one showed."""


def check(group: str, name: str, shows: str) -> Callable[[Callable[[Subject], Outcome]], Callable[[Subject], Outcome]]:
    """Registers the function below it as a check."""

    def register(run: Callable[[Subject], Outcome]) -> Callable[[Subject], Outcome]:
        CHECKS.append(ConformanceCheck(group, name, shows, run))
        return run

    return register


def holds(good: bool, expected: str, found: str) -> Outcome:
    """The outcome of something that is so or not."""
    return Outcome(verdict=Verdict.PASSED if good else Verdict.FAILED, expected=expected, found=found)


def spelt_s(seconds: float) -> str:
    """Seconds with all digits that a comparison needs."""
    return f"{seconds:.12g} s"
