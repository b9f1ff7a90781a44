"""The league for people at a terminal, in at most forty lines."""

from __future__ import annotations

from collections.abc import Iterator

from versim.league.memory import Confusion
from versim.league.result import League, RunResult
from versim.league.statistics import Errors
from versim.terminal import printable, table, wrapped

MOST_LINES = 40
_MOST_GROUPS = 12
_MOST_MISSES = 3
_MOST_REASONS = 3
_MOST_RUNS = 4
"""Of so few, each is shown."""


def as_text(league: League, width: int, by: str = "table") -> str:
    """What was found: columns, groups of the best one, memory, the furthest misses.

    Args:
        league: What to show.
        width: Columns of a line, at most.
        by: How the runs are parted, a name of ``League.groupings``.
    """
    head = list(_head(league, width))
    columns = _columns(league, width)
    memory = list(_memory(league, width))
    few = len(league.results) <= _MOST_RUNS
    misses = [] if few else list(_misses(league, width))
    runs = _runs(league, width) if few else []
    legend = wrapped(
        "error: mean |predicted − measured| / measured in percent with its 95 % interval; profiles: with constants of "
        "the framework, fitted on other configurations than the run's; MFU, FLOP: trivial predictors; repeats: of one "
        "setting. -f json, csv or html has every run and other groups.",
        width,
    )
    parts = {"head": head, "runs": runs, "columns": columns, "memory": memory, "misses": misses, "legend": legend}
    order = ("head", "runs", "columns", "groups", "memory", "misses", "legend")
    # Groups take what the other parts leave; on a narrow terminal, where tables break, more has to give way.
    for most in range(_MOST_GROUPS, 0, -1):
        parts["groups"] = _groups(league, width, by, most) if league.timed else []
        if sum(map(len, parts.values())) <= MOST_LINES:
            break
    for name in ("legend", "misses", "groups", "runs"):
        if sum(map(len, parts.values())) > MOST_LINES:
            parts[name] = []
    return "\n".join(line for name in order for line in parts[name]) + "\n"


def _head(league: League, width: int) -> Iterator[str]:
    frameworks = {result.record.framework for result in league.results if result.record.framework}
    died = sum(bool(result.record.out_of_memory) for result in league.results)
    timed = len(league.timed)
    text = f"{len(league.results)} run records of {len(frameworks)} frameworks: {timed} timed"
    text += f", {died} out of memory." if died else "."
    if timed:
        text += f" Modelled: {league.modelled} of {timed} timed runs ({100 * league.modelled / timed:.1f} %)."
    yield from wrapped(text, width)
    if league.skipped:
        reasons = [f"{reason} ({count})" for reason, count in league.skipped.items()]
        more = f"; {len(reasons) - _MOST_REASONS} further reasons" if len(reasons) > _MOST_REASONS else ""
        yield from wrapped(printable("Skipped: " + "; ".join(reasons[:_MOST_REASONS]) + more), width, rest="   ")[:3]
    for remark in league.remarks[:2]:
        yield from wrapped(printable(remark), width, rest="   ")[:2]


def _runs(league: League, width: int) -> list[str]:
    """Every run through every column."""
    rows = []
    for result in league.results:
        for label, outcome in result.outcomes.items():
            if outcome.predicted_s is None:
                continue
            rows.append(
                [
                    printable(result.record.id),
                    label,
                    _seconds(result.record.step_s),
                    _seconds(outcome.predicted_s),
                    _seconds(outcome.profiled_s),
                    _signed(_off(result, label)),
                    _dominant(result, label) or "–",
                    "–" if result.peak_gib is None else f"{result.peak_gib:.1f}",
                ]
            )
    headings = ["run", "column", "measured\n[s]", "predicted\n[s]", "with\nprofile", "off\n[%]"]
    return table([*headings, "most of it", "peak\n[GiB]"], rows, "llrrrrlr", width, keys=2) if rows else []


def _columns(league: League, width: int) -> list[str]:
    rows = []
    for column in league.columns:
        for row in league.rows(column.label, league.overall):
            star = " *" if column.label == league.recommended and len(league.columns) > 1 else ""
            rows.append(
                [
                    f"{column.label}{star}",
                    row.group,
                    str(row.without.runs if row.without else 0),
                    *_figures(row.without),
                    *_figures(row.profiled),
                ]
            )
    if not league.timed:
        return []
    headings = ["column", "runs", "n", "error", "interval", "median", "≤20"]
    headings += ["profiles\nerror", "\ninterval", "\nmedian", "\n≤20"]
    return table(headings, rows, "llr" + "r" * 8, width, keys=2)


