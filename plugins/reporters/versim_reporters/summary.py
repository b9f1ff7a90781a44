"""The answer in forty lines: who predicts what, how far apart, why, on what ground, and where to look next.

A sample, shortened::

    llama3-8b: deepflow 2.470 s, nccl +14.6 %, astrasim +9.73 %; most of it all_gather over tp, backward
    Llama-3-8B on 8 × DGX H100, tp 8 · pp 2 · dp 4, 32 microbatches of 8,192 tokens, one training step.

               predicts  to deepflow     MFU  tokens/s/GPU  memory
    deepflow  2.46992 s    reference  38.8 %         6,633  8.6 GiB of 80, fits
    nccl      2.83137 s      +14.6 %  33.9 %         5,787  8.6 GiB of 80, fits
    astrasim  2.71034 s      +9.73 %  35.4 %         6,045  8.6 GiB of 80, fits

    Why nccl takes 361.5 ms longer than deepflow
       +143 ms  all_gather over tp, backward: bus bandwidth 290 GB/s instead of 447
      …
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versim import GIB, Comparison, Report, Result, WorkloadReport, origins_in_words
from versim.terminal import printable, shortened, table, width_of, wrapped

from versim_reporters.cause_words import why
from versim_reporters.explanation import Explanation, explanation_of, reference_of
from versim_reporters.figures import NOTHING, count, percent, short_time
from versim_reporters.verdict import NETWORK_CHECKS, not_asked, said_first, title, untimed

MOST_LINES = 40
MOST_TERMS = 3
MOST_REASON = 240
"""Characters of why a simulator gave no answer."""
SANITY = ["MFU", "tokens/s/GPU", "memory"]
NEXT = "versim compare --full | -o report.html | versim presets"


def summary_lines(report: Report, width: int) -> Iterator[str]:
    """The summary, every line at most ``width`` columns.

    It has as many terms as forty lines hold; else one table of all answers, with the largest cause in each verdict or
    without; else verdicts alone.
    """
    lines: list[str] = []
    for terms, spoken in (*((terms, False) for terms in range(MOST_TERMS, 0, -1)), (0, True), (0, False), (-1, False)):
        lines = list(_lines(report, width, terms, spoken=spoken))
        if len(lines) <= MOST_LINES:
            break
    yield from lines


def brief_lines(report: Report, width: int) -> Iterator[str]:
    """A line per workload and pin; figures are whole, whatever the width."""
    for workload, comparison in _comparisons(report):
        answers, foremost, _ = _verdict(workload, comparison, report)
        yield f"{answers}{foremost}" if width_of(answers + foremost) <= width else answers
    for line in not_asked(report):
        yield shortened(line, width)


def _comparisons(report: Report) -> list[tuple[WorkloadReport, Comparison]]:
    return [(workload, comparison) for workload in report.workloads for comparison in workload.comparisons]


def _lines(report: Report, width: int, terms: int, *, spoken: bool) -> Iterator[str]:
    """Everything; with no ``terms`` answers in one table, with fewer than none in the verdict alone.

    Where terms are listed, their causes stand there; ``spoken`` puts the largest into the verdict.
    """
    found = _comparisons(report)
    # Who was on another network comes first: the figures behind it do not answer one question. So do those who were
    # not asked.
    for line in said_first(report):
        yield from wrapped(line, width, rest="    ")
    for workload, comparison in found:
        answers, foremost, because = _verdict(workload, comparison, report)
        yield from wrapped(f"{answers}{foremost}{because if spoken else ''}", width, rest="    ")
    if report.description:
        yield from wrapped(printable(report.description), width)
    if found and terms == 0:
        yield ""
        yield from _one_table(found, width)
    for workload, comparison in found if terms > 0 else ():
        yield ""
        if len(found) > 1:
            yield shortened(title(workload, comparison), width)
        yield from table(*_totals([comparison]), width)
        yield from _whys(comparison, width, terms, apart=len(found) == 1)
    if found:
        yield ""
        yield from _ground(report, found, width)


def _verdict(workload: WorkloadReport, comparison: Comparison, report: Report) -> tuple[str, str, str]:
    """Who predicts what and how far apart; which term makes most of it; and its cause. "" where there is none."""
    name = printable(report.scenario) if len(_comparisons(report)) == 1 else title(workload, comparison)
    reference = reference_of(comparison)
    parts, most = [], None
    for result in comparison.results:
        label, makespan_ps = printable(result.label), result.prediction.makespan_ps
        apart = _apart(result)
        if makespan_ps is None:
            parts.append(f"{label} {result.prediction.status.value.replace('_', ' ')}{apart}")
        elif result is reference or result.difference_percent is None:
            parts.append(f"{label} {short_time(makespan_ps, digits=4)}{apart}")
        else:
            change = f"{percent(result.difference_percent)} %" if result.difference_ps else "equal"
            parts.append(f"{label} {change}{apart}")
            if most is None or abs(result.difference_ps or 0) > abs(most.difference_ps or 0):
                most = result
    explained = explanation_of(most, reference) if most is not None else None
    largest = explained.largest(1) if explained is not None else []
    foremost = f"; most of it {largest[0].name}" if largest else ""
    because = f": {said}" if most is not None and largest and (said := why(largest[0], most)) else ""
    parts += beside(workload, comparison)
    return f"{name}: {untimed(comparison)}{', '.join(parts)}", foremost, because


def beside(workload: WorkloadReport, comparison: Comparison) -> Iterator[str]:
    """How far a pin that only one simulator was asked about lies from the workload's first pin; nothing of others."""
    if len(comparison.results) != 1:
        return
    first = workload.comparisons[0]
    before_ps, after_ps = (
        None if reference is None else reference.prediction.makespan_ps
        for reference in map(reference_of, (first, comparison))
    )
    if first is not comparison and before_ps and after_ps is not None:
        change = percent(100 * (after_ps - before_ps) / before_ps)
        yield f"{change} % to pin {printable(first.inputs.label)}"


