"""Halving-doubling: partners at distances 1, 2, 4, …, messages half as large each time, and back again.

Two oddities of the original are kept: one receive fewer is reduced than would be needed, and the reduction is charged
for the size of the *next* message. A number of members that is no power of two pairs members wrongly and usually hangs.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from versim_astrasim.engine.algorithms.windowed import WindowedPhase
from versim_astrasim.engine.failures import Refusal
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank


class HalvingDoublingPhase(WindowedPhase):
    """One member's part in halving-doubling."""

    __slots__ = ("_distance", "_factor", "_index", "_next_bytes", "_prepared_messages")

    def __init__(self, rank: Rank, kind: CollectiveKind, size_bytes: int, ring: RingStructure) -> None:
        if kind is CollectiveKind.ALL_TO_ALL:
            raise Refusal("halving-doubling does not offer all-to-all", rank.number)
        steps = math.log2(ring.size)
        all_reduce = kind is CollectiveKind.ALL_REDUCE
        super().__init__(
            rank,
            kind,
            size_bytes,
            ring,
            messages=int(2 * steps) if all_reduce else int(steps),
            window=1,
            others_per_cycle=int(steps - 1),
        )
        self._index = ring.index(rank.number)
        self._prepared_messages: deque[tuple[int, int]] = deque()
        if kind is CollectiveKind.ALL_GATHER:
            self._next_bytes, self._distance, self._factor = size_bytes, ring.size // 2, 0.5
        else:
            self._next_bytes, self._distance, self._factor = size_bytes // 2, 1, 2.0

    def _peer(self) -> int:
        distance = self._distance
        if distance and (self._index // distance) % 2:
            distance = -distance
        return self._ring.member(self._index + distance)

    def _next_message_bytes(self) -> int:
        size_bytes = self._next_bytes
        self._prepared_messages.append((self._peer(), size_bytes))
        self._step()
        if self._kind is CollectiveKind.ALL_REDUCE and self._distance == self._ring.size:
            self._factor = 0.5
            self._step()
        return size_bytes

    def _step(self) -> None:
        self._distance = int(self._distance * self._factor)
        self._next_bytes = int(self._next_bytes / self._factor)

    def _send(self) -> None:
        peer, size_bytes = self._prepared_messages.popleft()
        self._exchange(peer, peer, size_bytes)
