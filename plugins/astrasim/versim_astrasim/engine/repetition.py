"""A shortcut for collectives that repeat: what all members did once is done again without simulating it.

A tick may end with nothing in flight but collectives, or chunks of them, that have just begun: no message is under way
or unmatched, the only entries of the queue are rank batches of one later tick, and these hold nothing but the first
endpoint steps of phases that began this tick. What follows, up to the end of all those chunks, then depends on nothing
but

* which ranks take part, and the order of their batches;
* the plan, chunk size, lanes and first steps of each rank;
* which jobs share a tag.

That is the key. Where all ranks run a ring or direct algorithm on one dimension, turning the ring of all ranks maps
links to links and messages to messages, so the key is turned until the first batch is that of rank 0.

When a key is seen for the first time, the plain simulation goes on and is watched; if all chunks end in one tick in
which nothing else is due, with nothing in flight, what it took is kept: the duration, the order of the ends, what the
links carried. When the key comes again, the first steps are taken back and the ends are entered in the same order.
Everything outside the engine's inner workings, starting with the completion of the nodes, happens plainly.

Where chunks are worked on one by one, what is repeated is one chunk, otherwise the whole collective. Of chunks that no
message of another can meet, formulas say what becomes of them (:mod:`~versim_astrasim.engine.closed_forms`), so that
not even the first one is simulated.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.closed_forms import Chunk, closed_form
from versim_astrasim.engine.event_queue import EXACT_DOUBLE_TICKS, Action
from versim_astrasim.engine.jobs import Job, Op
from versim_astrasim.engine.links import NOTHING_CARRIED, LinkFigures
from versim_astrasim.engine.matching import Pair
from versim_astrasim.engine.networks import CongestionAwareNetwork, CongestionUnawareNetwork
from versim_astrasim.engine.structures import RingStructure

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank

MOST_KEPT = 500_000
"""How many members and links all outcomes that are kept may have; the oldest go first, the latest stays."""


@attrs.frozen(eq=False, kw_only=True, slots=True)
class _Record:
    """What happened after a key was seen.

    Attributes:
        duration_ns: Time until all chunks ended.
        ends: In order, whose chunks ended, as a place among the batches, and which of its jobs was the last.
        shift: By how many ranks the key was turned.
        carried: What each link that was used carried, by its devices.
        messages: Number of messages.
    """

    duration_ns: int
    ends: tuple[tuple[int, int], ...]
    shift: int
    carried: tuple[tuple[Pair, LinkFigures], ...]
    messages: int


class _Watch:
    """A plain simulation that is watched after a key was seen for the first time."""

    def __init__(self, key: _Key, parts: list[RepeatedOp], shift: int, network: _Network) -> None:
        self.key = key
        self.begin = network.queue.now
        self.places = {part: place for place, part in enumerate(parts)}
        self.end: int | None = None
        self.ends: list[tuple[int, int]] = []
        self.messages = network.message_count
        self.shift = shift
        self.before = network.carried()
        self.carried: tuple[tuple[Pair, LinkFigures], ...] = ()


_Key = tuple[Hashable, ...]
_Network = CongestionAwareNetwork | CongestionUnawareNetwork


class RepeatedOp:
    """One rank's collective, as repetition sees it.

    Attributes:
        rank: The rank.
        op: The collective.
        jobs: Its jobs, where they are repeated together; otherwise empty.
        begun: Jobs a phase of which began in the tick that is running.
        started: When the collective started.
        symmetric: Whether turning the ring of all ranks changes nothing.
        alone: What it works on and with whom, if that is one chunk at a time in one phase.
    """

    __slots__ = ("_repetition", "_shape", "_together", "alone", "begun", "jobs", "op", "rank", "started", "symmetric")

    def __init__(
        self,
        rank: Rank,
        op: Op,
        repetition: Repetition,
        shape: Hashable,
        *,
        together: bool,
        symmetric: bool,
        alone: tuple[Chunk, RingStructure] | None,
    ) -> None:
        self.rank = rank
        self.op = op
        self.alone = alone
        self.jobs: list[Job] = []
        self.begun: list[Job] = []
        self.started = repetition.now
        self._repetition = repetition
        self._shape = shape
        self._together = together
        self.symmetric = symmetric

    def add(self, job: Job) -> None:
        """A job is about to start."""
        if self._together:
            self.jobs.append(job)

    def phase_begun(self, job: Job) -> None:
        """A phase has begun."""
        if not self.begun:
            self._repetition.begun(self)
        self.begun.append(job)

    def job_ended(self, job: Job) -> None:
        """A job has ended, but its lane and its op do not know yet."""
        if not self._together:
            self._repetition.ended(self, 0)
        elif self.op.done + 1 == self.op.job_count:
            self._repetition.ended(self, self.jobs.index(job))

    def key(self, actions: list[Action], now: int, shift: int, size: int, tags: dict[int, int]) -> Hashable | None:
        """What of this rank decides on what follows; None if it is not a fresh start.

        Args:
            actions: The only actions in the rank's calendar.
            now: The tick that ends.
            shift: By how many ranks the key is turned.
            size: Number of all ranks.
            tags: Stands for tags in the key; only which of them are equal matters.
        """
        if self._together:
            if self.started != now:
                return None
            jobs = self.jobs
        else:
            jobs = self.begun
        if len(actions) != len(self.begun) or (not self._together and len(jobs) != 1):
            return None
        indices: dict[Phase | None, int] = {job.phase: index for index, job in enumerate(jobs)}
        first: list[int] = []
        for action in actions:
            index = indices.get(_phase_of(action))
            if index is None:
                return None
            first.append(index)
        numbers = tuple([tags.setdefault(job.tag, len(tags)) for job in jobs])
        number = (self.rank.number - shift) % size
        return number, self._shape, numbers, tuple([job.lanes() for job in jobs]), tuple(first)

    def pass_over(self, last: int, tick: int) -> None:
        """Take back what began and end at a tick instead.

        Args:
            last: Which job ends last; only its end has an effect.
            tick: When that is.
        """
        for job in self.begun:
            job.phase.cancel()
        if self._together:
            job = self.jobs[last]
            for other in self.jobs:
                if other is not job:
                    other.leave_lane()
            job.enter_last_phase()
            self.op.done = len(self.jobs) - 1
        else:
            job = self.begun[0]
        self.rank.calendar[tick].append(job.advance)


class Repetition:
    """All collectives of a simulation that may repeat."""

    def __init__(self, network: _Network, world_size: int) -> None:
        self._network = network
        self._world_size = world_size
        self._queue = network.queue
        self._begun: list[RepeatedOp] = []
        self._records: dict[_Key, _Record | None] = {}
        self._kept = 0
        self._watch: _Watch | None = None

    @property
    def now(self) -> int:
        """The current tick."""
        return self._queue.now

    def begun(self, part: RepeatedOp) -> None:
        """The first phase of a collective's in this tick has begun."""
        self._begun.append(part)
        self._queue.before_next_tick = self._consider

    def _consider(self) -> None:
        """At the end of a tick in which phases began: repeat what is known, or watch it."""
        queue, parts = self._queue, self._begun
        queue.before_next_tick = None
        self._begun = []
        ordered = self._alone(parts)
        if ordered is not None:
            tags: dict[int, int] = {}
            (tick,) = queue
            size = self._world_size
            turns = len(ordered) == size and all(part.symmetric for part in ordered)
            shift = ordered[0].rank.number if turns else 0
            keys = [part.key(part.rank.calendar[tick], queue.now, shift, size, tags) for part in ordered]
            if None not in keys:
                self._repeat_or_watch(tuple(keys), ordered, shift, tick)
        for part in parts:
            part.begun.clear()

    def _repeat_or_watch(self, key: _Key, parts: list[RepeatedOp], shift: int, tick: int) -> None:
        queue, network = self._queue, self._network
        self._watch = None
        record = self._records.get(key)
        if record is None:
            if key in self._records:
                return
            record = self._by_formula(parts, shift)
            if record is None:
                self._watch = _Watch(key, parts, shift, network)
                return
            self._keep(key, record)
        end = queue.now + record.duration_ns
        if end >= EXACT_DOUBLE_TICKS:
            return
        queue.drop_next_tick()
        for part in parts:
            del part.rank.calendar[tick]
        network.carry(record.carried, shift - record.shift)
        network.message_count += record.messages
        network.arrived_count += record.messages
        for place, last in record.ends:
            parts[place].pass_over(last, end)

    def _by_formula(self, parts: list[RepeatedOp], shift: int) -> _Record | None:
        """What becomes of chunks that begin in this tick, if there is a formula for it."""
        first = parts[0].alone
        if first is None:
            return None
        chunk = first[0]
        starts: list[tuple[int, RingStructure]] = []
        tags: dict[RingStructure, list[int]] = {}
        for part in parts:
            if part.alone is None or part.alone[0] != chunk:
                return None
            ring = part.alone[1]
            starts.append((part.rank.number, ring))
            tags.setdefault(ring, []).append(part.begun[0].tag)
        # Messages of members whose tags differ, because they have counted different numbers of jobs, never match.
        if any(len(of) != chunk.ring_size or len(set(of)) > 1 for of in tags.values()):
            return None
        form = closed_form(chunk, starts, self._network, parts[0].rank.reduction_ns)
        if form is None:
            return None
        places = {number: place for place, (number, _) in enumerate(starts)}
        return _Record(
            duration_ns=form.duration_ns,
            ends=tuple([(places[number], 0) for number in form.ends]),
            shift=shift,
            carried=self._network.crossed(form.exchanges),
            messages=form.message_count,
        )

    def _alone(self, parts: list[RepeatedOp]) -> list[RepeatedOp] | None:
        """The collectives in the order of their ranks' batches, if the queue holds nothing else."""
        queue = self._queue
        if len(queue) != 1:
            return None
        ((tick, entries),) = queue.items()
        if tick >= EXACT_DOUBLE_TICKS or len(entries) != len(parts) or not self._nothing_in_flight():
            return None
        by_rank = {id(part.rank.calendar): part for part in parts}
        ordered = []
        for entry in entries:
            part = by_rank.pop(id(getattr(entry, "__self__", None)), None)
            if part is None or list(part.rank.calendar) != [tick]:
                return None
            ordered.append(part)
        return ordered

    def _nothing_in_flight(self) -> bool:
        network = self._network
        return network.message_count == network.arrived_count and network.collectives_are_matched()

    def ended(self, part: RepeatedOp, last: int) -> None:
        """All of a collective, or the one chunk it was working on, has ended."""
        watch = self._watch
        if watch is None:
            return
        if watch.end is None:
            watch.end = self._queue.now
            if not self._ends_alone(watch, part):
                self._keep(watch.key, None)
                return
            self._measure(watch)
        if part not in watch.places or watch.end != self._queue.now:
            self._keep(watch.key, None)
            return
        watch.ends.append((watch.places[part], last))
        if len(watch.ends) == len(watch.places):
            record = _Record(
                duration_ns=watch.end - watch.begin,
                ends=tuple(watch.ends),
                shift=watch.shift,
                carried=watch.carried,
                messages=watch.messages,
            )
            self._keep(watch.key, record)

    def _ends_alone(self, watch: _Watch, part: RepeatedOp) -> bool:
        """Whether the tick of the first end holds the batches of all members and nothing else, the first one's first.

        Every receive is followed by an endpoint step that takes time, so once all have ended in one tick, none of them
        can have sent anything in it.
        """
        queue = self._queue
        entries = queue[queue.now]
        if len(queue) != 1 or len(entries) != len(watch.places) or queue.now >= EXACT_DOUBLE_TICKS:
            return False
        if not self._nothing_in_flight():
            return False
        calendars = {id(part.rank.calendar) for part in watch.places}
        owners = [id(getattr(entry, "__self__", None)) for entry in entries]
        return owners[0] == id(part.rank.calendar) and set(owners) == calendars

    def _measure(self, watch: _Watch) -> None:
        watch.messages = self._network.message_count - watch.messages
        since = {
            ends: figures.minus(watch.before.get(ends, NOTHING_CARRIED))
            for ends, figures in self._network.carried().items()
        }
        watch.carried = tuple([(ends, figures) for ends, figures in since.items() if figures.messages])

    def _keep(self, key: _Key, record: _Record | None) -> None:
        self._watch = None
        self._records[key] = record
        self._kept += _size(key, record)
        while self._kept > MOST_KEPT and len(self._records) > 1:
            oldest = next(iter(self._records))
            self._kept -= _size(oldest, self._records.pop(oldest))


def _size(key: _Key, record: _Record | None) -> int:
    """Members and links."""
    return len(key) + (len(record.carried) if record is not None else 0)


def _phase_of(action: Action) -> Phase | None:
    """The phase an action of a calendar belongs to, if it is one of a phase's."""
    owner = getattr(action, "__self__", action)
    if isinstance(owner, Phase):
        return owner
    phase = getattr(owner, "phase", None)
    return phase if isinstance(phase, Phase) else None
