"""The critical path: the chain of work and waiting that decides when a step ends.

Walked back from the last end through the fixed-order model of a timeline (:mod:`.attribution.chain`). What an instance
waited for is the dependency that ended last, or, where it was ready earlier, whatever held its resource before it; a
communication waited for the part that was posted last.
"""

from __future__ import annotations

import attrs
import numpy as np

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


@attrs.frozen(kw_only=True)
class CriticalPath:
    """Steps from the start of the path to the last end.

    Attributes:
        steps: Earliest first.
        compute_ps: Time in compute nodes.
        communication_ps: Time in communication.
        gap_ps: Time in neither: between a step and what it waited for.
    """

    steps: tuple[PathStep, ...]
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
    waited = np.array(["dependency", "resource"])[path.ordered.astype(np.int8)].tolist()
    if waited and not path.ordered[0]:
        waited[0] = "start"
    columns = (
        instances.node[path.entry].tolist(),
        instances.classes.representatives()[instances.rank_class[path.entry]].tolist(),
        begin.tolist(),
        end.tolist(),
        waited,
    )
    steps = tuple(
        PathStep(node=node, rank=rank, start_ps=start, end_ps=until, waited_for=why)
        for node, rank, start, until, why in zip(*columns, strict=True)
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
    nodes = {step.node for step in path.steps}
    return sum(step.duration_ps for step in reference.steps if step.node in nodes)
