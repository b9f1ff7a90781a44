"""Counting finds what sorting finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.distinct import distinct, grouped, runs
from versim.kernel.library import KERNEL_VARIABLE

columns = st.lists(st.integers(0, 30), max_size=60).map(lambda values: np.array(values, dtype=np.int32))
limits = st.sampled_from([31, 1000, 2**40])


@given(column=columns, limit=limits)
def test_distinct_is_what_unique_says(column: np.ndarray, limit: int) -> None:
    """Whichever way the limit makes it go."""
    for found, expected in zip(
        distinct(column, limit), np.unique(column, return_index=True, return_inverse=True), strict=True
    ):
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("kernel", ["", "off"])
@given(column=columns, limit=limits)
def test_runs_hold_every_row_once_and_in_order(kernel: str, column: np.ndarray, limit: int) -> None:
    """By sorting in Python, and by counting in the kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KERNEL_VARIABLE, kernel)
        values, places = runs(column, limit)
    assert values.tolist() == sorted(set(column.tolist()))
    for value, rows in zip(values.tolist(), places, strict=True):
        assert rows.tolist() == np.flatnonzero(column == value).tolist()


@pytest.mark.parametrize("kernel", ["", "off"])
@given(column=columns)
def test_rows_are_grouped_and_those_of_no_group_left_out(kernel: str, column: np.ndarray) -> None:
    """Groups without rows are empty."""
    group = column - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KERNEL_VARIABLE, kernel)
        start, rows = grouped(group, 32)
    for number in range(32):
        assert rows[start[number] : start[number + 1]].tolist() == np.flatnonzero(group == number).tolist()
