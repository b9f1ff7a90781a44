"""One rank's nodes in ascending id, with dependencies as positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from versim import FaultsError

from versim_astrasim.chakra.labels import NO_LABELS, Labels
from versim_astrasim.chakra.reader import TraceFile
from versim_astrasim.engine.trace import MISSING, NODE_TYPES

_TYPE_NAMES = {number: name for name, number in NODE_TYPES.items()}
_MOST_FAULTS = 20


class RankNodes:
    """A rank's nodes, sorted by id.

    Attributes:
        rank: The rank.
        file: What was read.
        row: Position ─▶ index in the file.
        ids: Ids, ascending as unsigned numbers.
        types: Node types.
        offsets: Where each node's dependencies begin; shape (nodes + 1,).
        targets: Positions waited for, each once per node.
        dropped: Dependencies on nodes that do not exist, where they were to be dropped.

    Raises:
        FaultsError: An id that is defined twice, or a dependency on a node that does not exist.
    """

    def __init__(self, rank: int, file: TraceFile, subject: str, *, drop_dangling: bool = False) -> None:
        self.rank, self.file = rank, file
        trace = file.trace
        unsigned = trace.node_id.view(np.uint64)
        self.row: NDArray[np.int64] = np.argsort(unsigned, kind="stable")
        ids = unsigned[self.row]
        self.ids: list[int] = ids.tolist()
        self.types: list[int] = trace.node_type[self.row].tolist()
        faults = [
            f"node {ids[place]} is defined twice, at bytes {file.offset[self.row[place]]} and "
            f"{file.offset[self.row[place + 1]]}"
            for place in np.flatnonzero(ids[1:] == ids[:-1])[:_MOST_FAULTS].tolist()
        ]
        owners, needed = _edges(trace.ctrl_offsets, trace.ctrl_deps, trace.data_offsets, trace.data_deps)
        place_of = np.empty(len(ids), dtype=np.int64)
        place_of[self.row] = np.arange(len(ids))
        owners = place_of[owners]
        wanted = needed.view(np.uint64)
        targets = np.searchsorted(ids, wanted)
        found = targets < len(ids)
        found[found] = ids[targets[found]] == wanted[found]
        self.dropped = int(np.count_nonzero(~found)) if drop_dangling else 0
        if drop_dangling:
            owners, targets, wanted, found = owners[found], targets[found], wanted[found], found[found]
        for edge in np.flatnonzero(~found)[:_MOST_FAULTS].tolist():
            place = int(owners[edge])
            faults.append(
                f"{self.named(place)} at byte {file.offset[self.row[place]]} depends on node {wanted[edge]}, which "
                "does not exist"
            )
        if faults:
            raise FaultsError(subject, faults)
        pairs = np.unique(owners * max(len(ids), 1) + targets)
        self.offsets: NDArray[np.int64] = np.zeros(len(ids) + 1, dtype=np.int64)
        np.cumsum(np.bincount(pairs // max(len(ids), 1), minlength=len(ids)), out=self.offsets[1:])
        self.targets: NDArray[np.int64] = pairs % max(len(ids), 1)
        self._columns: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def value(self, name: str, position: int) -> int:
        """An integer attribute, MISSING if there is none."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = getattr(self.file.trace, name)[self.row].tolist()
        return column[position]

    def size(self, position: int) -> int:
        """Bytes of a communication, MISSING if not said; sizes beyond 2^63 come back as they were written."""
        value = self.value("comm_size", position)
        return value if value >= 0 or value == MISSING else value + 2**64

    def name(self, position: int) -> str:
        """A node's name, for people."""
        names = self.file.trace.names
        return names[self.row[position]] if names else ""

    def labels(self, position: int) -> Labels:
        """What versim wrote beside it."""
        return self.file.labels.get(int(self.row[position]), NO_LABELS) if self.file.labels else NO_LABELS

    def group_name(self, position: int) -> str:
        """The communicator group that a collective names, "" for the world."""
        name = self.file.trace.pg_name.get(int(self.row[position]), "")
        return "" if name == "0" else name

    def malformed(self, position: int, attribute: str) -> str:
        """What is wrong with an attribute's type, "" if nothing."""
        return self.file.trace.malformed.get((int(self.row[position]), attribute), "")

    def named(self, position: int) -> str:
        """Rank, node, name and type, for messages."""
        kind = _TYPE_NAMES[self.types[position]]
        return f"rank {self.rank}: node {self.ids[position]} ({self.name(position)!r}, {kind})"


def _edges(
    ctrl_offsets: NDArray[np.int64],
    ctrl_deps: NDArray[np.int64],
    data_offsets: NDArray[np.int64],
    data_deps: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index of the waiting node and id of the one waited for, of every dependency."""
    count = len(ctrl_offsets) - 1
    owners = [np.repeat(np.arange(count), np.diff(offsets)) for offsets in (ctrl_offsets, data_offsets)]
    return np.concatenate(owners), np.concatenate([ctrl_deps, data_deps])
