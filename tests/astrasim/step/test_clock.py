"""Sizes with which ASTRA-sim's 64-bit nanoseconds wrap are refused: its answer would be short by any factor."""

from __future__ import annotations

from typing import Any

import pytest
from versim import load_registry
from versim.plain import parse_yaml
from versim.run import run
from versim.scenario import structure_scenario

TIB = 2**40


def scenario(size_bytes: int, bandwidth_bytes_per_s: float, count: int = 1, latency: str = "1 us") -> Any:
    """Collectives over a slow ring, in both engines of durations."""
    options = f"{{size_bytes: {size_bytes}, participants: 4, count: {count}}}"
    link = f"bandwidth_bytes_per_s: {bandwidth_bytes_per_s}, latency: {latency}"
    text = f"""
name: slow
workloads: [{{label: w, producer: collective, options: {options}}}]
system: {{dimensions: [{{topology: ring, size: 4, {link}}}]}}
backends:
  - {{label: astrasim, backend: astrasim}}
  - {{label: hybrid, backend: deepflow, network: astrasim}}
"""
    return structure_scenario(parse_yaml(text), load_registry(), "text")


@pytest.mark.parametrize(("size_bytes", "bandwidth", "count"), [(TIB, 1.0, 1), (TIB, 100.0, 50)])
def test_what_would_wrap_is_refused_and_says_so(size_bytes: int, bandwidth: float, count: int) -> None:
    """1 TiB at 1 B/s was 1.546 s, printed beside a failed check; fifty that follow one another add up."""
    results = [result for _, _, result in run(scenario(size_bytes, bandwidth, count), load_registry()).results()]
    for result in results:
        assert not result.prediction.completed
    assert "whose arithmetic wraps there" in results[0].prediction.diagnosis[0]


def test_what_fits_is_simulated() -> None:
    """Days of communication are slow and no fault."""
    (_, _, one), (_, _, two) = run(scenario(TIB, 1e6), load_registry()).results()
    assert one.prediction.makespan_ps is not None
    assert one.prediction.makespan_ps / 1e12 == pytest.approx(1.5 * TIB / 1e6, rel=1e-3)
    assert two.prediction.completed


def test_more_bytes_than_a_link_can_count_are_refused() -> None:
    """Five all-reduces of 2^63 - 1 bytes over a link that is fast enough for them made -2^63 bytes of it."""
    (_, _, one), _ = run(scenario(2**63 - 1, 1e18, 5), load_registry()).results()
    assert "over one link, more than 64 bits count" in one.prediction.diagnosis[0]
    assert not one.prediction.completed


def test_a_clock_that_cannot_be_read_exactly_is_no_fault_of_the_partners() -> None:
    """Past 2^53 ns the original loses events; it read as ranks that run other collectives."""
    (result, _) = (result for _, _, result in run(scenario(1000, 1e9, latency="9.3e6 s"), load_registry()).results())
    assert result.prediction.status == "deadlock"
    assert "past 2^53 ns (104 days) ranks read the clock in double precision" in result.prediction.diagnosis[0]
