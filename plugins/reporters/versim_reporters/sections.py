"""The sections of the table, in the order a reader needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versim import (
    GB,
    PS_PER_NS,
    PS_PER_S,
    Comparison,
    Report,
    Result,
    System,
    WorkloadReport,
    measured_reference,
    origins_in_words,
)
from versim.terminal import Column, Group, grids, printable, shortened, table, wrapped

from versim_reporters import accuracy, links, sanity, sweep
from versim_reporters.accuracy import accuracy_rows
from versim_reporters.breakdown import breakdown_lines
from versim_reporters.explanation_lines import explanation_lines
from versim_reporters.figures import NOTHING, count, exact_time, percent, time_column, trimmed_time, unit_for
from versim_reporters.links import link_tables
from versim_reporters.paths import path_lines
from versim_reporters.provenance import provenance_rows
from versim_reporters.sweep import swept_sentences, swept_table, swept_title
from versim_reporters.verdict import said_first, title, verdict

MOST_LINKS = 5
"""Links of a prediction that are shown: the busiest."""

PART_DECIMALS = 6
"""Decimals of compute, communication and exposed in the table: with these one row holds all; the JSON is exact."""

_TIMED = {"folded": "folded communication"}
"""What pins call in one word."""


def report_lines(report: Report, width: int, operations: int, *, explain: bool = False) -> Iterator[str]:
    """The whole table, line by line; every line at most ``width`` columns."""
    for line in said_first(report):
        yield from wrapped(line, width, rest="    ")
    name = printable(report.scenario)
    yield from wrapped(f"{name}: {printable(report.description)}" if report.description else name, width)
    yield ""
    yield from verdict(report, width)
    yield from _accuracy(report, width)
    for workload in report.workloads:
        if len(workload.comparisons) > 1:
            yield from ("", *_heading(f"{printable(workload.label)}: all pins", width))
            yield from _all_pins(workload, width)
        for comparison in workload.comparisons:
            yield from ("", *_heading(title(workload, comparison), width))
            yield from _inputs(workload, comparison, width)
            yield from _section(_totals(comparison, width))
            yield from _section(_sanity(comparison, width))
            yield from explanation_lines(comparison, width, explain=explain)
            yield from _section(breakdown_lines(comparison, "group", lambda r: r.groups, width, operations))
            yield from _section(breakdown_lines(comparison, "operation", lambda r: r.operations, width, operations))
            yield from _section(path_lines(comparison, width), "Critical paths")
            if explain:
                yield from _links(comparison, width)
                yield from _sweep(comparison, width)
            yield from _section(_checks(comparison, width), "Checks")
            yield from _section(_notes(comparison, width), "Notes")
    made_by = provenance_rows(report)
    if made_by:
        facts = [f"{printable(k)} {printable(v)}" for k, v in made_by]
        yield from ("", *wrapped(", ".join(facts), width, first="Made by: ", rest="    "))


def _accuracy(report: Report, width: int) -> Iterator[str]:
    rows = accuracy_rows(report)
    if rows:
        yield from ("", *_heading("against what was measured", width))
        yield from table(accuracy.HEADINGS, rows, accuracy.ALIGN, width)
        yield from wrapped(accuracy.LEGEND, width)


def _links(comparison: Comparison, width: int) -> Iterator[str]:
    found = list(link_tables(comparison, MOST_LINKS))
    for shown in found:
        yield from ("", *wrapped(shown.title, width))
        if shown.rows:
            yield from table(links.HEADINGS, shown.rows, links.ALIGN, width)
        if shown.left_out:
            yield from wrapped(f"Not shown: {shown.left_out}.", width)
    if found:
        yield from wrapped(links.LEGEND, width)


def _sweep(comparison: Comparison, width: int) -> Iterator[str]:
    for swept in comparison.sweep or ():
        headings, rows, align = swept_table(swept)
        yield from ("", *wrapped(f"Alone: {swept_title(swept)}", width))
        yield from table(headings, rows, align, width)
        for text in swept_sentences(swept):
            yield from wrapped(text, width, first="- ", rest="  ")
    if comparison.sweep:
        yield from wrapped(sweep.LEGEND, width)


def _heading(text: str, width: int) -> list[str]:
    line = shortened(text, width).rstrip()
    return [line, "=" * width]


def _section(lines: Iterator[str], heading: str | None = None) -> Iterator[str]:
    """Lines after an empty one and a heading; nothing if there are none."""
    for position, line in enumerate(lines):
        if not position:
            yield ""
            if heading:
                yield heading
        yield line


def _inputs(workload: WorkloadReport, comparison: Comparison, width: int) -> Iterator[str]:
    for name, text in inputs_of(workload, comparison):
        yield from wrapped(text, width, first=f"{name}: ".ljust(8))
        if name != "system":
            continue
        for position, line in enumerate(simulators_of(comparison)):
            yield from wrapped(line, width, first=" " * 8 if position else "ran:    ", rest=" " * 8)


def inputs_of(workload: WorkloadReport, comparison: Comparison) -> Iterator[tuple[str, str]]:
    """What every simulator was given, in words: inputs, system, and pins that gave the same."""
    pinned, graph = comparison.inputs, comparison.inputs.graph
    given = ", ".join(
        f"{_TIMED.get(key, printable(key))} timed by {printable(by)}"
        for key, by in sorted(pinned.provenance.items())
        if by
    )
    inputs = (
        f"{count(graph.node_count, 'node')} by {printable(workload.producer)}, "
        f"{count(graph.communication_count, 'communication')}, "
        f"{count(graph.mesh.world_size, 'rank')} {printable(graph.mesh)}; "
        f"compute pinned to {exact_time(int(pinned.compute_ns.sum()) * PS_PER_NS)} over all nodes; "
        f"digest {pinned.digest[:12]}{f'; {given}' if given else ''}"
    )
    yield "inputs", inputs
    origins = "; ".join(origins_in_words(pinned.origins))
    if origins:
        yield "known", printable(origins)
    yield "system", _system(comparison.inputs.system)
    if comparison.same_as:
        names = ", ".join(map(printable, comparison.same_as))
        yield "same", f"the pins {names} gave the same inputs and were not run again"


def simulators_of(comparison: Comparison) -> Iterator[str]:
    """Who ran: instances of the same simulator and network timing together."""
    ran: dict[str, list[str]] = {}
    for result in comparison.results:
        network = f", {printable(result.network)} network" if result.network else ""
        ran.setdefault(f"{_simulator(result)}{network}", []).append(printable(result.label))
    for simulator, labels in ran.items():
        yield f"{', '.join(labels)}: {simulator}"


def _system(system: System) -> str:
    dimensions = " × ".join(
        f"{dimension.topology.value} of {dimension.size} "
        f"({dimension.link.bandwidth_bytes_per_s / GB:.6g} GB/s, {trimmed_time(dimension.link.latency_s * PS_PER_S)})"
        for dimension in system.dimensions
    )
    links = ", ".join(
        f"{printable(axis)} {link.bandwidth_bytes_per_s / GB:.6g} GB/s, {trimmed_time(link.latency_s * PS_PER_S)}"
        for axis, link in sorted(system.axis_links.items())
        if link != system.dimensions[0].link
    )
    return f"{dimensions}{f'; links by axis: {links}' if links else ''}; device {printable(system.device.name)}"


def _labels(results: tuple[Result, ...]) -> Column:
    return Column(heading=("instance", ""), cells=tuple(printable(r.label) for r in results), align="left", least=12)


def _totals(comparison: Comparison, width: int) -> Iterator[str]:
    """One row per instance: who ran, the makespan, and where the last rank's time went."""
    answer, rest = _totals_columns(comparison)
    for position, lines in enumerate(grids((_labels(comparison.results),), [answer, rest], width)):
        yield from ([""] if position else [])
        yield from lines
    legend = totals_legend(comparison)
    if legend:
        yield from wrapped(legend, width)


