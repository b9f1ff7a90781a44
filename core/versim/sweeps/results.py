"""What a store holds, chosen, ordered and written out."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from versim.errors import VersimError, did_you_mean
from versim.storage.listing import Listing
from versim.sweeps.expression import Expression, hold_to_names, parse_expression
from versim.sweeps.settings import label_of
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

SHOWN_FIELDS = (
    "makespan_s",
    "mfu",
    "exposed_communication_s",
    "peak_bytes",
    "fits",
    "failed_checks",
    "diagnosis",
    "why",
)
"""What a table shows of a row, beside what identifies it."""


CSV_FIELDS = frozenset({*NAMES, "digest"})
"""The same of a CSV file."""


def keys_of(rows: Listing) -> tuple[str, ...]:
    """Settings that any of some rows has, in order of appearance."""
    return tuple(dict.fromkeys(key for settings in rows.distinct("settings") for key in settings))


def values_of(rows: Listing, name: str) -> Sequence[Any]:
    """:func:`value_of` of every row."""
    figures = rows.column(name) if name in rows.columns else [None] * len(rows)
    if name not in keys_of(rows):
        return figures
    return [settings.get(name, figure) for settings, figure in zip(rows.column("settings"), figures, strict=True)]


def value_of(row: Row, name: str) -> Any:
    """A setting or a figure of a row; None where it has none of that name."""
    return row["settings"][name] if name in row["settings"] else row.get(name)


def select(rows: Listing, where: Sequence[str] = (), sort: str = "", *, descending: bool = False) -> Listing:
    """The rows that meet every condition, in an order.

    Args:
        rows: Of a store.
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
    for condition in conditions:
        rows = attrs.evolve(rows, order=[*itertools.compress(rows.order, _holds(condition, rows))])
    if not sort:
        return rows
    if rows and sort not in known:
        raise VersimError(f"--sort {sort}: no setting or figure has that name{did_you_mean(sort, known)}")
    values = values_of(rows, sort)
    there = [at for at, value in enumerate(values) if value is not None]
    keys = values if {type(values[at]) for at in there} <= {int, float} else [*map(_ordered, values)]
    there.sort(key=keys.__getitem__, reverse=descending)
    there += [at for at, value in enumerate(values) if value is None]
    return attrs.evolve(rows, order=[rows.order[at] for at in there])


def _holds(condition: Expression, rows: Listing) -> Iterable[bool]:
    """Whether a condition holds, of every row."""
    names = tuple(condition.names)
    asked = [*zip(*(values_of(rows, name) for name in names), strict=True)] if names else [()] * len(rows)

    def holds(values: tuple[Any, ...]) -> bool:
        return condition.holds(dict(zip(names, values, strict=True)).__getitem__)

    try:
        # Most rows say what others say.
        return map({values: holds(values) for values in dict.fromkeys(asked)}.__getitem__, asked)
    except TypeError:  # a setting that is a list
        return map(holds, asked)


def fields_of(where: Sequence[str], sort: str) -> frozenset[str]:
    """The fields of a store that a table needs of every row: what it shows, what is asked for and what orders it."""
    return frozenset({*SHOWN_FIELDS, sort}.union(*(parse_expression(text).names for text in where)))


def varying(rows: Listing) -> list[str]:
    """The settings that differ."""
    distinct = rows.distinct("settings")
    return [key for key in keys_of(rows) if len({repr(settings.get(key)) for settings in distinct}) > 1]


def _ordered(value: Any) -> tuple[bool, float, str]:
    """Numbers before texts."""
    number = isinstance(value, bool | int | float)
    return not number, float(value) if number else 0.0, "" if number else str(value)


def as_text(rows: Listing, width: int = WIDTH, shown: int | None = ROWS_SHOWN) -> str:
    """A table of some rows, and how many there are."""
    if not rows:
        return "nothing to show\n"
    keys = list(keys_of(rows)) if len(rows) == 1 else varying(rows)
    telling = [name for name in ("sweep", "workload", "pin", "instance") if len(rows.distinct(name)) > 1]
    telling = telling or ["instance"]
    # A pin that belongs to one instance says nothing more.
    if (
        "pin" in telling
        and "instance" in telling
        and len(rows.distinct("instance")) == len(set(zip(rows.column("pin"), rows.column("instance"), strict=True)))
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
    for why, count, example in reasons(rows):
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


def reasons(rows: Listing) -> list[tuple[str, int, str]]:
    """Why rows have no answer, or one that counts for nothing: what is said, how often, and of whom first."""
    found: dict[str, tuple[int, str]] = {}
    open_ = [at for at, status in zip(rows.order, rows.column("status"), strict=True) if status != "completed"]
    for row in attrs.evolve(rows, order=open_):
        said = (row["why"] or next(iter((*row["failed_checks"], *row["diagnosis"])), "")).strip().split("\n")[0]
        count, example = found.get(f"{row['status']}: {said}", (0, label_of(row["settings"])))
        found[f"{row['status']}: {said}"] = count + 1, example
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    return [(why, count, example or "as given") for why, (count, example) in ranked[:8]]


def as_csv(rows: Listing) -> str:
    """Every row, a column per setting and per figure; what is not known is empty."""
    keys = keys_of(rows)
    # A setting may be called as a figure is.
    figures = [name for name in NAMES if name not in keys]
    settings = rows.column("settings")
    columns = [[one.get(key) for one in settings] for key in keys] + [
        rows.column(name) for name in (*figures, "digest")
    ]
    said = zip(*(rows.column(name) for name in ("why", "failed_checks", "diagnosis")), strict=True)
    columns.append([why or "; ".join((*failed, *diagnosis)) for why, failed, diagnosis in said])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*keys, *figures, "digest", "why"])
    writer.writerows(zip(*map(_plain, columns), strict=True))
    return stream.getvalue()


def _plain(column: Sequence[Any]) -> Sequence[Any]:
    if bool not in set(map(type, column)):
        return column
    return [{True: "true", False: "false"}[value] if isinstance(value, bool) else value for value in column]


def as_json(rows: Listing, sweeps: Sequence[Mapping[str, Any]] = ()) -> str:
    """Every row; makespans in integer picoseconds and in seconds."""
    document = {"format_version": FORMAT_VERSION, "sweeps": list(sweeps), "rows": []}
    head, tail = json.dumps(document, indent=1, ensure_ascii=False, default=list).rsplit("[]", 1)
    # A row a line: json indents in Python, which takes ten times as long.
    encode = json.JSONEncoder(ensure_ascii=False, default=list).encode
    lines = ",\n  ".join(map(encode, rows))
    return f"{head}[\n  {lines}\n ]{tail}\n" if lines else f"{head}[]{tail}\n"
