"""What all algorithms share: a phase of a job, and its endpoint steps.

Every time an algorithm prepares a message it pays an *endpoint step*: a fixed delay, then, if the message carries
reduced data, a reduction (one write and two reads of local memory). Steps do not queue on anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from versim_astrasim.engine.event_queue import Action

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank

QUICK_ENDPOINT_DELAY_NS = 10
"""Endpoint delay in groups smaller than the world, whatever the configuration says (upstream behaviour)."""


class Phase(ABC):
    """One algorithm at work for one job in one dimension.

    Attributes:
        output_bytes: Data size for the job's next phase.
    """

    __slots__ = ("_advance", "_rank", "_tag", "output_bytes")

    def __init__(self, rank: Rank, output_bytes: int) -> None:
        self._rank = rank
        self.output_bytes = output_bytes
        self._tag = 0

    def begin(self, tag: int, advance: Callable[[], None]) -> None:
        """Start the phase.

        Args:
            tag: Tag of all its messages.
            advance: Called when the phase is over.
        """
        self._tag = tag
        self._advance = advance
        self._run()

    @abstractmethod
    def _run(self) -> None: ...

    def _endpoint(
        self, size_bytes: int, then: Action, *, reduces: bool, on_memory_side: bool = True, send_back: bool = False
    ) -> None:
        """Pay one endpoint step that is never quick, then go on.

        Args:
            size_bytes: What is reduced.
            then: Called after the step.
            reduces: Whether a reduction follows the delay.
            on_memory_side: Which side of the shared bus the step enters, where one is modelled.
            send_back: Whether it crosses the shared bus again.
        """
        rank = self._rank
        action = partial(self._reduce, size_bytes, then) if reduces else then
        if rank.bus is None:
            rank.calendar[rank.queue.now + rank.endpoint_delay_ns].append(action)
        else:
            rank.bus.step(size_bytes, action, on_memory_side=on_memory_side, processes=reduces, send_back=send_back)

    def _reduce(self, size_bytes: int, then: Action) -> None:
        rank = self._rank
        rank.calendar[rank.queue.now + rank.reduction_ns(size_bytes)].append(then)
