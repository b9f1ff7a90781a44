"""Networks and requests for tests."""

from __future__ import annotations

from typing import Any

from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Link,
    SimulationRequest,
    System,
    Topology,
    pin,
    structure_options,
)

from versim_simgrid.backend import SimGrid


def network_of(*dimensions: tuple[str, int], bandwidth: float = 1e9, latency: float = 1e-6) -> System:
    """A system of (topology, size) dimensions with equal links."""
    link = Link(bandwidth_bytes_per_s=bandwidth, latency_s=latency)
    made = tuple(Dimension(topology=Topology(name), size=size, link=link) for name, size in dimensions)
    return System(dimensions=made, device=Device(name="test"))


def request_of(graph: ExecutionGraph, system: System, **options: Any) -> SimulationRequest:
    """What the backend is given."""
    return SimulationRequest(inputs=pin(graph, system, label="test"), options=structure_options(SimGrid(), options))