def _figures(errors: Errors | None) -> list[str]:
    if errors is None:
        return ["–"] * 4
    interval = f"{100 * errors.low:.1f}–{100 * errors.high:.1f}"
    return [_percent(errors.mean_absolute), interval, _percent(errors.median_absolute), f"{100 * errors.within_20:.0f}"]


def _groups(league: League, width: int, by: str, most: int) -> list[str]:
    groups = league.groups(by)
    label = league.recommended
    rows = []
    for row in league.rows(label, groups):
        chosen = groups[row.group]
        noise = league.noise(chosen)
        rows.append(
            [
                row.group,
                str(len(chosen)),
                _percent(row.without.mean_absolute if row.without else None),
                _signed(row.without.median_signed if row.without else None),
                _percent(row.profiled.mean_absolute if row.profiled else None),
                f"{100 * row.profiled.low:.1f}–{100 * row.profiled.high:.1f}" if row.profiled else "–",
                f"{100 * row.profiled.within_20:.0f}" if row.profiled else "–",
                *(_percent(_mean(league.baseline_errors(name, chosen))) for name in league.baselines),
                _percent(noise[1] if noise else None),
            ]
        )
    if not rows:
        return []
    shown = rows[:most]
    headings = [f"{by}\n({label})", "n", "error\n[%]", "median\nsigned", "profiles\nerror", "interval", "≤20"]
    lines = table([*headings, "MFU", "FLOP", "repeats"], shown, "l" + "r" * 9, width)
    left = len(rows) - len(shown)
    return [*lines, *([f"and {left} more groups"] if left else [])]


def memory_as_text(league: League, width: int) -> str:
    """How far predicted memory is from what was measured, and nothing else."""
    said = list(_memory(league, width)) or ["No record has memory that was measured, or says that it ran out of it."]
    return "\n".join([f"{len(league.results):,} run records.", *said]) + "\n"


def _memory(league: League, width: int) -> Iterator[str]:
    memory = league.memory
    parts = []
    if memory.persistent:
        parts.append(f"what stays {_percent(memory.persistent[1])} % off ({memory.persistent[0]} runs)")
    if memory.peak:
        parts.append(f"peak {_percent(memory.peak[1])} % off ({memory.peak[0]} runs)")
    if memory.within_reserved:
        count, share = memory.within_reserved
        parts.append(f"peak within what was reserved in {100 * share:.1f} % of {count}")
    if memory.out_of_memory.runs:
        parts.append("out of memory " + _told(memory.out_of_memory))
    if memory.near.runs:
        parts.append("of them with a predicted peak of 50 to 130 GiB " + _told(memory.near))
    if parts:
        yield from wrapped("Memory: " + "; ".join(parts) + ".", width, rest="   ")


def _told(confusion: Confusion) -> str:
    return (
        f"right in {100 * confusion.right:.1f} % of {confusion.runs} (majority {100 * confusion.majority:.1f} %; "
        f"{confusion.died_not_predicted} deaths missed, {confusion.ran_not_predicted} false alarms)"
    )


def _misses(league: League, width: int) -> Iterator[str]:
    label = league.recommended
    found = league.misses(label, _MOST_MISSES)
    if found:
        lines = [miss_sentence(result, label) for result in found]
        yield from wrapped(printable("Furthest off: " + "; ".join(lines) + "."), width, rest="   ")[:4]


def miss_sentence(result: RunResult, label: str) -> str:
    """A run that was missed, in a few words: which, by how much, what dominates it."""
    error, dominant = _off(result, label), _dominant(result, label)
    off = "–" if error is None else f"{100 * error:+.0f} %".replace("-", "−")
    return f"{result.record.id} {off}" + (f", {dominant}" if dominant else "")


def _off(result: RunResult, label: str) -> float | None:
    """Relative error, with the framework's profile where there is one."""
    outcome, measured_s = result.outcomes[label], result.record.step_s
    seconds = outcome.profiled_s if outcome.profiled_s is not None else outcome.predicted_s
    return seconds / measured_s - 1 if seconds and measured_s else None


def _dominant(result: RunResult, label: str) -> str:
    shares = result.outcomes[label].shares
    return next((f"{100 * share:.0f} % {name}" for name, share in shares.items()), "")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _mean(errors: Errors | None) -> float | None:
    return None if errors is None else errors.mean_absolute


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")
