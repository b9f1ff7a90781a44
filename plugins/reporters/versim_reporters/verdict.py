"""The answer in a few lines: who differs from the reference, by how much, and mainly where."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Breakdown, Check, Comparison, ExecutionGraph, Report, Result, WorkloadReport
from versim.terminal import padded, printable, shortened, width_of, wrapped

from versim_reporters.explanation import explanation_of, reference_of
from versim_reporters.figures import exact_time, percent, short_time

LABEL_WIDTH = 24
REASON_WIDTH = 240
MOST_TERMS = 3


def verdict(report: Report, width: int) -> Iterator[str]:
    """One paragraph per workload and pin."""
    for workload in report.workloads:
        for comparison in workload.comparisons:
            yield from _of_comparison(workload, comparison, width)


def title(workload: WorkloadReport, comparison: Comparison) -> str:
    """How a comparison is called in headings."""
    label = printable(comparison.inputs.label)
    return f"{printable(workload.label)}, pin {label}" if label else printable(workload.label)


def _of_comparison(workload: WorkloadReport, comparison: Comparison, width: int) -> Iterator[str]:
    yield from wrapped(headline(workload, comparison), width, rest="    ")
    found = differences(comparison)
    most = min(LABEL_WIDTH, width // 3)
    labels = [shortened(label, most) for label, _ in found]
    room = max(map(width_of, labels), default=0)
    for label, (_, text) in zip(labels, found, strict=True):
        yield from wrapped(text, width, first=f"  {padded(label, room)}  ")
    yield from wrapped(checks_in_a_word(comparison), width, first="  checks: ", rest="    ")


def headline(workload: WorkloadReport, comparison: Comparison) -> str:
    """What is compared with what: ``pipeline, pin deepflow: the reference, analytical, takes 218.970157547 s``."""
    return f"{title(workload, comparison)}: {against(comparison)}"


def against(comparison: Comparison) -> str:
    """What the others are held against, and whether that is fair: ``the reference, analytical, takes 218.97 s``."""
    reference = reference_of(comparison)
    name = shortened(printable(comparison.reference), LABEL_WIDTH)
    if reference is None:
        said = "no reference"
    elif reference.prediction.measured and reference.prediction.makespan_ps is not None:
        said = f"the measurement, {name}, took {exact_time(reference.prediction.makespan_ps)}"
    elif reference.prediction.makespan_ps is None:
        said = f"the reference, {name}, did not complete: {_ending(reference)}"
    else:
        said = f"the reference, {name}, takes {exact_time(reference.prediction.makespan_ps)}"
    unequal = [
        shortened(printable(result.label), LABEL_WIDTH)
        for result in comparison.results
        if any(check.name == "inputs" for check in result.failed_checks)
    ]
    warning = f"; inputs NOT equal: {', '.join(unequal)}" if unequal else ""
    meant = [
        shortened(printable(result.label), LABEL_WIDTH)
        for result in comparison.results
        if any(check.name == "inputs" and check.declared for check in result.checks)
    ]
    noted = f"; inputs differ as declared: {', '.join(meant)}" if meant else ""
    return f"{untimed(comparison)}{said}{warning}{noted}"


def untimed(comparison: Comparison) -> str:
    """Without times of compute every figure means little, so that it is said before the first."""
    count = comparison.inputs.graph.untimed_count
    return f"the work of {count} compute node{'s' * (count > 1)} is NOT timed; " if count else ""


def differences(comparison: Comparison) -> list[tuple[str, str]]:
    """Of every other instance its label, printable, and in words how it differs and mainly where."""
    reference = reference_of(comparison)
    others = [result for result in comparison.results if result is not reference]
    graph = comparison.inputs.graph
    return [(printable(result.label), _difference(result, reference, graph)) for result in others]


def _ending(result: Result) -> str:
    """How a prediction ended, and the first thing said about why."""
    status = result.prediction.status.value.replace("_", " ")
    why = result.prediction.diagnosis[:1]
    return f"{status}: {shortened(printable(why[0]), REASON_WIDTH)}" if why else status


def _difference(result: Result, reference: Result | None, graph: ExecutionGraph) -> str:
    makespan_ps = result.prediction.makespan_ps
    if makespan_ps is None:
        return f"did not complete: {_ending(result)}"
    if result.difference_ps is None or reference is None:
        return f"{exact_time(makespan_ps)}, nothing to compare it with"
    if result.difference_ps == 0:
        return "the same makespan, to the picosecond"
    relative = "" if result.difference_percent is None else f"{percent(result.difference_percent)} % "
    why = _reasons(result, reference, graph)
    return f"{relative}({short_time(result.difference_ps, signed=True)}){': ' if why else ''}{why}"


def _reasons(result: Result, reference: Result, graph: ExecutionGraph) -> str:
    """The foremost reasons, or without an attribution the terms of most effect."""
    explanation = explanation_of(result, reference, graph)
    if explanation is None:
        return ""
    largest = explanation.largest(MOST_TERMS)
    terms = "; ".join(f"{bar.name} {short_time(bar.effect_ps, digits=3, signed=True)}" for bar in largest)
    return explanation.reasons or terms


def spelt(row: Breakdown) -> str:
    """A row of a breakdown in words."""
    key, phase = printable(row.key), printable(row.phase)
    return f"{key}, {phase}" if phase and phase not in key.split() else key


def checks_in_a_word(comparison: Comparison) -> str:
    """Whether every check of every prediction passed, and if not, which failed or deviate as declared."""
    failed = [f"{check.name} of {printable(r.label)}" for r in comparison.results for check in r.failed_checks]
    meant = [f"{c.name} of {printable(r.label)}" for r in comparison.results for c in r.checks if c.declared]
    as_declared = f"; as declared: {', '.join(meant)}" if meant else ""
    if failed:
        return f"FAILED {', '.join(failed)}{as_declared}; see below"
    total = sum(check.passed is True for result in comparison.results for check in result.checks)
    return f"all {total} {'others ' if meant else ''}passed{as_declared}"


NETWORK_CHECKS = ("network", "folded network")
"""Checks of the network that a simulator sees, and of that which a pin's timing of folded communication does."""


def said_first(report: Report) -> list[str]:
    """What is said before everything else: who was on another network, and who was not asked at all."""
    return [*_other_networks(report), *not_asked(report)]


def not_asked(report: Report) -> list[str]:
    """Who was not asked, since the pin could not be made, and why."""
    return [
        f"{printable(workload.label)}, pin {printable(unpinned.pin)}: not asked of "
        f"{', '.join(map(printable, unpinned.labels))}: {shortened(printable(unpinned.why), REASON_WIDTH)}"
        for workload in report.workloads
        for unpinned in workload.unpinned
    ]


def _other_networks(report: Report) -> list[str]:
    """Who was not on the network that everybody got: who, on which axis and link, and whether that is declared."""
    said: dict[str, None] = {}
    for _, comparison, result in report.results():
        for check in result.checks:
            if check.name in NETWORK_CHECKS and (check.passed is False or check.declared):
                why = f" (as declared: {printable(check.declared)})" if check.declared else ""
                # What is folded into compute is timed once per pin, whoever simulates.
                pin = f"folded communication of pin {printable(comparison.inputs.label)}"
                who = printable(result.label) if check.name == "network" else pin
                said[f"{who} has another network: {printable(check.detail)}{why}"] = None
    return list(said)


def outcome_of(check: Check) -> str:
    """A check's outcome in a word."""
    if check.declared:
        return "as declared"
    return {True: "passed", False: "FAILED", None: "could not be made"}[check.passed]
