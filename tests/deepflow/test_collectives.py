"""Collectives in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Kind
from versim_deepflow.collectives import IsolatedCollectives
from versim_deepflow.corrections import Corrections
from versim_deepflow.hardware import derive, load_preset

A100 = derive(load_preset("a100-80gb")).device
KINDS = sorted(IsolatedCollectives(A100, Corrections()).kinds)

sizes = st.integers(1, 2**40)
ranks = st.integers(2, 1024)
bandwidths = st.floats(1e9, 1e12)
latencies = st.floats(0.0, 1e-4)


def seconds(
    kind: Kind,
    size: int,
    participants: int,
    bandwidth: float,
    latency: float = 0.0,
    corrections: Corrections | None = None,
) -> float:
    """Seconds of one communication."""
    model = IsolatedCollectives(A100, corrections or Corrections())
    columns = (np.array([value], dtype=np.float64) for value in (size, participants, bandwidth, latency))
    return float(model.times_s(kind, *columns)[0])


@pytest.mark.parametrize("kind", KINDS)
@given(size=sizes, participants=ranks, bandwidth=bandwidths, latency=latencies)
def test_a_better_link_never_takes_longer(
    kind: Kind, size: int, participants: int, bandwidth: float, latency: float
) -> None:
    """In bandwidth or in latency."""
    slow = seconds(kind, size, participants, bandwidth, latency)
    assert seconds(kind, size, participants, 2 * bandwidth, latency) <= slow
    assert seconds(kind, size, participants, bandwidth, latency / 2) <= slow


@pytest.mark.parametrize("kind", KINDS)
@given(size=sizes, participants=ranks, bandwidth=bandwidths)
def test_no_rank_receives_faster_than_its_link(kind: Kind, size: int, participants: int, bandwidth: float) -> None:
    """What a rank lacks at the start has to come over its link."""
    share = 1.0 if kind is Kind.POINT_TO_POINT else (participants - 1) / participants
    if kind is Kind.ALL_REDUCE:
        share *= 2
    assert seconds(kind, size, participants, bandwidth) >= size * share / bandwidth * (1 - 1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "participants"), [(0, 4), (1024, 1)])
def test_nothing_to_exchange_takes_no_time(kind: Kind, size: int, participants: int) -> None:
    """No bytes, or nobody to exchange them with."""
    assert seconds(kind, size, participants, 1e10, 1e-6) == 0.0


@given(shard=st.integers(1, 2**30), participants=ranks, bandwidth=bandwidths, latency=latencies)
def test_an_all_reduce_is_a_reduce_scatter_and_an_all_gather(
    shard: int, participants: int, bandwidth: float, latency: float
) -> None:
    """The two halves of the ring; with the gather's memory term mended they cost the same together."""
    mended = Corrections(all_gather_memory=True)
    both, scatter, gather = (
        seconds(kind, shard * participants, participants, bandwidth, latency, mended)
        for kind in (Kind.ALL_REDUCE, Kind.REDUCE_SCATTER, Kind.ALL_GATHER)
    )
    assert both == pytest.approx(scatter + gather, rel=1e-12)


def test_the_corrected_all_gather_reads_and_writes_whole_shards() -> None:
    """DeepFlow divides the shard by the number of ranks once more."""
    size, participants = 2**30, 8
    measured = seconds(Kind.ALL_GATHER, size, participants, 1e11)
    mended = seconds(Kind.ALL_GATHER, size, participants, 1e11, corrections=Corrections(all_gather_memory=True))
    registers = A100.memory[0].throughput_bytes_per_s
    shard = size / participants
    difference = (participants - 1) * (2 * shard - 2 * shard / participants) / registers
    assert mended - measured == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_without_bandwidth_a_communication_takes_for_ever(kind: Kind) -> None:
    """Computed, not special-cased, and without a warning; with nothing to send it takes no time all the same."""
    closed_form = IsolatedCollectives(A100, Corrections())
    given_bytes = np.array([4096.0, 0.0])
    times = closed_form.times_s(kind, given_bytes, np.full(2, 4.0), np.zeros(2), np.full(2, 5e-6))
    assert times.tolist() == [np.inf, 0.0]
