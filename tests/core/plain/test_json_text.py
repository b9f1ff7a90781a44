"""JSON from strangers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.plain import UnreadableError, parse_json


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' is given twice"),
        ('{"a": 1,\n "b": }', "line 2, column 7: is not a JSON document"),
        ("[" * 100_000, "is nested too deeply"),
        ("[" + "[]," * 2_000_000 + "[]]", "has more than 2,000,000 lists and objects"),
        ("[" + "1" * 5000 + "]", "digits"),
        ("\xff", "is not UTF-8 text"),
    ],
)
def test_what_is_no_plain_document_is_refused(text: str, message: str) -> None:
    """Before it fills the memory: 60 MB of ``[]`` would take 2 GB."""
    with pytest.raises(UnreadableError, match=message):
        parse_json(text.encode("latin-1"), "text")


@given(st.binary(max_size=60))
def test_any_bytes_are_data_or_an_error(content: bytes) -> None:
    """Nothing a file can hold leads to a traceback."""
    with contextlib.suppress(UnreadableError):
        parse_json(content, "text")
