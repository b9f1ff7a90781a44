"""How simulators rank configurations, as text and as JSON."""

from __future__ import annotations

import json
import textwrap

import attrs
from tabulate import tabulate

from versim.comparison.decisions import CrossOver, Decision
from versim.sweep.decide import Choice, Question

FORMAT_VERSION = 1

SHOWN_CROSS_OVERS = 8

WIDTH = 100
"""Characters of a line of prose."""


def as_text(choice: Choice) -> str:
    """Per question: the verdict, the makespans with their ranks, what trusting each simulator costs, cross-overs."""
    parts: list[str] = []
    for question in choice.questions:
        parts += [*_question(question), ""]
    parts += [_wrapped(f"not run: {label}: {_first_line(why)}") for label, why in choice.refused.items()]
    return "\n".join(parts).rstrip("\n") + "\n"


def as_json(choice: Choice) -> str:
    """Everything; makespans in integer picoseconds."""
    document = {
        "format_version": FORMAT_VERSION,
        "questions": [attrs.asdict(question) for question in choice.questions],
        "refused": choice.refused,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _question(question: Question) -> list[str]:
    title = " / ".join(part for part in (question.workload, question.pin) if part) or "one step per scenario"
    parts = [
        f"{title}: {len(question.configurations)} configurations, held against {question.reference}",
        *(_verdict(decision) for decision in question.decisions),
        "",
        _ranking(question),
    ]
    if question.decisions:
        parts += ["", _decisions(question)]
    for decision in question.decisions:
        shown = decision.cross_overs[:SHOWN_CROSS_OVERS]
        parts += [_cross_over(decision.simulator, question.reference, crossed) for crossed in shown]
        more = len(decision.cross_overs) - len(shown)
        if more:
            parts.append(f"{decision.simulator}: {more} further pairs are ranked differently, all closer")
    return parts


def _verdict(decision: Decision) -> str:
    name = decision.simulator
    if decision.regret is None:
        return f"{name}: completed nothing that the reference completed"
    if decision.agrees_on_best:
        return f"{name} chooses as well: {decision.best}"
    return f"{name} chooses {decision.best} instead of {decision.reference_best}, {100 * decision.regret:.3g} % slower"


def _ranking(question: Question) -> str:
    rows = []
    for number, label in enumerate(question.configurations):
        row = [label]
        for name in question.makespans_ps:
            makespan_s, rank = question.makespan_s(name, number), question.rank(name, number)
            row += ["–" if makespan_s is None else f"{makespan_s:.6g}", "–" if rank is None else str(rank)]
        rows.append(row)
    headers = ["configuration"]
    for name in question.makespans_ps:
        headers += [f"{name}\n[s]", "rank"]
    alignment = ("left", *("right",) * (len(headers) - 1))
    return tabulate(rows, headers, tablefmt="simple", colalign=alignment, disable_numparse=True)


def _decisions(question: Question) -> str:
    rows = []
    for decision in question.decisions:
        tau, regret = decision.kendall_tau_b, decision.regret
        agrees = {None: "–", True: "yes", False: "no"}[decision.agrees_on_best]
        rows.append(
            [
                decision.simulator,
                str(decision.compared),
                "–" if tau is None else f"{tau:.3f}".replace("-", "−"),
                agrees,
                "–" if regret is None else f"{100 * regret:.3g}",
                str(len(decision.cross_overs)),
            ]
        )
    headers = ["simulator", "compared", "Kendall\nτ_b", "same\nbest", "regret\n[%]", "cross-\novers"]
    alignment = ("left", "right", "right", "left", "right", "right")
    return tabulate(rows, headers, tablefmt="simple", colalign=alignment, disable_numparse=True)


def _cross_over(simulator: str, reference: str, crossed: CrossOver) -> str:
    return _wrapped(
        f"{simulator} prefers {crossed.worse} to {crossed.better} (ratio {crossed.simulator_ratio:.4g}), "
        f"{reference} does not ({crossed.reference_ratio:.4g})"
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _first_line(text: str) -> str:
    lines = [line.strip(" -") for line in text.splitlines() if line.strip()]
    return "; ".join(lines[:2])
