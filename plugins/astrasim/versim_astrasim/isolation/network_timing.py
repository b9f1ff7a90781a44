"""The network timing: a communication alone, simulated by the embedded engine or the real program.

With ``network: isolated`` each communication has a network of its own, as in DeepFlow's hybrid mode: all its
participants and nobody else, on the topology of the outermost dimension that they cross (fully connected where a ring
would have two ranks), with the link of its axis, or of where they lie. With ``network: scenario`` it runs on the
scenario's network between its real ranks, the others being idle; a folded communication has no place there and is
timed as isolated.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from versim import NS_PER_S, Degradation, Dimension, Kind, Message, System, UnsupportedGraphError

from versim_astrasim.engine import RankTrace, simulate
from versim_astrasim.engine import Status as EngineStatus
from versim_astrasim.limits import network_limit
from versim_astrasim.options import TimingOptions
from versim_astrasim.step.clock import refuse_wrapping
from versim_astrasim.step.configuration import (
    COLLECTIVE_STEMS,
    REMOTE_MEMORY,
    CollectiveUse,
    algorithms_of,
    check_program_has,
    given_bytes,
    network_of,
    system_mapping,
)
from versim_astrasim.step.simulator_input import SimulatorInput
from versim_astrasim.step.traces import COMM_TYPE_OF, idle_trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAD_NS = 1
"""A message starts after a compute of this length: the real program aborts on short messages at the very start."""


@attrs.frozen
class AstraSimNetworkTiming:
    """Seconds of communications alone on the network, to the nanosecond.

    Attributes:
        options: The network and system layer.
    """

    options: TimingOptions

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            UnsupportedGraphError: A kind or algorithm ASTRA-sim does not have.
        """
        return np.array([self._time_ns(message, system) / NS_PER_S for message in messages], dtype=np.float64)

    def network_limits(self, messages: Sequence[Message], system: System) -> list[str]:
        """What ASTRA-sim does not model of each message's network; "" where it models it all."""
        isolated = self.options.network == "isolated"
        return [network_limit(message, system, self.options, isolated=isolated) for message in messages]

    def _time_ns(self, message: Message, system: System) -> int:
        if self.options.network == "scenario" and message.ranks:
            dimensions, degraded, ranks = system.dimensions, system.degraded, message.ranks
            endpoints = system.endpoints
        else:
            size = message.participants
            # Within a network of its own, a communication has one link: that of its axis, or of where its ranks lie.
            crossed = system.fabric.spread(message.ranks).outermost if len(message.ranks) > 1 else 0
            topology = system.dimensions[crossed].topology
            link = system.link(message.axis, message.ranks)
            dimensions, degraded, endpoints = (Dimension(topology=topology, size=size, link=link),), (), None
            ranks = tuple(range(size))
        if message.kind is not Kind.POINT_TO_POINT and message.kind not in COLLECTIVE_STEMS:
            raise UnsupportedGraphError(
                f"ASTRA-sim moves no data for a {message.kind.value} (axis {message.axis or 'none'}, "
                f"{message.size_bytes} bytes); time it with another network timing"
            )
        return _alone_ns(
            message.kind, message.size_bytes, ranks, message.algorithm, dimensions, degraded, endpoints, self.options
        )


@functools.lru_cache(maxsize=1 << 16)
def _alone_ns(
    kind: Kind,
    size_bytes: int,
    ranks: tuple[int, ...],
    algorithm: str,
    dimensions: tuple[Dimension, ...],
    degraded: tuple[Degradation, ...],
    endpoints: int | None,
    options: TimingOptions,
) -> int:
    """Nanoseconds of one communication; everything that matters is an argument, so the answer can be remembered."""
    given = input_of(kind, size_bytes, ranks, algorithm, dimensions, options, degraded, endpoints)
    lead = LEAD_NS if kind is Kind.POINT_TO_POINT else 0
    if options.engine == "binary":
        check_program_has(network_of(dimensions, options, degraded, endpoints))
        from versim_astrasim.isolation.program_runs import finishes_ns  # noqa: PLC0415 - the usual timing starts no process

        finish_ns = finishes_ns(given, options)
        return max(finish_ns[rank] for rank in ranks) - lead
    outcome = simulate(
        given.traces,
        given.network_config(),
        given.system_config(),
        groups=given.groups,
        memory=given.memory_config(),
        record_spans=False,
    )
    finishes = [outcome.finish_ns[rank] for rank in ranks]
    if outcome.status is not EngineStatus.COMPLETED or None in finishes:
        reason = outcome.diagnosis[0].text if outcome.diagnosis else outcome.status.value
        raise UnsupportedGraphError(
            f"ASTRA-sim does not finish a {kind.value} of {size_bytes} bytes on {len(ranks)} ranks: {reason}"
        )
    return max(finish for finish in finishes if finish is not None) - lead