def _apart(result: Result) -> str:
    """What keeps a prediction from being an answer to the same question as the others', declared or not."""
    names = {check.name for check in result.checks if check.passed is False or check.declared}
    network, inputs = bool(names & set(NETWORK_CHECKS)), "inputs" in names
    if network or inputs:
        said = " and ".join(["another network"] * network + ["other inputs"] * inputs)
        return f" ({said})"
    # What did not complete is said to have not, which is such a check.
    return " (a check FAILED)" if result.failed_checks and result.prediction.completed else ""


def _one_table(found: Sequence[tuple[WorkloadReport, Comparison]], width: int) -> Iterator[str]:
    """The answers of all under one heading, those of each behind its title."""
    headings, rows, align = _totals([comparison for _, comparison in found])
    made = table(headings, rows, align, width)
    # Two lines of headings, a row each; more where the columns do not stand beside one another.
    if len(found) == 1 or len(made) != len(rows) + 2:
        yield from made
        return
    yield from made[:2]
    lines = iter(made[2:])
    for workload, comparison in found:
        yield shortened(title(workload, comparison), width)
        yield from (next(lines) for _ in comparison.results)


def _totals(comparisons: Sequence[Comparison]) -> tuple[list[str], list[list[str]], str]:
    """Headings, rows and alignment of the table of answers."""
    known = all(any(result.sanity for result in comparison.results) for comparison in comparisons)
    references = {comparison.reference for comparison in comparisons}
    to = shortened(printable(references.pop()), 16) if len(references) == 1 else "reference"
    headings = ["", "predicts", f"to {to}", *(SANITY if known else ["compute", "communication", "exposed"])]
    rows = []
    for comparison in comparisons:
        device = comparison.inputs.system.device
        for result in comparison.results:
            makespan_ps = result.prediction.makespan_ps
            row = [printable(result.label), NOTHING if makespan_ps is None else short_time(makespan_ps, digits=6)]
            if result.label == comparison.reference:
                row.append("reference")
            else:
                row.append(NOTHING if result.difference_percent is None else f"{percent(result.difference_percent)} %")
            rows.append([*row, *(sanity_cells(result, device.memory_bytes) if known else _parts(result))])
    return headings, rows, "lrrrr" + ("l" if known else "r")


def sanity_cells(result: Result, memory_bytes: int) -> list[str]:
    """A cell for each heading of :data:`SANITY`; a device has ``memory_bytes``."""
    found = result.sanity
    if found is None:
        return [NOTHING] * 3
    memory = NOTHING
    if found.peak_bytes is not None:
        fits = "" if found.fits is None else f" of {memory_bytes / GIB:.0f}, {'fits' if found.fits else 'does NOT fit'}"
        memory = f"{found.peak_bytes / GIB:.1f} GiB{fits}"
    return [
        NOTHING if found.mfu is None else f"{100 * found.mfu:.1f} %",
        NOTHING if found.tokens_per_s_per_rank is None else f"{found.tokens_per_s_per_rank:,.0f}",
        memory,
    ]


def _parts(result: Result) -> list[str]:
    totals = result.totals
    if totals is None:
        return [NOTHING] * 3
    times = totals.compute_ps, totals.communication_ps, totals.exposed_communication_ps
    return [short_time(time_ps, digits=4) for time_ps in times]


