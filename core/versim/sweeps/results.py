"""What a store holds, chosen, ordered and written out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from versim.errors import VersimError, did_you_mean
from versim.sweeps.expression import Expression, hold_to_names, parse_expression
from versim.sweeps.space import label_of
from versim.terminal import WIDTH, printable, table, wrapped

FORMAT_VERSION = 1

FIGURES = (
    "makespan_s",
    "compute_s",
    "communication_s",
    "exposed_communication_s",
    "idle_s",
    "mfu",
    "tokens",
    "tokens_per_s_per_rank",
    "persistent_bytes",
    "peak_bytes",
    "fits",
    "ranks",
    "nodes",
    "wall_s",
)
"""Of an answer, beside what identifies it."""

NAMES = ("sweep", "number", "workload", "pin", "instance", "simulator", "engine", "status", *FIGURES)

ROWS_SHOWN = 20
"""Rows of a table unless more are asked for."""

Row = dict[str, Any]


def with_figures(rows: Iterable[Row]) -> list[Row]:
    """Rows of a store with times in seconds, too, and with failed checks as a status of their own."""
    found = []
    for row in rows:
        shown = row.copy()
        for name, source in _SECONDS:
            value_ps = row[source]
            shown[name] = None if value_ps is None else value_ps / 1e12
        failed = row["status"] == "completed" and row["failed_checks"]
        shown["status"] = "check failed" if failed else row["status"] or "open"
        found.append(shown)
    return found


_SECONDS = tuple((f"{name}_s", f"{name}_ps") for name in ("compute", "communication", "exposed_communication", "idle"))


def keys_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Settings that any of some rows has, in order of appearance."""
    found: dict[str, None] = {}
    before = None
    for row in rows:
        # The questions of a configuration share their settings.
        if row["settings"] is not before:
            before = row["settings"]
            found.update(dict.fromkeys(before))
    return tuple(found)


def value_of(row: Row, name: str) -> Any:
    """A setting or a figure of a row; None where it has none of that name."""
    return row["settings"][name] if name in row["settings"] else row.get(name)


def select(rows: Sequence[Row], where: Sequence[str] = (), sort: str = "", *, descending: bool = False) -> list[Row]:
    """The rows that meet every condition, in an order.

    Args:
        rows: As :func:`with_figures` gives them.
        where: Conditions over settings and figures.
        sort: A setting or a figure; "" keeps the order of the store. What is not known comes last.
        descending: The largest first.

    Raises:
        VersimError: A condition that is none, or a name that stands for nothing.
    """
    known = [*keys_of(rows), *NAMES]
    conditions: list[Expression] = [parse_expression(text) for text in where]
    for condition in conditions:
        if rows:
            hold_to_names(condition, known)
    kept = [row for row in rows if all(one.holds(lambda name, r=row: value_of(r, name)) for one in conditions)]  # type: ignore[misc]
    if not sort:
        return kept
    if rows and sort not in known:
        raise VersimError(f"--sort {sort}: no setting or figure has that name{did_you_mean(sort, known)}")
    there = [row for row in kept if value_of(row, sort) is not None]
    there.sort(key=lambda row: _ordered(value_of(row, sort)), reverse=descending)
    return [*there, *(row for row in kept if value_of(row, sort) is None)]


def _varies(rows: Sequence[Row], key: str) -> bool:
    first = repr(value_of(rows[0], key))
    return any(repr(value_of(row, key)) != first for row in rows)


def _ordered(value: Any) -> tuple[bool, float, str]:
    """Numbers before texts."""
    number = isinstance(value, bool | int | float)
    return not number, float(value) if number else 0.0, "" if number else str(value)


def as_text(rows: Sequence[Row], width: int = WIDTH, shown: int | None = ROWS_SHOWN) -> str:
    """A table of some rows, and how many there are."""
    if not rows:
        return "nothing to show\n"
    keys = [key for key in keys_of(rows) if _varies(rows, key) or len(rows) == 1]
    telling = [name for name in ("sweep", "workload", "pin", "instance") if len({row[name] for row in rows}) > 1]
    telling = telling or ["instance"]
    # A pin that belongs to one instance says nothing more.
    if (
        "pin" in telling
        and "instance" in telling
        and len({row["instance"] for row in rows}) == len({(row["pin"], row["instance"]) for row in rows})
    ):
        telling.remove("pin")
    some = rows if shown is None else rows[:shown]
    lines = table(
        [*map(printable, keys), *telling, "makespan\n[s]", "MFU\n[%]", "exposed\n[s]", "peak\n[GB]", "fits", "status"],
        [[*(_cell(value_of(row, name)) for name in (*keys, *telling)), *_figures(row)] for row in some],
        "r" * len(keys) + "l" * len(telling) + "rrrrll",
        width,
    )
    if len(some) < len(rows):
        lines.append(f"{len(rows) - len(some)} more of {len(rows)}; --limit shows more, -f csv all")
    constant = {key: value_of(rows[0], key) for key in keys_of(rows) if key not in keys}
    if constant:
        lines += wrapped(printable(f"everywhere {label_of(constant)}"), width, rest="  ")
    for why, count, example in _reasons(rows):
        lines += wrapped(printable(f"{count} × {why} (first: {example})"), width, rest="  ")
    return "\n".join(lines) + "\n"


def _figures(row: Row) -> list[str]:
    peak, mfu = row["peak_bytes"], row["mfu"]
    return [
        _seconds(row["makespan_s"]),
        "–" if mfu is None else f"{100 * mfu:.1f}",
        _seconds(row["exposed_communication_s"]),
        "–" if peak is None else f"{peak / 1e9:.1f}",
        {None: "–", True: "yes", False: "no"}[row["fits"]],
        row["status"],
    ]


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _cell(value: Any) -> str:
    return "–" if value is None else printable(label_of({"": value})[1:])


def _reasons(rows: Sequence[Row]) -> list[tuple[str, int, str]]:
    """Why rows have no answer, or one that counts for nothing: what is said, how often, and of whom first."""
    found: dict[str, tuple[int, str]] = {}
    for row in rows:
        if row["status"] == "completed":
            continue
        said = (row["why"] or next(iter((*row["failed_checks"], *row["diagnosis"])), "")).strip().split("\n")[0]
        count, example = found.get(f"{row['status']}: {said}", (0, label_of(row["settings"])))
        found[f"{row['status']}: {said}"] = count + 1, example
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    return [(why, count, example or "as given") for why, (count, example) in ranked[:8]]


def as_csv(rows: Sequence[Row]) -> str:
    """Every row, a column per setting and per figure; what is not known is empty."""
    keys = keys_of(rows)
    # A setting may be called as a figure is.
    figures = [name for name in NAMES if name not in keys]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*keys, *figures, "digest", "why"])
    for row in rows:
        values = [*(row["settings"].get(key) for key in keys), *(row[name] for name in figures)]
        why = row["why"] or "; ".join((*row["failed_checks"], *row["diagnosis"]))
        writer.writerow(["" if value is None else _plain(value) for value in (*values, row["digest"], why)])
    return stream.getvalue()


def _plain(value: Any) -> Any:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def as_json(rows: Sequence[Row], sweeps: Sequence[Mapping[str, Any]] = ()) -> str:
    """Every row; makespans in integer picoseconds and in seconds."""
    document = {"format_version": FORMAT_VERSION, "sweeps": list(sweeps), "rows": list(rows)}
    return json.dumps(document, indent=1, ensure_ascii=False, default=list) + "\n"
