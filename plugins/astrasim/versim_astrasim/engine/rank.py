"""One rank: its calendar, its endpoint, its system layer."""

from __future__ import annotations

from versim_astrasim.engine.algorithms.custom import CustomCollectives, CustomPhase
from versim_astrasim.engine.algorithms.phase import QUICK_ENDPOINT_DELAY_NS, Phase
from versim_astrasim.engine.collectives import CollectiveScheduler
from versim_astrasim.engine.event_queue import UINT64, EventQueue, RankCalendar, as_uint64, quotient
from versim_astrasim.engine.plans import Group, Planner
from versim_astrasim.engine.shared_bus import SharedBus
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.transport import Transport
from versim_astrasim.engine.units import BYTES_PER_GB
from versim_astrasim.engine.waves import Waves

NS_PER_S = 1e9


class Rank:
    """What algorithms need to know about the rank they run on.

    Attributes:
        number: The rank.
        queue: The global event queue.
        calendar: The rank's deferred actions.
        transport: How it sends and receives.
        endpoint_delay_ns: Paid before a message may leave; a negative one wraps to nearly 2^64.
        bus: The shared bus endpoint steps go over, None where none is modelled.
        waves: Where uncontended collectives may be shortened, None where every message is simulated.
        collectives: The system layer.
    """

    def __init__(
        self,
        number: int,
        queue: EventQueue,
        transport: Transport,
        system: SystemConfig,
        planner: Planner,
        dimensions: int,
        customs: CustomCollectives,
        waves: Waves | None,
    ) -> None:
        self.number = number
        self.queue = queue
        self.calendar = RankCalendar(queue)
        self.transport = transport
        self.endpoint_delay_ns = system.effective_endpoint_delay_ns % UINT64
        self.bus = SharedBus(self.calendar, system) if system.model_shared_bus else None
        self._local_mem_bytes_per_s = system.local_mem_bw_gb_per_s * BYTES_PER_GB
        self._reductions_ns: dict[int, int] = {}
        self._customs = customs
        self.waves = waves if self.bus is None else None
        self.collectives = CollectiveScheduler(self, planner, system, dimensions)

    def endpoint_delay_of(self, ring: RingStructure) -> int:
        """The delay of an endpoint step on a ring."""
        return QUICK_ENDPOINT_DELAY_NS if ring.quick else self.endpoint_delay_ns

    def reduction_ns(self, size_bytes: int) -> int:
        """Time to reduce a message: one write and two reads, each truncated.

        Without local memory bandwidth it is infinitely long, which is truncated to 0 ns.
        """
        duration = self._reductions_ns.get(size_bytes)
        if duration is None:
            duration = 3 * as_uint64(quotient(size_bytes, self._local_mem_bytes_per_s) * NS_PER_S)
            self._reductions_ns[size_bytes] = duration
        return duration

    def custom_phase(self, path: str, group: Group | None) -> Phase:
        """A phase that runs a trace-described algorithm."""
        if group is None:
            return CustomPhase(self, self._customs.program(path, self.number), None)
        position = sorted(group.members).index(self.number) if self.number in group.members else -1
        return CustomPhase(self, self._customs.program(path, position), group.members)
