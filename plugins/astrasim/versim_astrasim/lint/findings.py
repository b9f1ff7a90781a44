"""What a check finds, as data, bounded and in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from versim import Finding, Severity

MOST_PER_RULE = 50
"""A fault in a generator of traces is made a million times; that many findings of a rule are listed."""


def document(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "rank": finding.rank,
        "node": finding.node,
        "message": finding.message,
        "remedy": finding.remedy,
    }


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
