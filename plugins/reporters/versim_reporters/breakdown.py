"""What each kind of work takes per execution, side by side: by group, and by operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
from versim import Breakdown, Comparison, Result

from versim_reporters.figures import NOTHING, count, percent, short_time
from versim_reporters.grid import Column, Group, grids
from versim_reporters.text import printable, wrapped
from versim_reporters.verdict import spelt


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
    rows = _rows(comparison, of)
    timed = [row for row in rows if row.largest_ps]
    shown = set(sorted(range(len(timed)), key=lambda i: (-timed[i].largest_ps, i))[:most])
    kept = [row for position, row in enumerate(timed) if position in shown]
    if kept:
        keys = (
            Column(heading=(heading, ""), cells=tuple(row.name for row in kept), align="left", least=16),
            Column(heading=("times", "run"), cells=tuple(f"{row.executions:,}" for row in kept)),
        )
        reference = comparison.reference
        groups = [_columns(result, kept, reference) for result in comparison.results]
        for position, table in enumerate(grids(keys, groups, width)):
            yield from ([""] if position else [])
            yield from table
    left_out = []
    if len(timed) > len(kept):
        left_out.append(f"{count(len(timed) - len(kept), heading)} of less time in all (see option operations)")
    if len(rows) > len(timed):
        left_out.append(f"{count(len(rows) - len(timed), heading)} of no time in any prediction")
    if left_out:
        yield from wrapped(f"Not shown: {'; '.join(left_out)}.", width)
    if not rows:
        yield f"No {heading}s."


def _rows(comparison: Comparison, of: Callable[[Result], tuple[Breakdown, ...]]) -> list[_Row]:
    found: dict[tuple[str, str], dict[str, Breakdown]] = {}
    for result in comparison.results:
        for row in of(result):
            found.setdefault((row.key, row.phase), {})[result.label] = row
    return [_Row(spelt(next(iter(rows.values()))), rows) for rows in found.values()]


def _columns(result: Result, rows: list[_Row], reference: str) -> Group:
    """Mean active time, and for all but the reference its difference."""
    label = printable(result.label)
    mine = [row.of.get(result.label) for row in rows]
    times = Column(heading=(label, "[mean]"), cells=tuple(map(_mean, mine)), least=None)
    times = times.within(max(12, *map(len, times.cells)))
    if result.label == reference:
        return (times,)
    theirs = [row.of.get(reference) for row in rows]
    return (
        times,
        Column(heading=("diff.", "[%]"), cells=tuple(map(_change, mine, theirs)), align="decimal"),
    )


def _mean(row: Breakdown | None) -> str:
    if row is None or row.missing == row.count:
        return NOTHING
    some = f" ({count(row.count - row.missing, 'run')})" if row.missing else ""
    return f"{short_time(row.mean_ps)}{some}"


def _change(mine: Breakdown | None, theirs: Breakdown | None) -> str:
    if mine is None or theirs is None or mine.missing == mine.count or not theirs.mean_ps:
        return NOTHING
    return percent(100 * (mine.mean_ps - theirs.mean_ps) / theirs.mean_ps)
