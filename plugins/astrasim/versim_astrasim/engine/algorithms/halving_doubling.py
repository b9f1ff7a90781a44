"""Halving-doubling: partners at distances 1, 2, 4, …, messages half as large each time, and back again.

Two oddities of the original are kept: one receive fewer is reduced than would be needed, and the reduction is charged
for the size of the *next* message. A number of members that is no power of two pairs members wrongly and usually hangs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.algorithms.cycles import ReductionCycle
from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.algorithms.ring import output_bytes
from versim_astrasim.engine.failures import Refusal
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank


@attrs.frozen(slots=True)
class Step:
    """One message of every member, as it is prepared.

    Attributes:
        distance: Places to the partner, round the ring.
        size_bytes: Size of the message.
        reduces: Whether preparing it includes a reduction.
        on_memory_side: Which side of the shared bus its endpoint step enters, where one is modelled.
        send_back: Whether it crosses the shared bus again.
    """

    distance: int
    size_bytes: int
    reduces: bool
    on_memory_side: bool
    send_back: bool

    def partner(self, index: int, size: int) -> int:
        """Place of the partner of the member at a place, among ``size``."""
        distance = self.distance
        return (index - distance if distance and index // distance % 2 else index + distance) % size


@lru_cache(maxsize=1024)
def steps(kind: CollectiveKind, size_bytes: int, members: int) -> tuple[Step, ...]:
    """All messages a member sends, and one more that is prepared after the last receive but never sent."""
    logarithm = math.log2(members)
    messages = int(2 * logarithm) if kind is CollectiveKind.ALL_REDUCE else int(logarithm)
    cycle = ReductionCycle(kind, 1, int(logarithm - 1))
    if kind is CollectiveKind.ALL_GATHER:
        distance, factor = members // 2, 0.5
    else:
        size_bytes, distance, factor = size_bytes // 2, 1, 2.0
    result = []
    for number in range(messages + 1):
        other = cycle.is_other(number)
        result.append(
            Step(
                distance=distance,
                size_bytes=size_bytes,
                reduces=cycle.stretch(number)[0],
                on_memory_side=other,
                send_back=other and cycle.left_in_cycle(number) > 1,
            )
        )
        distance, size_bytes = int(distance * factor), int(size_bytes / factor)
        if kind is CollectiveKind.ALL_REDUCE and distance == members:
            factor = 0.5
            distance, size_bytes = int(distance * factor), int(size_bytes / factor)
    return tuple(result)


@lru_cache(maxsize=1024)
def pairs_up(kind: CollectiveKind, members: int) -> bool:
    """Whether each member's partner always has it for its partner, too; if not, members wait for one another in vain.

    Powers of two pair up. Of other numbers an all-gather does that starts with halves, e.g. of 6 or 12 members, but
    then only as many shards as the next smaller power of two reach each of them (measured on ASTRA-sim 518bd51).
    """
    exchanges = steps(kind, members, members)[:-1]
    places = range(members)
    return all(step.partner(step.partner(place, members), members) == place for step in exchanges for place in places)


class HalvingDoublingPhase(Phase):
    """One member's part in halving-doubling: strictly one message after another."""

    __slots__ = ("_calendar", "_delay_ns", "_index", "_number", "_prepared", "_queue", "_quick", "_ring", "_steps")

    def __init__(self, rank: Rank, kind: CollectiveKind, size_bytes: int, ring: RingStructure) -> None:
        if kind is CollectiveKind.ALL_TO_ALL:
            raise Refusal("halving-doubling does not offer all-to-all", rank.number)
        super().__init__(rank, output_bytes(kind, size_bytes, ring.size))
        self._calendar = rank.calendar
        self._queue = rank.queue
        self._number = rank.number
        self._quick = ring.quick or rank.bus is None
        self._delay_ns = rank.endpoint_delay_of(ring)
        self._ring = ring
        self._index = ring.index(rank.number)
        self._steps = steps(kind, size_bytes, ring.size)
        self._prepared = 0

    def _run(self) -> None:
        self._prepare()

    def _prepare(self) -> None:
        step = self._steps[self._prepared]
        self._prepared += 1
        if not self._quick:
            self._endpoint(
                step.size_bytes,
                self._proceed,
                reduces=step.reduces,
                on_memory_side=step.on_memory_side,
                send_back=step.send_back,
            )
            return
        action = self._reduce_step if step.reduces else self._proceed
        self._calendar[self._queue.now + self._delay_ns].append(action)

    def _reduce_step(self) -> None:
        """The endpoint delay is over: reduce what was received, at the price of what is to be sent."""
        duration_ns = self._rank.reduction_ns(self._steps[self._prepared - 1].size_bytes)
        self._calendar[self._queue.now + duration_ns].append(self._proceed)

    def _proceed(self) -> None:
        """A message is prepared: exchange it with the partner, or end if all are sent."""
        if self._prepared == len(self._steps):
            self._advance()
            return
        step, number, ring = self._steps[self._prepared - 1], self._number, self._ring
        partner = ring.members[step.partner(self._index, len(ring.members))]
        flow = self._rank.transport.flow(self._tag, step.size_bytes)
        flow[number, partner].send()
        flow[partner, number].receive(self._prepare)
