"""The tiles DeepFlow tries at a memory level: twenty, drawn once with a fixed seed.

Two come from the square tile that fills half the level, the rest from powers of two drawn by numpy's legacy generator
after ``seed(1)``, completed by the largest power of two that fits. The search breaks ties by the order of this list,
and DeepFlow's list is the iteration order of a Python set, so this one is built as a set in the same sequence
(measured: ``tile_lists`` in golden/deepflow/hardware).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from versim import FaultsError

CANDIDATES = 20
_SEED = 1
_OUTERMOST_WITH_STORES = 1
"""Levels 0 and 1, registers and shared memory, hold the output tile as well; stores bypass the cache."""

Tile = tuple[int, int, int]
"""Rows m, inner dimension k, columns n."""


def square_tile(capacity_bytes: float, element_bytes: float) -> int:
    """Side of the largest power-of-two square tile of which two fill the capacity; 1 at least where it is tiny."""
    # math.log with a base, not log2: it may fall short of a whole power, and DeepFlow's tiles do where it does.
    power = math.floor(math.log(math.sqrt(capacity_bytes / element_bytes / 2), 2))  # noqa: FURB163
    return math.ceil(2.0**power)


@lru_cache(maxsize=256)
def tile_list(level: int, capacity_bytes: float, element_bytes: float) -> tuple[Tile, ...]:
    """The tiles tried at a memory level, in the order in which they are tried.

    Args:
        level: Memory level, 0 innermost.
        capacity_bytes: Capacity of one instance of the level.
        element_bytes: Bytes per element.

    Raises:
        FaultsError: The level is too small for twenty different tiles; DeepFlow searches for them for ever.
    """
    elements = capacity_bytes / element_bytes
    powers = math.floor(math.log2(elements)) if elements >= 1 else 0
    square = square_tile(capacity_bytes, element_bytes)
    squares = {(square, square, square), (square // 2, square, square * 2)}
    drawable = {
        (2**row, 2**inner, columns)
        for row in range(powers)
        for inner in range(powers)
        if (columns := _columns(elements, 2**row, 2**inner, level))
    }
    if len(drawable | squares) < CANDIDATES or square < 2:
        fault = (
            f"$.capacity_per_instance_bytes: {capacity_bytes:g} has too few tiles of {element_bytes:g}-byte elements"
        )
        raise FaultsError(f"memory level {level}", [fault])
    tiles: set[Tile] = set()
    tiles.add((square, square, square))
    tiles.add((square // 2, square, square * 2))
    draw = np.random.RandomState(_SEED)  # the draws of this generator are what is reproduced
    while len(tiles) < CANDIDATES:
        row, inner = (2 ** int(power) for power in draw.randint(0, powers, 2))
        columns = _columns(elements, row, inner, level)
        if columns:
            tiles.add((row, inner, columns))
    return tuple(tiles)


def _columns(elements: float, row: int, inner: int, level: int) -> int:
    """The largest power of two of columns that fits beside the given sides; 0 where none does."""
    divisor = row + inner if level <= _OUTERMOST_WITH_STORES else inner
    free = math.floor((elements - row * inner) / divisor)
    return int(2 ** math.floor(math.log2(free))) if free > 0 else 0
