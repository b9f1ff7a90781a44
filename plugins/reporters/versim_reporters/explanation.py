"""Why two makespans differ, as bars that sum exactly: the one place that knows where an explanation comes from.

With an attribution they are its terms. Without one they are what changed between the two ranks that finish last:
compute, exposed communication and idle time, which sum to the makespan, so that their changes sum to the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
from versim import Attribution, Comparison, ExecutionGraph, Pattern, Result
from versim.terminal import printable

from versim_reporters.figures import share, short_time
from versim_reporters.sentence import LEAST_SHARE, reasons_of, sentence

if TYPE_CHECKING:
    from versim.comparison.attribution import Term


MOST_FINDINGS = 5
"""What waits behind what is listed from the costliest on; the JSON has all."""


@attrs.frozen(kw_only=True)
class Bar:
    """One bar of a waterfall.

    Attributes:
        name: What it is about, printable.
        effect_ps: Its part of the difference.
        detail: More about it, printable; "" if there is no more to say.
    """

    name: str
    effect_ps: int
    detail: str = ""


@attrs.frozen(kw_only=True)
class Explanation:
    """A difference taken apart.

    Attributes:
        label: The instance explained.
        difference_ps: Its makespan minus the reference's; the sum of all effects.
        bars: In their own order.
        method: How the bars came about, in a sentence.
        findings: What else was found, one sentence each.
        reasons: The foremost of it in words; "" where there are none.
        sentence: The difference and its reasons in one; "" likewise.
    """

    label: str
    difference_ps: int
    bars: tuple[Bar, ...]
    method: str
    findings: tuple[str, ...] = ()
    reasons: str = ""
    sentence: str = ""

    def largest(self, most: int) -> list[Bar]:
        """The bars of most effect; what is less than a hundredth of the largest is no reason for anything."""
        found = sorted((bar for bar in self.bars if bar.effect_ps), key=lambda bar: -abs(bar.effect_ps))
        return [bar for bar in found[:most] if LEAST_SHARE * abs(bar.effect_ps) >= abs(found[0].effect_ps)]


def reference_of(comparison: Comparison) -> Result | None:
    """The result that differences refer to."""
    return next((r for r in comparison.results if r.label == comparison.reference), None)


def explanations(comparison: Comparison) -> list[Explanation]:
    """Of every completed prediction but the reference, if that completed."""
    graph, reference = comparison.inputs.graph, reference_of(comparison)
    found = (explanation_of(result, reference, graph) for result in comparison.results)
    return [explanation for explanation in found if explanation is not None]


def explanation_of(result: Result, reference: Result | None, graph: ExecutionGraph | None = None) -> Explanation | None:
    """Of one prediction; None of the reference itself, or where there is nothing to explain.

    With the graph of both it comes with a sentence.
    """
    if reference is None or result is reference or result.difference_ps is None:
        return None
    if result.attribution is not None:
        explained = _attributed(result.attribution)
        if graph is None:
            return explained
        reasons = reasons_of(result, reference, graph, telling_patterns(result.attribution))
        return attrs.evolve(
            explained, reasons=reasons, sentence=sentence(result.attribution, reasons) if reasons else ""
        )
    if result.totals is None or reference.totals is None:
        return None
    return _by_totals(result, reference, result.difference_ps)


def _attributed(attribution: Attribution) -> Explanation:
    if attribution.orders > 1 or attribution.averaging.value == "shapley":
        how = f"averaged over {attribution.orders:,} orders"
    else:
        how = f"in this order: {'; '.join(map(printable, attribution.order))}" if attribution.order else "none is known"
    return Explanation(
        label=printable(attribution.other),
        difference_ps=attribution.difference_ps,
        bars=tuple(
            Bar(name=printable(term.name), effect_ps=term.effect_ps, detail=_detail(term)) for term in attribution.terms
        ),
        method=(
            f"The instance's durations are put into the schedule of {printable(attribution.reference)} group by group, "
            f"{how}; then its schedule order, then what is left."
        ),
        findings=tuple(
            f"{printable(pattern.sentence)}: {short_time(pattern.on_path_ps)} on its critical path, "
            f"in the reference {short_time(pattern.reference_on_path_ps)}"
            for pattern in telling_patterns(attribution)[:MOST_FINDINGS]
        ),
    )


def telling_patterns(attribution: Attribution) -> list[Pattern]:
    """What waits behind what so much more (or less) that it goes with the difference, the most telling first."""
    sign = 1 if attribution.difference_ps > 0 else -1

    def change_ps(pattern: Pattern) -> int:
        return sign * (pattern.on_path_ps - pattern.reference_on_path_ps)

    telling = [p for p in attribution.patterns if 100 * change_ps(p) >= abs(attribution.difference_ps) and change_ps(p)]
    return sorted(telling, key=change_ps, reverse=True)


def _detail(term: Term) -> str:
    parts = []
    if term.change_ps:
        parts.append(
            f"durations {short_time(term.change_ps, signed=True)} over all executions, "
            f"{short_time(term.on_path_ps or 0, signed=True)} of it on the critical path"
        )
    if term.contention_ps is not None:
        parts.append(f"contention {short_time(term.contention_ps, signed=True)}")
    return "; ".join(parts)


def _by_totals(result: Result, reference: Result, difference_ps: int) -> Explanation:
    mine, theirs = result.totals, reference.totals
    if mine is None or theirs is None:
        raise ValueError(f"{result.label}: no totals to explain a difference with")
    bars = (
        Bar(name="compute", effect_ps=mine.compute_ps - theirs.compute_ps),
        Bar(
            name="exposed communication",
            effect_ps=mine.exposed_communication_ps - theirs.exposed_communication_ps,
            detail="communication with no compute beside it",
        ),
        Bar(name="idle", effect_ps=mine.idle_ps - theirs.idle_ps, detail="neither compute nor communication"),
    )
    ranks = f"rank {mine.rank}" if mine.rank == theirs.rank else f"ranks {theirs.rank} and {mine.rank}"
    return Explanation(
        label=printable(result.label),
        difference_ps=difference_ps,
        bars=bars,
        method=f"Change of how the rank that finishes last spends the step ({ranks}); the parts sum to the makespan.",
    )


def table_of(explanation: Explanation, most: int | None = None) -> list[tuple[str, str, str, str]]:
    """Rows of name, effect, share of the difference and detail; the rest of a shortened list in one row."""
    chosen: Sequence[Bar] = explanation.bars if most is None else explanation.largest(most)
    rows = [(bar.name, bar.effect_ps, bar.detail) for bar in chosen]
    if most is not None:
        rest_ps = explanation.difference_ps - sum(bar.effect_ps for bar in chosen)
        if rest_ps:
            rows.append(("all other terms", rest_ps, ""))
    whole = explanation.difference_ps
    return [(name, short_time(ps, signed=True), _share(ps, whole), detail) for name, ps, detail in rows]


def _share(part_ps: int, whole_ps: int) -> str:
    """A share of the difference; terms may oppose one another, so it may be below 0 or above 1."""
    if not whole_ps:
        return ""
    value = part_ps / whole_ps
    within = 0 <= value <= 1 or abs(value) < 0.0005
    return share(abs(part_ps), abs(whole_ps)) if within else f"{100 * value:.1f} %"
