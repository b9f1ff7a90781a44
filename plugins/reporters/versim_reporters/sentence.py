"""What makes two predictions differ, in one sentence that can be checked by hand.

Every figure of it stands in the JSON document: the difference and the effects in the attribution, which sum to it; the
times of operations in the breakdowns; and which of them are on the reference's critical path, in that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
from versim import NONE, Attribution, Breakdown, ExecutionGraph, Pattern, Result
from versim.terminal import printable

from versim_reporters.figures import count, short_time

if TYPE_CHECKING:
    from versim.comparison.attribution import Term

MOST_TERMS = 3
SCHEDULE_ORDER = "schedule order"
"""The term of an attribution that is due to ranks doing things in another order."""

LEAST_SHARE = 100
"""A term that is less than this part of the largest is no reason."""

LEAST_REST = 10_000
"""What is left out and less than this part of the difference is not mentioned."""


def sentence(attribution: Attribution, reasons: str) -> str:
    """``astrasim takes 270.25 ms longer than deepflow, because …``."""
    way = "longer" if attribution.difference_ps > 0 else "less"
    length = short_time(abs(attribution.difference_ps))
    other, reference = printable(attribution.other), printable(attribution.reference)
    return f"{other} takes {length} {way} than {reference}, because {reasons}."


def reasons_of(result: Result, reference: Result, graph: ExecutionGraph, waiting: Sequence[Pattern]) -> str:
    """What stands behind the "because"; "" without an attribution or a difference.

    Args:
        result: What is explained.
        reference: What it is held against.
        graph: What both were given.
        waiting: What waits behind what, the most telling first.
    """
    attribution = result.attribution
    if attribution is None or not attribution.difference_ps:
        return ""
    largest = sorted((term for term in attribution.terms if term.effect_ps), key=lambda term: -abs(term.effect_ps))
    named = [term for term in largest[:MOST_TERMS] if LEAST_SHARE * abs(term.effect_ps) >= abs(largest[0].effect_ps)]
    reasons = []
    for term in named:
        if term.key:
            why = _longer(term, result, reference, graph)
        elif term.name == SCHEDULE_ORDER:
            why = printable(waiting[0].sentence) if waiting else "ranks do things in another order"
        else:
            why = f"of {printable(term.name)}"
        reasons.append(f"{why} ({short_time(term.effect_ps, signed=True)})")
    rest_ps = attribution.difference_ps - sum(term.effect_ps for term in named)
    if LEAST_REST * abs(rest_ps) >= abs(attribution.difference_ps):
        reasons.append(f"of all else ({short_time(rest_ps, signed=True)})")
    return _listed(reasons)


@attrs.frozen
class _Operation:
    """An operation in both predictions, and how often it is on the reference's critical path."""

    mine: Breakdown
    theirs: Breakdown
    times: int

    @property
    def change_ps(self) -> float:
        return self.times * (self.mine.mean_ps - self.theirs.mean_ps)


def _longer(term: Term, result: Result, reference: Result, graph: ExecutionGraph) -> str:
    """How long what changed most of a group takes in both: on the critical path if any of it is, else the group."""
    key, phase, group = term.key, term.phase, printable(term.name)
    mine, theirs = ({(row.key, row.phase): row for row in r.operations} for r in (result, reference))
    on_path = Counter(
        (graph.node_name(step.node), graph.phase_of(step.node).value)
        for step in (reference.critical_path.steps if reference.critical_path else ())
        if _group(graph, step.node) == (key, phase) and step.duration_ps
    )
    found = [
        _Operation(mine[name], theirs[name], times)
        for name, times in on_path.items()
        if name in mine and name in theirs and mine[name].count > mine[name].missing
    ]
    if found:
        most = max(found, key=lambda operation: abs(operation.change_ps))
        often = f"{count(most.times, 'time')} on the critical path" if most.times > 1 else "on the critical path"
        # Where other operations have a part in the effect, this one is only the foremost.
        whole = abs(most.change_ps - term.effect_ps) * 100 <= abs(term.effect_ps)
        foremost = "" if whole else f"{group}, above all "
        return f"{foremost}{printable(most.mine.key)}, {often}, {_takes(most.mine, most.theirs)}"
    groups = [{(row.key, row.phase): row for row in r.groups} for r in (result, reference)]
    if all((key, phase) in rows for rows in groups):
        return f"{group} {_takes(groups[0][key, phase], groups[1][key, phase])} each"
    return group


def _takes(mine: Breakdown, theirs: Breakdown) -> str:
    one, other = short_time(mine.mean_ps), short_time(theirs.mean_ps)
    return f"takes {one} instead of {other}" if one != other else f"takes {one}, not exactly as long"


def _group(graph: ExecutionGraph, node: int) -> tuple[str, str]:
    """The group of a node, as the attribution calls it."""
    match, phase = int(graph.match[node]), graph.phase_of(node).value
    if match == NONE:
        return "compute", phase
    axes = graph.scopes[graph.scope[match]].axes
    kind = graph.kind_of(match).value
    return (f"{kind} over {'+'.join(axes)}" if axes else f"{kind} in a group"), phase


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"
