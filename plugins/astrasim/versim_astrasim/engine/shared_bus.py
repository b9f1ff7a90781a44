"""Shared-bus mode: endpoint steps queue on a LogGP bus between the rank's processor and its memory.

An *outer* bus has a processor and a memory side; the processor side owns an *inner* bus of the same kind with its own
gap per byte. Each side sends and receives one request at a time (measured: golden/astrasim/options).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from versim_astrasim.engine.event_queue import Action, RankCalendar, as_uint64
from versim_astrasim.engine.system_config import SystemConfig

INNER_GAP_NS_PER_BYTE = 0.0038
_BURST = 8
_WORK_BYTES, _WORK_BASE_NS = 100, 50


class _State(Enum):
    FREE = 0
    SENDING = 1
    RECEIVING = 2


class _Request:
    __slots__ = ("back", "done", "processes", "size_bytes")

    def __init__(self, size_bytes: int, *, processes: bool, back: bool, done: Action) -> None:
        self.size_bytes = size_bytes
        self.processes = processes
        self.back = back
        self.done = done


class _Timing:
    """LogGP parameters of one bus, in ns and ns per byte."""

    __slots__ = ("gap_ns", "gap_ns_per_byte", "latency_ns", "overhead_ns", "work_ns_per_100_bytes")

    def __init__(self, system: SystemConfig, gap_ns_per_byte: float) -> None:
        self.latency_ns = system.bus_latency_ns
        self.overhead_ns = system.bus_overhead_ns
        self.gap_ns = system.bus_gap_ns
        self.gap_ns_per_byte = gap_ns_per_byte
        self.work_ns_per_100_bytes = system.local_reduction_delay_ns


class _Side:
    """One side of a bus."""

    other: _Side

    def __init__(self, calendar: RankCalendar, timing: _Timing) -> None:
        self._calendar = calendar
        self._timing = timing
        self._state = _State.FREE
        self._previous = _State.FREE
        self._last_ns = 0
        self._streak = 0
        self._sends: list[_Request] = []
        self._receives: list[_Request] = []
        self._work: list[_Request] = []
        self._working = False
        self.inner: tuple[_Side, _Side] | None = None

    def _defer(self, delay_ns: float, action: Action) -> None:
        self._calendar[self._calendar.queue.now + as_uint64(delay_ns)].append(action)

    def request(self, size_bytes: int, *, processes: bool, back: bool, done: Action) -> None:
        """Move a request across the bus."""
        request = _Request(size_bytes, processes=processes, back=back, done=done)
        if self.inner is not None:
            self.inner[1].request(size_bytes, processes=False, back=False, done=lambda: self._enqueue_send(request))
            return
        self._sends.append(request)
        if self._state is _State.FREE:
            self._try_next()

    def _enqueue_send(self, request: _Request) -> None:
        self._sends.append(request)
        self._pump()

    def _pump(self) -> None:
        if self._state is _State.FREE and self._sends:
            self._try_next()

    def _try_next(self) -> None:
        other, timing = self.other, self._timing
        if self._streak > _BURST and other._sends and other._streak <= _BURST:  # noqa: SLF001 - two sides of one bus
            if other._state is _State.FREE:  # noqa: SLF001
                other._pump()  # noqa: SLF001
            return
        offset_ns = timing.overhead_ns
        if self._previous is _State.SENDING:
            elapsed_ns = self._calendar.queue.now - self._last_ns
            if timing.overhead_ns + elapsed_ns <= timing.gap_ns:
                offset_ns = timing.gap_ns - elapsed_ns
        request = self._sends.pop(0)
        occupied_ns = timing.gap_ns_per_byte * (request.size_bytes - 1)
        other._begin_receiving(  # noqa: SLF001
            request, offset_ns + occupied_ns + timing.latency_ns + timing.overhead_ns
        )
        self._state = _State.SENDING
        self._defer(offset_ns + occupied_ns, self._sent)

    def _begin_receiving(self, request: _Request, delay_ns: float) -> None:
        self._receives.append(request)
        self._previous = self._state
        self._state = _State.RECEIVING
        self._streak = 0
        self._defer(delay_ns, self._received)

    def _sent(self) -> None:
        self._last_ns = self._calendar.queue.now
        self._previous = self._state
        self._state = _State.FREE
        self._streak += 1
        self._pump()

    def _received(self) -> None:
        self._last_ns = self._calendar.queue.now
        self._previous = self._state
        if len(self._receives) < 2:
            self._state = _State.FREE
        request = self._receives[0]
        if request.processes:
            request.processes = False
            self._receives.pop(0)
            if self.inner is not None:
                self._cross_inner(request, lambda: self._enqueue_work(request))
            else:
                self._work.append(request)
            self._start_work()
        else:
            self._route(request, self._receives)
        self._pump()

    def _cross_inner(self, request: _Request, then: Action) -> None:
        if self.inner is not None:
            self.inner[0].request(request.size_bytes, processes=False, back=True, done=then)

    def _enqueue_work(self, request: _Request) -> None:
        self._work.append(request)
        self._start_work()
        self._pump()

    def _start_work(self) -> None:
        if not self._working and self._work:
            self._working = True
            self._schedule_work()

    def _schedule_work(self) -> None:
        duration_ns = self._work[0].size_bytes // _WORK_BYTES * self._timing.work_ns_per_100_bytes + _WORK_BASE_NS
        self._defer(duration_ns, self._worked)

    def _worked(self) -> None:
        self._working = False
        self._route(self._work[0], self._work)
        self._start_work()
        self._pump()

    def _route(self, request: _Request, waiting: list[_Request]) -> None:
        if request.back:
            request.back = False
            waiting.pop(0)
            if self.inner is not None:
                self._cross_inner(request, lambda: self._enqueue_send(request))
            else:
                self._sends.append(request)
            return
        if self.inner is not None:
            self.inner[0].request(request.size_bytes, processes=False, back=False, done=lambda: self._leave(request))
        else:
            request.done()
        waiting.pop(0)

    def _leave(self, request: _Request) -> None:
        request.done()
        self._pump()


def _bus(calendar: RankCalendar, timing: _Timing) -> tuple[_Side, _Side]:
    processor, memory = _Side(calendar, timing), _Side(calendar, timing)
    processor.other, memory.other = memory, processor
    return processor, memory


class SharedBus:
    """The outer bus of one rank."""

    def __init__(self, calendar: RankCalendar, system: SystemConfig) -> None:
        self._processor, self._memory = _bus(calendar, _Timing(system, system.bus_gap_ns_per_byte))
        self._processor.inner = _bus(calendar, _Timing(system, INNER_GAP_NS_PER_BYTE))

    def step(
        self, size_bytes: int, done: Callable[[], object], *, on_memory_side: bool, processes: bool, send_back: bool
    ) -> None:
        """Take one endpoint step across the bus; ``done`` is called when it is over."""
        side = self._memory if on_memory_side else self._processor
        side.request((size_bytes + 2**31) % 2**32 - 2**31, processes=processes, back=send_back, done=done)
