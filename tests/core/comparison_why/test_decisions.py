"""Whether simulators lead to the same decision."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from versim.comparison.decisions import CrossOver, decisions, kendall_tau_b

FEW = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=8)


def test_a_simulator_that_ranks_alike_is_as_good_as_the_reference() -> None:
    """However far off its figures are."""
    (found,) = decisions(["a", "b", "c"], {"truth": [3, 1, 2], "cheap": [300, 100, 200]}, "truth")
    assert (found.kendall_tau_b, found.agrees_on_best, found.regret, found.cross_overs) == (1.0, True, 0.0, ())
    assert (found.best, found.reference_best, found.compared) == ("b", "b", 3)


def test_trusting_the_wrong_one_is_regretted() -> None:
    """It picks c, which takes 12 in the reference where a takes 10: regret 20 %."""
    columns = {"truth": [10, 11, 12], "cheap": [5, 6, 4]}
    (found,) = decisions(["a", "b", "c"], columns, "truth")
    assert (found.best, found.reference_best, found.agrees_on_best) == ("c", "a", False)
    assert found.regret == pytest.approx(0.2)
    assert found.kendall_tau_b == pytest.approx(-1 / 3)
    assert found.cross_overs == (
        CrossOver(better="a", worse="c", reference_ratio=1.2, simulator_ratio=0.8),
        CrossOver(better="b", worse="c", reference_ratio=12 / 11, simulator_ratio=4 / 6),
    )


def test_a_choice_as_good_as_the_best_agrees_with_it() -> None:
    """Equal makespans are equal choices, and a tie is no cross-over."""
    (found,) = decisions(["a", "b"], {"truth": [5, 5], "cheap": [2, 1]}, "truth")
    assert (found.agrees_on_best, found.regret, found.cross_overs, found.kendall_tau_b) == (True, 0.0, (), None)


def test_what_did_not_complete_takes_part_in_nothing() -> None:
    """Only configurations that both completed are compared."""
    columns = {"truth": [1, None, 3], "cheap": [None, 1, 3], "none": [None, None, None]}
    cheap, none = decisions(["a", "b", "c"], columns, "truth")
    assert (cheap.compared, cheap.best, cheap.regret, cheap.kendall_tau_b) == (1, "c", 0.0, None)
    assert (none.compared, none.best, none.agrees_on_best, none.regret) == (0, None, None, None)


def test_faulty_tables_are_refused() -> None:
    """A makespan of zero would make every regret infinite."""
    with pytest.raises(ValueError, match="2 makespans for 1"):
        decisions(["a"], {"truth": [1, 2]}, "truth")
    with pytest.raises(ValueError, match="positive and finite"):
        decisions(["a"], {"truth": [0]}, "truth")
    with pytest.raises(ValueError, match="positive and finite"):
        decisions(["a"], {"truth": [float("nan")]}, "truth")
    with pytest.raises(ValueError, match="cannot be ranked"):
        kendall_tau_b([1], [1, 2])


@given(FEW)
def test_the_coefficient_is_symmetric_and_bounded(pairs: list[tuple[int, int]]) -> None:
    """Turning one ranking round turns its sign; ranking against itself gives 1."""
    one, two = ([pair[side] for pair in pairs] for side in (0, 1))
    found = kendall_tau_b(one, two)
    assert found == kendall_tau_b(two, one)
    if found is not None:
        assert -1.0 <= found <= 1.0
        assert kendall_tau_b([-value for value in one], two) == -found
        assert kendall_tau_b(one, one) == 1.0


@given(st.permutations(range(5)))
def test_without_ties_it_counts_inversions(order: list[int]) -> None:
    """τ = 1 − 4·inversions / (n(n − 1))."""
    inversions = sum(a > b for a, b in itertools.combinations(order, 2))
    assert kendall_tau_b(range(5), order) == pytest.approx(1 - 4 * inversions / 20)


@settings(max_examples=60)
@given(FEW)
def test_it_is_what_scipy_computes(pairs: list[tuple[int, int]]) -> None:
    """An independent implementation, ties included."""
    one, two = ([pair[side] for pair in pairs] for side in (0, 1))
    found = kendall_tau_b(one, two)
    if found is not None:
        assert found == pytest.approx(stats.kendalltau(one, two).statistic)
