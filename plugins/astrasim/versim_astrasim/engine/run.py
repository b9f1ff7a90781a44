"""One run in Python, event by event: what the compiled engine re-creates, and who says why a run went wrong."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from versim_astrasim.engine import diagnosis
from versim_astrasim.engine.algorithms.custom import CustomCollectives
from versim_astrasim.engine.event_queue import NOT_YET, EventQueue
from versim_astrasim.engine.failures import Abort, AmbiguousOrder, CallbackError, Failure, Refusal
from versim_astrasim.engine.memory_config import RemoteMemoryConfig
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.networks import AnyNetwork, build_network
from versim_astrasim.engine.notes import Notes
from versim_astrasim.engine.outcome import Finding, Integers, LinkUse, Outcome, RankStatistics, Spans, Status
from versim_astrasim.engine.plans import Planner
from versim_astrasim.engine.program import Program
from versim_astrasim.engine.rank import Rank
from versim_astrasim.engine.remote_memory import RemoteMemory
from versim_astrasim.engine.roofline import Roofline
from versim_astrasim.engine.statistics import rank_statistics
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.trace import RankTrace
from versim_astrasim.engine.transport import RendezvousTransport, Transport
from versim_astrasim.engine.waves import Waves
from versim_astrasim.engine.wired_network import WiredNetwork
from versim_astrasim.engine.workload import Machine, Workload


def run(
    traces: Sequence[RankTrace],
    network: NetworkConfig,
    system: SystemConfig,
    *,
    groups: Mapping[int, tuple[int, ...]],
    memory: RemoteMemoryConfig,
    per_node_custom: Mapping[int, str] | None,
    read_trace: Callable[[str], RankTrace] | None,
    waves: bool,
    record_spans: bool,
    statistics: bool,
    max_ticks: int | None,
) -> Outcome:
    """Simulate; see :func:`.simulation.simulate`. With ``waves``, shortcuts where they give the same figures."""

    def once(*, waves: bool) -> Outcome:
        return _Run(traces, network, system, groups, memory, per_node_custom, read_trace, waves=waves).outcome(
            record_spans=record_spans, statistics=statistics, max_ticks=max_ticks
        )

    try:
        return once(waves=waves)
    except AmbiguousOrder:
        return once(waves=False)


class _Run:
    """One run."""

    def __init__(
        self,
        traces: Sequence[RankTrace],
        network: NetworkConfig,
        system: SystemConfig,
        groups: Mapping[int, tuple[int, ...]],
        memory: RemoteMemoryConfig,
        per_node_custom: Mapping[int, str] | None,
        read_trace: Callable[[str], RankTrace] | None,
        *,
        waves: bool,
    ) -> None:
        self._traces = traces
        self._config = network
        self._system = system
        self._groups = groups
        self._memory = memory
        self._per_node_custom = per_node_custom
        self._read_trace = read_trace
        self._waves = waves
        self._queue = EventQueue()
        self._network: AnyNetwork | None = None
        self._workloads: list[Workload] = []
        self._finish_order: list[int] = []
        self._notes = Notes()

    def outcome(self, *, record_spans: bool, statistics: bool, max_ticks: int | None) -> Outcome:
        failure: Failure | None = None
        # Millions of small objects live and die here without cycles; looking for cycles would take a third of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._build()
            for workload in self._workloads:
                workload.fire()
            self._queue.run(max_ticks)
        except CallbackError as error:
            failure = Abort(error.reason, error.rank, error.node_id)
        except Failure as error:
            failure = error
            if error.rank is None:
                self._name_what_was_instant(error)
        finally:
            if collecting:
                gc.enable()
        return self._outcome(failure, record_spans=record_spans, statistics=statistics)

    def _name_what_was_instant(self, failure: Failure) -> None:
        """Add the rank and node that first scheduled something for tick 0, if one did."""
        for workload in self._workloads:
            if workload.instant is not None:
                failure.rank, failure.node_id = workload.rank.number, workload.program.node_ids[workload.instant]
                return

    def _build(self) -> None:
        config, system, queue = self._config, self._system, self._queue
        if len(self._traces) < config.rank_count:
            raise Refusal(f"there are {config.rank_count} ranks but only {len(self._traces)} traces")
        network = self._network = build_network(config, queue)
        transport: Transport = RendezvousTransport(network) if system.rendezvous else network
        planner = Planner(config.npus_count, system, self._notes, self._per_node_custom)
        for group_id in self._groups:
            if group_id <= 0:
                raise Abort(f"communicator group {group_id}: ids must be larger than 0, which is the world")
        roofline = Roofline.of(system.local_mem_bw_gb_per_s, system.peak_perf_tflop_per_s)
        machine = Machine(
            system=system,
            roofline=roofline if system.roofline_enabled else None,
            memory=RemoteMemory(self._memory),
            groups={group_id: tuple(members) for group_id, members in self._groups.items()},
            notes=self._notes,
            finish=self._finish_order.append,
        )
        waves: Waves | None = None
        if self._waves and not system.rendezvous and not isinstance(network, WiredNetwork):
            waves = Waves(network)
        customs = CustomCollectives(self._read_trace)
        programs: dict[int, Program] = {}
        for number, trace in enumerate(self._traces[: config.rank_count]):
            program = programs.get(id(trace))
            if program is None:
                try:
                    program = programs[id(trace)] = Program(trace)
                except Failure as failure:
                    failure.rank = number
                    raise
            rank = Rank(number, queue, transport, system, planner, len(config.npus_count), customs, waves)
            self._workloads.append(Workload(rank, program, machine))

    def _outcome(self, failure: Failure | None, *, record_spans: bool, statistics: bool) -> Outcome:
        finished = {workload.rank.number: workload.finished_ns for workload in self._workloads}
        finish_ns = tuple(finished.get(rank) for rank in range(self._config.rank_count))
        if failure is not None:
            status = Status(failure.status)
        else:
            status = Status.UNFINISHED if None in finish_ns else Status.COMPLETED
        figures = [rank_statistics(workload) for workload in self._workloads] if statistics else []
        figures += [RankStatistics()] * (len(finish_ns) - len(figures)) if statistics else []
        return Outcome(
            status=status,
            finish_ns=finish_ns,
            finish_order=tuple(self._finish_order),
            statistics=tuple(figures),
            spans=self._spans() if record_spans else None,
            links=self._link_use(),
            message_count=self._network.message_count if self._network is not None else 0,
            diagnosis=tuple(self._findings(failure)),
        )

    def _findings(self, failure: Failure | None) -> Iterator[Finding]:
        yield from self._findings_of_the_run(failure)
        for warning in (*self._config.warnings, *self._system.warnings, *self._memory.warnings):
            yield Finding(None, None, warning)

    def _findings_of_the_run(self, failure: Failure | None) -> Iterator[Finding]:
        if failure is not None:
            yield Finding(failure.rank, failure.node_id, failure.reason)
            return
        if any(workload.finished_ns is None for workload in self._workloads):
            yield from diagnosis.of_clock(self._queue.now)
        awaited = diagnosis.awaited_in_collectives(self._network) if self._network is not None else {}
        for workload in self._workloads:
            if workload.finished_ns is None:
                yield from diagnosis.of_unfinished(workload, awaited)
            else:
                yield from diagnosis.of_finished(workload)
        if any(workload.finished_ns is None for workload in self._workloads):
            yield from diagnosis.of_numbering(self._workloads)
        if self._network is not None:
            yield from diagnosis.of_unclaimed(self._network)
        yield from self._notes.findings()

    def _spans(self) -> Spans:
        # Compute of no operations lasts 2^63 ns: what no run of a machine lives to see has not happened.
        issued = [_seen(workload.start_ns) != NOT_YET for workload in self._workloads]

        def joined(column: Callable[[Workload], list[int]]) -> Integers:
            parts = [_seen(column(workload))[mask] for workload, mask in zip(self._workloads, issued, strict=True)]
            return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

        counts = [int(mask.sum()) for mask in issued]
        return Spans(
            rank=np.repeat(np.arange(len(counts), dtype=np.int64), counts),
            node_id=joined(lambda workload: workload.program.signed_ids).astype(np.uint64),
            ready_ns=joined(lambda workload: workload.ready_ns),
            start_ns=joined(lambda workload: workload.start_ns),
            end_ns=joined(lambda workload: workload.end_ns),
        )

    def _link_use(self) -> LinkUse:
        links = self._network.links() if self._network is not None else []
        if not links:
            return LinkUse()
        return LinkUse(
            name=tuple(link.name for link in links),
            bytes_carried=_ticks([link.bytes_carried for link in links]),
            busy_ns=_ticks([link.busy_ns for link in links]),
            queueing_ns=_ticks([link.queueing_ns for link in links]),
            messages=_ticks([link.messages for link in links]),
        )


def _seen(ticks: list[int]) -> Integers:
    """Ticks of nodes as a column, :data:`NOT_YET` for those that 64 bits do not hold."""
    try:
        return np.array(ticks, dtype=np.int64)
    except OverflowError:
        return np.array([tick if tick < 2**63 else NOT_YET for tick in ticks], dtype=np.int64)


def _ticks(values: list[int]) -> Integers:
    """Whole numbers as a column; those that need more bits (only broken input gets there) are cut off."""
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        return np.array([max(-(2**63), min(value, 2**63 - 1)) for value in values], dtype=np.int64)
