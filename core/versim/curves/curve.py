"""Times of one collective by size, in one model, and the sizes at which two curves cross."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import attrs

from versim.curves.alpha_beta import Fit, fit
from versim.curves.bandwidth import algorithm_bandwidth, bus_bandwidth
from versim.work import Kind


@attrs.frozen(kw_only=True)
class Curve:
    """What one model says a collective takes, by size.

    Attributes:
        model: The contestant's label.
        kind: What is done.
        ranks: How many take part.
        algorithm: Asked of the model; "" leaves it the choice.
        sizes_bytes: Ascending.
        times_s: Seconds of each size; None where the model refused or did not complete.
        refusal: Why, of the first that is None; "" if there is none.
    """

    model: str
    kind: Kind
    ranks: int
    algorithm: str
    sizes_bytes: tuple[int, ...]
    times_s: tuple[float | None, ...]
    refusal: str = ""

    def time_s(self, size_bytes: int) -> float | None:
        """Seconds at one of the sizes."""
        return self.times_s[self.sizes_bytes.index(size_bytes)]

    def algorithm_bandwidth(self, size_bytes: int) -> float | None:
        """Bytes per second; see :mod:`versim.curves.bandwidth`. None without a time, or if it takes none."""
        time_s = self.time_s(size_bytes)
        return algorithm_bandwidth(size_bytes, time_s) if time_s else None

    def bus_bandwidth(self, size_bytes: int) -> float | None:
        """Bytes per second, comparable with a link's."""
        time_s = self.time_s(size_bytes)
        return bus_bandwidth(self.kind, self.ranks, size_bytes, time_s) if time_s else None

    def fit(self) -> Fit | None:
        """The straight line through the times there are."""
        known = [(size, time) for size, time in zip(self.sizes_bytes, self.times_s, strict=True) if time is not None]
        return fit([size for size, _ in known], [time for _, time in known]) if known else None


@attrs.frozen(kw_only=True)
class Crossing:
    """A size at which one curve overtakes another.

    Attributes:
        kind: What is done.
        ranks: How many take part.
        below: (model, algorithm) of the faster below the size.
        above: Of the faster above it.
        size_bytes: Where the two take equally long, on straight lines in logarithms of size and time between
            ``between_bytes``.
        between_bytes: Two sizes that were asked; below the first one is faster, above the second the other.
    """

    kind: Kind
    ranks: int
    below: tuple[str, str]
    above: tuple[str, str]
    size_bytes: float
    between_bytes: tuple[int, int]


Ask = Callable[[Curve, int], float | None]
"""(curve, size in bytes) ─▶ seconds of that model, or None."""

Point = tuple[int, float]
"""A size, and there ln(time of one curve / time of the other)."""

NARROW = 1.01
"""Bracketing sizes that are closer than this say enough."""


def crossings(curves: Sequence[Curve], ask: Ask | None = None) -> tuple[Crossing, ...]:
    """Where curves of one kind and number of ranks cross: two models of one algorithm, or two algorithms in one model.

    Sizes at which the two are equal count for neither; curves that only touch do not cross.

    Args:
        curves: Times by size.
        ask: For further sizes, so that a crossing is bracketed within 1 % by bisection; without it the two sizes of
            the curves around it stand, which may be far apart. Where curves cross several times between two sizes,
            one of them is found.
    """
    return tuple(
        _crossing(one, two, *(bracket if ask is None else _narrowed(one, two, ask, *bracket)))
        for one, two in itertools.combinations(curves, 2)
        if (one.kind, one.ranks) == (two.kind, two.ranks) and (one.algorithm == two.algorithm or one.model == two.model)
        for bracket in _brackets(one, two)
    )


def _brackets(one: Curve, two: Curve) -> list[tuple[Point, Point]]:
    """Neighbouring sizes between which the order changes."""
    points = []
    for size in one.sizes_bytes:
        first, second = one.time_s(size), two.time_s(size) if size in two.sizes_bytes else None
        if first and second and first != second:
            points.append((size, math.log(first / second)))
    return [(low, high) for low, high in itertools.pairwise(points) if (low[1] < 0) != (high[1] < 0)]


def _crossing(one: Curve, two: Curve, low: Point, high: Point) -> Crossing:
    share = low[1] / (low[1] - high[1])
    below, above = (one, two) if low[1] < 0 else (two, one)
    return Crossing(
        kind=one.kind,
        ranks=one.ranks,
        below=(below.model, below.algorithm),
        above=(above.model, above.algorithm),
        size_bytes=low[0] * (high[0] / low[0]) ** share,
        between_bytes=(low[0], high[0]),
    )


def _narrowed(one: Curve, two: Curve, ask: Ask, low: Point, high: Point) -> tuple[Point, Point]:
    """The bracket halved in logarithms until it is narrow, or a model does not answer in between."""
    while high[0] > low[0] * NARROW and high[0] - low[0] > 1:
        size = max(low[0] + 1, min(high[0] - 1, round(math.sqrt(low[0] * high[0]))))
        first, second = ask(one, size), ask(two, size)
        if not first or not second or first == second:
            break
        middle = size, math.log(first / second)
        if (middle[1] < 0) == (low[1] < 0):
            low = middle
        else:
            high = middle
    return low, high
