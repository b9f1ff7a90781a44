"""The network file of the original, typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from versim import did_you_mean

from versim_astrasim.engine.configuration_faults import Faults
from versim_astrasim.engine.topologies import LINKED_TOPOLOGIES

_LEGAL: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "npus_count": ("an integer larger than 1", lambda value: value == int(value) and value > 1),
    "bandwidth": ("a number larger than 0", lambda value: value > 0),
    "latency": ("a number of at least 0", lambda value: value >= 0),
}


@attrs.frozen(kw_only=True)
class NetworkConfig:
    """A network: one entry per dimension in every list, dimension 0 first (its ranks are neighbours in number).

    Attributes:
        topology: ``Ring``, ``FullyConnected`` or ``Switch``.
        npus_count: Ranks along the dimension.
        bandwidth_gib_per_s: Bandwidth of each link. The original writes GB/s and means 2^30 bytes.
        latency_ns: Latency of each link.
        congestion_aware: Whether messages wait for one another on links; then there is exactly one dimension.
    """

    topology: tuple[str, ...]
    npus_count: tuple[int, ...]
    bandwidth_gib_per_s: tuple[float, ...]
    latency_ns: tuple[float, ...]
    congestion_aware: bool = True

    @property
    def rank_count(self) -> int:
        """Number of ranks."""
        return math.prod(self.npus_count)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, congestion_aware: bool = True) -> NetworkConfig:
        """Read the network YAML's mapping.

        Args:
            mapping: ``topology``, ``npus_count``, ``bandwidth`` (GiB/s) and ``latency`` (ns), each a list with one
                entry per dimension. Other keys are ignored, as the original does.
            congestion_aware: Which of the two back-ends is meant.

        Raises:
            FaultsError: Naming every key that is missing or malformed, with what is allowed.
        """
        faults = Faults("network configuration")
        columns: dict[str, list[Any]] = {}
        for key in ("topology", "npus_count", "bandwidth", "latency"):
            value = mapping.get(key)
            if isinstance(value, str) or not isinstance(value, Sequence) or not value:
                faults.add_type(key, value, "a list with one entry per dimension")
            else:
                columns[key] = list(value)
        if len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"{key} {len(column)}" for key, column in columns.items())
            faults.add(f"all lists need one entry per dimension, but their lengths are: {lengths}")
        for index, name in enumerate(columns.get("topology", ())):
            if name not in LINKED_TOPOLOGIES:
                faults.add(f"topology[{index}]: {name!r} is unknown{did_you_mean(str(name), LINKED_TOPOLOGIES)}")
        for key, (allowed, legal) in _LEGAL.items():
            for index, value in enumerate(columns.get(key, ())):
                if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                    faults.add_type(f"{key}[{index}]", value, allowed)
                elif not legal(value):
                    faults.add_value(f"{key}[{index}]", value, allowed)
        if congestion_aware and len(columns.get("topology", ())) > 1:
            faults.add_value("topology", columns["topology"], "the one dimension a congestion-aware network can have")
        faults.check()
        return cls(
            topology=tuple(columns["topology"]),
            npus_count=tuple(int(count) for count in columns["npus_count"]),
            bandwidth_gib_per_s=tuple(float(bandwidth) for bandwidth in columns["bandwidth"]),
            latency_ns=tuple(float(latency) for latency in columns["latency"]),
            congestion_aware=congestion_aware,
        )
