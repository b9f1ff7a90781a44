"""Each communication of a graph alone: on the network, between its real ranks, with the algorithms of the whole graph.

What a communication takes longer in the step than here is contention. Of one that runs in several groups the first is
taken. Answers are the embedded engine's, also for the real program, which gives the same to the nanosecond, and are
remembered.

So that asking costs no more than a moment, the time to simulate is estimated beforehand, from counts alone: distinct
communications are simulated from the cheapest on until :data:`BUDGET_S` is used up, and the rest is not known; nor is
anything of graphs with more than :data:`MOST_COMMUNICATIONS`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    NS_PER_S,
    Degradation,
    Dimension,
    ExecutionGraph,
    Kind,
    Message,
    SimulationRequest,
    Topology,
    VersimError,
    distinct_messages,
)

from versim_astrasim.engine import Status, simulate
from versim_astrasim.isolation.network_timing import LEAD_NS, traces_alone
from versim_astrasim.options import BackendOptions
from versim_astrasim.step import custom_collectives
from versim_astrasim.step.configuration import (
    COLLECTIVE_STEMS,
    REMOTE_MEMORY,
    TOPOLOGY_NAMES,
    Network,
    network_of,
    system_mapping,
)
from versim_astrasim.step.origin import origin_of
from versim_astrasim.step.simulator_input import SimulatorInput
from versim_astrasim.step.translate import chosen_algorithms

BUDGET_S = 0.5
"""Estimated seconds that all communications of a graph may take."""

MOST_COMMUNICATIONS = 100_000
"""Of a graph; looking at more takes as long as simulating."""

# Measured on one core of a machine of 2020: a simulation as such, per rank, per message and link.
_EACH_S, _RANK_S, _HOP_S = 1e-3, 55e-6, 4e-6


@attrs.frozen(kw_only=True)
class _Communication:
    """Everything that decides how long one takes, so that the answer can be remembered."""

    kind: Kind
    size_bytes: int
    ranks: tuple[int, ...]
    in_group: bool
    dimensions: tuple[Dimension, ...]
    degraded: tuple[Degradation, ...]
    endpoints: int | None
    algorithms: tuple[tuple[Kind, tuple[str, ...]], ...]
    options: BackendOptions


def isolated_s(request: SimulationRequest) -> NDArray[np.float64]:
    """Seconds of each communication alone, shape (communications,); NaN where not known."""
    graph = request.inputs.graph
    options: BackendOptions = request.options
    seconds = np.full(graph.communication_count, np.nan)
    # A node's own traces are no property of its communication, and replayed ones have no network.
    if graph.communication_count > MOST_COMMUNICATIONS or options.per_node_custom or options.replay_only:
        return seconds
    try:
        system = request.inputs.system
        network = network_of(system.dimensions, options, system.degraded, system.endpoints)
        chosen = chosen_algorithms(graph, network, options)
    except VersimError:
        return seconds
    algorithms = tuple((kind, names) for kind, (names, _) in chosen.items())
    asked: dict[_Communication, list[int]] = {}
    messages, numbers = distinct_messages(graph)
    named = _named(graph, messages, numbers, network.rank_count)
    codes, at, alike = np.unique(2 * numbers + named, return_index=True, return_inverse=True)
    alone = np.full(len(codes), np.nan)
    for code in np.argsort(at).tolist():
        message, in_group = messages[codes[code] // 2], bool(codes[code] % 2)
        if message.kind is not Kind.POINT_TO_POINT and message.kind not in COLLECTIVE_STEMS:
            continue
        one = _Communication(
            kind=message.kind,
            size_bytes=message.size_bytes,
            ranks=_moved(_in_order(message, network.rank_count), network),
            in_group=in_group,
            dimensions=system.dimensions,
            degraded=system.degraded,
            endpoints=system.endpoints,
            algorithms=algorithms,
            options=options,
        )
        asked.setdefault(one, []).append(code)
    left_s = BUDGET_S
    for cost_s, one in sorted(((_estimate_s(one, network), one) for one in asked), key=lambda pair: pair[0]):
        left_s -= cost_s
        if left_s < 0:
            break
        alone_ns = _alone_ns(one)
        if alone_ns is not None:
            alone[asked[one]] = alone_ns / NS_PER_S
    return np.asarray(alone[alike])


def _named(
    graph: ExecutionGraph, messages: Sequence[Message], numbers: NDArray[np.int64], world: int
) -> NDArray[np.bool_]:
    """Whether each communication names its ranks as a group, as the traces of the whole graph do.

    Args:
        graph: The step.
        messages: Its communications, each once.
        numbers: Which of them each is; (communications,).
        world: Ranks of the network.
    """
    group = origin_of(graph).group
    if group is not None:
        return np.asarray(group != 0)
    collective = [message.kind is not Kind.POINT_TO_POINT for message in messages]
    # With smaller groups about, the world is named too.
    named = any(one and message.participants < world for one, message in zip(collective, messages, strict=True))
    return np.array([one and named for one in collective], dtype=bool)[numbers]


def _in_order(message: Message, world_size: int) -> tuple[int, ...]:
    """Ranks as the group file has them: as given for explicit groups smaller than the world, else ascending."""
    given = message.kind is Kind.POINT_TO_POINT or (not message.axis and len(message.ranks) < world_size)
    return message.ranks if given else tuple(sorted(message.ranks))


def _moved(ranks: tuple[int, ...], network: Network) -> tuple[int, ...]:
    """Ranks that take as long and stand for all like them: of one dimension every place is like any other.

    On a ring that holds for distances, elsewhere for all ranks; their order is kept, for it decides ties.
    """
    if len(network.topology) > 1 or network.ways is not None:
        return ranks
    if network.topology[0] == TOPOLOGY_NAMES[Topology.RING]:
        first = min(ranks)
        return tuple(rank - first for rank in ranks)
    place = {rank: number for number, rank in enumerate(sorted(ranks))}
    return tuple(place[rank] for rank in ranks)


def _estimate_s(one: _Communication, network: Network) -> float:
    """Seconds that simulating takes, roughly: messages of a ring or an exchange, times the links each goes over."""
    members = len(one.ranks)
    messages = 1
    if one.kind is not Kind.POINT_TO_POINT:
        messages = 2 * members * (members - 1) * one.options.preferred_dataset_splits
    far = any(topology == TOPOLOGY_NAMES[Topology.RING] for topology in network.topology)
    hops = max(2, network.rank_count // members) if far and one.options.congestion == "aware" else 2
    return _EACH_S + _RANK_S * network.rank_count + _HOP_S * messages * hops


@functools.lru_cache(maxsize=1 << 14)
def _alone_ns(one: _Communication) -> int | None:
    """Nanoseconds of one communication; None if it does not finish alone."""
    network = network_of(one.dimensions, one.options, one.degraded, one.endpoints)
    traces, groups = traces_alone(one.kind, one.size_bytes, one.ranks, network.rank_count, in_group=one.in_group)
    system = {
        **system_mapping(dict(one.algorithms), one.options, roofline=False),
        **custom_collectives.system_keys(one.options, {}),
    }
    given = SimulatorInput(
        traces=traces,
        network=network.mapping(),
        variant=network.variant,
        ways=network.ways,
        system=system,
        memory=REMOTE_MEMORY,
        groups=groups,
        options=one.options,
    )
    try:
        outcome = simulate(
            traces,
            given.network_config(),
            given.system_config(),
            groups=groups,
            memory=given.memory_config(),
            read_trace=custom_collectives.read,
            record_spans=False,
        )
    except VersimError:
        return None
    finishes = [outcome.finish_ns[rank] for rank in one.ranks]
    ended = [finish for finish in finishes if finish is not None]
    if outcome.status is not Status.COMPLETED or len(ended) < len(finishes):
        return None
    return max(ended) - (LEAD_NS if one.kind is Kind.POINT_TO_POINT else 0)
