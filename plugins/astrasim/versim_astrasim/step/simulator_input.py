"""What one simulation is given, in memory: traces, configuration, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from versim_astrasim.engine import NetworkConfig, RankTrace, RemoteMemoryConfig, SystemConfig
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.wiring import Wiring
from versim_astrasim.options import SystemOptions


@attrs.frozen(eq=False, kw_only=True)
class SimulatorInput:
    """What one simulation is given.

    Attributes:
        traces: One per simulated rank.
        network: The network YAML's content.
        system: The system JSON's content.
        memory: The remote-memory JSON's content.
        groups: Communicator groups by id, in group order.
        options: What the real program takes on its command line.
        per_node: Path prefixes of traces that describe collectives, by node id.
        variant: Whose network it is.
        ways: The ways between ranks, of a network that ASTRA-sim does not have.
    """

    traces: Sequence[RankTrace]
    network: Mapping[str, Any]
    system: Mapping[str, Any]
    memory: Mapping[str, Any]
    groups: Mapping[int, tuple[int, ...]]
    options: SystemOptions
    per_node: Mapping[int, str] = attrs.field(factory=dict)
    variant: Variant = Variant.ASTRA_SIM
    ways: Wiring | None = None

    def network_config(self) -> NetworkConfig:
        """The network as the embedded engine takes it."""
        aware = self.options.congestion == "aware"
        return NetworkConfig.from_mapping(self.network, congestion_aware=aware, variant=self.variant, ways=self.ways)

    def system_config(self) -> SystemConfig:
        """The system layer as the embedded engine takes it."""
        return SystemConfig.from_mapping(
            self.system,
            num_queues_per_dim=self.options.num_queues_per_dim,
            injection_scale=self.options.injection_scale,
            rendezvous=self.options.rendezvous,
            variant=Variant(self.options.program),
        )

    def memory_config(self) -> RemoteMemoryConfig:
        """Remote memory as the embedded engine takes it."""
        return RemoteMemoryConfig.from_mapping(self.memory)
