"""Tables that fit: text columns are shortened first, then a table is split, its key columns repeated."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import attrs

from versim.terminal.text import is_wide, shortened, width_of

LEAST = 12
"""Columns that a text may be shortened to."""

_GAP = 2
_PRIVATE = 0xF0000
_SECOND = "\ue000"
"""The second column of a wide character."""

_BLANK = "\ue001"
"""A blank that tabulate does not strip."""


def _stripped(lines: Iterable[str]) -> tuple[str, ...]:
    """As tabulate would print them, so that widths are those of what is seen."""
    return tuple(line.strip() for line in lines)


@attrs.frozen(kw_only=True)
class Column:
    """One column.

    Attributes:
        heading: Lines of the heading, with the unit in the last.
        cells: Printable text, one per row.
        align: ``left``, ``right`` or ``decimal``.
        least: Columns that text may be shortened to; None for figures, which are shown whole.
    """

    heading: tuple[str, ...] = attrs.field(converter=_stripped)
    cells: tuple[str, ...] = attrs.field(converter=_stripped)
    align: str = "right"
    least: int | None = None

    @property
    def width(self) -> int:
        """Columns it takes unless shortened."""
        widths = [width_of(text) for text in (*self.heading, *self.cells)]
        if self.align != "decimal":
            return max(widths, default=0)
        before = max((len(cell.partition(".")[0]) for cell in self.cells), default=0)
        after = max((len(cell) - len(cell.partition(".")[0]) for cell in self.cells), default=0)
        return max(*widths, before + after)

    def within(self, width: int) -> Column:
        """The same column in at most ``width``; figures that are cut have no decimal points to meet any more."""
        return attrs.evolve(
            self,
            align="right" if self.align == "decimal" and width < self.width else self.align,
            heading=tuple(shortened(line, width) for line in self.heading),
            cells=tuple(shortened(cell, width) for cell in self.cells),
        )


Group = tuple[Column, ...]
"""Columns that stay together when a table is split."""


def grids(keys: Group, groups: Sequence[Group], width: int) -> list[list[str]]:
    """One table if it fits, else as few as it takes; every one starts with ``keys`` and keeps groups whole.

    A group that would not fit even alone is taken apart.
    """
    least_keys = sum(_least(column) + _GAP for column in keys)
    tables: list[list[Column]] = []
    used = width + 1
    whole = [least_keys + sum(_least(column) + _GAP for column in group) - _GAP <= width for group in groups]
    parts = [[group] if fits else [(c,) for c in group] for group, fits in zip(groups, whole, strict=True)]
    for group in itertools.chain.from_iterable(parts):
        needs = sum(_least(column) + _GAP for column in group)
        if used + needs - _GAP > width:
            tables.append([])
            used = least_keys
        tables[-1].extend(group)
        used += needs
    return [_grid((*keys, *table), width) for table in tables or [[]]]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], align: str, width: int, keys: int = 1) -> list[str]:
    """Rows under headings of one or two lines, in as few tables as fit ``width`` one below the other.

    Args:
        headings: Of the columns; a newline parts the lines of one.
        rows: Printable text, as long as ``headings``.
        align: One letter per column, ``l`` or ``r``; text flush left may be shortened, figures are shown whole.
        width: Columns there are.
        keys: How many of the first columns every table repeats.
    """
    lines = max(heading.count("\n") for heading in headings) + 1
    columns = [
        Column(
            heading=tuple((*heading.split("\n"), *[""] * lines)[:lines]),
            cells=tuple(row[position] for row in rows),
            align="left" if letter == "l" else "right",
            least=LEAST if letter == "l" else None,
        )
        for position, (heading, letter) in enumerate(zip(headings, align, strict=True))
    ]
    made = grids(tuple(columns[:keys]), [(column,) for column in columns[keys:]], width)
    return [line for position, lines in enumerate(made) for line in ([""] if position else []) + lines]


def _least(column: Column) -> int:
    return column.width if column.least is None else min(column.least, column.width)


def _grid(columns: Sequence[Column], width: int) -> list[str]:
    from tabulate import tabulate  # noqa: PLC0415 - texts are made fit without it

    columns = _fitted(columns, width)
    stand_ins: dict[str, str] = {}
    headings = list(zip(*(column.heading for column in columns), strict=True))
    cells = list(zip(*(_aligned(column) for column in columns), strict=True))
    # Headings go in as rows: tabulate makes columns two wider than a heading needs.
    text = tabulate(
        [[_stand_in(cell, stand_ins) for cell in row] for row in (*headings, *cells)],
        tablefmt="plain",
        colalign=["left" if column.align == "left" else "right" for column in columns],
        disable_numparse=True,
    )
    for character, stand_in in stand_ins.items():
        text = text.replace(stand_in, character)
    lines = text.replace(_BLANK, " ").split("\n")
    lines.insert(len(headings), (" " * _GAP).join("-" * column.width for column in columns))
    return [line.rstrip() for line in lines]


def _aligned(column: Column) -> tuple[str, ...]:
    """Cells such that their decimal points meet when they are set flush right."""
    if column.align != "decimal":
        return column.cells
    after = [len(cell) - len(cell.partition(".")[0]) for cell in column.cells]
    return tuple(cell + _BLANK * (max(after) - n) for cell, n in zip(column.cells, after, strict=True))


def _fitted(columns: Sequence[Column], width: int) -> list[Column]:
    """Columns shortened, the widest text first, until they fit; figures only if nothing else is left."""
    available = width - _GAP * (len(columns) - 1)
    widths = [min(column.width, width) for column in columns]
    for shrinkable in (True, False):
        floor = [min(w, (c.least or 3) if shrinkable else 1) for c, w in zip(columns, widths, strict=True)]
        chosen = [i for i, column in enumerate(columns) if column.least is not None or not shrinkable]
        while sum(widths) > available:
            spare = [i for i in chosen if widths[i] > floor[i]]
            if not spare:
                break
            widths[max(spare, key=lambda i: widths[i])] -= 1
    return [column.within(width) for column, width in zip(columns, widths, strict=True)]


def _stand_in(text: str, known: dict[str, str]) -> str:
    """Text with private characters of width one for all that is not ASCII, two of them where it is wide.

    So tabulate counts columns as this package does, whether or not a library of widths is installed.
    """
    if text.isascii():
        return text
    for character in sorted(set(text)):
        if not character.isascii() and character != _BLANK:
            known.setdefault(character, chr(_PRIVATE + len(known)) + (_SECOND if is_wide(character) else ""))
    return "".join(known.get(character, character) for character in text)
