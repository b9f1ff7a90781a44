"""The answer in a few lines: who differs from the reference, by how much, and mainly where."""

from __future__ import annotations

from collections.abc import Iterator

from versim import Breakdown, Comparison, Report, Result, WorkloadReport
from versim.terminal import padded, printable, shortened, width_of, wrapped

from versim_reporters.explanation import explanation_of, reference_of, telling_patterns
from versim_reporters.figures import exact_time, percent, short_time

LABEL_WIDTH = 24
MOST_TERMS = 3


def verdict(report: Report, width: int) -> Iterator[str]:
    """One paragraph per workload and pin."""
    for workload in report.workloads:
        for comparison in workload.comparisons:
            yield from _of_comparison(workload, comparison, width)


def title(workload: WorkloadReport, comparison: Comparison) -> str:
    """How a comparison is called in headings."""
    label = printable(comparison.pinned.label)
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
        said = f"the reference, {name}, did not complete: {_status(reference)}"
    else:
        said = f"the reference, {name}, takes {exact_time(reference.prediction.makespan_ps)}"
    unequal = [
        shortened(printable(result.label), LABEL_WIDTH)
        for result in comparison.results
        if any(check.name == "inputs" for check in result.failed_checks)
    ]
    warning = f"; inputs NOT equal: {', '.join(unequal)}" if unequal else ""
    return f"{said}{warning}"


def differences(comparison: Comparison) -> list[tuple[str, str]]:
    """Of every other instance its label, printable, and in words how it differs and mainly where."""
    reference = reference_of(comparison)
    others = [result for result in comparison.results if result is not reference]
    return [(printable(result.label), _difference(result, reference)) for result in others]


def _status(result: Result) -> str:
    return result.prediction.status.value.replace("_", " ")


def _difference(result: Result, reference: Result | None) -> str:
    makespan_ps = result.prediction.makespan_ps
    if makespan_ps is None:
        return f"did not complete: {_status(result)}"
    if result.difference_ps is None or reference is None:
        return f"{exact_time(makespan_ps)}, nothing to compare it with"
    if result.difference_ps == 0:
        return "the same makespan, to the picosecond"
    relative = "" if result.difference_percent is None else f"{percent(result.difference_percent)} % "
    why = [part for part in (_terms(result, reference), _group(result, reference)) if part]
    return f"{relative}({short_time(result.difference_ps, signed=True)}){': ' if why else ''}{'; '.join(why)}"


def _terms(result: Result, reference: Result) -> str:
    """The terms that explain most, and what waits behind what."""
    explanation = explanation_of(result, reference)
    if explanation is None:
        return ""
    largest = explanation.largest(MOST_TERMS)
    # What is a hundredth of the largest term is no reason.
    named = [bar for bar in largest if 100 * abs(bar.effect_ps) >= abs(largest[0].effect_ps)]
    terms = "; ".join(f"{bar.name} {short_time(bar.effect_ps, digits=3, signed=True)}" for bar in named)
    attribution = result.attribution
    waiting = [pattern.sentence for pattern in telling_patterns(attribution)[:1]] if attribution is not None else []
    return "; ".join((terms, *map(printable, waiting)))


def _group(result: Result, reference: Result) -> str:
    """The group whose active time over all ranks changed most."""
    theirs = {(row.key, row.phase): row for row in reference.groups}
    pairs = [
        (row, theirs[row.key, row.phase])
        for row in result.groups
        # What never ran on one side was not measured there, which is no change.
        if (row.key, row.phase) in theirs and not row.missing and not theirs[row.key, row.phase].missing
    ]
    row, other = max(pairs, key=lambda pair: abs(pair[0].total_ps - pair[1].total_ps), default=(None, None))
    if row is None or other is None or row.total_ps == other.total_ps:
        return ""
    change = "" if not other.mean_ps else f" {percent(100 * (row.mean_ps - other.mean_ps) / other.mean_ps)} %"
    before, after = short_time(other.mean_ps), short_time(row.mean_ps)
    if before == after:
        means = f"{after} each, {short_time(row.mean_ps - other.mean_ps, digits=3, signed=True)}"
    else:
        means = f"{before} → {after} each"
    return f"changed most: {spelt(row)}{change} ({means})"


def spelt(row: Breakdown) -> str:
    """A row of a breakdown in words."""
    key, phase = printable(row.key), printable(row.phase)
    return f"{key}, {phase}" if phase and phase not in key.split() else key


def checks_in_a_word(comparison: Comparison) -> str:
    """Whether every check of every prediction passed, and if not, which failed."""
    failed = [f"{check.name} of {printable(r.label)}" for r in comparison.results for check in r.failed_checks]
    if failed:
        return f"FAILED {', '.join(failed)}; see below"
    total = sum(check.passed is True for result in comparison.results for check in result.checks)
    return f"all {total} passed"
