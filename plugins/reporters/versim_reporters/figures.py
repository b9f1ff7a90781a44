"""Numbers for people: exact where it matters, short where it does not, and never a difference printed as zero."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal

import attrs

NOTHING = "–"
"""Where a prediction has no such figure."""


@attrs.frozen
class Unit:
    """A unit of time.

    Attributes:
        name: Its sign.
        digits: Decimals of an exact number of picoseconds.
    """

    name: str
    digits: int


SECONDS = Unit("s", 12)
UNITS = (SECONDS, Unit("ms", 9), Unit("µs", 6), Unit("ns", 3), Unit("ps", 0))

NANOSECONDS_OF_SECONDS = 9
"""Decimals shown of seconds unless a figure would vanish: simulators work in nanoseconds."""


def unit_for(times_ps: Sequence[int | float | None]) -> Unit:
    """The largest unit in which the largest of some times is at least 1; seconds if there is none."""
    largest = max((abs(time_ps) for time_ps in times_ps if time_ps is not None), default=0)
    if not largest:
        return SECONDS
    return next((unit for unit in UNITS if largest >= 10**unit.digits), UNITS[-1])


def time_column(
    times_ps: Sequence[int | None], unit: Unit, *, signed: bool = False, decimals: int = NANOSECONDS_OF_SECONDS
) -> list[str]:
    """Times in one unit with equal decimals: nanoseconds of seconds, exact picoseconds of smaller units.

    Zeros that end every row are dropped; where a time would print as zero, all get the decimals it takes.
    """
    known = [time_ps for time_ps in times_ps if time_ps]
    decimals = min(unit.digits, decimals)
    if known:
        smallest = min(map(abs, known))
        # Two significant digits of the smallest, as far as there are picoseconds to show.
        decimals = min(unit.digits, max(decimals, unit.digits - len(str(smallest)) + 2))
    cells = [
        None if t is None else f"{Decimal(t).scaleb(-unit.digits):{'+' if signed else ''}.{decimals}f}"
        for t in times_ps
    ]
    shown = [cell for cell, time_ps in zip(cells, times_ps, strict=True) if cell is not None and time_ps]
    spare = min((len(cell) - len(cell.rstrip("0")) for cell in shown if "." in cell), default=0)
    if spare and shown:
        spare = min(spare, decimals)
        cells = [cell if cell is None else cell[:-spare].rstrip(".") for cell in cells]
    return [NOTHING if cell is None else cell if t else "0" for cell, t in zip(cells, times_ps, strict=True)]


def exact_time(time_ps: int) -> str:
    """A time with its unit, to the nanosecond from one second on, to the picosecond below: ``323.497265666 s``."""
    unit = unit_for([time_ps])
    return f"{time_column([time_ps], unit)[0]} {unit.name}"


def short_time(time_ps: float, *, digits: int = 5, signed: bool = False) -> str:
    """A time with its unit in a few significant digits: ``13.268 ms``."""
    if not time_ps:
        return "0"
    unit = unit_for([time_ps])
    value = float(time_ps) / 10**unit.digits
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    if not unit.digits:
        # A whole picosecond is as exact as it gets; a mean may lie between two.
        decimals = 0 if value == round(value) else min(decimals, 3)
    return f"{value:{'+' if signed else ''}.{decimals}f} {unit.name}"


def trimmed_time(time_ps: float) -> str:
    """A time that people chose, as they would write it: ``5 µs``."""
    unit = unit_for([time_ps])
    return f"{time_ps / 10**unit.digits:.6g} {unit.name}"


def percent(value: float | None) -> str:
    """Signed percents with three significant digits, without the sign of percent: ``+0.118``, ``-3.0e-07``."""
    if value is None:
        return NOTHING
    if not value:
        return "0"
    size = abs(value)
    if not 1e-4 <= size < 1e6:
        return f"{value:+.1e}"
    return f"{value:+.{max(0, 2 - math.floor(math.log10(size)))}f}"


def short_percent(value: float) -> str:
    """Signed percents in at most six characters for what is not huge: ``+32.6``, ``-0.067``, ``+3e-8``."""
    size = abs(value)
    if not value or 0.1 <= size < 1e6:
        return percent(value)
    if 0.001 <= size < 0.1:
        return f"{value:+.3f}"
    return re.sub(r"e([+-])0*", r"e\1", f"{value:+.0e}").replace("e+", "e")


def share(part: float, whole: float) -> str:
    """A share of a whole: ``96.6 %``; "0 %" and "100 %" only where exactly that is meant."""
    if not whole:
        return "0 %"
    value = 100 * part / whole
    if part in (0, whole):
        return f"{value:.0f} %"
    return f"{value:.1f} %" if 0.05 <= value < 99.95 else "< 0.1 %" if value < 0.05 else "> 99.9 %"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 rank``, ``8 ranks``, ``1,048,576 ranks``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
