"""How simulators rank configurations, as text and as JSON."""

from __future__ import annotations

import json

import attrs

from versim.comparison.decisions import CrossOver, Decision
from versim.sweeps.choice import Choice, Question
from versim.terminal import WIDTH, printable, table, wrapped

FORMAT_VERSION = 1

SHOWN_CROSS_OVERS = 8
SHOWN_RANKED = 20


def as_text(choice: Choice, width: int = WIDTH, shown: int = SHOWN_RANKED) -> str:
    """Per question: the verdict, the makespans with their ranks, what trusting each simulator costs, cross-overs.

    Args:
        choice: What is ranked.
        width: Columns of a line at most.
        shown: Configurations of each question that are listed, the first ones.
    """
    lines: list[str] = _prose(choice.note, width) if choice.note else []
    for question in choice.questions:
        lines += [*_question(question, width, shown), ""]
    for flip in choice.flips:
        told = (
            f"{flip.simulator} prefers {flip.worse} to {flip.better} because of {flip.term}: "
            f"{flip.seconds:.3g} s per rank less of it against the other than in the reference"
        )
        lines += _prose(told, width)
    for why, count, example in choice.left_out:
        lines += _prose(f"not ranked: {count} × {why} (first: {example})", width)
    return "\n".join(lines).rstrip("\n") + "\n"


def as_json(choice: Choice) -> str:
    """Everything; makespans in integer picoseconds."""
    document = {"format_version": FORMAT_VERSION, **attrs.asdict(choice)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _prose(text: str, width: int) -> list[str]:
    return wrapped(printable(text), width, rest="  ")


def _question(question: Question, width: int, shown: int) -> list[str]:
    title = " / ".join(part for part in (question.workload, question.pin) if part) or "one step per scenario"
    lines = _prose(f"{title}: {len(question.configurations)} configurations, held against {question.reference}", width)
    for decision in question.decisions:
        lines += _prose(_verdict(decision), width)
    lines += ["", *_ranking(question, width, shown)]
    if question.decisions:
        lines += ["", *_decisions(question, width)]
    for decision in question.decisions:
        telling = decision.cross_overs[:SHOWN_CROSS_OVERS]
        for crossed in telling:
            lines += _prose(_cross_over(decision.simulator, question.reference, crossed), width)
        more = len(decision.cross_overs) - len(telling)
        if more:
            lines += _prose(f"{decision.simulator}: {more} further pairs are ranked differently, all closer", width)
    return lines


def _verdict(decision: Decision) -> str:
    name = decision.simulator
    if decision.regret is None:
        return f"{name}: completed nothing that the reference completed"
    if decision.agrees_on_best:
        return f"{name} chooses as well: {decision.best}"
    return f"{name} chooses {decision.best} instead of {decision.reference_best}, {100 * decision.regret:.3g} % slower"


def _ranking(question: Question, width: int, shown: int) -> list[str]:
    rows = []
    for number, label in enumerate(question.configurations[:shown]):
        row = [printable(label)]
        for name in question.makespans_ps:
            makespan_s, rank = question.makespan_s(name, number), question.rank(name, number)
            row += ["–" if makespan_s is None else f"{makespan_s:.6g}", "–" if rank is None else str(rank)]
        rows.append(row)
    headers = ["configuration"]
    for name in question.makespans_ps:
        headers += [f"{printable(name)}\n[s]", "rank"]
    more = len(question.configurations) - len(rows)
    lines = table(headers, rows, "l" + "r" * (len(headers) - 1), width)
    return [*lines, *([f"{more} more; -f json has all"] if more else [])]


def _decisions(question: Question, width: int) -> list[str]:
    rows = []
    for decision in question.decisions:
        tau, regret = decision.kendall_tau_b, decision.regret
        agrees = {None: "–", True: "yes", False: "no"}[decision.agrees_on_best]
        rows.append(
            [
                printable(decision.simulator),
                str(decision.compared),
                "–" if tau is None else f"{tau:.3f}".replace("-", "−"),
                agrees,
                "–" if regret is None else f"{100 * regret:.3g}",
                str(len(decision.cross_overs)),
            ]
        )
    headers = ["simulator", "compared", "Kendall\nτ_b", "same\nbest", "regret\n[%]", "cross-\novers"]
    return table(headers, rows, "lrrlrr", width)


def _cross_over(simulator: str, reference: str, crossed: CrossOver) -> str:
    return (
        f"{simulator} prefers {crossed.worse} to {crossed.better} (ratio {crossed.simulator_ratio:.4g}), "
        f"{reference} does not ({crossed.reference_ratio:.4g})"
    )
