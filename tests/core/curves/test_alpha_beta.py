"""The straight line through a model's times, and what times mean as bandwidths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Kind
from versim.curves import algorithm_bandwidth, bus_bandwidth, fit

sizes = st.lists(st.integers(1, 1 << 40), min_size=2, max_size=12, unique=True).map(sorted)


@given(sizes=sizes, alpha_s=st.floats(1e-7, 1e-2), beta=st.floats(1e-13, 1e-8))
def test_a_line_is_found_again(sizes: list[int], alpha_s: float, beta: float) -> None:
    """A model that is latency plus bytes over bandwidth implies just those, whatever the sizes."""
    times_s = [alpha_s + beta * size for size in sizes]
    found = fit(sizes, times_s)
    assert found is not None
    assert found.residual < 1e-6
    if sizes[-1] > 2 * sizes[0] and 0.01 < beta * sizes[-1] / alpha_s < 100 and beta * sizes[0] < alpha_s:
        assert found.alpha_s == pytest.approx(alpha_s, rel=1e-4)
        assert found.beta_s_per_byte == pytest.approx(beta, rel=1e-4)


@given(sizes=st.lists(st.integers(1, 1 << 20), min_size=3, max_size=8, unique=True), seed=st.integers(0, 10**6))
def test_it_is_the_least_squares_line(sizes: list[int], seed: int) -> None:
    """Against numpy's solver, with each row divided by its time."""
    times_s = np.random.default_rng(seed).uniform(0.5, 2.0, len(sizes))
    rows = np.stack([1 / times_s, np.array(sizes) / times_s], axis=1)
    (alpha_s, beta), *_ = np.linalg.lstsq(rows, np.ones(len(sizes)), rcond=None)
    found = fit(sizes, times_s.tolist())
    assert found is not None
    assert found.alpha_s == pytest.approx(alpha_s, rel=1e-6, abs=1e-9)
    assert found.beta_s_per_byte == pytest.approx(beta, rel=1e-6, abs=1e-15)
    residuals = rows @ [alpha_s, beta] - 1
    assert found.residual == pytest.approx(math.sqrt((residuals**2).mean()), abs=1e-9)
    assert found.worst == pytest.approx(np.abs(residuals).max(), abs=1e-9)


def test_what_is_no_line_has_a_residual() -> None:
    """A model that changes its algorithm with the size does not hide in α and β."""
    found = fit([1, 10, 100], [1.0, 1.0, 10.0])
    assert found is not None
    assert found.residual > 0.1


def test_too_little_gives_no_line() -> None:
    """One size, or a time that is none."""
    assert fit([8], [1.0]) is None
    assert fit([8, 8], [1.0, 2.0]) is None
    assert fit([8, 16], [0.0, 1.0]) is None


def test_more_bytes_that_take_no_longer_have_no_bandwidth() -> None:
    """Infinity would look like a figure."""
    found = fit([1, 1 << 20], [1.0, 1.0])
    assert found is not None
    assert found.alpha_s == pytest.approx(1.0)
    assert found.bytes_per_s is None or found.bytes_per_s > 1e15


@pytest.mark.parametrize(
    ("kind", "factor"),
    [
        (Kind.ALL_REDUCE, 1.5),
        (Kind.ALL_GATHER, 0.75),
        (Kind.REDUCE_SCATTER, 0.75),
        (Kind.ALL_TO_ALL, 0.75),
        (Kind.BROADCAST, 1.0),
        (Kind.POINT_TO_POINT, 1.0),
    ],
)
def test_bus_bandwidth_is_that_of_nccl_tests(kind: Kind, factor: float) -> None:
    """doc/PERFORMANCE.md: 2(n−1)/n, (n−1)/n, 1."""
    assert algorithm_bandwidth(1000, 2.0) == 500.0
    assert bus_bandwidth(kind, 4, 1000, 2.0) == pytest.approx(500.0 * factor)
