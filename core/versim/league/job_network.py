"""What a job measured of its own network: collectives bound by a latency per participant.

Some jobs' collectives take as long for 17 MB as for 270 MB: what counts is a latency for each rank of the group, not a
bandwidth. A record that holds the bandwidth which the job saw at its start, in an all-gather of 1 GiB over all its
GPUs, holds that latency: what the all-gather took longer than within a node, by GPUs beyond the node. Read as a
bandwidth the column misleads; read as a latency it is the machine's own.

Two regimes are told apart by its size. Up to 100 µs a rank it is the network's: groups that leave a node pay it. Above,
no wire is that slow: it is the host that drives the collective, so every group pays it, also within a node, and it
passes beside what the device computes, not after it.
"""

from __future__ import annotations

import attrs

from versim.fabric import Message
from versim.league.record import RunRecord
from versim.work import Kind

PROBE_BYTES = 1 << 30
GB = 10**9

NODE_BYTES_PER_S = 240e9
"""All-gather bandwidth within a node of eight H100 as jobs of one node measured it (240 to 265 GB/s)."""

HOST_S = 100e-6
"""A latency per rank above this is the host's, not the network's."""

_COLLECTIVES = frozenset({Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL, Kind.BROADCAST})


@attrs.frozen
class JobNetwork:
    """The latency that a job saw.

    Attributes:
        per_rank_s: Seconds per rank of a group and collective.
        per_node: GPUs of a node.
    """

    per_rank_s: float
    per_node: int

    @property
    def is_hosts(self) -> bool:
        """True if it is the host that is slow: then it passes beside the device's work, in every group."""
        return self.per_rank_s > HOST_S

    def latency_s(self, message: Message) -> float:
        """What a collective takes at least; 0 where its group does not pay it."""
        if message.kind not in _COLLECTIVES:
            return 0.0
        inside = bool(message.ranks) and len({rank // self.per_node for rank in message.ranks}) == 1
        if inside and not self.is_hosts:
            return 0.0
        return self.per_rank_s * message.participants


def job_network_of(run: RunRecord) -> JobNetwork | None:
    """The network of a record's job; None where the job did not measure it, or stayed in one node."""
    per_node = run.gpus_per_node or 8
    if run.all_gather_gb_s is None or run.gpus <= per_node:
        return None
    taken_s = PROBE_BYTES / (run.all_gather_gb_s * GB)
    per_rank_s = (taken_s - PROBE_BYTES / NODE_BYTES_PER_S) / (run.gpus - per_node)
    return JobNetwork(per_rank_s, per_node) if per_rank_s > 0 else None
