"""The answer in forty lines: who predicts what, how far apart, why, on what ground, and where to look next.

A sample, shortened::

    llama3-8b: deepflow 2.470 s, astrasim +43.9 %, simgrid -0.758 %; most of it all_gather over tp, backward
    Llama-3-8B on 8 × DGX H100, tp 8 · pp 2 · dp 4: one training step

              predicts  to deepflow    MFU  tokens/s/GPU  memory
    deepflow   2.470 s    reference  38.8 %         6,634  8.6 GiB of 80.0, fits
    astrasim   3.553 s      +43.9 %  27.0 %         4,611  8.6 GiB of 80.0, fits
    simgrid    2.451 s     -0.758 %  39.1 %         6,684  8.6 GiB of 80.0, fits

    Why astrasim takes 1.083 s longer than deepflow
      +278 ms  all_gather over tp, backward: moves the bytes at 196 GB/s instead of 384 GB/s
      …
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versim import GIB, Comparison, Report, Result, WorkloadReport, origins_in_words
from versim.terminal import printable, shortened, table, width_of, wrapped

from versim_reporters.cause_words import in_words
from versim_reporters.explanation import Bar, explanation_of, reference_of
from versim_reporters.figures import NOTHING, count, percent, short_time
from versim_reporters.verdict import checks_in_a_word, not_asked, said_first, title, untimed

MOST_LINES = 40
MOST_TERMS = 3
MOST_REASON = 240
"""Characters of why a simulator gave no answer."""
SANITY = ["MFU", "tokens/s/GPU", "memory"]
NEXT = "versim compare --full | -o report.html | versim presets"


def summary_lines(report: Report, width: int) -> Iterator[str]:
    """The summary, every line at most ``width`` columns; as many terms as forty lines hold."""
    lines: list[str] = []
    for terms in range(MOST_TERMS, -1, -1):
        lines = list(_lines(report, width, terms))
        if len(lines) <= MOST_LINES:
            break
    yield from lines


def brief_lines(report: Report, width: int) -> Iterator[str]:
    """A line per workload and pin."""
    for workload, comparison in _comparisons(report):
        yield shortened(_verdict(workload, comparison, report), width)
    for line in not_asked(report):
        yield shortened(line, width)


def _comparisons(report: Report) -> list[tuple[WorkloadReport, Comparison]]:
    return [(workload, comparison) for workload in report.workloads for comparison in workload.comparisons]


def _lines(report: Report, width: int, terms: int) -> Iterator[str]:
    found = _comparisons(report)
    # Who was on another network comes first: the figures behind it do not answer one question. So do those who were
    # not asked.
    for line in said_first(report):
        yield from wrapped(line, width, rest="    ")
    for workload, comparison in found:
        yield from wrapped(_verdict(workload, comparison, report), width, rest="    ")
    if report.description:
        yield from wrapped(printable(report.description), width)
    for workload, comparison in found:
        yield ""
        if len(found) > 1:
            yield shortened(title(workload, comparison), width)
        yield from table(*_totals(comparison), width)
        if terms:
            yield from _whys(comparison, width, terms, apart=len(found) == 1)
    if found:
        yield ""
        yield from _ground(found, width)


def _verdict(workload: WorkloadReport, comparison: Comparison, report: Report) -> str:
    """Who predicts what, how far apart, and which term makes most of it."""
    name = printable(report.scenario) if len(_comparisons(report)) == 1 else title(workload, comparison)
    reference = reference_of(comparison)
    parts, most = [], None
    for result in comparison.results:
        label, makespan_ps = printable(result.label), result.prediction.makespan_ps
        if makespan_ps is None:
            parts.append(f"{label} {result.prediction.status.value.replace('_', ' ')}")
        elif result is reference or result.difference_percent is None:
            parts.append(f"{label} {short_time(makespan_ps, digits=4)}")
        else:
            parts.append(
                f"{label} {percent(result.difference_percent)} %" if result.difference_ps else f"{label} equal"
            )
            if most is None or abs(result.difference_ps or 0) > abs(most.difference_ps or 0):
                most = result
    explained = explanation_of(most, reference) if most is not None else None
    largest = explained.largest(1) if explained is not None else []
    foremost = f"; most of it {largest[0].name}" if largest else ""
    return f"{name}: {untimed(comparison)}{', '.join(parts)}{foremost}"


def _totals(comparison: Comparison) -> tuple[list[str], list[list[str]], str]:
    """Headings, rows and alignment of the table of answers."""
    device = comparison.inputs.system.device
    known = any(result.sanity for result in comparison.results)
    headings = ["", "predicts", f"to {shortened(printable(comparison.reference), 16)}"]
    headings += SANITY if known else ["compute", "communication", "exposed"]
    rows = []
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
        longer = "longer" if result.difference_ps > 0 else "shorter"
        taken = short_time(abs(result.difference_ps), digits=4)
        yield from [""] if apart else []
        yield from wrapped(
            f"Why {printable(result.label)} takes {taken} {longer} than {printable(comparison.reference)}",
            width,
            rest="  ",
        )
        yield from _terms(result, explained.largest(len(explained.bars)), width, terms)


def _terms(result: Result, bars: Sequence[Bar], width: int, most: int) -> Iterator[str]:
    causes = {printable(found.term): found for found in result.causes}
    shown, rest = list(bars[:most]), list(bars[most:])
    cells = [short_time(bar.effect_ps, digits=3, signed=True) for bar in shown]
    left_ps = sum(bar.effect_ps for bar in rest)
    if rest:
        cells.append(short_time(left_ps, digits=3, signed=True) if left_ps else "0")
    room = max(map(width_of, cells), default=0)
    for cell, bar in zip(cells, shown, strict=False):
        why = in_words(causes[bar.name]) if bar.name in causes else ""
        text = f"{bar.name}: {why}" if why else bar.name
        indent = " " * (room + 4)
        yield from wrapped(text, width, first=f"  {cell.rjust(room)}  ", rest=indent)
    if rest:
        smaller = count(len(rest), "smaller term")
        yield f"  {cells[-1].rjust(room)}  {smaller}"


def _ground(found: Sequence[tuple[WorkloadReport, Comparison]], width: int) -> Iterator[str]:
    """What the figures rest on: inputs, where seconds come from, checks; and where to look next."""
    for name, text in (
        ("inputs", _inputs(found)),
        ("compute", "; ".join(dict.fromkeys(_known(comparison) for _, comparison in found))),
        ("checks", "; ".join(dict.fromkeys(checks_in_a_word(comparison) for _, comparison in found))),
        ("next", NEXT),
    ):
        yield from wrapped(text.replace("; see below", ""), width, first=f"{name:<9}", rest=" " * 9)
    for workload, comparison in found:
        for result in comparison.results:
            why = result.prediction.diagnosis
            if not result.prediction.completed and why:
                who = f"{title(workload, comparison)}: {printable(result.label)}"
                yield from wrapped(f"{who}: {shortened(printable(why[0]), MOST_REASON)}", width, rest="    ")


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


def _known(comparison: Comparison) -> str:
    """Where the seconds of compute come from."""
    said = list(origins_in_words(comparison.inputs.origins))
    if said:
        return printable(said[0])
    timed = comparison.inputs.provenance.get("compute", "")
    return f"timed by {printable(timed)}" if timed else "as the graph gives it"
