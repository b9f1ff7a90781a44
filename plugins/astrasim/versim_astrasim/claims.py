"""What the backend ``astrasim`` models, for versim's conformance kit."""

from __future__ import annotations

from versim.testing import AllToAll, Claims, Contention


def claims() -> Claims:
    """The congestion-aware network, which the embedded engine has of any number of dimensions."""
    return Claims(
        kinds=("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point"),
        topologies=("ring", "fully_connected", "switch"),
        algorithms=("ring", "direct", "halving_doubling", "double_binary_tree"),
        dimensions=3,
        contention=Contention.QUEUE,
        all_to_all=AllToAll.SHARDS,
        # Reductions in local memory and the delay at endpoints have no place in α-β; they cannot be switched off, only
        # made small. Whole nanoseconds remain: of a hop, of its serialization, and 1 to 10 ns of delay.
        options={"endpoint_delay_ns": 1, "local_memory_bytes_per_s": 1e18},
        tolerance=1e-6,
        grain_s=13e-9,
    )
