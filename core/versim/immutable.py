"""Columns that nobody can write to: they rest on bytes, and no flag makes bytes writable.

What follows from them can be remembered, and they can be part of more than one graph.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def unwritable(column: NDArray[Number]) -> NDArray[Number]:
    """A copy of a column that nobody can write to."""
    return np.frombuffer(column.tobytes(), dtype=column.dtype).reshape(column.shape)


def is_unwritable(column: NDArray[Number]) -> bool:
    """Whether a column was made by :func:`unwritable`."""
    base: object = column
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, bytes)
