"""Slow devices: compute that takes longer on some ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    Folded,
    GraphBuilder,
    Link,
    Mesh,
    System,
    VersimError,
    instances_of,
    pin,
    replay,
)
from versim.graph import SlowDevices, slowed
from versim.graph.validate import faults_of

MESH = Mesh.of(dp=3, pp=2, tp=2)


def step() -> ExecutionGraph:
    """A chain on every rank, a part on one stage, and an all-reduce in the end."""
    builder = GraphBuilder(MESH)
    first = builder.compute("everywhere", [(Fixed(1e-3), 1.0)])
    stage = builder.compute("stage 1", [(Fixed(2e-3), 1.0)], on={"pp": 1}, after=[first])
    builder.collective("sum", "all_reduce", 1 << 20, axes=("dp",), on={"pp": 1}, after=[stage])
    return builder.build()


def compute_of_ranks_ns(graph: ExecutionGraph) -> list[int]:
    """Nanoseconds of compute per rank."""
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)
    system = System(dimensions=[Dimension(topology="ring", size=12, link=link)], device=Device(name="any"))
    inputs = pin(graph, system)
    total = np.zeros(graph.mesh.world_size, dtype=np.int64)
    for row in range(graph.node_count):
        total[graph.mesh.ranks(graph.placements[graph.placement[row]])] += inputs.compute_ns[row]
    found: list[int] = total.tolist()
    return found


@given(ranks=st.sets(st.integers(0, 11), min_size=1), factor=st.floats(0.5, 4.0))
def test_slow_ranks_compute_longer_and_no_others(ranks: set[int], factor: float) -> None:
    """Whatever ranks, each node's parts stand on all of its ranks, each once."""
    graph = step()
    before = compute_of_ranks_ns(graph)
    made = slowed(graph, [SlowDevices(ranks=sorted(ranks), factor=factor)])
    assert faults_of(made) == []
    after = compute_of_ranks_ns(made)
    for rank, (was, now) in enumerate(zip(before, after, strict=True)):
        assert now == pytest.approx(was * (factor if rank in ranks else 1), abs=2)
    for name in ("everywhere", "stage 1"):
        rows = [row for row in range(made.node_count) if made.node_name(row) == name]
        stood = np.concatenate([made.mesh.ranks(made.placements[made.placement[row]]) for row in rows])
        old = next(row for row in range(graph.node_count) if graph.node_name(row) == name)
        assert sorted(stood.tolist()) == graph.mesh.ranks(graph.placements[graph.placement[old]]).tolist()


def test_the_step_waits_for_the_slow_one() -> None:
    """Its all-reduce begins when the slowest of its group has computed."""
    made = slowed(step(), [SlowDevices(ranks=[3], factor=2.0)])
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)
    system = System(dimensions=[Dimension(topology="ring", size=12, link=link)], device=Device(name="any"))
    inputs = pin(made, system)
    instances = instances_of(made)
    schedule = replay(instances, inputs.compute_ns * 1000, np.zeros(len(instances.meeting_match), dtype=np.int64))
    assert int(schedule.end_ps.max()) == 2 * 3_000_000_000


def test_communication_is_not_slowed_and_nothing_slow_changes_nothing() -> None:
    """Folded communication is the network's; a factor of one is no change."""
    builder = GraphBuilder(Mesh.of(dp=2))
    builder.compute("layer", [(Fixed(1.0), 2.0), (Folded("all_reduce", 8, "tp", 2), 3.0)])
    graph = builder.build()
    made = slowed(graph, [SlowDevices(ranks=[1], factor=2.0)])
    assert made.works[made.work[1]] == ((Fixed(1.0), 4.0), (Folded("all_reduce", 8, "tp", 2), 3.0))
    assert made.notes == ("compute of rank 1 takes 2 times as long",)
    assert slowed(graph, [SlowDevices(ranks=[1], factor=1.0)]) is graph
    assert slowed(graph, []) is graph


def test_ranks_that_are_not_there_are_refused() -> None:
    """They would slow nobody."""
    with pytest.raises(VersimError, match=r"slow_devices: rank 12 is outside the mesh"):
        slowed(step(), [SlowDevices(ranks=[12], factor=2.0)])
    with pytest.raises(ValueError, match="factor must be a finite number above 0"):
        SlowDevices(ranks=[0], factor=0.0)
