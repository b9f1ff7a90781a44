"""One kind of communication through several models, by size."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from versim.curves.curve import Crossing, Curve, crossings
from versim.work import Kind

TELLING = 0.01
"""Two curves that are never farther apart than this, relatively, cross without meaning: one rounds, one does not."""


def telling_crossings(curves: Sequence[Curve]) -> tuple[Crossing, ...]:
    """Where curves cross that differ by more than a hundredth at some size below, and at some size above."""
    of = {(curve.model, curve.algorithm): curve for curve in curves}
    return tuple(
        crossing
        for crossing in crossings(curves)
        if _apart(of[crossing.below], of[crossing.above], 0, crossing.between_bytes[0])
        and _apart(of[crossing.above], of[crossing.below], crossing.between_bytes[1], None)
    )


def _apart(faster: Curve, slower: Curve, lowest: int, highest: int | None) -> bool:
    """True if one is the faster by more than a hundredth at some size of a range."""
    for size in faster.sizes_bytes:
        one, other = faster.time_s(size), slower.time_s(size)
        within = size >= lowest and (highest is None or size <= highest)
        if within and one and other and other > one * (1 + TELLING):
            return True
    return False


@attrs.frozen(kw_only=True)
class SweptCommunication:
    """What every model says that one kind of communication takes alone.

    Attributes:
        name: What it is, e.g. ``all_reduce over dp``.
        kind: What is done.
        ranks: Who takes part: of a step's groups the first.
        algorithm: Asked of the models; "" leaves them the choice.
        in_step: (size in bytes, how many communications of the graph have it), ascending; empty if it is of no step.
        curves: One per model, all of the same sizes; the first is what others are held against.
        crossings: Where two of them cross.
    """

    name: str
    kind: Kind
    ranks: tuple[int, ...]
    algorithm: str = ""
    in_step: tuple[tuple[int, int], ...] = ()
    curves: tuple[Curve, ...]
    crossings: tuple[Crossing, ...]

    @property
    def sizes_bytes(self) -> tuple[int, ...]:
        """Sizes that were asked, ascending."""
        return self.curves[0].sizes_bytes if self.curves else ()

    def ratio(self, curve: Curve, size_bytes: int) -> float | None:
        """Time over that of the first curve; None if either has none, or the first takes none."""
        mine, theirs = curve.time_s(size_bytes), self.curves[0].time_s(size_bytes)
        return None if mine is None or not theirs else mine / theirs
