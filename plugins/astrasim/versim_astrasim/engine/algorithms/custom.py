"""Trace-described collectives: the messages of one rank, written down as a little trace of their own.

Everything that is ready is issued at once, in the iteration order of the original's hash sets. There is one job
whatever the collective's size, and no endpoint delay. Nodes of other types are taken and never finish.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from versim import VersimError

from versim_astrasim.engine.algorithms.phase import Phase
from versim_astrasim.engine.failures import CallbackError, Refusal
from versim_astrasim.engine.hash_set import OrderedHashSet
from versim_astrasim.engine.replay import native_tag, replayed_ns
from versim_astrasim.engine.trace import COMP, MISSING, RECV, SEND, RankTrace

if TYPE_CHECKING:
    from versim_astrasim.engine.rank import Rank


class CustomProgram:
    """One member's trace, made ready to run.

    Attributes:
        trace: Where it came from.
        rows: Index in the trace's columns by node id.
        successors: Ids that wait for each id, in the original's order.
        predecessor_counts: Number of predecessors by id.
        order: All ids in the original's order.
    """

    def __init__(self, trace: RankTrace) -> None:
        """Prepare a trace.

        Raises:
            Refusal: If it has no node to start with, or a dependency on a node that is not there.
        """
        self.trace = trace
        self.rows: dict[int, int] = {}
        self.successors: dict[int, OrderedHashSet] = {}
        predecessors: dict[int, set[int]] = {}
        self.order = OrderedHashSet()
        ids = trace.node_id.astype(np.uint64).tolist()
        for row, node_id in enumerate(ids):
            self.rows[node_id] = row
            data = trace.data_deps[trace.data_offsets[row] : trace.data_offsets[row + 1]].astype(np.uint64).tolist()
            ctrl = trace.ctrl_deps[trace.ctrl_offsets[row] : trace.ctrl_offsets[row + 1]].astype(np.uint64).tolist()
            self.order.add(node_id)
            known = predecessors.setdefault(node_id, set())
            for dependency in OrderedHashSet([*data, *ctrl]):
                self.order.add(dependency)
                known.add(dependency)
                self.successors.setdefault(dependency, OrderedHashSet()).add(node_id)
        self.predecessor_counts = {node_id: len(known) for node_id, known in predecessors.items()}
        missing = sorted(node_id for node_id in self.order if node_id not in self.rows)
        if missing:
            raise Refusal(f"nodes of a trace-described collective depend on node {missing[0]}, which is not in it")
        if all(self.predecessor_counts.values()):
            raise Refusal("a trace-described collective has no node to start with")


class CustomCollectives:
    """Reads and keeps the programs of trace-described collectives.

    Args:
        read: Reads the trace file at a path; None where none are available.
    """

    def __init__(self, read: Callable[[str], RankTrace] | None) -> None:
        self._read = read
        self._programs: dict[str, CustomProgram] = {}

    def program(self, prefix: str, position: int) -> CustomProgram:
        """The program of the member at a position.

        Raises:
            Refusal: If its file cannot be read.
        """
        path = f"{prefix}.{position}.et"
        program = self._programs.get(path)
        if program is None:
            if self._read is None:
                raise Refusal(f"the trace-described collective {path} cannot be read")
            try:
                program = self._programs[path] = CustomProgram(self._read(path))
            except (OSError, VersimError) as error:
                raise Refusal(f"the trace-described collective {path} cannot be read: {error}") from error
        return program


class CustomPhase(Phase):
    """One rank's part in a trace-described collective."""

    __slots__ = ("_members", "_open", "_program", "_ready", "_waiting")

    def __init__(self, rank: Rank, program: CustomProgram, members: tuple[int, ...] | None) -> None:
        super().__init__(rank, 0)
        self._program = program
        self._members = members
        self._waiting = dict(program.predecessor_counts)
        self._ready = OrderedHashSet(node_id for node_id in program.order if not self._waiting.get(node_id))
        self._open = 0

    def _run(self) -> None:
        self._issue_all()

    def _issue_all(self) -> None:
        for node_id in list(self._ready):
            self._ready.remove(node_id)
            self._open += 1
            self._issue(node_id)

    def _attribute(self, name: str, row: int) -> int:
        value = int(getattr(self._program.trace, name)[row])
        if value == MISSING:
            raise CallbackError(f"attribute {name} is missing in a trace-described collective", self._rank.number)
        return value

    def _peer(self, name: str, row: int) -> int:
        rank = self._attribute(name, row)
        if self._members is None:
            return rank
        if not 0 <= rank < len(self._members):
            raise CallbackError(f"{name} {rank} is outside its group of {len(self._members)}", self._rank.number)
        return self._members[rank]

    def _issue(self, node_id: int) -> None:
        trace, rank = self._program.trace, self._rank
        row = self._program.rows[node_id]
        node_type = int(trace.node_type[row])
        done = partial(self._done, node_id)
        if node_type == COMP:
            rank.calendar[rank.queue.now + replayed_ns(int(trace.duration_micros[row]))].append(done)
        elif node_type in (SEND, RECV):
            peer = self._peer("comm_dst" if node_type == SEND else "comm_src", row)
            size_bytes = self._attribute("comm_size", row)
            tag = native_tag(self._attribute("comm_tag", row), rank.number)
            if node_type == SEND:
                rank.transport.channel(tag, rank.number, peer, size_bytes).send(done)
            else:
                rank.transport.channel(tag, peer, rank.number, size_bytes).receive(done)

    def _done(self, node_id: int) -> None:
        self._open -= 1
        for successor in self._program.successors.get(node_id, ()):
            self._waiting[successor] -= 1
            if not self._waiting[successor]:
                self._ready.add(successor)
        self._issue_all()
        if not self._open and not self._ready:
            self._advance()
