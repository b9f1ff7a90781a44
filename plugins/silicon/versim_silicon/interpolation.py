"""Interpolation in a grid of measured values, linear in the logarithms of its axes, and what it stands on.

An axis is answered where a measured value lies within one octave on either side, exactly at a measured value, or
above the largest, where the largest is held (*saturated*). All else is declined: below the smallest, or in a wider gap.

Single places that were not measured are closed from their neighbours along one axis, under the same rule. Which axes
comes first matters: efficiency is smooth along the inner dimension of a product, and jumps along the others, where
tiles run out.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

OCTAVE = 2.0 * (1 + 1e-9)
"""The farthest measured value that is trusted, as a ratio; a hair more, for rounding."""

MISSED_SHARE = 0.5
"""How much of what an estimate misses at its neighbours it is expected to miss itself; the rest is their noise."""

EXACT, INTERPOLATED, SATURATED, MODELLED, DECLINED = range(5)
"""What an answer stands on, the firmest first; a whole answer stands on its weakest part."""

AT_ONCE = 1 << 13
"""Queries looked up at once, so that what is needed of them stays in a core's cache."""

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@attrs.frozen(eq=False)
class Answers:
    """Interpolated values and what they stand on.

    Attributes:
        values: NaN where declined; shape (queries,).
        standing: One of ``EXACT`` … ``DECLINED``; shape (queries,).
    """

    values: Floats
    standing: Bytes


@attrs.frozen(eq=False)
class Grid:
    """Values over a grid; build it with :func:`closed`.

    Attributes:
        axes: Ascending values of each axis, above 0.
        values: Shape (len of each axis); NaN where neither measured nor closed.
        standing: What each value stands on.
    """

    axes: tuple[Floats, ...]
    values: Floats
    standing: Bytes

    def at(self, *query: Floats) -> Answers:
        """Values at places; each query has shape (queries,)."""
        answers = Answers(np.empty(len(query[0])), np.empty(len(query[0]), dtype=np.uint8))
        # What nobody measured says so in its standing, and adds nothing where it has no weight.
        known, stands = np.nan_to_num(self.values).ravel(), self.standing.ravel()
        for start in range(0, len(query[0]), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._fill(known, stands, [values[part] for values in query], answers.values[part], answers.standing[part])
        return answers

    def _fill(self, known: Floats, stands: Bytes, query: Sequence[Floats], answer: Floats, standing: Bytes) -> None:
        cells = [_cell(axis, values) for axis, values in zip(self.axes, query, strict=True)]
        strides = [stride // self.values.itemsize for stride in self.values.strides]
        lowest: NDArray[np.intp] = sum(cell.low * stride for cell, stride in zip(cells, strides, strict=True))  # type: ignore[assignment]
        corners = [(lowest, np.ones(len(answer)))]
        for cell, stride in zip(cells, strides, strict=True):
            corners = [
                corner
                for place, weight in corners
                for corner in ((place, weight * cell.rest), (place + cell.step * stride, weight * cell.share))
            ]
        answer[:] = sum(weight * known[place] for place, weight in corners)
        weakest = [cell.standing for cell in cells] + [stands[place] * (weight > 0) for place, weight in corners]
        standing[:] = np.maximum.reduce(weakest)
        standing[np.isnan(answer)] = DECLINED
        answer[standing == DECLINED] = np.nan


@attrs.frozen(eq=False)
class _Cell:
    """Where queries lie on one axis: between ``low`` and ``low + step``, at ``share`` of the way."""

    low: NDArray[np.intp]
    step: NDArray[np.intp]
    share: Floats
    rest: Floats
    standing: Bytes


def _cell(axis: Floats, query: Floats) -> _Cell:
    if len(axis) == 1:
        low = np.zeros(len(query), dtype=np.intp)
        standing = np.where(query == axis[0], EXACT, np.where(query > axis[0], SATURATED, DECLINED)).astype(np.uint8)
        return _Cell(low, low, np.zeros(len(query)), np.ones(len(query)), standing)
    logs = np.log(axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = np.clip(query, axis[0], axis[-1])
        low = np.clip(np.searchsorted(axis, inside, side="right") - 1, 0, len(axis) - 2)
        below, above = axis[low], axis[low + 1]
        share = (np.log(inside) - logs[low]) / (logs[low + 1] - logs[low])
    share = np.where(inside == below, 0.0, np.where(inside == above, 1.0, share))
    near = (share == 0) | (share == 1) | ((inside <= OCTAVE * below) & (above <= OCTAVE * inside))
    standing = np.full(len(query), INTERPOLATED, dtype=np.uint8)
    standing[(share == 0) | (share == 1)] = EXACT
    standing[query > axis[-1]] = SATURATED
    standing[~near | ~(query >= axis[0]) | ~np.isfinite(query)] = DECLINED
    return _Cell(low, np.ones(len(query), dtype=np.intp), share, 1 - share, standing)


def closed(axes: Sequence[Floats], values: Floats, order: Sequence[int], correcting: int | None = None) -> Grid:
    """A grid whose single missing places are closed along the axes of ``order``, the first that can.

    Args:
        axes: Ascending values of each axis, above 0.
        values: NaN where not measured; shape (len of each axis).
        order: Axes to close along, the smoothest first.
        correcting: An axis along which the neighbours of a missing place tell how far off they would have been closed
            along the first of ``order`` themselves; half of that is added. None for none of this.
    """
    standing = np.where(np.isfinite(values), EXACT, DECLINED).astype(np.uint8)
    filled = values.copy()
    for place, axis in enumerate(order):
        between = _between(axes[axis], values, axis)
        if place == 0 and correcting is not None:
            missed = _between(axes[correcting], values - between, correcting)
            between = between + MISSED_SHARE * np.nan_to_num(missed)
        open_here = np.isnan(filled) & np.isfinite(between)
        filled[open_here], standing[open_here] = between[open_here], INTERPOLATED
    return Grid(tuple(axes), np.ascontiguousarray(filled), standing)


def _between(values_of_axis: Floats, values: Floats, axis: int) -> Floats:
    """Every value as its two neighbours along an axis have it, NaN where one is missing or too far."""
    found = np.full(values.shape, np.nan)
    logs = np.log(values_of_axis)
    along, from_ = np.moveaxis(found, axis, 0), np.moveaxis(values, axis, 0)
    for place in range(1, len(logs) - 1):
        here, near = values_of_axis[place], values_of_axis[[place - 1, place + 1]]
        if here <= OCTAVE * near[0] and near[1] <= OCTAVE * here:
            share = (logs[place] - logs[place - 1]) / (logs[place + 1] - logs[place - 1])
            along[place] = from_[place - 1] * (1 - share) + from_[place + 1] * share
    return found


def held(grid: Grid, axis: int) -> Grid:
    """The same where what is missing above the last value along an axis is that value, as saturated."""
    values, standing = grid.values.copy(), grid.standing.copy()
    for place in range(1, values.shape[axis]):
        here, before = (tuple(p if a == axis else slice(None) for a in range(values.ndim)) for p in (place, place - 1))
        missing = np.isnan(values[here]) & np.isfinite(values[before])
        values[here] = np.where(missing, values[before], values[here])
        standing[here] = np.where(missing, SATURATED, standing[here])
    return Grid(grid.axes, values, standing)
