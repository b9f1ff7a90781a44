"""The league as one page: a file of its own, without anything fetched from elsewhere."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from versim.league.result import League, RunResult
from versim.league.statistics import Errors, is_marked
from versim.league.text import miss_sentence

_SKELETON = Path(__file__).parent / "page.html"

_WIDTH, _HEIGHT, _MARGIN = 760, 520, 56
_HUES = (212, 24, 140, 280, 48, 340, 176, 92, 310, 8)


def as_html(league: League, provenance: Mapping[str, str] | None = None) -> str:
    """The page: predicted against measured, rankings, misses, memory, and how to add a run."""
    label = league.recommended
    parts = {
        "TITLE": _text(f"versim league: {league.modelled} of {len(league.timed)} timed runs predicted"),
        "SUMMARY": _summary(league),
        "CHART": _chart(league, label),
        "RANKING": _ranking(league),
        "GROUPS": "".join(_groups(league, label, by) for by in league.groupings()),
        "MISSES": _misses(league, label),
        "MEMORY": _memory(league),
        "PROFILES": _profiles(league),
        "SKIPPED": _skipped(league),
        "PROVENANCE": _text("; ".join(f"{key} {value}" for key, value in (provenance or {}).items())),
    }
    page = _SKELETON.read_text(encoding="utf-8")
    for name, content in parts.items():
        page = page.replace(f"<!--{name}-->", content)
    return page


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)


def _summary(league: League) -> str:
    died = sum(bool(result.record.out_of_memory) for result in league.results)
    best = league.errors(league.recommended, league.timed, profiled=True)
    found = (
        f"{len(league.results)} records of training runs, {len(league.timed)} timed, {died} out of memory. "
        f"{league.modelled} timed runs are predicted; the best column is {_text(league.recommended)}"
    )
    if best:
        found += f": {100 * best.mean_absolute:.1f} % mean absolute error, {100 * best.within_20:.0f} % within 20 %"
    return f"<p>{found}.</p>" + "".join(f"<p class=remark>{_text(remark)}</p>" for remark in league.remarks)


def _chart(league: League, label: str) -> str:
    points = [
        (result, float(result.record.step_s), float(seconds))
        for result in league.timed
        if result.record.step_s
        and (outcome := result.outcomes.get(label)) is not None
        and (seconds := outcome.profiled_s if outcome.profiled_s is not None else outcome.predicted_s)
    ]
    if not points:
        return "<p>No timed run was predicted.</p>"
    low = math.floor(2 * min(math.log10(min(m, p)) for _, m, p in points)) / 2
    high = math.ceil(2 * max(math.log10(max(m, p)) for _, m, p in points)) / 2
    high = max(high, low + 0.5)

    def x(seconds: float) -> float:
        return _MARGIN + (math.log10(seconds) - low) / (high - low) * (_WIDTH - _MARGIN - 12)

    def y(seconds: float) -> float:
        return _HEIGHT - _MARGIN - (math.log10(seconds) - low) / (high - low) * (_HEIGHT - _MARGIN - 12)

    first, last = 10**low, 10**high
    drawn = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Predicted against measured seconds">']
    for band, name in ((0.2, "b20"), (0.1, "b10")):
        corners = [(first, first * (1 + band)), (last, last * (1 + band)), (last, last * (1 - band))]
        corners.append((first, first * (1 - band)))
        shape = " ".join(f"{x(m):.1f},{y(p):.1f}" for m, p in corners)
        drawn.append(f'<polygon class="{name}" points="{shape}"/>')
    drawn.append(f'<line class=axis x1="{x(first)}" y1="{y(first)}" x2="{x(last)}" y2="{y(last)}"/>')
    for power in range(math.ceil(low), math.floor(high) + 1):
        at = 10.0**power
        drawn.append(f'<line class=grid x1="{x(at):.1f}" y1="{y(first):.1f}" x2="{x(at):.1f}" y2="{y(last):.1f}"/>')
        drawn.append(f'<line class=grid x1="{x(first):.1f}" y1="{y(at):.1f}" x2="{x(last):.1f}" y2="{y(at):.1f}"/>')
        drawn.append(f'<text x="{x(at):.1f}" y="{_HEIGHT - _MARGIN + 18}" text-anchor=middle>{at:g}</text>')
        drawn.append(f'<text x="{_MARGIN - 8}" y="{y(at) + 4:.1f}" text-anchor=end>{at:g}</text>')
    drawn.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 14}" text-anchor=middle>measured [s]</text>')
    turned = f"rotate(-90 14 {_HEIGHT / 2})"
    drawn.append(f'<text x="14" y="{_HEIGHT / 2}" text-anchor=middle transform="{turned}">predicted [s]</text>')
    hues = _hues(result.record.framework for result, _, _ in points)
    for result, measured_s, predicted_s in points:
        record = result.record
        kind = " marked" if is_marked(record) else ""
        drawn.append(
            f'<circle class="run{kind}" cx="{x(measured_s):.1f}" cy="{y(predicted_s):.1f}" r=3 '
            f'style="--hue:{hues[record.framework]}" data-framework="{_text(record.framework)}" '
            f'data-gpu="{_text(record.gpu)}"><title>{_text(_hover(result, label))}</title></circle>'
        )
    drawn.append("</svg>")
    legend = "".join(
        f'<label><input type=checkbox checked data-filter=framework value="{_text(name)}">'
        f'<span class=swatch style="--hue:{hue}"></span>{_text(name or "unnamed")}</label>'
        for name, hue in hues.items()
    )
    gpus = "".join(
        f'<label><input type=checkbox checked data-filter=gpu value="{_text(name)}">{_text(name)}</label>'
        for name in dict.fromkeys(result.record.gpu for result, _, _ in points)
    )
    return f"<div class=legend>{legend}</div><div class=legend>{gpus}</div>{''.join(drawn)}"


def _hues(names: Iterable[str]) -> dict[str, int]:
    return {name: _HUES[number % len(_HUES)] for number, name in enumerate(dict.fromkeys(names))}


def _hover(result: RunResult, label: str) -> str:
    record, outcome = result.record, result.outcomes[label]
    lines = [
        f"{record.id}: {record.framework} {record.release}".rstrip(),
        f"{record.model} on {record.gpus} {record.gpu}, {record.precision or 'precision not said'}",
        f"tp {record.tp} pp {record.pp} vp {record.vp} cp {record.cp} ep {record.ep} dp {record.dp}, {record.sharding}",
        f"sequences {record.seq_len}, microbatch {record.mbs}, batch {record.gbs}, recompute {record.recompute or '?'}",
        f"measured {record.step_s:.4g} s",
    ]
    for name, seconds in (("predicted", outcome.predicted_s), ("with profile", outcome.profiled_s)):
        if seconds and record.step_s:
            lines.append(f"{name} {seconds:.4g} s ({100 * (seconds / record.step_s - 1):+.1f} %)")
    if outcome.shares:
        lines.append(", ".join(f"{100 * share:.0f} % {name}" for name, share in list(outcome.shares.items())[:4]))
    lines += list(result.caveats)
    return "\n".join(lines)


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{_text(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _figures(errors: Errors | None) -> list[str]:
    if errors is None:
        return ["–"] * 5
    return [
        f"{100 * errors.mean_absolute:.1f}",
        f"{100 * errors.low:.1f}–{100 * errors.high:.1f}",
        f"{100 * errors.median_absolute:.1f}",
        f"{100 * errors.within_10:.0f}",
        f"{100 * errors.within_20:.0f}",
    ]


_HEADINGS = ("error %", "95 % interval", "median", "≤ 10 %", "≤ 20 %")


def _ranking(league: League) -> str:
    rows: list[list[str | int]] = []
    for column in league.columns:
        for row in league.rows(column.label, league.overall):
            runs = row.without.runs if row.without else 0
            rows.append([column.label, row.group, runs, *_figures(row.without), *_figures(row.profiled)])
    for name in league.baselines:
        for group, chosen in league.overall.items():
            errors = league.baseline_errors(name, chosen)
            rows.append([name, group, errors.runs if errors else 0, *_figures(errors), *["–"] * 5])
    rows.sort(key=lambda row: (str(row[1]), float(row[8]) if row[8] != "–" else float("inf")))
    headings = ["column", "runs", "n", *_HEADINGS, *(f"profiles: {heading}" for heading in _HEADINGS)]
    return _table(headings, rows)


def _groups(league: League, label: str, by: str) -> str:
    groups = league.groups(by)
    rows = []
    for row in league.rows(label, groups):
        chosen = groups[row.group]
        noise = league.noise(chosen)
        trivial = [
            f"{100 * errors.mean_absolute:.1f}" if (errors := league.baseline_errors(name, chosen)) else "–"
            for name in league.baselines
        ]
        repeats = f"{100 * noise[1]:.1f}" if noise else "–"
        rows.append([row.group, len(chosen), *_figures(row.without), *_figures(row.profiled), *trivial, repeats])
    headings = [by, "n", *_HEADINGS, *(f"profiles: {heading}" for heading in _HEADINGS), *league.baselines, "repeats"]
    return f"<h3>By {_text(by)}</h3>{_table(headings, rows)}"


def _misses(league: League, label: str) -> str:
    rows = [
        [
            miss_sentence(result, label),
            f"{result.record.framework}, {result.record.model}, {result.record.gpus} {result.record.gpu}",
            "; ".join([*result.caveats, *([result.record.note] if result.record.note else [])])[:300],
        ]
        for result in league.misses(label, 20)
    ]
    return _table(["run", "settings", "what is assumed, and what its source says"], rows)


def _memory(league: League) -> str:
    memory = league.memory
    rows: list[list[object]] = []
    for name, relative in (("what stays between steps", memory.persistent), ("peak", memory.peak)):
        if relative:
            rows.append([name, relative[0], f"{100 * relative[1]:.1f} % off, median {100 * relative[2]:+.1f} %"])
    if memory.within_reserved:
        count, share = memory.within_reserved
        rows.append(["peak between what stays and 1.05 × reserved", count, f"{100 * share:.1f} %"])
    for name, confusion in (("out of memory", memory.out_of_memory), ("the same, peak 50 to 130 GiB", memory.near)):
        if confusion.runs:
            text = (
                f"{100 * confusion.right:.1f} % right, majority class {100 * confusion.majority:.1f} %; "
                f"{confusion.died_and_predicted} deaths told, {confusion.died_not_predicted} missed, "
                f"{confusion.ran_and_predicted} runs told, {confusion.ran_not_predicted} false alarms"
            )
            rows.append([name, confusion.runs, text])
    return _table(["memory", "runs", "result"], rows) if rows else "<p>No record says anything about memory.</p>"


def _profiles(league: League) -> str:
    rows = [
        [
            f"{framework}, {group}" if group else framework,
            label,
            ", ".join(f"{name} {value:g}" for name, value in fitted.constants.items()) or "none is worth having",
            fitted.runs,
            f"{100 * fitted.error_without:.1f} → {100 * fitted.error:.1f} %",
        ]
        for framework, profile in league.profiles.items()
        for group, label, fitted in profile.sets()
    ]
    headings = ["framework", "column", "constants", "fitted on runs", "error without → on folds left out"]
    return _table(headings, rows) if rows else "<p>No profile was applied.</p>"


def _skipped(league: League) -> str:
    rows = [[reason, count] for reason, count in league.skipped.items()]
    return _table(["reason", "runs"], rows) if rows else "<p>Every timed run was predicted.</p>"
