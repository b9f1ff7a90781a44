"""The workload layer of one rank: three slots, and the scan that issues ready nodes in order of id.

A rank has one slot each for CPU work, GPU work and communication; receives need none. At every completion it scans the
nodes that are ready, in ascending id, and issues those whose slot is free. Nodes that become ready during a scan wait
for the next one, which matters for *skipped* nodes: they finish inline without a scan of their own, so their successors
run only if something else of the rank completes later (measured: golden/astrasim/compute).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from heapq import heappop, heappush

import attrs

from versim_astrasim.engine.event_queue import EXACT_DOUBLE_TICKS, NOT_YET, UINT64, as_double
from versim_astrasim.engine.failures import Abort, CallbackError, Failure, Refusal
from versim_astrasim.engine.notes import Notes
from versim_astrasim.engine.plans import DEFAULT_INVOLVED_DIMENSIONS, Group
from versim_astrasim.engine.program import GPU_SLOT, NO_SLOT, Program
from versim_astrasim.engine.rank import Rank
from versim_astrasim.engine.remote_memory import RemoteMemory
from versim_astrasim.engine.replay import leading_integer, native_tag, replayed_ns
from versim_astrasim.engine.roofline import Roofline, RooflinePoint
from versim_astrasim.engine.system_config import CollectiveKind, SystemConfig
from versim_astrasim.engine.trace import (
    COLL,
    COMM_TYPES,
    COMP,
    INVALID,
    MEM_LOAD,
    MEM_STORE,
    MISSING,
    RECV,
    SEND,
)
from versim_astrasim.engine.variant import Variant

_KINDS = {
    COMM_TYPES["ALL_REDUCE"]: CollectiveKind.ALL_REDUCE,
    COMM_TYPES["ALL_GATHER"]: CollectiveKind.ALL_GATHER,
    COMM_TYPES["REDUCE_SCATTER"]: CollectiveKind.REDUCE_SCATTER,
    COMM_TYPES["ALL_TO_ALL"]: CollectiveKind.ALL_TO_ALL,
}


@attrs.frozen(kw_only=True)
class Machine:
    """What all ranks' workloads share.

    Attributes:
        system: The system configuration.
        roofline: The device, None where compute is replayed.
        memory: Remote memory.
        groups: Members of each communicator group.
        notes: What is silently changed.
        finish: Called with a rank's number when the rank has finished.
    """

    system: SystemConfig
    roofline: Roofline | None
    memory: RemoteMemory
    groups: Mapping[int, tuple[int, ...]]
    notes: Notes
    finish: Callable[[int], None]


class Workload:
    """One rank's trace in execution.

    Attributes:
        rank: The rank.
        program: Its nodes.
        ready_ns: When each node's predecessors were all finished, :data:`NOT_YET` before.
        start_ns: When each node was issued.
        end_ns: When each node completed.
        finished_ns: When the rank finished, None before.
        gpu_ns: Sum of the durations of compute nodes issued to the GPU slot; the original's "exposed communication" is
            the finish minus this.
        only_gpu_and_comm: Whether only GPU and communication nodes ran; the original's statistics fail otherwise.
        odd_node_id: The last node that was neither, None if all were.
        instant: The first node after whose issue something was due at tick 0, which the original forbids.
        roofline_enabled: Whether compute is timed by the roofline.
        points: Roofline figures by position.
        inert: Nodes that can never complete, and why.
        first_jobs: By collective, the number of its first job; partners' jobs meet by number.
    """

    def __init__(self, rank: Rank, program: Program, machine: Machine) -> None:
        self.rank = rank
        self.program = program
        self._groups: dict[int, Group] = {}
        self._machine = machine
        self.roofline_enabled = machine.roofline is not None
        self._queue = rank.queue
        count = len(program.node_ids)
        self.ready_ns = [NOT_YET] * count
        self.start_ns = [NOT_YET] * count
        self.end_ns = [NOT_YET] * count
        self.finished_ns: int | None = None
        self.gpu_ns = 0
        self.only_gpu_and_comm = True
        self.odd_node_id: int | None = None
        self.instant: int | None = None
        self.points: dict[int, RooflinePoint] = {}
        self.inert: dict[int, str] = {}
        self.first_jobs: dict[int, int] = {}
        self._waiting_for = list(program.predecessor_counts)
        self._ready: tuple[list[int], ...] = ([], [], [], [])
        self._late: list[int] = []
        self._scanning = False
        self._busy = [False, False, False, False]
        self._running = 0
        self._issuers = self._issue_table()
        for position in program.roots:
            self._make_ready(position)

    def fire(self) -> None:
        """Start the rank."""
        self._scan()
        self._check_finished()

    def ready_positions(self) -> list[int]:
        """Nodes that wait for a slot."""
        return sorted([position for heap in self._ready for position in heap] + self._late)

    def running_positions(self) -> list[int]:
        """Nodes that were issued and have not completed."""
        return [
            position
            for position, start in enumerate(self.start_ns)
            if start != NOT_YET and self.end_ns[position] == NOT_YET
        ]

    @property
    def _clock_ns(self) -> int:
        """The current tick as the rank reads it."""
        now = self._queue.now
        return now if now < EXACT_DOUBLE_TICKS else as_double(now) % UINT64

    # The engine of it: ready nodes, scan, completion.

    def _make_ready(self, position: int) -> None:
        self.ready_ns[position] = self._clock_ns
        if self._scanning:
            self._late.append(position)
        else:
            heappush(self._ready[self.program.slots[position]], position)

    def _scan(self) -> None:
        ready, busy = self._ready, self._busy
        self._scanning = True
        try:
            while True:
                slot, position = -1, -1
                for candidate in range(4):
                    heap = ready[candidate]
                    if heap and not busy[candidate] and (slot < 0 or heap[0] < position):
                        slot, position = candidate, heap[0]
                if slot < 0:
                    break
                heappop(ready[slot])
                self._issue(position, slot)
        finally:
            self._scanning = False
            if self._late:
                slots = self.program.slots
                for position in self._late:
                    heappush(ready[slots[position]], position)
                self._late.clear()

    def _issue(self, position: int, slot: int) -> None:
        if position in self.program.unreadable:
            heappush(self._ready[slot], position)
            raise CallbackError(
                f"{self.program.describe(position)}: {self.program.unreadable[position]}",
                self.rank.number,
                self.program.node_ids[position],
            )
        self._running += 1
        if slot != NO_SLOT:
            self._busy[slot] = True
        node_type = self.program.types[position]
        if node_type not in self._issuers:
            raise Abort(
                f"{self.program.describe(position)} has type {node_type}, for which there are no statistics",
                self.rank.number,
                self.program.node_ids[position],
            )
        self.start_ns[position] = self._clock_ns
        if node_type in (INVALID, MEM_LOAD, MEM_STORE) or (node_type == COMP and slot != GPU_SLOT):
            self.only_gpu_and_comm = False
            self.odd_node_id = self.program.node_ids[position]
        try:
            self._issuers[node_type](position)
            if not self._queue.now and 0 in self._queue and self.instant is None:
                self.instant = position
        except Failure as failure:
            if failure.rank is None:
                failure.rank = self.rank.number
            if failure.node_id is None:
                failure.node_id = self.program.node_ids[position]
            raise

    def _end(self, position: int) -> None:
        """Finish a node without looking for what to do next."""
        self._busy[self.program.slots[position]] = False
        self.end_ns[position] = self._clock_ns
        self._running -= 1
        waiting_for = self._waiting_for
        for successor in self.program.successors[position]:
            waiting_for[successor] -= 1
            if not waiting_for[successor]:
                self._make_ready(successor)

    def _complete(self, position: int) -> None:
        if self.finished_ns is not None:
            return
        self._end(position)
        self._scan()
        self._check_finished()

    def _check_finished(self) -> None:
        if self._running or any(self._ready):
            return
        self.finished_ns = self._clock_ns
        self._machine.finish(self.rank.number)
        if not self.only_gpu_and_comm:
            raise CallbackError(
                "the rank finished, but its statistics know only GPU and communication nodes",
                self.rank.number,
                self.odd_node_id,
            )

    # Issuing, by node type.

    def _issue_table(self) -> dict[int, Callable[[int], None]]:
        if self._machine.system.replay_only:
            return dict.fromkeys((INVALID, MEM_LOAD, MEM_STORE, COMP, SEND, RECV, COLL), self._replay)
        return {
            INVALID: self._end,
            MEM_LOAD: self._access_memory,
            MEM_STORE: self._access_memory,
            COMP: self._replay if self._machine.roofline is None else self._compute,
            SEND: self._send,
            RECV: self._receive,
            COLL: self._collective,
        }

    def _attribute(self, name: str, position: int, default: int | None = None) -> int:
        value = self.program.attribute(name)[position]
        if value != MISSING:
            return value
        wrong = self.program.trace.malformed.get((self.program.rows[position], name))
        if wrong is not None:
            raise CallbackError(f"{self.program.describe(position)}: {wrong}")
        if default is None:
            raise CallbackError(f"{self.program.describe(position)} has no attribute {name}")
        return default

    def _defer(self, duration_ns: int, position: int) -> None:
        self.rank.calendar[self._queue.now + duration_ns].append(partial(self._complete, position))

    def _replay(self, position: int) -> None:
        duration_ns = replayed_ns(self.program.attribute("duration_micros")[position])
        if not self.program.on_cpu[position]:
            self.gpu_ns += duration_ns
        self._defer(duration_ns, position)

    def _compute(self, position: int) -> None:
        if self.program.on_cpu[position]:
            self._replay(position)
            return
        num_ops = self._attribute("num_ops", position) % UINT64
        tensor_bytes = self._attribute("tensor_size", position) % UINT64
        roofline = self._machine.roofline
        if not tensor_bytes or roofline is None:
            self._end(position)
            return
        point = self.points[position] = roofline.point(num_ops, tensor_bytes)
        self.gpu_ns += point.duration_ns
        self._defer(point.duration_ns, position)

    def _access_memory(self, position: int) -> None:
        size_bytes = self._attribute("tensor_size", position) % UINT64
        self._machine.memory.access(self.rank.number, self.rank.calendar, size_bytes, partial(self._complete, position))

    def _refuse_on_cpu(self, position: int) -> None:
        if self.program.on_cpu[position]:
            raise CallbackError(f"{self.program.describe(position)} communicates, which a CPU node cannot")

    def _send(self, position: int) -> None:
        self._refuse_on_cpu(position)
        number = self.rank.number
        if self._attribute("comm_src", position, number) % 2**32 != number:
            raise CallbackError(f"{self.program.describe(position)} sends for another rank than the one that runs it")
        destination = self._attribute("comm_dst", position) % 2**32
        size_bytes = self._attribute("comm_size", position) % UINT64
        tag = native_tag(self._attribute("comm_tag", position), number)
        self.rank.transport.channel(tag, number, destination, size_bytes).send(partial(self._complete, position))

    def _receive(self, position: int) -> None:
        self._refuse_on_cpu(position)
        number = self.rank.number
        source = self._attribute("comm_src", position) % 2**32
        if self._attribute("comm_dst", position, number) % 2**32 != number:
            raise CallbackError(
                f"{self.program.describe(position)} receives for another rank than the one that runs it"
            )
        size_bytes = self._attribute("comm_size", position) % UINT64
        tag = native_tag(self._attribute("comm_tag", position), number)
        if source >= 2**31:
            raise Abort(f"{self.program.describe(position)} receives from rank {source}, which is no rank")
        self.rank.transport.channel(tag, source, number, size_bytes).receive(partial(self._complete, position))

    def _collective(self, position: int) -> None:
        self._refuse_on_cpu(position)
        program = self.program
        row = program.rows[position]
        wrong = program.trace.malformed.get((row, "involved_dim"))
        if wrong is not None:
            raise Refusal(f"{program.describe(position)}: {wrong}")
        involved = program.trace.involved_dim.get(row, DEFAULT_INVOLVED_DIMENSIONS)
        group = self._group(position, row)
        comm_type = self._attribute("comm_type", position) % UINT64
        size_bytes = self._attribute("comm_size", position) % UINT64
        self._attribute("comm_priority", position, 0)
        if comm_type == COMM_TYPES["BROADCAST"]:
            # Not carried out, only replayed, and not counted as compute.
            self._machine.notes.add(self.rank.number, program.node_ids[position], "a broadcast is only replayed")
            self._defer(replayed_ns(program.attribute("duration_micros")[position]), position)
            return
        kind = _KINDS.get(comm_type)
        if kind is None:
            names = {number: name for name, number in COMM_TYPES.items()}
            raise CallbackError(f"{program.describe(position)} is a {names.get(comm_type, comm_type)}, unsupported")
        self.first_jobs[position] = self.rank.collectives.next_job_id(group)
        never = self.rank.collectives.start(
            kind,
            size_bytes,
            program.node_ids[position],
            complete=partial(self._complete, position),
            group=group,
            involved=involved,
        )
        if never is not None:
            self.inert[position] = never

    def _group(self, position: int, row: int) -> Group | None:
        trace = self.program.trace
        wrong = trace.malformed.get((row, "pg_name"))
        if wrong is not None:
            raise CallbackError(f"{self.program.describe(position)}: {wrong}")
        name = trace.pg_name.get(row, "")
        if name == "" or (name == "0" and self._machine.system.variant is not Variant.RAPID_LLM):
            return None
        group_id = leading_integer(name)
        if group_id is None:
            raise CallbackError(f"{self.program.describe(position)} belongs to group {name!r}, which is no number")
        group = self._groups.get(group_id)
        if group is None:
            members = self._machine.groups.get(group_id)
            if members is None:
                raise Refusal(f"{self.program.describe(position)} belongs to group {group_id}, which is not defined")
            group = self._groups[group_id] = Group.of(group_id, members)
        return group
