"""The fabric on a hundred thousand endpoints: all groups of a step told apart at once, against one after the other.

    python benchmarks/fabric.py

Prints processor seconds and their ratio. The reference asks for each group's spread and cuts by itself, which is what
a model that does not know that groups lie alike has to do; it is asked for a sample and scaled up.
"""

from __future__ import annotations

import time

import numpy as np
from versim import Dimension, Fabric, Link

SAMPLE = 200


def network() -> Fabric:
    """Nodes of 8, leaves of 32 nodes, 400 leaves: 102,400 endpoints."""
    sizes = (("switch", 8, 450e9), ("switch", 32, 50e9), ("switch", 400, 25e9))
    return Fabric(
        [
            Dimension(topology=topology, size=size, link=Link(bandwidth_bytes_per_s=rate, latency_s=1e-6))
            for topology, size, rate in sizes
        ]
    )


def alike_s(tables: list[np.ndarray]) -> float:
    """Seconds for every group's spread, cuts and legs, answered once per way of lying."""
    began = time.process_time()
    fabric = network()
    for table in tables:
        keys = fabric.signatures(table)
        for place in {key: place for place, key in enumerate(keys)}.values():
            fabric.spread(table[place])
            fabric.cuts(table[place])
            fabric.legs(table[place])
    return time.process_time() - began


def one_by_one_s(tables: list[np.ndarray]) -> float:
    """Seconds for the same, every group asked about as if it were alone."""
    total = 0.0
    for table in tables:
        sample = table[:: max(1, len(table) // SAMPLE)]
        began = time.process_time()
        for group in sample:
            fabric = network()
            fabric.spread(group)
            fabric.cuts(group)
            fabric.legs(group)
        total += (time.process_time() - began) * len(table) / len(sample)
    return total


def main() -> None:
    """Print both and the ratio."""
    everyone = np.arange(network().world_size)
    tables = [everyone.reshape(-1, 8), everyone.reshape(-1, 64).T, everyone.reshape(-1, 256)[:, ::8].reshape(-1, 32)]
    groups = sum(map(len, tables))
    fast, slow = alike_s(tables), one_by_one_s(tables)
    print(
        f"{groups:,} groups on {len(everyone):,} endpoints: {fast:.2f} s, one by one {slow:.1f} s, {slow / fast:.0f} ×"
    )


if __name__ == "__main__":
    main()
