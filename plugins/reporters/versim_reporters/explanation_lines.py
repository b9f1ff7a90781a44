"""What explains each difference, for the terminal: the three terms of most effect, or the whole chain."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Comparison
from versim.terminal import Column, grids, wrapped

from versim_reporters.cause_words import all_causes
from versim_reporters.explanation import explanations, table_of
from versim_reporters.figures import exact_time, short_time

SHOWN_TERMS = 3


def explanation_lines(comparison: Comparison, width: int, *, explain: bool) -> Iterator[str]:
    """Per instance a table of terms; in the whole chain with every term's detail, exact to the nanosecond."""
    for explanation in explanations(comparison):
        if not explanation.difference_ps and not explain:
            continue
        change = short_time(explanation.difference_ps, signed=True)
        yield ""
        yield from wrapped(f"Why {explanation.label} differs by {change}", width)
        rows = table_of(explanation, None if explain else SHOWN_TERMS)
        effects = (
            [*(_exact(bar.effect_ps) for bar in explanation.bars)] if explain else [effect for _, effect, _, _ in rows]
        )
        columns = (
            Column(heading=("term",), cells=tuple(name for name, _, _, _ in rows), align="left", least=24),
            Column(heading=("effect",), cells=tuple(effects)),
            Column(heading=("share",), cells=tuple(share for _, _, share, _ in rows)),
        )
        for table in grids(columns[:1], [columns[1:]], width):
            yield from table
        for text in all_causes(explanation, comparison):
            yield from wrapped(text, width, first="- ", rest="  ")
        if not explain:
            continue
        for name, _, _, detail in rows:
            if detail:
                yield from wrapped(f"{name}: {detail}", width, first="- ", rest="  ")
        for text in explanation.findings:
            yield from wrapped(text, width, first="- ", rest="  ")
        yield from wrapped(explanation.method, width)


def _exact(time_ps: int) -> str:
    """A change with its sign, to the picosecond unless it is above a second."""
    return f"+{exact_time(time_ps)}" if time_ps > 0 else exact_time(time_ps) if time_ps else "0"
