"""A comparison as a notebook shows it: who predicts what as bars, in HTML that needs neither script nor style sheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from versim.terminal import printable
from versim.units import PS_PER_S

if TYPE_CHECKING:
    from versim.comparison.model import Comparison, Result

_COLOURS = {"compute": "#0072b2", "exposed communication": "#d55e00", "idle": "#8a929c"}
_UNITS = (("s", PS_PER_S), ("ms", PS_PER_S // 10**3), ("µs", PS_PER_S // 10**6), ("ns", PS_PER_S // 10**9))


def card_html(heading: str, lead: str, comparisons: Iterable[tuple[str, Comparison]]) -> str:
    """Bars of every prediction, each group on a scale of its own; whatever is a name is escaped.

    Args:
        heading: What is compared.
        lead: A sentence about it; may be empty.
        comparisons: Each with its heading; an empty one shows none.
    """
    parts = [f"<b>{_text(heading)}</b>"]
    parts += [f"<div>{_text(lead)}</div>"] if lead else []
    for title, comparison in comparisons:
        parts += [f"<div style='margin-top:.5em'>{_text(title)}</div>"] if title else []
        longest_ps = max((result.prediction.makespan_ps or 0 for result in comparison.results), default=0)
        rows = "".join(_row(result, comparison.reference, longest_ps) for result in comparison.results)
        parts.append(f"<table style='width:100%;max-width:52em'>{rows}</table>")
    key = " ".join(f"<span style='color:{colour}'>■</span> {name}" for name, colour in _COLOURS.items())
    return f"<div>{''.join(parts)}<small>{key}</small></div>"


def one_line(comparison: Comparison) -> str:
    """Who predicts what, as short as it can be said: ``deepflow 2.47 s (reference), astrasim +9.73 %``."""
    said = [(printable(result.label), _answer(result, comparison.reference)) for result in comparison.results]
    return ", ".join(f"{label} {answer}" for label, answer in said)


def _answer(result: Result, reference: str) -> str:
    makespan_ps = result.prediction.makespan_ps
    if makespan_ps is None:
        return result.prediction.status.value.replace("_", " ")
    unit, size = next(((unit, size) for unit, size in _UNITS if makespan_ps >= size), _UNITS[-1])
    said = f"{makespan_ps / size:.5g} {unit}"
    if result.label == reference:
        return f"{said} (reference)"
    return said if result.difference_percent is None else f"{said} ({result.difference_percent:+.3g} %)"


def _row(result: Result, reference: str, longest_ps: int) -> str:
    totals, makespan_ps = result.totals, result.prediction.makespan_ps or 0
    times_ps = (
        (0, 0, makespan_ps) if totals is None else (totals.compute_ps, totals.exposed_communication_ps, totals.idle_ps)
    )
    bar = "".join(
        f"<div title='{name}' style='width:{100 * ps / longest_ps:.3f}%;background:{colour}'></div>"
        for ps, (name, colour) in zip(times_ps, _COLOURS.items(), strict=True)
        if longest_ps
    )
    return (
        f"<tr><td style='text-align:left'>{_text(result.label)}</td>"
        f"<td style='width:60%'><div style='display:flex;height:1.2em'>{bar}</div></td>"
        f"<td style='text-align:left;white-space:nowrap'>{_text(_answer(result, reference))}</td></tr>"
    )


def _text(words: str) -> str:
    from html import escape  # noqa: PLC0415 - its table of entities, only for notebooks

    return escape(printable(words), quote=True)
