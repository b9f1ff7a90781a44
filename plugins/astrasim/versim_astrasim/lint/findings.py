"""What a check finds, as data: one finding per rule and class of ranks, bounded and in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
from versim import Finding, Severity

MOST_PER_RULE = 50
"""That many findings of a rule are listed, the rest counted."""


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


@attrs.define
class _Alike:
    """Findings of one rule on ranks of one class."""

    first: Finding
    ranks: dict[int, None]
    nodes: set[int | None] = attrs.field(factory=set)
    on_first: int = 0


def merged(findings: Iterable[Finding], class_of: Mapping[int, int], alike: Mapping[int, list[int]]) -> list[Finding]:
    """One finding of each rule per class of ranks, the first, with how many nodes and which ranks it stands for.

    A generator of traces makes a fault on every node and every rank.

    Args:
        findings: In any order.
        class_of: The class of every rank, which ranks with equal traces share.
        alike: All ranks of a class, by class; empty where findings name every rank they are about.
    """
    by_class: dict[tuple[str, Any], _Alike] = {}
    for finding in findings:
        rank = finding.rank
        key = (finding.rule, finding.message if rank is None else class_of.get(rank, -1 - rank))
        known = by_class.get(key)
        if known is None:
            known = by_class[key] = _Alike(finding, {})
            known.ranks.update(dict.fromkeys(alike.get(class_of.get(rank, -1), ()) if rank is not None else ()))
        if rank == known.first.rank:
            known.nodes.add(finding.node)
            known.on_first += 1
        if rank is not None:
            known.ranks[rank] = None
    # Classes that differ in other things say the same, too.
    said: dict[tuple[Any, ...], _Alike] = {}
    for one in by_class.values():
        same = (one.first.rule, one.first.message, one.first.node, one.on_first)
        if same in said:
            said[same].ranks.update(one.ranks)
        else:
            said[same] = one
    return [_worded(one) for one in said.values()]


def _worded(one: _Alike) -> Finding:
    more = []
    if one.on_first > 1:
        what = "" if len(one.nodes) < one.on_first else " node" if len(one.nodes) == 2 else " nodes"
        more.append(f"{one.on_first - 1:,} more{what}")
    others = sorted(rank for rank in one.ranks if rank != one.first.rank)
    if others:
        more.append(f"alike on rank{'s' * (len(others) > 1)} {spans(others)}")
    message = one.first.message + (f" ({', '.join(more)})" if more else "")
    return attrs.evolve(one.first, message=message)


def spans(numbers: list[int], most: int = 6) -> str:
    """Ascending numbers in words: ``0-3, 8``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:most]]
    return ", ".join(shown) + (" …" if len(runs) > most else "")


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
