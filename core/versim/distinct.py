"""Distinct values of a column of small numbers, found by counting.

What :func:`numpy.unique` does for any values by sorting. Codes into tables are small, and a column of them is looked
through in a few passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from versim.kernel import passes
from versim.kernel.functions import MOST_ROWS, compiled, counting_sort

_MOST_PER_ROW = 16
_ALWAYS = 1 << 16


def distinct(
    codes: NDArray[np.integer[Any]], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values of a column, ascending; where each stands first; and of each row the number of its value.

    Args:
        codes: Numbers from 0 on, (rows,).
        limit: They are below it.
    """
    if limit > max(_MOST_PER_ROW * len(codes), _ALWAYS):
        values, first, numbers = np.unique(codes, return_index=True, return_inverse=True)
        return values.astype(np.int64), first, numbers
    place = np.full(limit, -1, dtype=np.int64)
    # Of several rows with one value the last that is written stays: the first of them, from behind.
    place[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    values = np.flatnonzero(place >= 0)
    first = place[values]
    place[values] = np.arange(len(values))
    return values, first, place[codes]


def runs(codes: NDArray[np.integer[Any]], limit: int) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The distinct values of a column, ascending, and the rows of each, ascending; arguments as of :func:`distinct`."""
    if not len(codes):
        return np.zeros(0, dtype=np.int64), []
    if compiled() and limit <= min(max(_MOST_PER_ROW * len(codes), _ALWAYS), MOST_ROWS):
        start, rows = counting_sort(codes, limit)
        values = np.flatnonzero(np.diff(start))
        order = rows.astype(np.int64)
        return values, np.split(order, start[values[1:]])
    order = np.argsort(codes, kind="stable")
    values, starts = np.unique(codes[order], return_index=True)
    return values.astype(np.int64), np.split(order, starts[1:])


def pairs(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first row of each distinct pair of whole numbers, in order of appearance, and the number of each row's."""
    if compiled():
        return passes.distinct_pairs(one, other)
    known: dict[tuple[int, int], int] = {}
    first: list[int] = []
    number = np.empty(len(one), dtype=np.int32)
    for row, pair in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
        if pair not in known:
            known[pair] = len(first)
            first.append(row)
        number[row] = known[pair]
    return np.array(first, dtype=np.int32), number


def grouped(group: NDArray[np.int32], groups: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The rows of each group as a CSR pair, starts (groups + 1,) and rows, ascending; a row of -1 is in none."""
    rows = np.flatnonzero(group >= 0).astype(np.int32)
    of_row = group[rows]
    if compiled():
        start, order = counting_sort(of_row, groups)
    else:
        order = np.argsort(of_row, kind="stable").astype(np.int32)
        start = np.zeros(groups + 1, dtype=np.int64)
        np.cumsum(np.bincount(of_row, minlength=groups), out=start[1:])
    return start, rows[order]


def largest(
    values: NDArray[np.int64], start: NDArray[np.int64], rows: NDArray[np.integer[Any]], otherwise: int = 0
) -> NDArray[np.int64]:
    """The largest value of each group, (groups,), given the groups as :func:`grouped` does; ``otherwise`` if empty."""
    if compiled() and values.dtype == np.int64:
        return passes.largest(values, start, rows, otherwise)
    found = np.full(len(start) - 1, otherwise, dtype=np.int64)
    filled = np.flatnonzero(start[1:] > start[:-1])
    if len(filled):
        found[filled] = np.maximum.reduceat(values[rows], start[filled])
    return found
