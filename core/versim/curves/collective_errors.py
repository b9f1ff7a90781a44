"""A sweep of collectives against a measured reference: errors by size beside the noise floor, and what models miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from versim.curves.curve import Curve
from versim.curves.errors_by_size import BANDS, errors_by_band, misses

AGAIN = "measured again"
"""The row of the noise floor: how far two measurements of one collective are apart."""


@attrs.frozen
class ErrorTable:
    """Errors of every model for one kind, number of ranks and algorithm.

    Attributes:
        rows: Model ─▶ mean absolute error by band of :data:`BANDS`, None where it has none; the noise floor first.
        missed: A sentence per model on what it misses.
    """

    rows: Mapping[str, tuple[float | None, ...]]
    missed: tuple[str, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(band for band, _ in BANDS)

    def cells(self) -> list[list[str]]:
        """Rows as text, in percent."""
        return [[model, *map(_percent, means)] for model, means in self.rows.items()]


def error_table(curves: Sequence[Curve], measured: Curve, noise: Mapping[str, float]) -> ErrorTable:
    """Errors of curves against a measured one."""
    bands = [band for band, _ in BANDS]
    rows: dict[str, tuple[float | None, ...]] = {AGAIN: tuple(map(noise.get, bands))} if noise else {}
    missed = []
    for curve in curves:
        means = {error.band: error.mean for error in errors_by_band(curve, measured)}
        rows[curve.model] = tuple(map(means.get, bands))
        sentence = misses(curve, measured)
        if sentence:
            missed.append(f"{curve.model} misses: {sentence}")
    return ErrorTable(rows, tuple(missed))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}"
