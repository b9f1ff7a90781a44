"""The critical path: the chain of work and waiting that decides when a step ends.

Walked back from the last end through the fixed-order model of a timeline (:mod:`.attribution.chain`). What an instance
waited for is the dependency that ended last, or, where it was ready earlier, whatever held its resource before it; a
communication waited for the part that was posted last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.attribution.chain import Chain
from versim.graph import NONE


@attrs.frozen(kw_only=True)
class PathStep:
    """One step of a critical path, earliest first.

    Attributes:
        node: Row of the graph, of a communication the part that was posted last.
        rank: The representative rank it ran on.
        start_ps: When it began to make progress.
        end_ps: When it ended, or for the step that a later one cut short, when that one took over.
        waited_for: Why it did not start earlier: ``dependency``, ``resource``, ``start`` (nothing before it).
    """

    node: int
    rank: int
    start_ps: int
    end_ps: int
    waited_for: str

    @property
    def duration_ps(self) -> int:
        """Time the path spends in this step."""
        return self.end_ps - self.start_ps


@attrs.frozen(eq=False, kw_only=True)
class PathSteps(Sequence[PathStep]):
    """The steps of a path as columns, each made when it is looked at; see :class:`PathStep`.

    Attributes:
        node: int32 (steps,).
        rank: int64 (steps,).
        start_ps: int64 (steps,).
        end_ps: int64 (steps,).
        resource: (steps,), True if it waited for a resource.
        starts: True if the first waited for nothing.
    """

    node: NDArray[np.int32]
    rank: NDArray[np.int64]
    start_ps: NDArray[np.int64]
    end_ps: NDArray[np.int64]
    resource: NDArray[np.bool_]
    starts: bool

    def __len__(self) -> int:
        return len(self.node)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __iter__(self) -> Iterator[PathStep]:
        waited = np.array(["dependency", "resource"])[self.resource.astype(np.int8)].tolist()
        if waited and self.starts:
            waited[0] = "start"
        columns = (column.tolist() for column in (self.node, self.rank, self.start_ps, self.end_ps))
        for node, rank, start, until, why in zip(*columns, waited, strict=True):
            yield PathStep(node=node, rank=rank, start_ps=start, end_ps=until, waited_for=why)

    @overload
    def __getitem__(self, index: int) -> PathStep: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[PathStep]: ...

    def __getitem__(self, index: int | slice) -> PathStep | Sequence[PathStep]:
        if isinstance(index, slice):
            return tuple(self)[index]
        place = range(len(self))[index]
        return PathStep(
            node=int(self.node[place]),
            rank=int(self.rank[place]),
            start_ps=int(self.start_ps[place]),
            end_ps=int(self.end_ps[place]),
            waited_for="start" if self.starts and not place else "resource" if self.resource[place] else "dependency",
        )


@attrs.frozen(kw_only=True)
class CriticalPath:
    """Steps from the start of the path to the last end.

    Attributes:
        steps: Earliest first.
        compute_ps: Time in compute nodes.
        communication_ps: Time in communication.
        gap_ps: Time in neither: between a step and what it waited for.
    """

    steps: Sequence[PathStep]
    compute_ps: int
    communication_ps: int
    gap_ps: int


def critical_path(chain: Chain) -> CriticalPath:
    """The critical path of a completed prediction."""
    line, instances, path = chain.line, chain.instances, chain.path
    # A step ends no later than the one behind it begins: least values from the last end back, ends and beginnings by
    # turns.
    moments = np.stack([path.end_ps, line.active_ps[path.row]], axis=1)[::-1].ravel()
    moments = np.minimum.accumulate(moments)
    end, begin = moments[::2][::-1], moments[1::2][::-1]
    steps = PathSteps(
        node=instances.node[path.entry],
        rank=instances.classes.representatives()[instances.rank_class[path.entry]],
        start_ps=begin,
        end_ps=end,
        resource=path.ordered,
        starts=not path.ordered[:1].any(),
    )
    in_communication = instances.meeting[path.row] != NONE
    spent = end - begin
    communication_ps = int(spent[in_communication].sum())
    compute_ps = int(spent[~in_communication].sum())
    return CriticalPath(
        steps=steps,
        compute_ps=compute_ps,
        communication_ps=communication_ps,
        gap_ps=int(line.end_ps.max(initial=0)) - compute_ps - communication_ps,
    )


def shared_ps(path: CriticalPath, reference: CriticalPath) -> int:
    """Time of ``reference`` spent in nodes that ``path`` runs through as well."""
    (mine, _), (theirs, duration_ps) = (_columns(one.steps) for one in (path, reference))
    return int(duration_ps[np.isin(theirs, mine)].sum())


def _columns(steps: Sequence[PathStep]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Nodes and durations; (steps,) each."""
    if isinstance(steps, PathSteps):
        return steps.node, steps.end_ps - steps.start_ps
    nodes = np.array([step.node for step in steps], dtype=np.int32)
    return nodes, np.array([step.duration_ps for step in steps], dtype=np.int64)
