"""A shortcut for uncontended ring collectives: one entry in the event queue stands for all members at once.

When all members of a ring algorithm start at the same tick, work on one chunk at a time and have the links between
them to themselves, they do the same thing at the same ticks; what differs is only their order within a tick, and that
moves on by one member with every message. Such a collective is simulated as a *wave*: one queue entry where message by
message there would be one per member, back to back. Figures and tie order stay those of the plain simulation:

* An arrival entry takes the place its N entries would have.
* A batch entry may stand for N rank batches only if none of them exists yet; where the tick is already in the queue,
  the wave *scatters* into N plain phases in their exact states, in order, and they go on by themselves.
* Where something was scheduled behind the wave for a tick at which ranks act, it may belong into the middle; then the
  wave scatters too, and every member runs what else its calendar holds for the tick right after its own action.
* Where something was scheduled between the first messages of the members, their order is lost and
  :class:`AmbiguousOrder` asks for a plain run.

As long as nothing else is due, whole chunks are passed over at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.algorithms.ring import RingPhase, message_bytes, message_count, rounds_of
from versim_astrasim.engine.event_queue import EXACT_DOUBLE_TICKS, EventQueue
from versim_astrasim.engine.failures import AmbiguousOrder
from versim_astrasim.engine.jobs import Job, Op, PlannedPhase
from versim_astrasim.engine.lanes import CLOCKWISE, Lane
from versim_astrasim.engine.networks import CongestionAwareNetwork, CongestionUnawareNetwork
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank


@attrs.frozen(kw_only=True)
class WaveShape:
    """What members must have in common to make up one wave.

    Attributes:
        kind: The collective.
        chunk_bytes: Size of each chunk.
        count: Number of chunks, one after another.
        ring_size: Members of each ring.
        endpoint_delay_ns: Delay before a message may leave.
        reduction_ns: Time to reduce one message.
    """

    kind: CollectiveKind
    chunk_bytes: int
    count: int
    ring_size: int
    endpoint_delay_ns: int
    reduction_ns: int


class Member(Phase):
    """One rank's part in a wave; to its lane it is a single job of a single phase."""

    __slots__ = ("_op", "job", "lane", "ring", "tags", "wave")

    def __init__(self, rank: Rank, op: Op, ring: RingStructure, tags: tuple[int, ...], lane: Lane, wave: Wave) -> None:
        super().__init__(rank, 0)
        self._op = op
        self.ring = ring
        self.tags = tags
        self.lane = lane
        self.wave = wave
        self.job = Job(op, tags[0], [PlannedPhase(self, lane)])

    @property
    def number(self) -> int:
        """The rank."""
        return self._rank.number

    def _run(self) -> None:
        rank = self._rank
        self.wave.join(self)
        rank.calendar[rank.queue.now + self.wave.shape.endpoint_delay_ns].append(self._go)

    def _go(self) -> None:
        self.wave.go(self)

    def defer_end(self, tick: int) -> None:
        """End the op at a tick, on the rank's calendar."""
        self._rank.calendar[tick].append(self._advance)

    def scatter(self, chunk: int, left: int, reductions_left: int) -> RingPhase:
        """Become the plain phases of a chunk that has so many messages and reductions to go, and of all later ones."""
        shape, rank = self.wave.shape, self._rank
        self._op.job_count = shape.count - chunk
        rounds = rounds_of(shape.kind, shape.chunk_bytes, shape.ring_size)
        phases = [RingPhase(rank, shape.kind, rounds, self.ring, CLOCKWISE) for _ in range(chunk, shape.count)]
        self.job.replace_phase(self.tags[chunk], phases[0])
        phases[0].resume(self.tags[chunk], self.job.advance, left, reductions_left)
        for tag, phase in zip(self.tags[chunk + 1 :], phases[1:], strict=True):
            Job(self._op, tag, [PlannedPhase(phase, self.lane)]).advance()
        return phases[0]

    def run_rest_of_batch(self) -> None:
        """Run what else the rank's calendar holds for this tick."""
        self._rank.calendar.run_batch()