def input_of(
    kind: Kind,
    size_bytes: int,
    ranks: tuple[int, ...],
    algorithm: str,
    dimensions: tuple[Dimension, ...],
    options: TimingOptions,
    degraded: tuple[Degradation, ...] = (),
    endpoints: int | None = None,
) -> SimulatorInput:
    """What the simulator is given for one communication alone.

    Args:
        kind: What is done.
        size_bytes: The full tensor.
        ranks: Who takes part, in group order; for a message sender and receiver.
        algorithm: Asked for, "" where free.
        dimensions: The network.
        options: The system layer.
        degraded: Links of the network that are slower than the others, or down.
        endpoints: How many there are where the network's last block is partly filled; None is a place each.
    """
    network = network_of(dimensions, options, degraded, endpoints)
    if max(ranks) >= network.rank_count:
        raise UnsupportedGraphError(
            f"rank {max(ranks)} takes part in a {kind.value}, but the network has {network.rank_count} ranks; make the "
            "product of the system's dimensions the size of the graph's mesh"
        )
    refuse_wrapping(np.array([size_bytes]), np.array([len(ranks)]), network, lambda _: f"the {kind.value}")
    world = len(ranks) == network.rank_count
    use = CollectiveUse(
        node=f"the {kind.value} of {size_bytes} bytes",
        algorithms=frozenset({algorithm} - {""}),
        smallest_bytes={len(ranks): given_bytes(kind, size_bytes, len(ranks))},
    )
    algorithms = {
        stem: algorithms_of(stem, use if stem is kind else None, network, options)[0] for stem in COLLECTIVE_STEMS
    }
    traces, groups = traces_alone(kind, size_bytes, ranks, network.rank_count, in_group=not world)
    return SimulatorInput(
        traces=traces,
        network=network.mapping(),
        variant=network.variant,
        ways=network.ways,
        system=system_mapping(algorithms, options, roofline=False),
        memory=REMOTE_MEMORY,
        groups=groups,
        options=options,
    )


def traces_alone(
    kind: Kind, size_bytes: int, ranks: tuple[int, ...], rank_count: int, *, in_group: bool
) -> tuple[tuple[RankTrace, ...], dict[int, tuple[int, ...]]]:
    """Traces of all ranks in which one communication happens and nothing else, and the groups they name.

    A message starts after a compute of :data:`LEAD_NS`.

    Args:
        kind: What is done.
        size_bytes: The full tensor.
        ranks: Who takes part, in group order; for a message sender and receiver.
        rank_count: Simulated ranks.
        in_group: Whether a collective names its ranks as a group.
    """
    traces = dict.fromkeys(range(rank_count), idle_trace(roofline=False))
    groups: dict[int, tuple[int, ...]] = {}
    if kind is Kind.POINT_TO_POINT:
        source, target = ranks
        message = {"comm_size": size_bytes, "comm_tag": 0}
        lead = {"id": 0, "name": "lead", "type": "COMP_NODE"}
        send = {"id": 1, "name": "send", "type": "COMM_SEND_NODE", "ctrl_deps": [0]}
        recv = {"id": 0, "name": "recv", "type": "COMM_RECV_NODE"}
        traces[source] = RankTrace.from_nodes([lead, {**send, "attr": {**message, "comm_dst": target}}])
        traces[target] = RankTrace.from_nodes([{**recv, "attr": {**message, "comm_src": source}}])
    else:
        attributes: dict[str, Any] = {
            "comm_type": COMM_TYPE_OF[kind],
            "comm_size": given_bytes(kind, size_bytes, len(ranks)),
        }
        if in_group:
            groups[1] = ranks
            attributes["pg_name"] = "1"
        node = {"id": 0, "name": kind.value, "type": "COMM_COLL_NODE", "attr": attributes}
        traces.update(dict.fromkeys(ranks, RankTrace.from_nodes([node])))
    return tuple(traces[rank] for rank in range(rank_count)), groups
