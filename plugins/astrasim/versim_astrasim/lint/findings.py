"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import attrs


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The run cannot be trusted, or there is none."""
    WARNING = "warning"
    """It runs, but as something else than the trace says."""
    INFO = "info"


@attrs.frozen(kw_only=True)
class Finding:
    """One finding.

    Attributes:
        rule: The rule's id, see ``docs/lint-rules.md``.
        severity: How bad it is.
        rank: The rank, None where it is about no single one.
        node: Id of the trace node, None where it is about no single one.
        message: What is wrong.
        remedy: What to do.
    """

    rule: str
    severity: Severity
    rank: int | None
    node: int | None
    message: str
    remedy: str

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return {**attrs.asdict(self), "severity": self.severity.value}

    def __str__(self) -> str:
        where = "" if self.rank is None else f"rank {self.rank}"
        where += "" if self.node is None else f" node {self.node}"
        return f"{self.severity.value}[{self.rule}] {where + ': ' if where else ''}{self.message}; {self.remedy}"


MOST_PER_RULE = 50
"""A fault in a generator of traces is made a million times; that many findings of a rule are listed."""


def bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first findings of every rule, and one more that counts the rest."""
    counts: dict[str, int] = {}
    last: dict[str, Finding] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        last[finding.rule] = finding
        if counts[finding.rule] <= MOST_PER_RULE:
            yield finding
    for rule, count in counts.items():
        if count > MOST_PER_RULE:
            yield attrs.evolve(
                last[rule], rank=None, node=None, message=f"… and {count - MOST_PER_RULE} more findings of this rule"
            )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then by rule, rank and node."""
    severities = list(Severity)
    return sorted(
        findings,
        key=lambda finding: (
            severities.index(finding.severity),
            finding.rule,
            -1 if finding.rank is None else finding.rank,
            -1 if finding.node is None else finding.node,
        ),
    )