class Wave:
    """A collective on all members of one or more rings, all in step.

    Attributes:
        shape: What the members have in common.
    """

    def __init__(self, shape: WaveShape, waves: Waves) -> None:
        self.shape = shape
        self._waves = waves
        self._queue: EventQueue = waves.queue
        self._members: dict[int, Member] = {}
        self._start_tick = waves.queue.now
        self._plain: bool | None = None
        self._order: list[Member] = []  # members in the order of their first messages
        self._first_place = 0
        self._messages = message_count(shape.kind, shape.ring_size)
        reduces = shape.kind in (CollectiveKind.ALL_REDUCE, CollectiveKind.REDUCE_SCATTER)
        self._reductions = shape.ring_size - 1 if reduces else 0
        self._hops_ns: tuple[int, ...] = ()
        self._chunk = 0
        self._sent = 0  # messages each member has sent in this chunk
        self._received = 0

    def join(self, member: Member) -> None:
        """A member starts."""
        self._members[member.number] = member

    def go(self, member: Member) -> None:
        """A member's first message may leave."""
        if self._plain is None:
            self._plain = not self._can_run()
            self._waves.close(self, self._start_tick)
        if self._plain:
            del self._members[member.number]
            member.scatter(0, self._messages, self._reductions).proceed()
            return
        self._order.append(member)
        arrival = self._queue.now + self._hops_ns[0]
        if len(self._order) == 1:
            self._sent = 1
            self._queue[arrival].append(self._next_hop(1))
            self._first_place = len(self._queue[arrival])
        elif len(self._order) == len(self._members) and len(self._queue[arrival]) != self._first_place:
            raise AmbiguousOrder

    def _can_run(self) -> bool:
        hops_ns = self._waves.hops_ns(self)
        if hops_ns is None:
            return False
        self._hops_ns = hops_ns
        longest_message_ns = self.shape.endpoint_delay_ns + sum(hops_ns) + self.shape.reduction_ns
        return self._queue.now + self.shape.count * (self._messages + 1) * longest_message_ns < EXACT_DOUBLE_TICKS

    def members(self) -> dict[int, Member]:
        """Members by rank."""
        return self._members

    def message_bytes(self) -> int:
        """Size of every message."""
        return message_bytes(self.shape.kind, self.shape.chunk_bytes, self.shape.ring_size)

    # What happens at the wave's ticks.

    def _next_hop(self, hop: int) -> Callable[[], None]:
        return self._arrive if hop == len(self._hops_ns) else partial(self._cross, hop)

    def _cross(self, hop: int) -> None:
        self._queue[self._queue.now + self._hops_ns[hop]].append(self._next_hop(hop + 1))

    def _arrive(self) -> None:
        self._received += 1
        if self._received < self._messages and self._pass_over():
            return
        if self._received <= self._reductions:
            self._defer(self.shape.endpoint_delay_ns, self._start_reduction, RingPhase.receive)
        else:
            self._defer_ready(self.shape.endpoint_delay_ns, RingPhase.receive)

    def _pass_over(self) -> bool:
        """Go straight to the chunk's last arrival if nothing else is due before it."""
        shape, queue = self.shape, self._queue
        missing = self._messages - self._received
        reductions = max(0, min(self._reductions, self._messages - 1) - self._received + 1)
        last = queue.now + missing * (shape.endpoint_delay_ns + sum(self._hops_ns)) + reductions * shape.reduction_ns
        if not queue.nothing_else_until(last):
            return False
        self._received = self._messages - 1
        self._sent = self._messages
        queue[last].append(self._arrive)
        return True

    def _start_reduction(self) -> None:
        if self._scatter_if_joined(RingPhase.reduce):
            return
        self._defer_ready(self.shape.reduction_ns, RingPhase.reduce)

    def _defer_ready(self, delay_ns: int, plainly: Callable[[RingPhase], None]) -> None:
        if self._received == self._messages and self._chunk == self.shape.count - 1:
            end = self._queue.now + delay_ns
            self._account()
            for member in self._in_order():
                member.defer_end(end)
            self._dissolve()
        elif not delay_ns:
            self._ready()  # the rank batch that is running goes on with it
        else:
            self._defer(delay_ns, self._ready, plainly)

    def _defer(self, delay_ns: int, action: Callable[[], None], plainly: Callable[[RingPhase], None]) -> None:
        """Enter a tick at which ranks act, or scatter if some rank already has something to do then."""
        tick = self._queue.now + delay_ns
        if tick in self._queue:
            self._scatter(plainly)
        else:
            self._queue[tick].append(action)

    def _ready(self) -> None:
        if self._scatter_if_joined(RingPhase.proceed):
            return
        if self._sent < self._messages:
            self._send()
            return
        self._chunk += 1
        self._sent = self._received = 0
        self._defer(self.shape.endpoint_delay_ns, self._ready, RingPhase.restart)

    def _send(self) -> None:
        self._sent += 1
        self._queue[self._queue.now + self._hops_ns[0]].append(self._next_hop(1))

    # Falling back to plain phases.

    def _in_order(self) -> list[Member]:
        """Members in the order they act: it moves on by one member with every message."""
        shift = self._chunk * self._messages + self._received
        members = self._members
        return [members[member.ring.neighbour(member.number, shift)] for member in self._order]

    def _scatter_if_joined(self, plainly: Callable[[RingPhase], None]) -> bool:
        queue = self._queue
        if len(queue[queue.now]) == 1:
            return False
        self._scatter(plainly)
        return True

    def _scatter(self, plainly: Callable[[RingPhase], None]) -> None:
        """Hand over to plain phases, which take the step at hand one after another."""
        self._account()
        left = self._messages - self._sent
        received = self._received - (1 if plainly is RingPhase.receive else 0)
        reductions_left = max(0, self._reductions - received)
        for member in self._in_order():
            plainly(member.scatter(self._chunk, left, reductions_left))
            if plainly is not RingPhase.receive:
                member.run_rest_of_batch()
        self._dissolve()

    def _dissolve(self) -> None:
        """Let go of the members, which know the wave: apart, all can go without a search for cycles."""
        self._members.clear()
        self._order.clear()

    def _account(self) -> None:
        self._waves.account(self._order, self._chunk * self._messages + self._sent, self.message_bytes())


