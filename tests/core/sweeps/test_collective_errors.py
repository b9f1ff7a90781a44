"""A sweep held against a measured reference: errors by size, the noise floor, and what a model misses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from versim import Curve, Kind, Link, System
from versim.asking.contestants import Contestant
from versim.curves import SweepRange
from versim.curves.collective_errors import AGAIN
from versim.curves.errors_by_size import errors_by_band, misses
from versim.curves.ring_fit import fitted_system
from versim.sweeps import collective_report
from versim.sweeps.collectives import sweep_collectives

SIZES = tuple(1 << power for power in range(10, 30))


def curve(time_s: Callable[[int], float], model: str = "model", kind: Kind = Kind.ALL_REDUCE) -> Curve:
    """Times by size over eight ranks."""
    times = tuple(time_s(size) for size in SIZES)
    return Curve(model=model, kind=kind, ranks=8, algorithm="", sizes_bytes=SIZES, times_s=times)


MEASURED = curve(lambda size: 20e-6 + size / 250e9, "measured")


def test_errors_are_told_apart_by_size() -> None:
    """A model without latency is wrong for small sizes only."""
    small, middle, large = errors_by_band(curve(lambda size: size / 250e9), MEASURED)
    assert (small.band, middle.band, large.band) == ("≤ 64 KiB", "≤ 4 MiB", "above")
    assert small.count + middle.count + large.count == len(SIZES)
    assert small.mean > 0.95
    assert small.signed == -small.mean
    assert large.mean < 0.2


def test_sizes_that_either_lacks_count_for_nothing() -> None:
    """A refusal is no error."""
    gaps = Curve(
        model="model", kind=Kind.ALL_REDUCE, ranks=8, algorithm="", sizes_bytes=(1024, 2048), times_s=(None, 1e-5)
    )
    (only,) = errors_by_band(gaps, MEASURED)
    assert only.count == 1
    nothing = Curve(model="model", kind=Kind.ALL_REDUCE, ranks=8, algorithm="", sizes_bytes=(1024,), times_s=(None,))
    assert errors_by_band(nothing, MEASURED) == ()
    assert misses(nothing, MEASURED) == ""


@pytest.mark.parametrize(
    ("time_s", "said"),
    [
        (lambda size: 5e-6 + size / 250e9, "launch and steps of 5 µs are too short, measured 20 µs"),
        (lambda size: 90e-6 + size / 250e9, "launch and steps of 90 µs are too long, measured 20 µs"),
        (lambda size: 20e-6 + size / 500e9, "bus bandwidth where 433 are achieved"),
        (lambda size: 20e-6 + size / 60e9, "as if stored and forwarded"),
    ],
)
def test_a_sentence_says_what_a_model_misses(time_s: Callable[[int], float], said: str) -> None:
    """Latency at one end, bandwidth at the other."""
    assert said in misses(curve(time_s), MEASURED)


def test_a_change_of_protocol_is_named_by_its_sizes() -> None:
    """Where the measured time jumps and the model's does not."""
    jumping = curve(lambda size: (20e-6 if size < 1 << 20 else 60e-6) + size / 250e9, "measured")
    assert "no change of protocol from 524288 to 1048576 bytes" in misses(
        curve(lambda size: 20e-6 + size / 250e9), jumping
    )


@given(st.floats(0.9, 1.1))
def test_a_model_within_a_tenth_misses_nothing(factor: float) -> None:
    """Whatever the size."""
    assert misses(curve(lambda size: factor * (20e-6 + size / 250e9)), MEASURED) == ""


def contestant(label: str, seconds: float, noise: Mapping[str, float] | None = None) -> Contestant:
    """One that always takes the same, measured if it knows its noise."""

    def ask(_: Kind, __: int, ___: str, ____: System) -> tuple[float | None, str]:
        return seconds, ""

    return Contestant(label=label, description="", ask=ask, measured=noise is not None, noise=noise or {})


def test_the_noise_floor_stands_above_the_errors() -> None:
    """In text and JSON, only where the reference was measured."""
    swept = SweepRange(
        kinds=(Kind.ALL_REDUCE,),
        sizes_bytes=(1024, 1 << 20),
        ranks=(8,),
        link=Link(bandwidth_bytes_per_s=1e9, latency_s=0.0),
    )
    truth, slow = contestant("truth", 1e-5, {"≤ 64 KiB": 0.05}), contestant("slow", 2e-5)
    sweep = sweep_collectives(swept, (truth, slow))
    found = sweep.errors(sweep.curves)
    assert found is not None
    assert found.rows == {AGAIN: (0.05, None, None), "slow": (1.0, 1.0, None)}
    text = collective_report.as_text(sweep)
    assert "error against truth" in text
    assert "slow misses: launch and steps of 20 µs are too long, measured 10 µs" in text
    document = json.loads(collective_report.as_json(sweep))
    assert document["noise"] == {"truth": {"≤ 64 KiB": 0.05}}
    assert document["curves"][0]["errors"] is None
    assert [error["mean"] for error in document["curves"][1]["errors"]] == [1.0, 1.0]
    other = sweep_collectives(swept, (truth, slow), reference="slow")
    assert other.errors(other.curves) is None
    assert "error against" not in collective_report.as_text(other)


@pytest.mark.parametrize(
    ("kind", "steps", "factor"),
    [(Kind.ALL_REDUCE, 14, 1.75), (Kind.ALL_GATHER, 7, 0.875), (Kind.ALL_TO_ALL, 1, 0.875)],
)
def test_the_line_through_a_curve_is_a_ring_to_paste(kind: Kind, steps: int, factor: float) -> None:
    """Its steps take α, its links carry what the bus does; the error stands beside it."""
    text = fitted_system(curve(lambda size: 14e-6 + size / 250e9, kind=kind))
    assert text is not None
    assert "off by 0 % (rms)" in text
    (dimension,) = yaml.safe_load(text)["system"]["dimensions"]
    assert dimension["bandwidth"] == f"{factor * 250:.4g} GB/s"
    assert dimension["latency"] == f"{14 / steps:.4g} us"


def test_what_no_line_fits_has_no_system() -> None:
    """Times that fall with size, or a line that starts below nothing."""
    assert fitted_system(curve(lambda size: 1e-3 / size)) is None
    assert fitted_system(curve(lambda size: size**2 / 1e18)) is None
