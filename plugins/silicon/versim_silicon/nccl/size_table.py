"""What NCCL would choose and reach by size, as nccl-tests prints it."""

from __future__ import annotations

import numpy as np
from versim import ClusterChoice, Curve, Kind, VersimError
from versim.terminal import WIDTH, spelt_size, table, wrapped

from versim_silicon.nccl.calibration import GPU_CONSTANTS, NIC_CONSTANTS
from versim_silicon.nccl.channels import group_of, nvls, rings
from versim_silicon.nccl.timing import NcclNetwork, NcclOptions

SIZES = tuple(2**power for power in range(10, 34))
GB = 1e9


def table_of(cluster: str, nodes: int, ranks_per_node: int | None, kind: str, nic: str) -> str:
    """A table of sizes from 1 KiB to 8 GiB.

    Raises:
        VersimError: No such cluster or card, or a group that does not fit.
    """
    if nic not in NIC_CONSTANTS:
        raise VersimError(f"no constants of network cards {nic!r}; known: {', '.join(NIC_CONSTANTS)}")
    system = ClusterChoice(preset=cluster, nodes=nodes).system()
    per_node = system.world_size // nodes
    used = ranks_per_node or per_node
    if used > per_node:
        raise VersimError(f"a node of {cluster} has {per_node} ranks, not {used}")
    ranks = tuple(node * per_node + rank for node in range(nodes) for rank in range(used))
    if len(ranks) < 2:
        raise VersimError("a group has at least two ranks; say --nodes 2")
    group = group_of(system, ranks, len(ranks))
    answer = NcclNetwork(NcclOptions(nic=nic)).ask(Kind(kind), group, np.array(SIZES, dtype=np.float64))
    curve = Curve(
        model="nccl",
        kind=Kind(kind),
        ranks=len(ranks),
        algorithm="",
        sizes_bytes=SIZES,
        times_s=tuple(answer.times_s.tolist()),
    )
    rows = [
        [
            spelt_size(size),
            chosen,
            f"{1e6 * time_s:.1f}",
            f"{(curve.algorithm_bandwidth(size) or 0) / GB:.2f}",
            f"{(curve.bus_bandwidth(size) or 0) / GB:.2f}",
        ]
        for size, chosen, time_s in zip(SIZES, answer.chosen, answer.times_s.tolist(), strict=True)
    ]
    found, switch, gpu = rings(group), nvls(group), GPU_CONSTANTS[group.generation]
    channels = f"rings and trees: {found.count} channels of {found.bytes_per_s / GB:g} GB/s"
    if switch is not None:
        channels += f"; NVLS: {switch.count} of {switch.bytes_per_s / GB:g} GB/s"
    lines = [
        f"{kind} over {len(ranks)} ranks: {group.nodes} × {group.per_node:g} on {system.device.name}",
        *wrapped(channels, WIDTH, rest="  "),
        *wrapped(
            f"launch {1e6 * gpu.launch_s:.1f} µs, {gpu.achieved:g} of the bandwidth NCCL reckons with ({gpu.source})",
            WIDTH,
            rest="  ",
        ),
    ]
    if group.nodes > 1:
        card = NIC_CONSTANTS[nic]
        text = f"{nic}: steps between nodes {card.slower:g} times NCCL's, {card.achieved:g} of the bandwidth"
        lines += wrapped(f"{text} ({card.source})", WIDTH, rest="  ")
    headings = ["size", "chosen", "time\n[µs]", "algbw\n[GB/s]", "busbw\n[GB/s]"]
    return "\n".join([*lines, "", *table(headings, rows, "rlrrr", WIDTH)])
