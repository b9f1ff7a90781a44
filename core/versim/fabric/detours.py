"""Ways round links that are down.

The shortest way over what is left, by links; of equally long ones that which leaves along the innermost dimension
first and to the lowest coordinate. A switch is passed by its centre, so a line of n ranks costs n steps, not n².
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from versim.fabric.degradation import Effects
from versim.fabric.network import Dimension, Topology

Place = tuple[int, int]
"""(-1, rank), or of a switch's centre (dimension, the lowest rank of its line)."""


def detour(
    dimensions: Sequence[Dimension], strides: Sequence[int], effects: Effects, source: int, target: int, endpoints: int
) -> list[int] | None:
    """The endpoints passed from one to another one over links that are not down; None if there is no way."""
    came = reached(dimensions, strides, effects, source, endpoints, target)
    if (-1, target) not in came:
        return None
    way: list[int] = []
    here: Place | None = (-1, target)
    while here is not None:
        if here[0] < 0:
            way.append(here[1])
        here = came[here]
    return way[::-1]


def reached(
    dimensions: Sequence[Dimension],
    strides: Sequence[int],
    effects: Effects,
    source: int,
    endpoints: int,
    target: int = -1,
) -> dict[Place, Place | None]:
    """Everything of ``endpoints`` that can be reached from one, and from where it was; stops at ``target``."""
    came: dict[Place, Place | None] = {(-1, source): None}
    waiting = deque(came)
    while waiting and (-1, target) not in came:
        here = waiting.popleft()
        for there in _next(dimensions, strides, effects, here):
            if there not in came and there[1] < endpoints:
                came[there] = here
                waiting.append(there)
    return came


def _next(dimensions: Sequence[Dimension], strides: Sequence[int], effects: Effects, here: Place) -> Iterator[Place]:
    centre, rank = here
    if centre >= 0:
        stride = strides[centre]
        for place in range(dimensions[centre].size):
            end = rank + place * stride
            if not effects.of(centre, (-1, end)).down:
                yield -1, end
        return
    for number, (dimension, stride) in enumerate(zip(dimensions, strides, strict=True)):
        mine = rank // stride % dimension.size
        first = rank - mine * stride
        if dimension.size == 1:
            continue
        if dimension.topology is Topology.SWITCH:
            if not effects.of(number, (rank, -1)).down:
                yield number, first
            continue
        others = range(dimension.size) if dimension.topology is Topology.FULLY_CONNECTED else (mine - 1, mine + 1)
        for place in sorted({other % dimension.size for other in others} - {mine}):
            end = first + place * stride
            if not effects.of(number, (rank, end)).down:
                yield -1, end
