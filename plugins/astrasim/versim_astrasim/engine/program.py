"""A trace made ready to run: nodes in order of id, successors instead of predecessors, resource slots.

Programs do not change while they run, so ranks with the same trace share one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from versim_astrasim.engine.failures import Abort
from versim_astrasim.engine.trace import COMP, RECV, RankTrace, signed_64

CPU_SLOT, GPU_SLOT, COMM_SLOT, NO_SLOT = range(4)
"""The resources a rank has one of each; receives need none."""


class Program:
    """One trace, by *position*: the place of a node in the order of ids.

    Attributes:
        trace: Where it came from.
        node_ids: Ids by position, ascending.
        signed_ids: The same as signed 64-bit integers with the same bits, for columns.
        rows: Index of the node in the trace's columns by position.
        types: Node types by position.
        on_cpu: Whether the node runs on the CPU, by position.
        slots: Slot of each position.
        successors: Positions that wait for each position.
        predecessor_counts: Number of distinct predecessors of each position.
        unreadable: Positions whose slot cannot be told, and why; an error whenever the rank comes across them.
        roots: Positions without predecessors.
    """

    def __init__(self, trace: RankTrace) -> None:
        """Prepare a trace.

        Raises:
            Abort: If it has no nodes, no node without predecessors, or a dependency on a node that is not there.
        """
        if not len(trace):
            raise Abort("the trace has no nodes")
        self.trace = trace
        unsigned = trace.node_id.astype(np.uint64)
        rows = {int(node_id): row for row, node_id in enumerate(unsigned)}  # the last definition of an id wins
        self.node_ids: list[int] = sorted(rows)
        self.signed_ids: list[int] = [signed_64(node_id) for node_id in self.node_ids]
        self.rows: list[int] = [rows[node_id] for node_id in self.node_ids]
        positions = {node_id: position for position, node_id in enumerate(self.node_ids)}
        row_index = np.asarray(self.rows)
        self.types: list[int] = trace.node_type[row_index].tolist()
        self.on_cpu: list[bool] = (trace.is_cpu_op[row_index] != 0).tolist()
        self.slots: list[int] = [_slot(kind, cpu) for kind, cpu in zip(self.types, self.on_cpu, strict=True)]
        self.unreadable: dict[int, str] = {
            positions[int(unsigned[row])]: text
            for (row, name), text in trace.malformed.items()
            if name == "is_cpu_op" and rows[int(unsigned[row])] == row
        }
        for position in self.unreadable:
            self.slots[position] = NO_SLOT  # looked at in every scan, whatever is busy
        self.successors: list[list[int]] = [[] for _ in self.node_ids]
        self.predecessor_counts: list[int] = [0] * len(self.node_ids)
        self._link(unsigned, positions)
        self.roots = [position for position, count in enumerate(self.predecessor_counts) if not count]
        if not self.roots:
            raise Abort("every node of the trace has a predecessor, so none can ever start")
        self._columns: dict[str, list[int]] = {}

    def _link(self, unsigned: npt.NDArray[np.uint64], positions: Mapping[int, int]) -> None:
        trace = self.trace
        predecessors: dict[int, set[int]] = {}
        for offsets, targets in ((trace.ctrl_offsets, trace.ctrl_deps), (trace.data_offsets, trace.data_deps)):
            counts = np.diff(offsets)
            owners = np.repeat(unsigned, counts).tolist()
            for owner, dependency in zip(owners, targets.astype(np.uint64).tolist(), strict=True):
                predecessors.setdefault(owner, set()).add(dependency)
        for owner, dependencies in predecessors.items():
            position = positions[owner]
            self.predecessor_counts[position] = len(dependencies)
            for dependency in dependencies:
                predecessor = positions.get(dependency)
                if predecessor is None:
                    raise Abort(f"node {owner} depends on node {dependency}, which is not in the trace", None, owner)
                self.successors[predecessor].append(position)

    def attribute(self, name: str) -> list[int]:
        """A whole-number attribute by position, :data:`~.trace.MISSING` where it is not there."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = getattr(self.trace, name)[np.asarray(self.rows)].tolist()
        return column

    def describe(self, position: int) -> str:
        """A node for people, e.g. ``node 7 (grad_sync)``."""
        name = self.trace.names[self.rows[position]] if self.trace.names else ""
        return f"node {self.node_ids[position]}" + (f" ({name})" if name else "")


def _slot(node_type: int, on_cpu: bool) -> int:
    if on_cpu:
        return CPU_SLOT
    if node_type == COMP:
        return GPU_SLOT
    return NO_SLOT if node_type == RECV else COMM_SLOT
