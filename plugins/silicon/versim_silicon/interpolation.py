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

EXACT, INTERPOLATED, SATURATED, MODELLED, DECLINED = range(5)
"""What an answer stands on, the firmest first; a whole answer stands on its weakest part."""

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
        cells = [_cell(axis, values) for axis, values in zip(self.axes, query, strict=True)]
        standing = np.maximum.reduce([cell.standing for cell in cells])
        strides = [stride // self.values.itemsize for stride in self.values.strides]
        flat, stands = self.values.ravel(), self.standing.ravel()
        low = sum(cell.low * stride for cell, stride in zip(cells, strides, strict=True))
        steps = [cell.step * stride for cell, stride in zip(cells, strides, strict=True)]
        answer = np.zeros(len(query[0]))
        for corner in range(1 << len(cells)):
            place, weight = low, None
            for axis, cell in enumerate(cells):
                if corner >> axis & 1:
                    place, share = place + steps[axis], cell.share
                else:
                    share = cell.rest
                weight = share if weight is None else weight * share
            # A corner without weight may be one that nobody measured.
            used = weight > 0  # type: ignore[operator]
            answer += np.where(used, weight * flat[place], 0.0)  # type: ignore[operator]
            standing = np.maximum(standing, np.where(used, stands[place], EXACT))
        declined = (standing == DECLINED) | np.isnan(answer)
        answer[declined] = np.nan
        standing[declined] = DECLINED
        return Answers(answer, standing)


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


def closed(axes: Sequence[Floats], values: Floats, order: Sequence[int]) -> Grid:
    """A grid whose single missing places are closed along the axes of ``order``, the first that can."""
    standing = np.where(np.isfinite(values), EXACT, DECLINED).astype(np.uint8)
    filled = values.copy()
    for axis in order:
        logs = np.log(axes[axis])
        for place in range(1, len(logs) - 1):
            here, near = axes[axis][place], axes[axis][[place - 1, place + 1]]
            if here > OCTAVE * near[0] or near[1] > OCTAVE * here:
                continue
            share = (logs[place] - logs[place - 1]) / (logs[place + 1] - logs[place - 1])
            at = tuple(place if a == axis else slice(None) for a in range(values.ndim))
            before, after = np.take(values, place - 1, axis), np.take(values, place + 1, axis)
            between = before * (1 - share) + after * share
            open_here = np.isnan(filled[at]) & np.isfinite(between)
            filled[at] = np.where(open_here, between, filled[at])
            standing[at] = np.where(open_here, INTERPOLATED, standing[at])
    return Grid(tuple(axes), np.ascontiguousarray(filled), standing)


def held(grid: Grid, axis: int) -> Grid:
    """The same where what is missing above the last value along an axis is that value, as saturated."""
    values, standing = grid.values.copy(), grid.standing.copy()
    for place in range(1, values.shape[axis]):
        here, before = (tuple(p if a == axis else slice(None) for a in range(values.ndim)) for p in (place, place - 1))
        missing = np.isnan(values[here]) & np.isfinite(values[before])
        values[here] = np.where(missing, values[before], values[here])
        standing[here] = np.where(missing, SATURATED, standing[here])
    return Grid(grid.axes, values, standing)
