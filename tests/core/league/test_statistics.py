"""Errors, their interval, and the noise floor."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from league_samples import record
from versim.league.statistics import errors_of, is_marked, kinds_of_parallelism, noise_floor

times = st.floats(0.01, 1000, allow_nan=False)


def test_errors_of_two_runs_by_hand() -> None:
    """One twice too long, one half too short."""
    errors = errors_of([2.0, 1.0, None], [1.0, 2.0, 3.0])
    assert errors is not None
    assert (errors.runs, errors.mean_absolute, errors.mean_signed) == (2, 0.75, 0.25)
    assert errors.geometric_mean_ratio == pytest.approx(1.0)
    assert errors.geometric_mean_error == pytest.approx(1.0)
    assert (errors.within_10, errors.within_20) == (0.0, 0.0)


def test_without_a_pair_there_are_no_errors() -> None:
    """Nothing predicted is not an error of nought."""
    assert errors_of([None], [1.0]) is None


@given(st.lists(st.tuples(times, times), min_size=1, max_size=30))
def test_the_interval_holds_the_mean_and_is_the_same_twice(pairs: list[tuple[float, float]]) -> None:
    """A table must not change from one run of a command to the next."""
    predicted, measured = [p for p, _ in pairs], [m for _, m in pairs]
    errors, again = errors_of(predicted, measured), errors_of(predicted, measured)
    assert errors == again
    assert errors is not None
    assert errors.low <= errors.mean_absolute * (1 + 1e-9) + 1e-12
    assert errors.high >= errors.mean_absolute * (1 - 1e-9) - 1e-12


def test_repeats_of_a_setting_give_the_noise_floor() -> None:
    """Two runs 10 % apart: each is predicted by the other; a setting that is not repeated says nothing."""
    runs = [record(id="a", step_s=1.0), record(id="b", step_s=1.1), record(id="c", step_s=5.0, gbs=32)]
    noise = noise_floor(runs)
    assert noise is not None
    assert noise[0] == 2
    assert math.isclose(noise[1], (0.1 / 1.0 + 0.1 / 1.1) / 2)
    assert noise_floor(runs[1:]) is None


def test_what_a_source_calls_faulty_is_marked() -> None:
    """By its note, and not by how far off it is."""
    assert is_marked(record(note="suspect: stalls"))
    assert not is_marked(record(note="sequence length assumed"))


def test_parallelism_is_named_by_its_degrees() -> None:
    """FSDP is told from replicas with whole parameters."""
    assert kinds_of_parallelism(record(gpus=32, tp=2, pp=2)) == "tp+pp+dp"
    assert kinds_of_parallelism(record(sharding="zero3")) == "fsdp"
    assert kinds_of_parallelism(record(gpus=1)) == "one GPU"
