"""Numbers for people."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim_reporters.figures import (
    SECONDS,
    exact_time,
    percent,
    share,
    short_percent,
    short_time,
    time_column,
    unit_for,
)


@pytest.mark.parametrize(
    ("time_ps", "text"),
    [
        (323_497_265_666_000, "323.497265666 s"),
        (323_497_265_666_400, "323.497265666 s"),
        (13_268_001_002, "13.268001002 ms"),
        (13_268_000, "13.268 µs"),
        (1, "1 ps"),
        (0, "0 s"),
        (10**12, "1 s"),
    ],
)
def test_exact_times(time_ps: int, text: str) -> None:
    """Nanoseconds of seconds, picoseconds of less."""
    assert exact_time(time_ps) == text


@given(st.lists(st.one_of(st.none(), st.integers(-(10**18), 10**18)), min_size=1, max_size=6))
def test_a_column_shows_no_time_as_zero_and_stays_close(times_ps: list[int | None]) -> None:
    """A cell is "0" only for 0, decimals are equal, and the error is below the last shown digit."""
    unit = unit_for(times_ps)
    cells = time_column(times_ps, unit)
    decimals = {len(cell.partition(".")[2]) for cell, time_ps in zip(cells, times_ps, strict=True) if time_ps}
    assert len(decimals) <= 1
    for cell, time_ps in zip(cells, times_ps, strict=True):
        if time_ps is None:
            assert cell == "–"
        elif not time_ps:
            assert cell == "0"
        else:
            assert Decimal(cell) != 0
            assert abs(Decimal(cell).scaleb(unit.digits) - time_ps) <= Decimal(10) ** (unit.digits - max(decimals)) / 2


def test_zeros_that_end_every_row_are_dropped() -> None:
    """But never digits."""
    assert time_column([1_500_000_000_000, 10 * 10**12], SECONDS) == ["1.5", "10.0"]
    assert time_column([10 * 10**12, None, 0], SECONDS) == ["10", "–", "0"]


@pytest.mark.parametrize(
    ("value", "long", "short"),
    [
        (0.0, "0", "0"),
        (3e-7, "+3.0e-07", "+3e-7"),
        (-0.0666, "-0.0666", "-0.067"),
        (0.118, "+0.118", "+0.118"),
        (8.0512, "+8.05", "+8.05"),
        (315.4, "+315", "+315"),
        (-1234.5, "-1234", "-1234"),
        (2.5e9, "+2.5e+09", "+2e9"),
    ],
)
def test_percents(value: float, long: str, short: str) -> None:
    """Three significant digits, and never 0.00 for what is not 0."""
    assert (percent(value), short_percent(value)) == (long, short)


@given(st.floats(-1e12, 1e12).filter(bool))
def test_percents_are_signed_and_not_zero(value: float) -> None:
    """For every size."""
    for text in (percent(value), short_percent(value)):
        assert text[0] == ("+" if value > 0 else "-")
        assert float(text) != 0 or abs(value) < 1e-300


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 10**6, "< 0.1 %"),
        (999_999, 10**6, "> 99.9 %"),
        (1, 3, "33.3 %"),
        (0, 0, "0 %"),
    ],
)
def test_shares(part: float, whole: float, text: str) -> None:
    """All and nothing are said only where they are meant."""
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("time_ps", "text"),
    [(0, "0"), (13_268_001_002, "13.268 ms"), (2.4e18, "2400000 s"), (0.4, "0.400 ps"), (3, "3 ps")],
)
def test_short_times(time_ps: float, text: str) -> None:
    """Five significant digits with the unit."""
    assert short_time(time_ps) == text
