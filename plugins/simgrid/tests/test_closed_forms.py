"""What nothing disturbs takes what arithmetic says, to 1e-9; what shares a link gets its part of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cases import network_of, request_of
from versim import NO_TIME, PS_PER_S, Fixed, GraphBuilder, Kind, Mesh, Prediction

from versim_simgrid.backend import SimGrid

Simulate = Callable[..., Prediction]

BANDWIDTH, LATENCY = 166.60458 * 2**30, 5e-6


def seconds(prediction: Prediction) -> float:
    """The makespan of a run that completed."""
    assert prediction.makespan_ps is not None, prediction.diagnosis
    return prediction.makespan_ps / PS_PER_S


def collective(kind: str, size_bytes: int, ranks: int, algorithm: str = "") -> GraphBuilder:
    """One collective and nothing else."""
    builder = GraphBuilder(Mesh.of(x=ranks))
    builder.collective(kind, kind, size_bytes, axes=("x",), algorithm=algorithm)
    return builder


@pytest.mark.parametrize("ranks", [2, 3, 8, 16])
@pytest.mark.parametrize("topology", ["ring", "fully_connected", "switch"])
def test_ring_all_reduce(simulate: Simulate, topology: str, ranks: int) -> None:
    """2 (p−1) rounds of one latency and one shard each; a switch is two latencies away."""
    size_bytes = ranks * 123_456_789
    system = network_of((topology, ranks), bandwidth=BANDWIDTH, latency=LATENCY)
    got = seconds(simulate(collective("all_reduce", size_bytes, ranks, "ring").build(), system))
    hops = 2 if topology == "switch" else 1
    assert got == pytest.approx(2 * (ranks - 1) * (hops * LATENCY + size_bytes / ranks / BANDWIDTH), rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "rounds", "volume"),
    [("all_gather", 7, 7 / 8), ("reduce_scatter", 7, 7 / 8), ("all_to_all", 7, 3.5), ("broadcast", 14, 14 / 8)],
)
def test_other_rings(simulate: Simulate, kind: str, rounds: int, volume: float) -> None:
    """Volume in tensors of what the busiest rank sends, see the schedules."""
    size_bytes = 8 * 10_000_000
    got = seconds(simulate(collective(kind, size_bytes, 8, "ring").build(), network_of(("ring", 8))))
    assert got == pytest.approx(rounds * 1e-6 + volume * size_bytes / 1e9, rel=1e-9)


def test_two_flows_on_one_link_share_it(simulate: Simulate) -> None:
    """On a ring 0→2 and 1→2 both cross 1→2; the shorter one takes twice its own time, the longer then has all of it."""
    builder = GraphBuilder(Mesh.of(x=8))
    builder.transfer("long", 3_000_000, source={"x": 0}, target={"x": 2})
    builder.transfer("short", 1_000_000, source={"x": 1}, target={"x": 2})
    prediction = simulate(builder.build(), network_of(("ring", 8), latency=0.0))
    ends = dict(zip(prediction.spans.node.tolist(), prediction.spans.end_ps.tolist(), strict=True))
    assert ends[3] == pytest.approx(2e-3 * PS_PER_S, rel=1e-9)
    assert ends[1] == pytest.approx(4e-3 * PS_PER_S, rel=1e-9)


def test_latency_does_not_unbalance_the_shares_unless_asked_for(simulate: Simulate) -> None:
    """Over two links the latency is twice that over one; SimGrid by itself would give that flow half the share."""
    builder = GraphBuilder(Mesh.of(x=8))
    builder.transfer("far", 1_000_000, source={"x": 0}, target={"x": 2})
    builder.transfer("near", 1_000_000, source={"x": 1}, target={"x": 2})
    graph, system = builder.build(), network_of(("ring", 8), latency=1e-9)
    equal = simulate(graph, system).spans.end_ps
    assert np.ptp(equal) < 2000
    unequal = simulate(graph, system, fairness="rtt").spans.end_ps
    assert unequal.min() == pytest.approx(1.5e-3 * PS_PER_S, rel=1e-5)
    assert unequal.max() == pytest.approx(2.0e-3 * PS_PER_S, rel=1e-5)


def test_two_groups_on_disjoint_links_do_not_notice_each_other(simulate: Simulate) -> None:
    """Two rings of four, joined by nothing that either uses."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    builder.collective("sum", "all_reduce", 4_000_000, axes=("tp",))
    both = seconds(simulate(builder.build(), network_of(("ring", 4), ("ring", 2))))
    alone = seconds(simulate(collective("all_reduce", 4_000_000, 4).build(), network_of(("ring", 4))))
    assert both == alone


def test_compute_takes_its_nanoseconds_exactly(simulate: Simulate) -> None:
    """A chain of odd durations, hours in all, without a picosecond lost."""
    durations_ns = [1, 0, 999_999_999_999, 3, 123_456_789_012_345, 7, 1]
    builder = GraphBuilder(Mesh.of(x=1))
    last: list[int] = []
    for duration_ns in durations_ns:
        last = [builder.compute("work", [(Fixed(duration_ns * 1e-9), 1)], after=last)]
    prediction = simulate(builder.build(), network_of(("ring", 1)))
    spans = prediction.spans
    assert (spans.end_ps - spans.start_ps).tolist() == [1000 * duration_ns for duration_ns in durations_ns]
    assert prediction.makespan_ps == 1000 * sum(durations_ns)


def test_isolated_communications(simgrid: None) -> None:  # noqa: ARG001 - skips
    """Two messages on one link take twice as long together, and each its own time alone."""
    builder = GraphBuilder(Mesh.of(x=4))
    for size_bytes in (1_000_000, 1_000_000, 2_000_000):
        builder.transfer("m", size_bytes, source={"x": 0}, target={"x": 1})
    builder.collective("sum", Kind.ALL_REDUCE, 4_000_000, axes=("x",))
    request = request_of(builder.build(), network_of(("ring", 4)))
    alone = SimGrid().isolated_s(request)
    assert alone == pytest.approx([1.001e-3, 1.001e-3, 2.001e-3, 6.006e-3], rel=1e-9)


def test_link_loads(simulate: Simulate) -> None:
    """Every byte is accounted for on every link that it crosses."""
    prediction = simulate(collective("all_reduce", 8_000_000, 8, "ring").build(), network_of(("ring", 8)))
    links = prediction.links
    assert links is not None
    assert set(links.name) == {f"d0 {rank}→{(rank + 1) % 8}" for rank in range(8)}
    assert links.carried_bytes.tolist() == [14_000_000] * 8
    assert links.messages.tolist() == [14] * 8
    assert links.utilization(prediction.makespan_ps).tolist() == pytest.approx([0.014 / 0.014014] * 8, rel=1e-9)
    # Flows share a link, so none waits for it.
    assert (links.queueing_ps == NO_TIME).all()
