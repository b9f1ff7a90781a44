"""Where curves cross."""

from __future__ import annotations

import pytest
from versim import Kind
from versim.curves import Curve, crossings

SIZES = (1, 10, 100, 1000)


def _curve(model: str, *times_s: float | None, algorithm: str = "", kind: Kind = Kind.ALL_REDUCE) -> Curve:
    return Curve(model=model, kind=kind, ranks=8, algorithm=algorithm, sizes_bytes=SIZES, times_s=times_s)


def test_a_crossing_lies_where_both_take_equally_long() -> None:
    """1 against √S·… : 10^0.5 between 1 and 10, on lines in logarithms."""
    (found,) = crossings([_curve("flat", 2.0, 2.0, 2.0, 2.0), _curve("steep", 1.0, 4.0, 16.0, 64.0)])
    assert found.size_bytes == pytest.approx(10**0.5)
    assert found.between_bytes == (1, 10)
    assert (found.below, found.above) == (("steep", ""), ("flat", ""))


def test_order_does_not_matter_and_both_crossings_are_found() -> None:
    """One is slower in the middle only."""
    hump, flat = _curve("hump", 1.0, 4.0, 4.0, 1.0), _curve("flat", 2.0, 2.0, 2.0, 2.0)
    found, turned = crossings([hump, flat]), crossings([flat, hump])
    assert [c.below for c in found] == [c.below for c in turned]
    assert [c.size_bytes for c in found] == pytest.approx([c.size_bytes for c in turned])
    assert [c.below[0] for c in found] == ["hump", "flat"]


def test_curves_that_touch_do_not_cross() -> None:
    """Equal at a size, and on the same side before and after."""
    assert crossings([_curve("a", 1.0, 2.0, 3.0, 4.0), _curve("b", 2.0, 2.0, 4.0, 5.0)]) == ()


def test_a_gap_is_bridged_by_the_sizes_there_are() -> None:
    """What refused one size may still cross between its neighbours, and says between which."""
    (found,) = crossings([_curve("a", 1.0, None, 3.0, 3.0), _curve("b", 2.0, 2.0, 2.0, 2.0)])
    assert found.between_bytes == (1, 100)


def test_only_what_is_alike_is_compared() -> None:
    """Two models of one algorithm, or two algorithms of one model; never two kinds."""
    rising, flat = (1.0, 2.0, 3.0, 4.0), (2.5, 2.5, 2.5, 2.5)
    ring, direct = _curve("a", *rising, algorithm="ring"), _curve("a", *flat, algorithm="direct")
    assert len(crossings([ring, direct])) == 1
    assert crossings([ring, _curve("b", *flat, algorithm="direct")]) == ()
    assert crossings([_curve("a", *rising), _curve("b", *flat, kind=Kind.ALL_GATHER)]) == ()


def test_what_took_no_time_has_no_bandwidth() -> None:
    """Nor a ratio to anything."""
    curve = _curve("a", 0.0, None, 2.0, 4.0)
    assert curve.algorithm_bandwidth(1) is None
    assert curve.algorithm_bandwidth(10) is None
    assert curve.bus_bandwidth(100) == pytest.approx(50 * 2 * 7 / 8)


def test_a_model_that_stops_answering_leaves_the_bracket_as_it_is() -> None:
    """A crossing is known as far as somebody answered."""
    flat, steep = _curve("flat", 2.0, 2.0, 2.0, 2.0), _curve("steep", 1.0, 4.0, 16.0, 64.0)
    (found,) = crossings([flat, steep], lambda _, __: None)
    assert found.between_bytes == (1, 10)
