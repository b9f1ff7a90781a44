"""What uncontended collectives take, by formula: no message of them is simulated.

All members of one or more equal rings start one chunk each in the same tick, with nothing else in flight or due. Then
halving-doubling, and the direct algorithm with a window for all others, end after

* direct: E + m·(H + E) + ρ·red, m = 2 for an all-reduce and 1 otherwise, where every message has its links to itself;
* direct on a switch, but for an all-reduce: 2E + 2h + (n-2)·ser + ρ·red, for messages leave one by one, and member
  i's k-th meets no other on the way down;
* halving-doubling: E + Σ(H(bᵢ) + E) + Σ red(bᵢ) over messages of b₁, b₂, … bytes, where partners have links to
  themselves.

E is the endpoint delay, H the sum of a message's hops h, red the reduction of a message, ρ how many are paid one after
another, ser how long a message occupies a link (verified upstream on 1536 congestion-aware and 680 congestion-unaware
cases). Ring algorithms have a shortcut of their own, :mod:`~versim_astrasim.engine.waves`.

The order in which members end matters as much as when. Members act one after another in a tick, in the order in which
the first of their messages came in; so the order after an exchange is that in which the senders' messages first reach
each member.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.algorithms.cycles import ReductionCycle
from versim_astrasim.engine.algorithms.halving_doubling import steps
from versim_astrasim.engine.algorithms.names import WHOLE_WINDOW, Algorithm, AlgorithmChoice
from versim_astrasim.engine.algorithms.ring import message_bytes
from versim_astrasim.engine.links import Exchange, Load
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.networks import CongestionAwareNetwork, CongestionUnawareNetwork

    Network = CongestionAwareNetwork | CongestionUnawareNetwork


@attrs.frozen(kw_only=True, slots=True)
class Chunk:
    """One chunk of a collective of one phase, as all its members see it.

    Attributes:
        kind: The collective.
        choice: Its algorithm.
        size_bytes: Size of the chunk.
        ring_size: Number of members.
        quick: Whether the members are a group smaller than the world.
        endpoint_delay_ns: Delay before a message may leave.
    """

    kind: CollectiveKind
    choice: AlgorithmChoice
    size_bytes: int
    ring_size: int
    quick: bool
    endpoint_delay_ns: int


@attrs.frozen(kw_only=True, slots=True)
class ClosedForm:
    """What becomes of chunks that start in one tick.

    Attributes:
        duration_ns: Until all of them end, in one tick.
        ends: The ranks, in the order in which they end.
        exchanges: The messages.
    """

    duration_ns: int
    ends: tuple[int, ...]
    exchanges: tuple[Exchange, ...]

    @property
    def message_count(self) -> int:
        """Number of messages."""
        return sum(len(exchange.pairs) for exchange in self.exchanges)


def closed_form(
    chunk: Chunk, starts: Sequence[tuple[int, RingStructure]], network: Network, reduction_ns: Callable[[int], int]
) -> ClosedForm | None:
    """What becomes of the chunks of these members; None if messages could wait for one another in other ways.

    Args:
        chunk: What each of them works on.
        starts: Each member and the ring it is in, in the order in which they start.
        network: Carries nothing else.
        reduction_ns: Time to reduce a message of so many bytes.
    """
    if chunk.choice.algorithm is Algorithm.HALVING_DOUBLING:
        return _halving_doubling(chunk, starts, network, reduction_ns)
    whole = chunk.choice.window == WHOLE_WINDOW or chunk.choice.window >= chunk.ring_size - 1
    if chunk.choice.algorithm is Algorithm.DIRECT and whole:
        return _direct(chunk, starts, network, reduction_ns)
    return None


def _direct(
    chunk: Chunk, starts: Sequence[tuple[int, RingStructure]], network: Network, reduction_ns: Callable[[int], int]
) -> ClosedForm | None:
    size, delay_ns = chunk.ring_size, chunk.endpoint_delay_ns
    others = size - 1
    sent_bytes = message_bytes(chunk.kind, chunk.size_bytes, size)
    if sent_bytes <= 0:
        return None
    pairs = tuple([(rank, other) for rank, ring in starts for other in _others(rank, ring)])
    cycle = ReductionCycle(chunk.kind, others, others * others if chunk.quick else others)
    rounds = 2 if chunk.kind is CollectiveKind.ALL_REDUCE else 1
    reductions = sum(cycle.stretch(number * others)[0] for number in range(1, rounds + 1))
    ends = _first_reached(starts, size)
    hops_ns = network.hops_ns(pairs, sent_bytes)
    if hops_ns is not None:
        exchange, way_ns = Exchange(pairs, sent_bytes), sum(hops_ns)
    else:
        load = network.staggered(sent_bytes)
        if load is None or rounds > 1:
            return None
        exchange, way_ns = _one_by_one(pairs, load, others)
        ends = [(ring.neighbour(rank, 1), ring) for rank, ring in starts]
    if rounds > 1:
        ends = _first_reached(ends, size)
    return ClosedForm(
        duration_ns=delay_ns + rounds * (way_ns + delay_ns) + reductions * reduction_ns(sent_bytes),
        ends=tuple([rank for rank, _ in ends]),
        exchanges=(exchange,) * rounds,
    )


def _one_by_one(pairs: tuple[tuple[int, int], ...], load: Load, others: int) -> tuple[Exchange, int]:
    """Messages that leave one by one through a switch, and the time until the last of them is in.

    On the way down each comes in just before the link is released from the one before, so downlinks turn from message
    to message in the order in which they took the first: that of the senders' neighbours.
    """
    occupied_ns = load.serialization_ns
    wait_ns = occupied_ns * (others * (others - 1) // 2)
    return Exchange(pairs, load.size_bytes, wait_ns), 2 * load.hop_ns + (others - 1) * occupied_ns


def _halving_doubling(
    chunk: Chunk, starts: Sequence[tuple[int, RingStructure]], network: Network, reduction_ns: Callable[[int], int]
) -> ClosedForm | None:
    size = chunk.ring_size
    if size & (size - 1):
        return None
    prepared = steps(chunk.kind, chunk.size_bytes, size)
    duration_ns = chunk.endpoint_delay_ns
    members, exchanges = list(starts), []
    for step, following in itertools.pairwise(prepared):
        reached = [(ring.member(step.partner(ring.index(rank), size)), ring) for rank, ring in members]
        pairs = tuple([(rank, partner) for (rank, _), (partner, _) in zip(members, reached, strict=True)])
        hops_ns = network.hops_ns(pairs, step.size_bytes) if step.size_bytes > 0 else None
        if hops_ns is None:
            return None
        duration_ns += sum(hops_ns) + chunk.endpoint_delay_ns
        if following.reduces:
            duration_ns += reduction_ns(following.size_bytes)
        exchanges.append(Exchange(pairs, step.size_bytes))
        members = reached
    return ClosedForm(duration_ns=duration_ns, ends=tuple([rank for rank, _ in members]), exchanges=tuple(exchanges))


def _others(rank: int, ring: RingStructure) -> tuple[int, ...]:
    """All other members, the next one first."""
    place = ring.index(rank)
    return ring.members[place + 1 :] + ring.members[:place]


def _first_reached(senders: Sequence[tuple[int, RingStructure]], size: int) -> list[tuple[int, RingStructure]]:
    """Members in the order in which a message first reaches them, if everybody sends to all others in turn."""
    reached: dict[int, RingStructure] = {}
    complete: dict[RingStructure, int] = {}
    for rank, ring in senders:
        if complete.get(ring, 0) == size:
            continue
        for other in _others(rank, ring):
            if other not in reached:
                reached[other] = ring
                complete[ring] = complete.get(ring, 0) + 1
    return list(reached.items())
