"""Networks of several dimensions for tests of the engine, in ASTRA-sim's units."""

from __future__ import annotations

from typing import Any

from versim import GIB, Dimension, Fabric, Link, Topology
from versim_astrasim.engine import NetworkConfig
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.ways import FabricWays
from versim_astrasim.engine.wiring import Wire

RING, FULLY_CONNECTED, SWITCH = "Ring", "FullyConnected", "Switch"
_TOPOLOGIES = {RING: Topology.RING, FULLY_CONNECTED: Topology.FULLY_CONNECTED, SWITCH: Topology.SWITCH}
_NS_PER_S = 1e9


def product(
    topology: tuple[str, ...],
    sizes: tuple[int, ...],
    bandwidth: tuple[float, ...] = (),
    latency: tuple[float, ...] = (),
    oversubscription: tuple[float, ...] = (),
    **fabric: Any,
) -> NetworkConfig:
    """Several dimensions, innermost first; links of 50 GiB/s and 500 ns unless said. Only switches are shared."""
    bandwidth, latency = bandwidth or (50.0,) * len(sizes), latency or (500.0,) * len(sizes)
    shared = oversubscription or (1.0,) * len(sizes)
    dimensions = [
        Dimension(
            topology=_TOPOLOGIES[name],
            size=size,
            link=Link(bandwidth_bytes_per_s=gib_per_s * GIB, latency_s=latency_ns / _NS_PER_S),
            oversubscription=factor if name == SWITCH else 1.0,
        )
        for name, size, gib_per_s, latency_ns, factor in zip(topology, sizes, bandwidth, latency, shared, strict=True)
    ]
    return NetworkConfig(
        topology=topology,
        npus_count=sizes,
        bandwidth_gib_per_s=bandwidth,
        latency_ns=latency,
        variant=Variant.EXTENDED,
        ways=FabricWays(Fabric(dimensions, **fabric), wire),
    )


def wire(link: Link) -> Wire:
    """A link in ASTRA-sim's units; latencies here are whole tenths of ns."""
    return Wire(link.bandwidth_bytes_per_s / GIB, round(link.latency_s * _NS_PER_S, 1))
