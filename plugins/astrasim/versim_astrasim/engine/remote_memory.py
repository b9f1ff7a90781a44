"""Remote memory: loads and stores, per rank without queueing or through servers that serve one access at a time."""

from __future__ import annotations

from collections import deque

from versim_astrasim.engine.event_queue import Action, RankCalendar, as_uint64, quotient
from versim_astrasim.engine.failures import Abort, Refusal
from versim_astrasim.engine.memory_config import RemoteMemoryConfig


class _Server:
    """Serves accesses one after another, each on its own rank's calendar."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: deque[tuple[RankCalendar, int, Action]] = deque()

    def access(self, calendar: RankCalendar, duration_ns: int, done: Action) -> None:
        if self._busy:
            self._waiting.append((calendar, duration_ns, done))
        else:
            self._start(calendar, duration_ns, done)

    def _start(self, calendar: RankCalendar, duration_ns: int, done: Action) -> None:
        self._busy = True
        tick = calendar.queue.now + duration_ns
        calendar[tick].append(done)
        calendar[tick].append(self._served)

    def _served(self) -> None:
        self._busy = False
        if self._waiting:
            self._start(*self._waiting.popleft())


class RemoteMemory:
    """The memory all ranks reach."""

    def __init__(self, config: RemoteMemoryConfig) -> None:
        self._config = config
        self._servers: dict[int, _Server] = {}

    def duration_ns(self, size_bytes: int) -> int:
        """Latency and transfer of one access. Without bandwidth the transfer takes infinitely long, which is 0 ns."""
        return self._config.latency_ns + as_uint64(quotient(size_bytes, self._config.bandwidth_bytes_per_ns))

    def access(self, rank: int, calendar: RankCalendar, size_bytes: int, done: Action) -> None:
        """Load or store ``size_bytes``; ``done`` is called when that is over.

        Raises:
            Refusal: If the configuration has no remote memory.
            Abort: If the rank's server does not exist.
        """
        config = self._config
        if config.memory_type == "NO_MEMORY_EXPANSION":
            raise Refusal("a memory node needs remote memory, but memory-type is NO_MEMORY_EXPANSION", rank)
        duration_ns = self.duration_ns(size_bytes)
        if config.memory_type == "PER_NPU_MEMORY_EXPANSION":
            calendar[calendar.queue.now + duration_ns].append(done)
            return
        number = 0
        if config.memory_type == "PER_NODE_MEMORY_EXPANSION":
            if config.num_npus_per_node <= 0:
                raise Abort("num-npus-per-node is 0 or missing: a division by zero", rank)
            number = rank // config.num_npus_per_node
            if number >= config.num_nodes:
                raise Abort(f"rank {rank} belongs to memory node {number} of {config.num_nodes}", rank)
        self._servers.setdefault(number, _Server()).access(calendar, duration_ns, done)