class Waves:
    """All waves of a simulation.

    Attributes:
        queue: The global event queue.
    """

    def __init__(self, network: CongestionAwareNetwork | CongestionUnawareNetwork) -> None:
        self.queue = network.queue
        self._network = network
        self._open: dict[tuple[WaveShape, int], Wave] = {}

    def member(
        self,
        rank: Rank,
        op: Op,
        kind: CollectiveKind,
        ring: RingStructure,
        lane: Lane,
        chunks: tuple[int, int],
        take_tag: Callable[[], int],
    ) -> Member | None:
        """A rank's part in a wave, None where waves are out of the question.

        Args:
            rank: The rank.
            op: The collective.
            kind: What it does.
            ring: The ring it runs on.
            lane: The lane its jobs go to.
            chunks: Number of chunks and bytes of each.
            take_tag: Gives the next chunk's tag.
        """
        count, chunk_bytes = chunks
        delay_ns = rank.endpoint_delay_of(ring)
        if not delay_ns or not self._network.may_be_alone(ring.size):
            return None
        size_bytes = message_bytes(kind, chunk_bytes, ring.size)
        shape = WaveShape(
            kind=kind,
            chunk_bytes=chunk_bytes,
            count=count,
            ring_size=ring.size,
            endpoint_delay_ns=delay_ns,
            reduction_ns=rank.reduction_ns(size_bytes),
        )
        key = (shape, self.queue.now)
        wave = self._open.get(key)
        if wave is None:
            wave = self._open[key] = Wave(shape, self)
        return Member(rank, op, ring, tuple(take_tag() for _ in range(count)), lane, wave)

    def close(self, wave: Wave, started: int) -> None:
        """The wave has begun; whoever starts later makes up another one."""
        del self._open[wave.shape, started]

    def hops_ns(self, wave: Wave) -> tuple[int, ...] | None:
        """Time of each hop of the wave's messages; None if members are missing or could meet anybody's messages."""
        members = wave.members()
        for number, member in members.items():
            neighbour = members.get(member.ring.neighbour(number, CLOCKWISE))
            # Tags differ where ranks have executed different numbers of jobs; their messages then never match.
            if neighbour is None or neighbour.ring is not member.ring or neighbour.tags != member.tags:
                return None
        pairs = [(number, member.ring.neighbour(number, CLOCKWISE)) for number, member in members.items()]
        return self._network.private_hops_ns(pairs, wave.message_bytes())

    def account(self, members: list[Member], messages: int, size_bytes: int) -> None:
        """Count ``messages`` messages from every member to the next."""
        pairs = [(member.number, member.ring.neighbour(member.number, CLOCKWISE)) for member in members]
        self._network.account(pairs, messages, size_bytes)
