"""LogGP against arithmetic and against the model that it extends."""

from __future__ import annotations

from typing import Any

import pytest
from versim import (
    Device,
    Dimension,
    Kind,
    Link,
    Message,
    System,
    Topology,
    UnsupportedGraphError,
    compare,
    load_registry,
    structure_options,
)

LINK = Link(bandwidth_bytes_per_s=1e9, latency_s=5e-6)
SYSTEM = System(dimensions=(Dimension(topology=Topology.RING, size=8, link=LINK),), device=Device(name="any"))


def seconds(kind: Kind, size_bytes: int, participants: int = 2, algorithm: str = "", **options: Any) -> float:
    """What the installed timing model answers."""
    model = load_registry().timing("loggp")
    network = model.network(structure_options(model, options))
    assert network is not None
    message = Message(kind=kind, size_bytes=size_bytes, participants=participants, algorithm=algorithm)
    return float(network.times_s([message], SYSTEM)[0])


def test_a_message() -> None:
    """O + (k−1) G + L + o."""
    got = seconds(Kind.POINT_TO_POINT, 1001, overhead_s=3e-6, gap_s=7e-6)
    assert got == pytest.approx(3e-6 + 1000 * 1e-9 + 5e-6 + 3e-6)


def test_its_own_latency_and_gap_per_byte() -> None:
    """In place of the link's."""
    got = seconds(Kind.POINT_TO_POINT, 11, overhead_s=0, latency_s=1e-6, gap_per_byte_s=2e-6)
    assert got == pytest.approx(1e-6 + 10 * 2e-6)


def test_a_ring() -> None:
    """Every round is one message to a neighbour: a gap between messages is never waited for."""
    got = seconds(Kind.ALL_REDUCE, 8000, participants=8, overhead_s=3e-6, gap_s=4e-6)
    assert got == pytest.approx(14 * (2 * 3e-6 + 5e-6 + 999 * 1e-9))


def test_a_direct_exchange_waits_for_gaps() -> None:
    """Seven messages leave one after the other, g or o apart, whichever is longer."""
    common = 2 * 3e-6 + 5e-6 + 7 * 999 * 1e-9
    got = seconds(Kind.ALL_GATHER, 8000, participants=8, algorithm="direct", overhead_s=3e-6, gap_s=4e-6)
    assert got == pytest.approx(common + 6 * 4e-6)
    got = seconds(Kind.ALL_GATHER, 8000, participants=8, algorithm="direct", overhead_s=3e-6, gap_s=1e-6)
    assert got == pytest.approx(common + 6 * 3e-6)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.POINT_TO_POINT])
@pytest.mark.parametrize("algorithm", ["ring", "halving_doubling"])
def test_without_overhead_and_gap_it_is_alpha_beta(kind: Kind, algorithm: str) -> None:
    """But for the one byte per message that is there when it starts."""
    registry = load_registry()
    model = registry.timing("alpha-beta")
    network = model.network(structure_options(model, {"algorithm": algorithm}))
    assert network is not None
    size_bytes = 8 << 20
    message = Message(kind=kind, size_bytes=size_bytes, participants=8)
    got = seconds(kind, size_bytes, 8, algorithm, overhead_s=0, gap_s=0)
    (expected,) = network.times_s([message], SYSTEM)
    assert got == pytest.approx(expected, abs=14 * 1e-9)


def test_what_an_algorithm_does_not_do_is_refused() -> None:
    """Six ranks are no power of two."""
    with pytest.raises(UnsupportedGraphError, match="loggp: halving_doubling needs a power of two"):
        seconds(Kind.ALL_REDUCE, 8000, participants=6, algorithm="halving_doubling")


def test_its_scenario() -> None:
    """Everything completes; overheads make it slower than α-β, and direct exchanges faster than the ring here."""
    ends_ps = {result.label: result.prediction.makespan_ps for _, _, result in compare("loggp").results()}
    assert list(ends_ps) == ["alpha-beta", "loggp", "loggp direct"]
    assert all(ends_ps.values())
    assert ends_ps["loggp"] > ends_ps["alpha-beta"] > ends_ps["loggp direct"]
