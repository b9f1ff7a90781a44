"""What each kind of work takes per execution, side by side: by group, and by operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import attrs
from versim import Breakdown, Comparison, Result
from versim.terminal import Column, Group, grids, printable, width_of, wrapped

from versim_reporters.figures import NOTHING, count, short_percent, short_time
from versim_reporters.verdict import spelt

LEAST_NAME = 33
"""Columns a name may be shortened to: with these, four predictions fit into one table of 100."""

LEAST_LABEL = 12
"""The same of a label."""


@attrs.frozen
class _Row:
    """One row of the table: the same work in every prediction that has it."""

    name: str
    of: dict[str, Breakdown]

    @property
    def largest_ps(self) -> int:
        return max(row.total_ps for row in self.of.values())

    @property
    def executions(self) -> int:
        return max(row.count for row in self.of.values())


def breakdown_lines(
    comparison: Comparison, heading: str, of: Callable[[Result], tuple[Breakdown, ...]], width: int, most: int
) -> Iterator[str]:
    """The table, and what was left out of it."""
    rows = _rows(comparison, of, short=heading == "operation")
    kept, left_out = _kept(rows, heading, most)
    if kept:
        keys: Group = (
            Column(heading=(heading, ""), cells=tuple(row.name for row in kept), align="left", least=LEAST_NAME),
            Column(heading=("runs", ""), cells=tuple(f"{row.executions:,}" for row in kept)),
        )
        reference = comparison.reference
        anchors, others = _anchored(comparison)
        keys = (*keys, *(_column(result, kept, reference) for result in anchors))
        for position, table in enumerate(grids(keys, [(_column(r, kept, reference),) for r in others], width)):
            yield from ([""] if position else [])
            yield from table
    if left_out:
        yield from wrapped(f"Not shown: {left_out}.", width)
    if not rows:
        yield f"No {heading}s."


def compared_rows(
    comparison: Comparison, heading: str, of: Callable[[Result], tuple[Breakdown, ...]], most: int
) -> tuple[list[str], list[list[str]], str]:
    """Headings and cells of the same table for documents that need not fit a terminal, and what was left out."""
    kept, left_out = _kept(_rows(comparison, of, short=heading == "operation"), heading, most)
    anchors, others = _anchored(comparison)
    headings = [heading, "runs", *(printable(result.label) for result in anchors)]
    for result in others:
        headings += [printable(result.label), "diff. [%]"]
    rows = []
    for row in kept:
        cells = [row.name, f"{row.executions:,}", *(_mean(row.of.get(result.label)) for result in anchors)]
        for result in others:
            mine = row.of.get(result.label)
            cells += [_mean(mine), _change(mine, row.of.get(comparison.reference))]
        rows.append(cells)
    return headings, rows, left_out


def _anchored(comparison: Comparison) -> tuple[list[Result], list[Result]]:
    """The reference, which stands first, and the others."""
    anchors = [result for result in comparison.results if result.label == comparison.reference]
    return anchors, [result for result in comparison.results if result.label != comparison.reference]


def _kept(rows: list[_Row], heading: str, most: int) -> tuple[list[_Row], str]:
    """The rows of most time in their order, and in words what was left out."""
    timed = [row for row in rows if row.largest_ps]
    shown = set(sorted(range(len(timed)), key=lambda i: (-timed[i].largest_ps, i))[:most])
    kept = [row for position, row in enumerate(timed) if position in shown]
    left_out = []
    if len(timed) > len(kept):
        left_out.append(f"{count(len(timed) - len(kept), heading)} of less time in all (see option operations)")
    if len(rows) > len(timed):
        left_out.append(f"{count(len(rows) - len(timed), heading)} of no time in any prediction")
    return kept, "; ".join(left_out)


def _rows(comparison: Comparison, of: Callable[[Result], tuple[Breakdown, ...]], *, short: bool) -> list[_Row]:
    """Rows in the order of the first prediction; ``short`` leaves out the phase of names that have only one."""
    found: dict[tuple[str, str], dict[str, Breakdown]] = {}
    for result in comparison.results:
        for row in of(result):
            found.setdefault((row.key, row.phase), {})[result.label] = row
    times_named = Counter(key for key, _ in found)
    return [
        _Row(printable(key) if short and times_named[key] == 1 else spelt(next(iter(rows.values()))), rows)
        for (key, _), rows in found.items()
    ]


def _column(result: Result, rows: list[_Row], reference: str) -> Column:
    """Mean active time, and for all but the reference its difference in percent."""
    mine = [row.of.get(result.label) for row in rows]
    cells = [_mean(row) for row in mine]
    unit = "[mean]"
    if result.label != reference:
        unit = "[mean, diff. %]"
        changes = [_change(row, other.of.get(reference)) for row, other in zip(mine, rows, strict=True)]
        room = max(map(len, changes))
        cells = [f"{cell} {change:>{room}}" for cell, change in zip(cells, changes, strict=True)]
    label = printable(result.label)
    column = Column(heading=(label, unit), cells=tuple(cells))
    return column.within(max(len(unit), min(width_of(label), LEAST_LABEL), *map(len, cells)))


def _mean(row: Breakdown | None) -> str:
    if row is None or row.missing == row.count:
        return NOTHING
    some = f" ({count(row.count - row.missing, 'run')})" if row.missing else ""
    return f"{short_time(row.mean_ps, digits=4)}{some}"


def _change(mine: Breakdown | None, theirs: Breakdown | None) -> str:
    if mine is None or theirs is None or mine.missing == mine.count or not theirs.mean_ps:
        return NOTHING
    return short_percent(100 * (mine.mean_ps - theirs.mean_ps) / theirs.mean_ps)
