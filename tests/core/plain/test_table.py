"""Tables from strangers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import VersimError
from versim.plain import parse_table


def test_rows_have_columns_and_lines() -> None:
    """Comments above the header are kept, a quoted cell may go over lines, empty lines are nothing."""
    table = parse_table('# one\n# two\na, b\n\n1,"x\ny"\n# between\n 2 ,3\n', "t.csv")
    assert table.comments == ("one", "two")
    assert table.columns == ("a", "b")
    assert table.rows == ({"a": "1", "b": "x\ny"}, {"a": "2", "b": "3"})
    assert table.lines == (6, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a\n1,2,3\n", "t.csv: line 1: the column 'a' is there 2 times"),
        ("a,,b\n1,2,3\n", "line 1: column 2 has no name"),
        ("a,b\n1\n1,2\n1,2,3\n", r"(?s)2 faults.*line 2: has 1 cells.*line 4: has 3 cells, the header has 2"),
        ("a\n" + "x" * 200_000, "line 2: is not CSV: field larger than field limit"),
        ('a\n"x', "is not CSV: unexpected end of data"),
        ("a\n" + "1\n" * 2_000_000, "has more than 2,000,000 cells; keep the rows that matter"),
    ],
)
def test_a_table_that_could_be_misread_is_refused(text: str, message: str) -> None:
    """The last of two columns of one name would silently be the one that counts."""
    with pytest.raises(VersimError, match=message):
        parse_table(text, "t.csv")


@given(st.text(max_size=60))
def test_any_text_is_a_table_or_an_error(text: str) -> None:
    """Nothing a file can hold leads to a traceback."""
    with contextlib.suppress(VersimError):
        parse_table(text, "t.csv")
