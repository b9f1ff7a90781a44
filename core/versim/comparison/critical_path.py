"""The critical path: the chain of work and waiting that decides when a step ends.

Walked back from the last end through the fixed-order model of a timeline (:mod:`.attribution.chain`). What an instance
waited for is the dependency that ended last, or, where it was ready earlier, whatever held its resource before it; a
communication waited for the part that was posted last.
"""

from __future__ import annotations

import attrs

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
    line, instances = chain.line, chain.instances
    ranks = instances.classes.representatives()
    steps: list[PathStep] = []
    spent = {True: 0, False: 0}
    gap_ps = 0
    reached = int(line.end_ps.max(initial=0))
    for number, link in reversed(list(enumerate(chain.path))):
        end = min(int(line.end_ps[link.row]), reached)
        gap_ps += reached - end
        begin = min(int(line.active_ps[link.row]), end)
        spent[bool(instances.meeting[link.row] != NONE)] += end - begin
        steps.append(
            PathStep(
                node=int(instances.node[link.entry]),
                rank=int(ranks[instances.rank_class[link.entry]]),
                start_ps=begin,
                end_ps=end,
                waited_for="resource" if link.ordered else "dependency" if number else "start",
            )
        )
        reached = begin
    return CriticalPath(
        steps=tuple(reversed(steps)),
        compute_ps=spent[False],
        communication_ps=spent[True],
        gap_ps=gap_ps + reached,
    )


def shared_ps(path: CriticalPath, reference: CriticalPath) -> int:
    """Time of ``reference`` spent in nodes that ``path`` runs through as well."""
    nodes = {step.node for step in path.steps}
    return sum(step.duration_ps for step in reference.steps if step.node in nodes)
