"""Ten patterns of contention in two simulators that were written apart: queues of whole messages, and shared flows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from versim import (
    Device,
    Dimension,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    Prediction,
    SimulationRequest,
    System,
    Topology,
    pin,
    predict,
    structure_options,
)
from versim_astrasim.backend import AstraSimBackend
from versim_basics.traffic import PATTERNS, Traffic, TrafficOptions

Simulate = Callable[..., Prediction]

INSIDE = Link(bandwidth_bytes_per_s=300e9, latency_s=1e-6)
ACROSS = Link(bandwidth_bytes_per_s=50e9, latency_s=3e-6)
SYSTEM = System(
    dimensions=(
        Dimension(topology=Topology.FULLY_CONNECTED, size=8, link=INSIDE),
        Dimension(topology=Topology.RING, size=4, link=ACROSS),
    ),
    device=Device(name="test"),
)
MESSAGE_BYTES = {"incast": 1 << 23}
STORED_AND_FORWARDED = ("neighbours", "crossed")
"""Patterns whose slowest message goes over two links of which neither is shared: it is stored in between."""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_queues_and_flows_agree(simulate: Simulate, pattern: str) -> None:
    """Within 15 %; or, where a message is stored on the way, but for the time its bytes take on the faster link."""
    size_bytes = MESSAGE_BYTES.get(pattern, 1 << 26)
    graph = Traffic().produce(TrafficOptions(pattern=pattern, size_bytes=size_bytes))
    flows = simulate(graph, SYSTEM)
    backend = AstraSimBackend()
    queues = backend.simulate(
        SimulationRequest(inputs=pin(graph, SYSTEM, label="test"), options=structure_options(backend, {}))
    )
    assert flows.makespan_ps is not None
    assert queues.makespan_ps is not None
    expected_ps = flows.makespan_ps
    if pattern in STORED_AND_FORWARDED:
        expected_ps += round(size_bytes / INSIDE.bandwidth_bytes_per_s * 1e12)
        assert queues.makespan_ps == pytest.approx(expected_ps, rel=1e-3)
    assert queues.makespan_ps == pytest.approx(expected_ps, rel=0.15)


def test_links_have_the_names_that_other_simulators_give_them() -> None:
    """Loads of two simulators can be set side by side: on a ring both walk the same links."""
    builder = GraphBuilder(Mesh.of(rank=4))
    builder.collective("sum", Kind.ALL_REDUCE, 1 << 20, axes=["rank"])
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
    for topology in (Topology.RING, Topology.SWITCH):
        ring = System(dimensions=(Dimension(topology=topology, size=4, link=link),), device=Device(name="any"))
        inputs = pin(builder.build(), ring)
        loads = []
        for backend in ("simgrid", "astrasim"):
            links = predict(inputs, backend).links
            assert links is not None
            loads.append(dict(zip(links.name, links.carried_bytes.tolist(), strict=True)))
        assert loads[0] == loads[1]
