"""Quantities as people write them: ``166.60458 GiB/s``, ``5 us``, ``80 GB``.

A field says its unit in its name (``latency_s``, ``bandwidth_bytes_per_s``); text is converted to that unit in exact
arithmetic and rounded once, so ``5 us`` is the double nearest to 0.000005 and ``166.60458 GiB/s`` is exactly
``166.60458 * 2**30``.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from versim.errors import did_you_mean

_DECIMAL = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50}

TIME = {
    "s": Fraction(1),
    "ms": Fraction(1, 10**3),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),  # the micro sign
    "μs": Fraction(1, 10**6),  # the Greek letter, which looks the same
    "ns": Fraction(1, 10**9),
    "ps": Fraction(1, 10**12),
    "min": Fraction(60),
    "h": Fraction(3600),
}
SIZE = {f"{prefix}B": Fraction(10**power) for prefix, power in _DECIMAL.items()} | {
    f"{prefix}B": Fraction(2**power) for prefix, power in _BINARY.items()
}
BANDWIDTH = {f"{unit}/s": factor for unit, factor in SIZE.items()} | {
    f"{prefix}bit/s": Fraction(10**power, 8) for prefix, power in _DECIMAL.items()
}
WORK = {f"{prefix}{word}": Fraction(10**p) for prefix, p in _DECIMAL.items() for word in ("flop", "FLOP")}
WORK_RATE = {f"{unit}/s": factor for unit, factor in WORK.items()}
FREQUENCY = {f"{prefix}Hz": Fraction(10**power) for prefix, power in _DECIMAL.items()}

# Longest suffix first: ``_bytes_per_s`` also ends in ``_s``.
_SUFFIXES: tuple[tuple[str, dict[str, Fraction], Fraction], ...] = (
    ("_bytes_per_s", BANDWIDTH, Fraction(1)),
    ("_flop_per_s", WORK_RATE, Fraction(1)),
    ("_bytes", SIZE, Fraction(1)),
    ("_flop", WORK, Fraction(1)),
    ("_hz", FREQUENCY, Fraction(1)),
    ("_ms", TIME, TIME["ms"]),
    ("_us", TIME, TIME["us"]),
    ("_ns", TIME, TIME["ns"]),
    ("_ps", TIME, TIME["ps"]),
    ("_s", TIME, Fraction(1)),
)

_CUSTOMARY: tuple[tuple[dict[str, Fraction], tuple[str, ...]], ...] = (
    (BANDWIDTH, ("GB/s", "GiB/s", "Gbit/s")),
    (WORK_RATE, ("TFLOP/s", "PFLOP/s")),
    (SIZE, ("GB", "GiB", "MB")),
    (WORK, ("TFLOP", "GFLOP")),
    (FREQUENCY, ("GHz", "MHz")),
    (TIME, ("us", "ms", "s")),
)

_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LONGEST_NUMBER = 60
_LARGEST_EXPONENT = 400


@functools.lru_cache(maxsize=4096)
def unit_suffix(field: str) -> str:
    """The part of a field's name that says its unit, ``"_bytes_per_s"``; "" if it says none."""
    return next((suffix for suffix, _, _ in _SUFFIXES if field.endswith(suffix) and field != suffix), "")


def customary_units(field: str) -> tuple[str, ...]:
    """Units in which people state what a field measures, the likeliest first; none where its name says no unit."""
    _, units, _ = next((entry for entry in _SUFFIXES if field.endswith(entry[0])), ("", {}, Fraction(1)))
    return next((customary for measured, customary in _CUSTOMARY if measured is units), ())


def parse_quantity(text: str, field: str) -> Fraction:
    """A text such as ``"5 us"`` in the unit that a field's name says, exactly.

    Args:
        text: A number and a unit; a number alone is in the field's unit.
        field: The field's name, ``latency_s``.

    Raises:
        ValueError: Not a number, or a unit that does not measure what the field measures.
    """
    _, units, own = next((entry for entry in _SUFFIXES if field.endswith(entry[0])), ("", {}, Fraction(1)))
    stripped = text.strip()
    match = _NUMBER.match(stripped)
    if match is None:
        example = next(iter(units), "")
        raise ValueError(f"expected a number{f' with a unit, such as {example}' if example else ''}, got {text[:60]!r}")
    number, unit = match.group().replace("_", ""), stripped[match.end() :].strip()
    exponent = re.split("[eE]", number)[1:] or ["0"]
    if len(number) > _LONGEST_NUMBER or abs(int(exponent[0])) > _LARGEST_EXPONENT:
        raise ValueError(f"the number {number[:20]}… is out of range")
    if unit and unit not in units:
        known = ", ".join(dict.fromkeys(units)) if units else ""
        if not known:
            raise ValueError(f"{field} has no unit, got {text[:60]!r}")
        raise ValueError(f"unknown unit {unit[:20]!r} for {field}{did_you_mean(unit[:20], units)}")
    return Fraction(number) * (units[unit] / own if unit else 1)
