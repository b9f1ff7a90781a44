"""Quantities with units."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.plain.quantities import BANDWIDTH, SIZE, TIME, parse_quantity, unit_suffix


def test_gib_per_second_is_exact() -> None:
    """DeepFlow's links are given in GiB/s with decimals; a factor of two to a power loses nothing."""
    assert float(parse_quantity("166.60458 GiB/s", "bandwidth_bytes_per_s")) == 166.60458 * 2**30


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("25 GB/s", "bandwidth_bytes_per_s", 25e9),
        ("200 Gbit/s", "bandwidth_bytes_per_s", 25e9),
        ("5 us", "latency_s", 5e-6),
        ("5µs", "latency_s", 5e-6),
        ("5 μs", "latency_s", 5e-6),
        ("1 us", "delay_ns", 1000.0),
        ("2 min", "limit_s", 120.0),
        ("80 GB", "memory_bytes", 80e9),
        ("80 GiB", "memory_bytes", 80.0 * 2**30),
        ("312 Tflop/s", "peak_flop_per_s", 312e12),
        ("1.41 GHz", "clock_hz", 1.41e9),
        ("1_000", "size_bytes", 1000.0),
        ("-1e-3 s", "latency_s", -0.001),
    ],
)
def test_text_is_converted_to_the_unit_of_the_field(text: str, field: str, value: float) -> None:
    """A field says its unit in its name; the nearest double is what a person would have typed."""
    assert float(parse_quantity(text, field)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_number_alone_is_in_the_unit_of_the_field(number: object) -> None:
    """No unit changes nothing."""
    assert parse_quantity(str(number), "latency_s") == Fraction(str(number))


@given(st.integers(0, 10**6), st.sampled_from(sorted(TIME)), st.sampled_from(["s", "ms", "us", "ns", "ps"]))
def test_conversion_is_exact_for_any_pair_of_units(count: int, unit: str, own: str) -> None:
    """Converting and converting back loses nothing before the one rounding at the end."""
    assert parse_quantity(f"{count} {unit}", f"time_{own}") * TIME[own] == count * TIME[unit]


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("5 parsec", "latency_s", "unknown unit 'parsec' for latency_s"),
        ("5 GB", "latency_s", "unknown unit 'GB'"),
        ("5 Gb/s", "bandwidth_bytes_per_s", "did you mean"),
        ("fast", "latency_s", "expected a number with a unit, such as s"),
        ("", "latency_s", "expected a number"),
        ("1e999999999 s", "latency_s", "out of range"),
        ("9" * 100, "size_bytes", "out of range"),
        ("5 s", "layers", "has no unit"),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, field: str, message: str) -> None:
    """Also a number whose digits would fill the memory."""
    with pytest.raises(ValueError, match=message):
        parse_quantity(text, field)


def test_the_longest_suffix_says_the_unit() -> None:
    """``_bytes_per_s`` also ends in ``_s``."""
    assert unit_suffix("bandwidth_bytes_per_s") == "_bytes_per_s"
    assert unit_suffix("latency_s") == "_s"
    assert unit_suffix("layers") == ""
    assert unit_suffix("_s") == ""


def test_giga_and_gibi_are_never_confused() -> None:
    """The project's favourite mistake."""
    assert SIZE["GB"] == 10**9
    assert SIZE["GiB"] == 2**30
    assert BANDWIDTH["GiB/s"] == 2**30