def _sanity(comparison: Comparison, width: int) -> Iterator[str]:
    rows = sanity.rows_of(comparison)
    if rows:
        yield from table(sanity.HEADINGS, rows, sanity.ALIGN, width)
        yield from wrapped(sanity.LEGEND, width)


def totals_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the same table, for documents that need not fit a terminal."""
    answer, rest = _totals_columns(comparison)
    columns = (_labels(comparison.results), *answer, *rest)
    headings = [" ".join(line for line in column.heading if line) for column in columns]
    return headings, [list(row) for row in zip(*(column.cells for column in columns), strict=True)]


def totals_legend(comparison: Comparison) -> str:
    """What the columns of the totals are about; "" if nothing completed."""
    ranks = sorted({result.totals.rank for result in comparison.results if result.totals})
    if not ranks:
        return ""
    of = f"rank {ranks[0]}, which finishes" if len(ranks) == 1 else "the rank that finishes"
    return (
        f"Compute, communication and exposed are those of {of} last. Exposed is communication with no compute "
        "beside it; makespan − compute − exposed is idle."
    )


def _totals_columns(comparison: Comparison) -> tuple[Group, Group]:
    results = comparison.results
    totals = [result.totals for result in results]
    makespans = [result.prediction.makespan_ps for result in results]
    unit = unit_for(makespans)
    differences = time_column([result.difference_ps for result in results], unit, signed=True)
    for position, result in enumerate(results):
        if result.label == comparison.reference and result.prediction.completed:
            differences[position] = "reference"
    answer: Group = (
        Column(heading=("makespan", f"[{unit.name}]"), cells=_makespans(results, time_column(makespans, unit))),
        Column(heading=("difference", f"[{unit.name}]"), cells=tuple(differences)),
        Column(
            heading=("error" if measured_reference(comparison) else "diff.", "[%]"),
            cells=tuple("" if r.label == comparison.reference else percent(r.difference_percent) for r in results),
            align="decimal",
        ),
    )
    parts = [
        Column(heading=(heading, f"[{unit.name}]"), cells=tuple(time_column(times_ps, unit, decimals=PART_DECIMALS)))
        for heading, times_ps in (
            ("compute", [None if t is None else t.compute_ps for t in totals]),
            ("comm.", [None if t is None else t.communication_ps for t in totals]),
            ("exposed", [None if t is None else t.exposed_communication_ps for t in totals]),
        )
    ]
    ratios = tuple(f"{t.communication_ratio:.4f}" if t else NOTHING for t in totals)
    rest = (
        Column(heading=("comm.", "ratio"), cells=ratios),
        Column(heading=("wall", "[s]"), cells=tuple(_wall(r.prediction.wall_s) for r in results)),
    )
    return answer, (*parts, *rest)


def _simulator(result: Result) -> str:
    """Backend and engine, e.g. ``astrasim embedded 0.1``."""
    engine, backend = printable(result.prediction.engine), printable(result.prediction.simulator)
    return engine if engine.startswith(backend) else f"{backend} {engine}".strip()


def _makespans(results: Sequence[Result | None], cells: list[str]) -> tuple[str, ...]:
    """Makespans as formatted, and in place of one how a simulation ended that has none."""
    return tuple(
        cell if result is None or result.prediction.completed else result.prediction.status.value.replace("_", " ")
        for result, cell in zip(results, cells, strict=True)
    )


def _wall(wall_s: float | None) -> str:
    return NOTHING if wall_s is None else f"{wall_s:.3f}" if wall_s < 1e5 else f"{wall_s:.3g}"


def _all_pins(workload: WorkloadReport, width: int) -> Iterator[str]:
    """Makespans of every pin; the only place where pins stand side by side."""
    labels = list(dict.fromkeys(r.label for c in workload.comparisons for r in c.results))
    found = [{r.label: r for r in c.results} for c in workload.comparisons]
    results = [of.get(label) for label in labels for of in found]
    makespans = [None if result is None else result.prediction.makespan_ps for result in results]
    unit = unit_for(makespans)
    cells = _makespans(results, time_column(makespans, unit))
    groups: list[Group] = []
    for position, label in enumerate(labels):
        mine = cells[position * len(found) : (position + 1) * len(found)]
        column = Column(heading=(printable(label), f"[{unit.name}]"), cells=mine)
        groups.append((column.within(max(16, *map(len, mine))),))
    keys: Group = (
        Column(
            heading=("makespan by pin", ""),
            cells=tuple(printable(c.inputs.label) for c in workload.comparisons),
            align="left",
            least=12,
        ),
        Column(heading=("digest", ""), cells=tuple(c.inputs.digest[:12] for c in workload.comparisons), align="left"),
    )
    for position, lines in enumerate(grids(keys, groups, width)):
        yield from ([""] if position else [])
        yield from lines
    yield from wrapped(
        "These pins have different inputs: along a row the simulators differ, down a column the inputs do.", width
    )


def _checks(comparison: Comparison, width: int) -> Iterator[str]:
    made = [(printable(result.label), check) for result in comparison.results for check in result.checks]
    failed = [(label, check) for label, check in made if check.passed is False]
    meant = [(label, check) for label, check in made if check.declared]
    if not failed:
        names = ", ".join(dict.fromkeys(printable(check.name) for _, check in made))
        skipped = sum(check.passed is None and not check.declared for _, check in made)
        rest = f"; {skipped} could not be made" if skipped else ""
        yield from wrapped(f"all{' others' if meant else ''} passed for every prediction: {names}{rest}", width)
    for label, check in failed:
        yield from wrapped(f"FAILED {printable(check.name)} of {label}: {printable(check.detail)}", width, rest="    ")
    for label, check in meant:
        text = f"as declared, {printable(check.name)} of {label}: {printable(check.detail)}"
        yield from wrapped(f"{text} ({printable(check.declared)})", width, rest="    ")
    if failed:
        total = sum(check.passed is True for _, check in made)
        yield from wrapped(f"{count(total, 'other check')} passed", width)


def _notes(comparison: Comparison, width: int) -> Iterator[str]:
    for label, text in notes_of(comparison):
        yield from wrapped(f"{shortened(label, min(40, width // 2))}: {text}", width, first="- ", rest="  ")


def notes_of(comparison: Comparison) -> list[tuple[str, str]]:
    """What a reader has to know: of the graph, of loss, of what happened, of what the original would print.

    Each with whom it is about; both printable.
    """
    notes = [("graph", note) for note in comparison.inputs.graph.notes]
    for result in comparison.results:
        prediction = result.prediction
        if not prediction.completed:
            left = f"; {count(len(prediction.waiting), 'node')} never ended" if prediction.waiting else ""
            notes.append((result.label, f"did not complete ({prediction.status.value}){left}"))
        notes.extend((result.label, text) for text in prediction.diagnosis)
        notes.extend((result.label, f"consumed: {text}") for text in prediction.consumed.notes)
        if prediction.reported_s is not None:
            notes.append((result.label, f"the original program would print {prediction.reported_s:.12g} s"))
    return [(printable(label), printable(text)) for label, text in notes]
