"""How far predictions are from measurements."""

from __future__ import annotations

import doctest
import math

import pytest
import versim_basics.accuracy
from hypothesis import given
from hypothesis import strategies as st
from versim_basics.accuracy import accuracy, signed_error

times = st.floats(1e-9, 1e9)


def test_the_example_holds() -> None:
    """An example in a docstring that is wrong is worse than none."""
    assert doctest.testmod(versim_basics.accuracy).failed == 0


def test_figures_worked_out_by_hand() -> None:
    """+50 % and −20 %: MAPE 35 %, factors 1.5 and 1.25."""
    found = accuracy([3.0, 4.0], [2.0, 5.0])
    assert found is not None
    assert found.mape == pytest.approx(0.35)
    assert found.geometric_mean_error == pytest.approx(math.sqrt(1.5 * 1.25) - 1)
    assert found.geometric_mean_ratio == pytest.approx(math.sqrt(1.5 * 0.8))


def test_the_error_has_a_sign() -> None:
    """Too short is below 0."""
    assert signed_error(0.5, 1.0) == -0.5
    assert signed_error(2.0, 1.0) == 1.0


@given(measured=st.lists(times, min_size=1, max_size=8), factor=st.floats(1.001, 1e3))
def test_being_off_by_a_factor_is_that_factor(measured: list[float], factor: float) -> None:
    """Too long and too short by the same factor have the same geometric-mean error; MAPE has not."""
    longer = accuracy([m * factor for m in measured], measured)
    shorter = accuracy([m / factor for m in measured], measured)
    assert longer is not None
    assert shorter is not None
    assert longer.geometric_mean_error == pytest.approx(factor - 1)
    assert shorter.geometric_mean_error == pytest.approx(factor - 1)
    assert shorter.geometric_mean_ratio == pytest.approx(1 / factor)
    assert shorter.mape < longer.mape


def test_what_is_missing_takes_part_in_nothing() -> None:
    """A simulation that did not complete has no error, and the count says so."""
    found = accuracy([1.0, None, 3.0], [1.0, 2.0, None])
    assert found is not None
    assert (found.count, found.mape) == (1, 0.0)
    assert accuracy([None], [1.0]) is None


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_impossible_times_are_refused(wrong: float) -> None:
    """A mean would hide them."""
    with pytest.raises(ValueError, match="not a positive finite number"):
        signed_error(wrong, 1.0)
    with pytest.raises(ValueError, match="not a positive finite number"):
        accuracy([1.0], [wrong])
