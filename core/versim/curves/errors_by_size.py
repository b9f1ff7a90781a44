"""How far a model's times are from a measured curve, by size, and what it misses.

Small sizes tell of latency, large ones of bandwidth, those between of what changes on the way. The bands are those in
which repeated measurements of one collective differ most and least.
"""

from __future__ import annotations

import itertools
import math

import attrs

from versim.curves.bandwidth import bus_bandwidth
from versim.curves.curve import Curve

KIB, MIB = 2**10, 2**20
GB = 1e9

BANDS: tuple[tuple[str, float], ...] = (("≤ 64 KiB", 64 * KIB), ("≤ 4 MiB", 4 * MIB), ("above", math.inf))
"""Name and largest size of each band."""

TELLING = 0.15
"""A difference that is worth a sentence."""

JUMP = 1.35
"""A measured time that grows by this much more than the sizes' ratio allows for changes the protocol."""


@attrs.frozen
class BandError:
    """Errors of one model over the sizes of a band.

    Attributes:
        band: Its name.
        count: Sizes that both have.
        mean: Mean absolute error, relative to the measured time.
        signed: Mean signed error; above 0 where the model is slow.
    """

    band: str
    count: int
    mean: float
    signed: float


def errors_by_band(curve: Curve, measured: Curve) -> tuple[BandError, ...]:
    """Errors of a curve, the bands without a common size left out."""
    found = []
    least = 0.0
    for band, most in BANDS:
        errors = [error for size, error in _errors(curve, measured) if least < size <= most]
        least = most
        if errors:
            found.append(
                BandError(band, len(errors), math.fsum(map(abs, errors)) / len(errors), math.fsum(errors) / len(errors))
            )
    return tuple(found)


def misses(curve: Curve, measured: Curve) -> str:
    """A sentence on what a model misses; "" where every band is within :data:`TELLING`."""
    bands = {error.band: error for error in errors_by_band(curve, measured)}
    if not bands:
        return ""
    sentences = [_latency(curve, measured), _protocol(curve, measured), _bandwidth(curve, measured)]
    wrong = [
        sentence
        for sentence, (band, _) in zip(sentences, BANDS, strict=True)
        if sentence and band in bands and bands[band].mean > TELLING
    ]
    return "; ".join(wrong)


def _errors(curve: Curve, measured: Curve) -> list[tuple[int, float]]:
    return [(size, one / other - 1) for size, one, other in _common(curve, measured)]


def _common(curve: Curve, measured: Curve) -> list[tuple[int, float, float]]:
    """Sizes that both have, with both times."""
    pairs = []
    for size in curve.sizes_bytes:
        one = curve.time_s(size)
        other = measured.time_s(size) if size in measured.sizes_bytes else None
        if one and other:
            pairs.append((size, one, other))
    return pairs


def _latency(curve: Curve, measured: Curve) -> str:
    """The smallest common size takes what launches and steps take."""
    (_, one, other), *_ = _common(curve, measured)
    if abs(one / other - 1) <= TELLING:
        return f"launch and steps fit, but times up to {BANDS[0][0][2:]} do not grow as measured"
    way = "short" if one < other else "long"
    return f"launch and steps of {_us(one)} are too {way}, measured {_us(other)}"


def _protocol(curve: Curve, measured: Curve) -> str:
    """A measured time that jumps where the model's does not: another protocol or algorithm."""
    for (size, one, other), (larger, next_one, next_other) in itertools.pairwise(_common(curve, measured)):
        growth, follows = next_other / other, next_one / one
        if growth > JUMP * math.sqrt(larger / size) and growth > JUMP * follows:
            return f"no change of protocol from {size} to {larger} bytes, where the measured time jumps"
    pairs = [(one, other) for size, one, other in _common(curve, measured) if BANDS[0][1] < size <= BANDS[1][1]]
    slow = math.fsum(one > other for one, other in pairs) * 2 > len(pairs)
    return (
        f"between latency and bandwidth it is too {'slow' if slow else 'fast'}: protocols in between are not modelled"
    )


def _bandwidth(curve: Curve, measured: Curve) -> str:
    """The largest common size shows the bandwidth that is reached."""
    size, one, other = _common(curve, measured)[-1]
    mine, theirs = (bus_bandwidth(curve.kind, curve.ranks, size, time_s) / GB for time_s in (one, other))
    if abs(one / other - 1) <= TELLING:
        return (
            f"the {theirs:.0f} GB/s of the largest size are right, but reached too {'late' if one > other else 'early'}"
        )
    text = f"{mine:.0f} GB/s of bus bandwidth where {theirs:.0f} are achieved"
    return f"{text}: bytes wait for one another, as if stored and forwarded" if one > 2 * other else text


def _us(time_s: float) -> str:
    return f"{1e6 * time_s:.3g} µs"
