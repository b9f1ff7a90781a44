"""Algorithms of the fork: smaller ring messages, whole all-to-all messages, and four names of its own.

All are rings in which every member talks to its neighbours. What differs is how many messages of which size each
member sends, and which receives it reduces. Let n be the members, D the data and s the whole part of sqrt(n):

=============  ==================  ===============  ==============  ================  ===============================
algorithm      all-reduce          all-gather       reduce-scatter  all-to-all        messages (all-reduce; a2a; else)
=============  ==================  ===============  ==============  ================  ===============================
ring, direct   (D / n) / 2         D / 2            D / n           D                 as in ASTRA-sim
mesh           D / n               D                D / n           D / n             as the ring
hypercube      D / n               D                D / n           D / n             2 ceil(ln n); n(n-1)/2; ceil(ln n)
torus2d        D / n               D                D / n           D / n             4 (s-1); s(s²-1)/2; (s²-1)/2
mesh2d         D                   D                D               D                 2 (s-1); s(s²-1)/2; (s²-1)/2
=============  ==================  ===============  ==============  ================  ===============================

A member of ``mesh2d`` has neighbours on a line, not on a ring: the last one is an error, the first never begins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from versim_astrasim.engine.algorithms.cycles import ReductionCycle
from versim_astrasim.engine.algorithms.names import Algorithm
from versim_astrasim.engine.algorithms.ring import RingPhase, Rounds, rounds_of
from versim_astrasim.engine.failures import Abort, CallbackError
from versim_astrasim.engine.structures import RingStructure
from versim_astrasim.engine.system_config import CollectiveKind

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank

_BREAK_IN_GROUPS = (Algorithm.HYPERCUBE, Algorithm.TORUS_2D, Algorithm.MESH_2D)
"""In a group the fork takes a ring for their structure, calls what is not there and dies."""


def ring_rounds(kind: CollectiveKind, size_bytes: int, members: int) -> Rounds:
    """Of the ring and the direct algorithm."""
    rounds = rounds_of(kind, size_bytes, members)
    if kind is CollectiveKind.ALL_TO_ALL:
        return attrs.evolve(rounds, message_bytes=size_bytes)
    if kind is CollectiveKind.REDUCE_SCATTER:
        return rounds
    return attrs.evolve(rounds, message_bytes=rounds.message_bytes // 2)


def _hypercube_rounds(kind: CollectiveKind, size_bytes: int, members: int) -> Rounds:
    rounds = rounds_of(kind, size_bytes, members)
    if kind is CollectiveKind.ALL_TO_ALL:
        return rounds
    logarithm = math.ceil(math.log(members))
    return attrs.evolve(rounds, messages=2 * logarithm if kind is CollectiveKind.ALL_REDUCE else logarithm)


def _square_rounds(kind: CollectiveKind, size_bytes: int, members: int, *, laps: int) -> Rounds:
    """Of a square of ``side`` rows and columns, through which an all-reduce goes ``laps`` times."""
    side = math.isqrt(members)
    messages = {
        CollectiveKind.ALL_REDUCE: laps * (side - 1),
        CollectiveKind.ALL_TO_ALL: (side * side - 1) * side // 2,
    }.get(kind, (side * side - 1) // 2)
    return attrs.evolve(rounds_of(kind, size_bytes, members), messages=messages, reduced=side - 1)


def _mesh_2d_rounds(kind: CollectiveKind, size_bytes: int, members: int) -> Rounds:
    rounds = _square_rounds(kind, size_bytes, members, laps=2)
    output_bytes = rounds.output_bytes if kind is CollectiveKind.ALL_GATHER else size_bytes
    return attrs.evolve(rounds, message_bytes=size_bytes, output_bytes=output_bytes)


class _SquarePhase(RingPhase):
    """A ring algorithm of other lengths: receives are reduced in cycles that its number of messages does not fit."""

    __slots__ = ("_cycle", "_prepared")

    def __init__(self, rank: Rank, kind: CollectiveKind, rounds: Rounds, ring: RingStructure, direction: int) -> None:
        super().__init__(rank, kind, rounds, ring, direction)
        self._cycle = ReductionCycle(kind, 1, rounds.reduced)
        self._prepared = 0

    def receive(self) -> None:
        """A message is in: prepare the next one, reduced or not."""
        self._prepared += 1
        self._reductions_left = int(self._cycle.stretch(self._prepared)[0])
        super().receive()


class _LinePhase(_SquarePhase):
    """A member's part in ``mesh2d``, whose members have neighbours on a line."""

    __slots__ = ("_is_first", "_is_last")

    def __init__(self, rank: Rank, kind: CollectiveKind, rounds: Rounds, ring: RingStructure, direction: int) -> None:
        super().__init__(rank, kind, rounds, ring, direction)
        ends = (0, ring.size - 1)
        index = ring.index(rank.number)
        self._is_first, self._is_last = (index == end for end in (ends if direction > 0 else ends[::-1]))

    def _run(self) -> None:
        if self._is_last:
            raise CallbackError(f"rank {self._rank.number} ends a line of mesh2d: it has nobody to send to")
        if not self._is_first:
            super()._run()


def phase_of(
    algorithm: Algorithm, rank: Rank, kind: CollectiveKind, size_bytes: int, ring: RingStructure, direction: int
) -> RingPhase | None:
    """A member's part in one of the fork's own algorithms, None for those it shares with ASTRA-sim.

    Raises:
        Abort: The fork dies running it in a group.
    """
    if ring.quick and algorithm in _BREAK_IN_GROUPS:
        raise Abort(f"{algorithm.value} does not work in a group smaller than the world", rank.number)
    members = ring.size
    if algorithm is Algorithm.MESH:
        return RingPhase(rank, kind, rounds_of(kind, size_bytes, members), ring, direction)
    if algorithm is Algorithm.HYPERCUBE:
        return _SquarePhase(rank, kind, _hypercube_rounds(kind, size_bytes, members), ring, direction)
    if algorithm is Algorithm.TORUS_2D:
        return _SquarePhase(rank, kind, _square_rounds(kind, size_bytes, members, laps=4), ring, direction)
    if algorithm is Algorithm.MESH_2D:
        return _LinePhase(rank, kind, _mesh_2d_rounds(kind, size_bytes, members), ring, direction)
    return None
