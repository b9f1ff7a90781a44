"""Compute times in ASTRA-sim's traces: exact where the roofline allows it, reported where not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.step.encoding import encode, roofline_ns


@given(st.lists(st.integers(1, 2**53 // 1000), min_size=1), st.floats(1.0, 1e5))
def test_the_roofline_holds_any_nanosecond(compute_ns: list[int], local_mem_bw: float) -> None:
    """Two and a half hours and less, whatever the memory bandwidth is from 1 GB/s: no rounding at all."""
    wanted = np.array(compute_ns)
    encoding = encode(wanted, np.ones(len(wanted), dtype=bool), "roofline", local_mem_bw)
    assert encoding.num_ops is not None
    assert roofline_ns(encoding.num_ops, local_mem_bw).tolist() == compute_ns
    assert encoding.notes == ()


@given(st.integers(2**53 // 1000, 2**53 - 1))
def test_beyond_that_the_figure_is_what_the_program_makes_of_it(compute_ns: int) -> None:
    """Up to the longest duration a pin has, operations fit 64 bits and are off by a nanosecond at most."""
    encoding = encode(np.array([compute_ns]), np.ones(1, dtype=bool), "roofline", 1600.0)
    assert abs(int(encoding.consumed_ns[0]) - compute_ns) <= 1
    assert bool(encoding.notes) == (int(encoding.consumed_ns[0]) != compute_ns)


def test_a_slow_memory_bounds_short_computes_and_says_so() -> None:
    """At 0.25 GB/s one byte takes 4 ns, so nothing is shorter; longer nodes stay exact."""
    encoding = encode(np.array([1, 3, 4, 1000]), np.ones(4, dtype=bool), "roofline", 0.25)
    assert encoding.consumed_ns.tolist() == [4, 4, 4, 1000]
    assert "2 compute nodes last up to 3 ns more or less" in encoding.notes[0]


def test_computes_of_no_time_are_left_out_of_a_roofline() -> None:
    """The program stalls on a roofline node without operations, and aborts on one of 0 ns at the start."""
    encoding = encode(np.array([0, 5, 0]), np.array([True, True, False]), "roofline", 1600.0)
    assert encoding.elided.tolist() == [True, False, False]
    assert encoding.consumed_ns.tolist() == [0, 5, 0]
    assert "1 compute nodes of 0 ns" in encoding.notes[0]


@pytest.mark.parametrize(("compute_ns", "micros", "consumed"), [(0, 0, 1), (499, 0, 1), (500, 0, 1), (501, 1, 1000)])
def test_microseconds_round_half_to_even_and_nothing_is_one_nanosecond(
    compute_ns: int, micros: int, consumed: int
) -> None:
    """As the original converter rounds; a duration of 0 is replayed as 1 ns."""
    encoding = encode(np.array([compute_ns]), np.ones(1, dtype=bool), "micros", 1600.0)
    assert (encoding.duration_micros.tolist(), encoding.consumed_ns.tolist()) == ([micros], [consumed])
    assert not encoding.elided.any()
    assert not encoding.roofline
