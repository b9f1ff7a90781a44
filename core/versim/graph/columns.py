"""The execution graph as columns.

A node is one row; a real step has millions, so rows are numpy columns and everything that repeats (placements, names,
work, scopes) is a table the rows point into. ``graph.node(i)`` and ``graph.communication(m)`` give values for people
(:mod:`versim.graph.views`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.codes import Codes
from versim.distinct import grouped, runs
from versim.graph.forms import of_form
from versim.mesh import Mesh, Placement
from versim.work import Kind, Phase, Work

if TYPE_CHECKING:
    from versim.graph.views import Communication, Node

NONE = -1
"""In an index column: this row has none."""


class Op(enum.IntEnum, metaclass=Codes):
    """What a node is; encodes the ``op`` column."""

    COMPUTE = 0
    SEND = 1
    RECV = 2
    COLLECTIVE = 3


UNTIMED = "untimed"
"""Attribute of nodes: 1 where compute has work that nothing timed, so that its duration stands for nothing."""

HOST = "host"
"""Attribute of nodes: 1 for compute of the host, which a simulator may run beside the device of its rank."""


@attrs.frozen(cache_hash=True)
class Scope:
    """Who takes part in a communication.

    Ranks that differ only along ``axes`` form one group; or an explicit list of ranks forms the only one. Of a
    point-to-point message, ``axes`` are those along which sender and receiver differ.

    Attributes:
        axes: Axis names, in mesh order.
        ranks: The explicit group in its own order, empty if ``axes`` say it.
    """

    axes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()


@attrs.frozen(eq=False, repr=False, kw_only=True)
class ExecutionGraph:
    """One training step: compute work and communication, without times.

    Built by :class:`versim.GraphBuilder`; its arrays cannot be written to. Row order is program order on every
    rank: what a rank should start first stands first. Dependencies join nodes on the same rank: the instance of a
    node on rank r waits for the instances of its dependencies on rank r.

    Attributes:
        mesh: The ranks.
        op: int8 (nodes,), see :class:`Op`.
        placement: int32 (nodes,), index into ``placements``.
        name: int32 (nodes,), index into ``names``.
        work: int32 (nodes,), index into ``works``; NONE unless compute.
        phase: int32 (nodes,), index into ``phases``.
        layer: int32 (nodes,), NONE where not said.
        microbatch: int32 (nodes,), NONE where not said.
        match: int32 (nodes,), the communication a node is a part of; NONE if compute.
        dependency_start: int64 (nodes + 1,), where each node's dependencies begin.
        dependency: int32 (dependencies,), rows waited for.
        kind: int32 (communications,), index into ``kinds``.
        size_bytes: int64 (communications,), the full tensor.
        scope: int32 (communications,), index into ``scopes``.
        algorithm: int32 (communications,), index into ``algorithms``; index 0 is "" (free choice).
        tag: int64 (communications,), a point-to-point tag to keep, NONE where free.
        placements: Placements in use.
        names: Names in use.
        works: Work in use.
        scopes: Scopes in use.
        algorithms: Algorithm names in use, "" first.
        phases: Phases in use; open labels.
        kinds: Kinds of communication in use; open labels.
        notes: What the producer wants said about this graph, e.g. what it left out.
        node_attributes: By name, int64 (nodes,): whole numbers of the producer's own that travel with the graph, e.g.
            the ids of the trace it was read from. Names begin with the producer's; simulators that know one may use it.
            ``UNTIMED`` and ``HOST`` are for all.
        communication_attributes: The same of communications, int64 (communications,).
    """

    mesh: Mesh
    op: NDArray[np.int8]
    placement: NDArray[np.int32]
    name: NDArray[np.int32]
    work: NDArray[np.int32]
    phase: NDArray[np.int32]
    layer: NDArray[np.int32]
    microbatch: NDArray[np.int32]
    match: NDArray[np.int32]
    dependency_start: NDArray[np.int64]
    dependency: NDArray[np.int32]
    kind: NDArray[np.int32]
    size_bytes: NDArray[np.int64]
    scope: NDArray[np.int32]
    algorithm: NDArray[np.int32]
    tag: NDArray[np.int64]
    placements: tuple[Placement, ...]
    names: tuple[str, ...]
    works: tuple[Work, ...]
    scopes: tuple[Scope, ...]
    algorithms: tuple[str, ...]
    phases: tuple[Phase, ...]
    kinds: tuple[Kind, ...]
    notes: tuple[str, ...] = ()
    node_attributes: Mapping[str, NDArray[np.int64]] = attrs.field(factory=dict)
    communication_attributes: Mapping[str, NDArray[np.int64]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        attributes = (*self.node_attributes.values(), *self.communication_attributes.values())
        for column in (*(getattr(self, field.name) for field in attrs.fields(ExecutionGraph)), *attributes):
            if isinstance(column, np.ndarray):
                column.flags.writeable = False

    @property
    def node_count(self) -> int:
        """Rows."""
        return len(self.op)

    @property
    def communication_count(self) -> int:
        """Communications."""
        return len(self.kind)

    @property
    def untimed_count(self) -> int:
        """Nodes whose work nothing timed."""
        return int(np.count_nonzero(self.node_attributes.get(UNTIMED, ())))

    def dependencies(self, node: int) -> NDArray[np.int32]:
        """Rows that a node waits for."""
        return self.dependency[self.dependency_start[node] : self.dependency_start[node + 1]]

    def dependents_of_edges(self) -> NDArray[np.int32]:
        """For each entry of ``dependency``, the row that waits; shape (dependencies,); nobody may write to it."""
        return of_form(self, "columns.dependents", self._dependents_of_edges)

    def edges_apart(self) -> NDArray[np.int64]:
        """Those entries of ``dependency`` whose rows stand on another placement than the rows that wait for them."""
        return of_form(self, "columns.apart", self._edges_apart)

    def _edges_apart(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.placement[self.dependents_of_edges()] != self.placement[self.dependency])

    def _dependents_of_edges(self) -> NDArray[np.int32]:
        waiting = np.repeat(np.arange(self.node_count, dtype=np.int32), np.diff(self.dependency_start))
        waiting.flags.writeable = False
        return waiting

    def parts(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The parts of every communication as a CSR pair: starts (communications + 1,) and rows, ascending."""
        return of_form(self, "columns.parts", lambda: grouped(self.match, self.communication_count))

    def computing(self) -> Mapping[tuple[int, int], NDArray[np.int64]]:
        """Rows of compute nodes by their work and placement, each ascending."""
        return of_form(self, "columns.computing", self._computing)

    def _computing(self) -> dict[tuple[int, int], NDArray[np.int64]]:
        rows, places = np.flatnonzero(self.work != NONE), len(self.placements)
        keys = self.work[rows].astype(np.int64) * places + self.placement[rows]
        values, runs_of = runs(keys, len(self.works) * places)
        return {divmod(key, places): rows[run] for key, run in zip(values.tolist(), runs_of, strict=True)}

    def phase_of(self, node: int) -> Phase:
        """The phase of a row."""
        return self.phases[int(self.phase[node])]

    def kind_of(self, communication: int) -> Kind:
        """The kind of a communication."""
        return self.kinds[int(self.kind[communication])]

    def is_kind(self, *kinds: Kind) -> NDArray[np.bool_]:
        """Which communications are of one of these kinds; shape (communications,)."""
        of_code = np.array([kind in kinds for kind in self.kinds], dtype=bool)
        return of_code[self.kind]

    def node_name(self, node: int) -> str:
        """The name of a row."""
        return self.names[int(self.name[node])]

    def communication_name(self, communication: int) -> str:
        """A communication as messages name it: by its number and its first part."""
        start, rows = self.parts()
        part = int(rows[start[communication]])
        return f"communication {communication} ({self.node_name(part)!r})"

    def node(self, index: int) -> Node:
        """One node as a value for people."""
        from versim.graph.views import node_view  # noqa: PLC0415 - views build on columns

        return node_view(self, index)

    def communication(self, index: int) -> Communication:
        """One communication as a value for people."""
        from versim.graph.views import communication_view  # noqa: PLC0415

        return communication_view(self, index)

    def first_group(self, communication: int) -> tuple[int, ...]:
        """The first of the groups of a communication; (sender, receiver) of a message."""
        start, rows = self.parts()
        scope = self.scopes[self.scope[communication]]
        if start[communication + 1] - start[communication] == 1 and not scope.ranks:
            place = self.placements[self.placement[rows[start[communication]]]]
            return self.mesh.first_group(place, scope.axes)
        if self.kind_of(communication) == Kind.POINT_TO_POINT:
            parts = rows[start[communication] : start[communication + 1]].tolist()
            ends = {int(self.op[part]): self.placements[self.placement[part]] for part in parts}
            return tuple(self.mesh.first_group(ends[op], ())[0] for op in (Op.SEND, Op.RECV))
        return self.communication(communication).groups[0]

    def unrolled(self) -> ExecutionGraph:
        """The same step with one row per rank and node, on a mesh of the single axis ``rank``."""
        from versim.graph.unroll import unroll  # noqa: PLC0415

        return unroll(self)

    def __repr__(self) -> str:
        return f"<ExecutionGraph of {self.node_count} nodes on {self.mesh}>"

    def _repr_html_(self) -> str:
        """How much of what it holds, as bars, for a notebook."""
        from versim.graph.card import graph_card  # noqa: PLC0415 - it reads graphs

        return graph_card(self)