def _whys(comparison: Comparison, width: int, terms: int, *, apart: bool) -> Iterator[str]:
    """Of every other prediction, the terms of most effect and what they are made of."""
    reference = reference_of(comparison)
    for result in comparison.results:
        explained = explanation_of(result, reference)
        if explained is None or not result.difference_ps:
            continue
        longer = "longer" if result.difference_ps > 0 else "less"
        taken = short_time(abs(result.difference_ps), digits=4)
        yield from [""] if apart else []
        yield from wrapped(
            f"Why {printable(result.label)} takes {taken} {longer} than {printable(comparison.reference)}",
            width,
            rest="  ",
        )
        yield from _terms(result, explained, width, terms)


def _terms(result: Result, explained: Explanation, width: int, most: int) -> Iterator[str]:
    shown = explained.largest(most)
    rest = [bar for bar in explained.bars if bar.effect_ps and bar not in shown]
    cells = [short_time(bar.effect_ps, digits=3, signed=True) for bar in shown]
    left_ps = explained.difference_ps - sum(bar.effect_ps for bar in shown)
    if rest:
        cells.append(short_time(left_ps, digits=3, signed=True) if left_ps else "0")
    room = max(map(width_of, cells), default=0)
    for cell, bar in zip(cells, shown, strict=False):
        said = why(bar, result)
        text = f"{bar.name}: {said}" if said else bar.name
        indent = " " * (room + 4)
        yield from wrapped(text, width, first=f"  {cell.rjust(room)}  ", rest=indent)
    if rest:
        smaller = count(len(rest), "smaller term")
        yield f"  {cells[-1].rjust(room)}  {smaller}"


def _ground(report: Report, found: Sequence[tuple[WorkloadReport, Comparison]], width: int) -> Iterator[str]:
    """What the figures rest on: inputs, where seconds come from, checks; and where to look next."""
    for name, text in (
        ("inputs", _inputs(found)),
        ("compute", "; ".join(dict.fromkeys(_known(comparison) for _, comparison in found))),
        ("checks", _checks(found)),
        ("left out", f"{', '.join(map(printable, report.left_out))}: not installed here" if report.left_out else ""),
        ("next", NEXT),
    ):
        if not text:
            continue
        yield from wrapped(text, width, first=f"{name:<9}", rest=" " * 9)
    for workload, comparison in found:
        for result in comparison.results:
            diagnosis = result.prediction.diagnosis
            if not result.prediction.completed and diagnosis:
                who = f"{title(workload, comparison)}: {printable(result.label)}"
                yield from wrapped(f"{who}: {shortened(printable(diagnosis[0]), MOST_REASON)}", width, rest="    ")


def _inputs(found: Sequence[tuple[WorkloadReport, Comparison]]) -> str:
    """How many nodes, whether they are the same for all, and the digest."""
    unequal = [
        printable(result.label)
        for _, comparison in found
        for result in comparison.results
        if any(check.name == "inputs" for check in result.failed_checks)
    ]
    equal = f"NOT equal for {', '.join(dict.fromkeys(unequal))}" if unequal else "equal for all"
    _, comparison = found[0]
    graph = comparison.inputs.graph
    digests = ", ".join(dict.fromkeys(comparison.inputs.digest[:12] for _, comparison in found))
    sizes = (
        f"{graph.node_count:,} nodes, {graph.communication_count:,} communications, one network, digest {digests}"
        if len(found) == 1
        else f"{len(found)} of them, each one graph, its nanoseconds and one network; digests {digests}"
    )
    return f"{equal}: {sizes}"


def _checks(found: Sequence[tuple[WorkloadReport, Comparison]]) -> str:
    """Of all workloads and pins: which failed, which deviate as declared, and how many passed."""
    outcomes = [
        (f"{check.name} of {printable(result.label)}", check)
        for _, comparison in found
        for result in comparison.results
        for check in result.checks
    ]
    failed = dict.fromkeys(name for name, check in outcomes if check.passed is False)
    declared = dict.fromkeys(name for name, check in outcomes if check.declared)
    passed = sum(check.passed is True for _, check in outcomes)
    parts = [f"FAILED {', '.join(failed)}", f"{passed} passed"] if failed else []
    parts = parts or [f"all {passed} {'others ' if declared else ''}passed"]
    return "; ".join(parts + ([f"as declared: {', '.join(declared)}"] if declared else []))


def _known(comparison: Comparison) -> str:
    """Where the seconds of compute come from."""
    said = list(origins_in_words(comparison.inputs.origins))
    if said:
        return printable(said[0])
    timed = comparison.inputs.provenance.get("compute", "")
    return f"timed by {printable(timed)}" if timed else "as the graph gives it"
