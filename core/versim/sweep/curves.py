"""Times of one collective by size, in one model, and the sizes at which two curves cross."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import attrs

from versim.sweep.alpha_beta import Fit, fit
from versim.sweep.bandwidth import algorithm_bandwidth, bus_bandwidth
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
        """Bytes per second; see :mod:`versim.sweep.bandwidth`. None without a time, or if it takes none."""
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
        size_bytes: Where the two take equally long: between two sizes of the sweep, on straight lines in logarithms of
            size and time.
        between_bytes: Those two sizes.
    """

    kind: Kind
    ranks: int
    below: tuple[str, str]
    above: tuple[str, str]
    size_bytes: float
    between_bytes: tuple[int, int]


def crossings(curves: Sequence[Curve]) -> tuple[Crossing, ...]:
    """Where curves of one kind and number of ranks cross: two models of one algorithm, or two algorithms in one model.

    Sizes at which the two are equal count for neither; curves that only touch do not cross.
    """
    return tuple(
        crossing
        for one, two in itertools.combinations(curves, 2)
        if (one.kind, one.ranks) == (two.kind, two.ranks) and (one.algorithm == two.algorithm or one.model == two.model)
        for crossing in _crossings(one, two)
    )


def _crossings(one: Curve, two: Curve) -> list[Crossing]:
    ratios = []
    for size in one.sizes_bytes:
        first, second = one.time_s(size), two.time_s(size) if size in two.sizes_bytes else None
        if first and second and first != second:
            ratios.append((size, math.log(first / second)))
    found = []
    for (low, before), (high, after) in itertools.pairwise(ratios):
        if (before < 0) == (after < 0):
            continue
        share = before / (before - after)
        faster, slower = (one, two) if before < 0 else (two, one)
        found.append(
            Crossing(
                kind=one.kind,
                ranks=one.ranks,
                below=(faster.model, faster.algorithm),
                above=(slower.model, slower.algorithm),
                size_bytes=low * (high / low) ** share,
                between_bytes=(low, high),
            )
        )
    return found
