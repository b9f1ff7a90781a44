"""Distinct rows of long columns are those that sorting all of them finds, however values lie."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from versim_astrasim.engine.columns import _AT_ONCE, _SOME, distinct_rows

ROWS = _AT_ONCE + 1_000
ROW = np.arange(ROWS, dtype=np.int64)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(ROW % 3, id="few"),
        pytest.param(ROW // 7, id="close"),
        pytest.param(np.where(ROW < ROWS - 5, 1 << 40, -(1 << 40)), id="one of them late"),
        pytest.param(ROW * 0x1E3779B97F4A7C15 % (1 << 61), id="far and many"),
        pytest.param(ROW[: _SOME // 2] * 0x1E3779B97F4A7C15 % (1 << 61), id="short"),
        pytest.param(ROW[:0], id="none"),
    ],
)
def test_distinct_rows_are_what_sorting_finds(column: NDArray[np.int64]) -> None:
    """Alone and beside another column; each row is the one that its number says."""
    beside = np.arange(len(column)) % 2
    for columns in ([column], [column, beside]):
        distinct, number = distinct_rows(columns)
        given = np.stack(columns, axis=1)
        assert (distinct[number] == given).all()
        used = np.zeros(len(distinct), dtype=np.bool_)
        used[number] = True
        assert used.all()
        by_row = distinct[np.lexsort(distinct.T)]
        assert (by_row[1:] != by_row[:-1]).any(axis=1).all()
