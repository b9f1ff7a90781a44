"""Where a graph came from: the ids and groups of its trace, so that it can be written again as it was.

An execution graph has no place for them, for they belong to one simulator. They are remembered beside the graph object
for as long as it lives; a graph made from it (unrolled, read from a file) is numbered anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import ExecutionGraph


@attrs.frozen(eq=False, kw_only=True)
class Origin:
    """Ids and groups of the trace a graph was read from.

    Attributes:
        node_id: int64 (nodes,), each row's id in its rank's file, with the bits of the unsigned id.
        group: int64 (communications,), id of the communicator group, 0 for the world and for messages.
        groups: Communicator groups by id, in the order of their file.
    """

    node_id: NDArray[np.int64]
    group: NDArray[np.int64]
    groups: Mapping[int, tuple[int, ...]]


_ORIGINS: WeakKeyDictionary[ExecutionGraph, Origin] = WeakKeyDictionary()


def remember(graph: ExecutionGraph, origin: Origin) -> None:
    """Note where a graph came from."""
    _ORIGINS[graph] = origin


def origin_of(graph: ExecutionGraph) -> Origin | None:
    """Where a graph came from; None if it was not read from a trace in this process."""
    return _ORIGINS.get(graph)
