"""How producers write a graph."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from versim.errors import FaultsError
from versim.graph.columns import NONE, ExecutionGraph, Op, Scope
from versim.graph.limits import MOST_NODES, hold_to_size
from versim.graph.validate import faults_of
from versim.mesh import Mesh, Placement
from versim.work import Kind, Phase, Term, Work

On = Mapping[str, int | Iterable[int]] | Placement | None
"""Where a node stands: indices per axis (axes not named: all), or a placement made once and used often."""

_INT64_MAX = 2**63 - 1


class GraphBuilder:
    """Collects nodes in program order and checks them all at once in :meth:`build`.

    Every method that adds a node returns its row, for use in ``after``; rows may be named before they exist as long
    as ``build`` finds them. Parts of one communication carry the same ``match``; a collective that is the same on all
    its ranks is a single part and needs none.

    Example::

        builder = GraphBuilder(Mesh.of(dp=2, pp=2))
        work = [(Gemm(m=4096, k=1024, n=1024, element_bytes=2), 1)]
        first = builder.compute("layer 0", work, on={"pp": 0})
        builder.transfer("activation", 8 << 20, source={"pp": 0}, target={"pp": 1}, after=[first])
        graph = builder.build()
    """

    def __init__(self, mesh: Mesh, expecting: int = 0) -> None:
        """Begin a graph on ``mesh``; ``expecting`` so many nodes, as well as that is known beforehand.

        Raises:
            VersimError: It would be larger than memory should be asked for.
        """
        hold_to_size(nodes=expecting, ranks=mesh.world_size)
        self.mesh = mesh
        self._op: list[int] = []
        self._placement: list[int] = []
        self._name: list[int] = []
        self._work: list[int] = []
        self._phase: list[int] = []
        self._layer: list[int] = []
        self._microbatch: list[int] = []
        self._match: list[int] = []
        self._dependency_count: list[int] = []
        self._dependency: list[int] = []
        self._kind: list[int] = []
        self._size_bytes: list[int] = []
        self._scope: list[int] = []
        self._algorithm: list[int] = []
        self._tag: list[int] = []
        self._placements: dict[Placement, int] = {}
        self._names: dict[str, int] = {}
        self._phases: dict[Phase, int] = {}
        self._kinds: dict[Kind, int] = {}
        self._works: dict[Work, int] = {}
        self._scopes: dict[Scope, int] = {}
        self._algorithms: dict[str, int] = {"": 0}
        self._matches: dict[Hashable, int] = {}
        self._notes: list[str] = []
        self._faults: list[str] = []

    @property
    def node_count(self) -> int:
        """Nodes so far: the row that the next one gets."""
        return len(self._op)

    def place(self, on: On = None) -> Placement:
        """A placement to be used for many nodes; ``ValueError`` if it is not on the mesh."""
        return on if isinstance(on, Placement) else self.mesh.placement(on)

    def compute(
        self,
        name: str,
        work: Iterable[tuple[Term, float]],
        *,
        on: On = None,
        after: Sequence[int] = (),
        phase: Phase = Phase.NONE,
        layer: int | None = None,
        microbatch: int | None = None,
    ) -> int:
        """Add a compute node doing the sum of ``work``: pairs of a term and how often it is done."""
        key = work if type(work) is tuple else tuple(work)
        return self._node(
            Op.COMPUTE,
            name,
            on,
            after,
            phase,
            layer,
            microbatch,
            self._works.setdefault(key, len(self._works)),
            NONE,
        )

    def send(
        self,
        name: str,
        size_bytes: int,
        *,
        match: Hashable,
        on: On,
        after: Sequence[int] = (),
        tag: int | None = None,
        phase: Phase = Phase.NONE,
        layer: int | None = None,
        microbatch: int | None = None,
    ) -> int:
        """Add the sending end of message ``match``."""
        row = self._meet(match, Kind.POINT_TO_POINT, size_bytes, Scope(), "", tag, name)
        return self._node(Op.SEND, name, on, after, phase, layer, microbatch, NONE, row)

    def recv(
        self,
        name: str,
        size_bytes: int,
        *,
        match: Hashable,
        on: On,
        after: Sequence[int] = (),
        tag: int | None = None,
        phase: Phase = Phase.NONE,
        layer: int | None = None,
        microbatch: int | None = None,
    ) -> int:
        """Add the receiving end of message ``match``; what needs the data depends on this node."""
        row = self._meet(match, Kind.POINT_TO_POINT, size_bytes, Scope(), "", tag, name)
        return self._node(Op.RECV, name, on, after, phase, layer, microbatch, NONE, row)

    def transfer(
        self,
        name: str,
        size_bytes: int,
        *,
        source: On,
        target: On,
        after: Sequence[int] = (),
        phase: Phase = Phase.NONE,
        layer: int | None = None,
        microbatch: int | None = None,
    ) -> tuple[int, int]:
        """Add both ends of a message next to each other; returns the rows of the send and of the receive."""
        match = ("transfer", len(self._op))
        labels = {"phase": phase, "layer": layer, "microbatch": microbatch}
        send = self.send(f"{name} send", size_bytes, match=match, on=source, after=after, **labels)  # type: ignore[arg-type]
        recv = self.recv(f"{name} recv", size_bytes, match=match, on=target, **labels)  # type: ignore[arg-type]
        return send, recv

    def collective(
        self,
        name: str,
        kind: Kind | str,
        size_bytes: int,
        *,
        axes: Sequence[str] = (),
        ranks: Sequence[int] = (),
        match: Hashable | None = None,
        on: On = None,
        after: Sequence[int] = (),
        algorithm: str = "",
        phase: Phase = Phase.NONE,
        layer: int | None = None,
        microbatch: int | None = None,
    ) -> int:
        """Add a part of a collective over ``axes``, or over the explicit group ``ranks`` in that order.

        Args:
            name: Of this node.
            kind: Any kind but point-to-point.
            size_bytes: The full tensor, see :mod:`versim.work`.
            axes: Ranks differing along these take part together.
            ranks: An explicit group instead of axes.
            match: Joins parts that are separate nodes; without one this node is the only part.
            on: Where the part stands.
            after: Rows it waits for.
            algorithm: Asked for by name; "" leaves the choice to the simulator.
            phase: Label.
            layer: Label.
            microbatch: Label.
        """
        scope = Scope(tuple(a for a in self.mesh.names if a in axes), tuple(int(rank) for rank in ranks))
        unknown = [axis for axis in axes if axis not in self.mesh.names]
        if unknown:
            self._faults.append(f"node {len(self._op)} ({name!r}): the mesh {self.mesh} has no axis {unknown[0]!r}")
        key = ("alone", len(self._op)) if match is None else match
        row = self._meet(key, Kind(kind), size_bytes, scope, algorithm, None, name)
        return self._node(Op.COLLECTIVE, name, on, after, phase, layer, microbatch, NONE, row)

    def depend(self, node: int, on: int) -> None:
        """Make ``node``, which must be the row added last, wait for row ``on`` too."""
        if node != len(self._op) - 1:
            raise ValueError("dependencies can be added to the last node only")
        self._dependency_count[-1] += 1
        self._dependency.append(on)

    def note(self, text: str) -> None:
        """Say something about this graph that every report should repeat, e.g. what was left out and why."""
        self._notes.append(text)

    def build(self, subject: str = "graph") -> ExecutionGraph:
        """The finished graph.

        Raises:
            FaultsError: Everything that is wrong with it, each fault naming its nodes.
        """
        nodes = len(self._op)
        start = np.zeros(nodes + 1, dtype=np.int64)
        np.cumsum(np.asarray(self._dependency_count, dtype=np.int64), out=start[1:])
        dependency = self._whole_dependencies(start)
        outside = np.flatnonzero((dependency < 0) | (dependency >= nodes))
        for entry in outside[:20].tolist():
            node = int(np.searchsorted(start, entry, side="right")) - 1
            self._faults.append(
                f"node {node} ({self._spelt(node)!r}) depends on node {dependency[entry]}, which does not exist"
            )
        dependency[outside] = 0
        graph = ExecutionGraph(
            mesh=self.mesh,
            op=np.asarray(self._op, dtype=np.int8),
            placement=np.asarray(self._placement, dtype=np.int32),
            name=np.asarray(self._name, dtype=np.int32),
            work=np.asarray(self._work, dtype=np.int32),
            phase=np.asarray(self._phase, dtype=np.int32),
            layer=np.asarray(self._layer, dtype=np.int32),
            microbatch=np.asarray(self._microbatch, dtype=np.int32),
            match=np.asarray(self._match, dtype=np.int32),
            dependency_start=start,
            dependency=dependency.astype(np.int32),
            kind=np.asarray(self._kind, dtype=np.int32),
            size_bytes=np.asarray(self._size_bytes, dtype=np.int64),
            scope=self._resolved_scopes(),
            algorithm=np.asarray(self._algorithm, dtype=np.int32),
            tag=np.asarray(self._tag, dtype=np.int64),
            placements=tuple(self._placements),
            names=tuple(self._names),
            works=tuple(self._works),
            scopes=tuple(self._scopes),
            algorithms=tuple(self._algorithms),
            phases=tuple(self._phases),
            kinds=tuple(self._kinds),
            notes=tuple(self._notes),
        )
        faults = [*self._faults, *(faults_of(graph) if not len(outside) else ())]
        if faults:
            raise FaultsError(subject, faults)
        return graph

    def _whole_dependencies(self, start: NDArray[np.int64]) -> NDArray[np.int64]:
        """The dependency column; what is no whole number is a fault and becomes 0."""
        given = np.asarray(self._dependency)
        if given.dtype.kind in "iu" or not len(given):
            return given.astype(np.int64)
        rows = np.zeros(len(self._dependency), dtype=np.int64)
        unchecked: list[object] = list(self._dependency)
        for entry, row in enumerate(unchecked):
            if isinstance(row, (int, np.integer)):
                rows[entry] = row
            else:
                node = int(np.searchsorted(start, entry, side="right")) - 1
                self._faults.append(
                    f"node {node} ({self._spelt(node)!r}) depends on {row!r}; a row is a whole number, as the methods "
                    "that add nodes return it"
                )
        return rows

    def _spelt(self, node: int) -> str:
        return next(itertools.islice(self._names, self._name[node], None))

    def _node(
        self,
        op: Op,
        name: str,
        on: On,
        after: Sequence[int],
        phase: Phase,
        layer: int | None,
        microbatch: int | None,
        work: int,
        match: int,
    ) -> int:
        row = len(self._op)
        if row == MOST_NODES:
            hold_to_size(nodes=row + 1)
        if not isinstance(on, Placement):
            try:
                on = self.mesh.placement(on)
            except ValueError as error:
                self._faults.append(f"node {row} ({name!r}): {error}")
                on = self.mesh.placement()
        elif on not in self._placements and not self.mesh.holds(on):
            self._faults.append(f"node {row} ({name!r}): {on} is not of the mesh {self.mesh}; make it with place()")
            on = self.mesh.placement()
        self._op.append(op)
        self._placement.append(self._placements.setdefault(on, len(self._placements)))
        self._name.append(self._names.setdefault(name, len(self._names)))
        self._work.append(work)
        self._phase.append(self._phases.setdefault(phase, len(self._phases)))
        self._layer.append(NONE if layer is None else layer)
        self._microbatch.append(NONE if microbatch is None else microbatch)
        self._match.append(match)
        self._dependency_count.append(len(after))
        self._dependency.extend(after)
        return row

    def _meet(
        self, match: Hashable, kind: Kind, size_bytes: int, scope: Scope, algorithm: str, tag: int | None, name: str
    ) -> int:
        """The communication a part belongs to, made by its first part and held against every further one."""
        size = self._checked_size(size_bytes, name)
        kind_code = self._kinds.setdefault(kind, len(self._kinds))
        scope_code = self._scopes.setdefault(scope, len(self._scopes))
        algorithm_code = self._algorithms.setdefault(algorithm, len(self._algorithms))
        row = self._matches.setdefault(match, len(self._kind))
        if row == len(self._kind):
            self._kind.append(kind_code)
            self._size_bytes.append(size)
            self._scope.append(scope_code)
            self._algorithm.append(algorithm_code)
            self._tag.append(NONE if tag is None else tag)
            return row
        for what, given, expected in (
            ("kind", kind.value, tuple(self._kinds)[self._kind[row]].value),
            ("size_bytes", size, self._size_bytes[row]),
            ("group", scope_code, self._scope[row]),
            ("algorithm", algorithm_code, self._algorithm[row]),
            ("tag", NONE if tag is None else tag, self._tag[row]),
        ):
            if given != expected:
                self._faults.append(
                    f"node {len(self._op)} ({name!r}): its {what} {given} differs from {expected} "
                    f"of the other parts of match {match!r}"
                )
        return row

    def _checked_size(self, size_bytes: int, name: str) -> int:
        if isinstance(size_bytes, bool) or not isinstance(size_bytes, (int, np.integer)):
            self._faults.append(
                f"node {len(self._op)} ({name!r}): size_bytes must be a whole number, got {size_bytes!r}"
            )
            return 1
        if not 0 < size_bytes <= _INT64_MAX:
            self._faults.append(
                f"node {len(self._op)} ({name!r}): size_bytes must be above 0 and below 2^63, got {size_bytes}; "
                "leave a message out when there is nothing to send"
            )
            return 1
        return int(size_bytes)

    def _resolved_scopes(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """The scope column, with each message's scope set to the axes along which its two ends differ."""
        ends: dict[int, list[int]] = {}
        point_to_point = self._kinds.get(Kind.POINT_TO_POINT)
        for row, match in enumerate(self._match):
            if match != NONE and self._kind[match] == point_to_point:
                ends.setdefault(match, []).append(self._placement[row])
        placements = tuple(self._placements)
        seen: dict[tuple[int, ...], int] = {}
        scope = self._scope.copy()
        for match, places in ends.items():
            key = tuple(places)
            code = seen.get(key)
            if code is None:
                columns = zip(self.mesh.names, *(placements[place].indices for place in places), strict=True)
                differing = tuple(str(name) for name, *indices in columns if len(set(indices)) > 1)
                code = seen[key] = self._scopes.setdefault(Scope(axes=differing), len(self._scopes))
            scope[match] = code
        return np.asarray(scope, dtype=np.int32)
