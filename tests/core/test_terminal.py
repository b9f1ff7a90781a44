"""Text from elsewhere, made fit for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.terminal import Column, grids, printable, shortened, width_of, wrapped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
        ("x\u0301", "x\\u0301"),
        ("e\u0301", "é"),
        ("日本 {0} µs", "日本 {0} µs"),
    ],
)
def test_what_does_not_show_is_escaped(text: str, shown: str) -> None:
    """Terminal codes, writing direction, lone surrogates; ordinary text of any script stays."""
    assert printable(text) == shown


@given(st.text().map(printable), st.integers(1, 40))
def test_shortened_text_fits(text: str, width: int) -> None:
    """And stays whole if it did."""
    short = shortened(text, width)
    assert width_of(short) <= width
    assert short == text or "…" in short


@given(st.text().map(printable), st.integers(20, 60), st.sampled_from(["", "- ", "label: "]))
def test_wrapped_text_fits_and_is_complete(text: str, width: int, first: str) -> None:
    """No character but blanks is lost."""
    lines = wrapped(text, width, first=first)
    assert all(width_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join((first + text).split())


def test_wide_characters_keep_columns_straight() -> None:
    """A Chinese character takes two columns."""
    keys = (Column(heading=("name",), cells=("日本語", "ab"), align="left", least=4),)
    (table,) = grids(keys, [(Column(heading=("n",), cells=("1", "22")),)], 40)
    assert table == ["name     n", "------  --", "日本語   1", "ab      22"]


def test_points_meet() -> None:
    """In columns of figures with a different number of decimals."""
    keys = (Column(heading=("k",), cells=("a", "b", "c"), align="left"),)
    (table,) = grids(keys, [(Column(heading=("x",), cells=("+1.25", "+12.5", "0"), align="decimal"),)], 40)
    assert table == ["k       x", "-  ------", "a   +1.25", "b  +12.5", "c    0"]
