"""Groups of executions whose durations are substituted together: kind of communication × axes × phase."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.distinct import distinct
from versim.graph import NONE, ExecutionGraph, Instances

COMPUTE = "compute"
"""The key of compute nodes."""


@attrs.frozen(eq=False, kw_only=True)
class Groups:
    """A partition of instances.

    Attributes:
        of: int32 (instances,), the group of each.
        keys: Per group, ``compute`` or kind and axes.
        phases: Per group, its part of the step, "" where not said.
    """

    of: NDArray[np.int32]
    keys: tuple[str, ...]
    phases: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.keys)

    @property
    def names(self) -> tuple[str, ...]:
        """Key and phase as people read them."""
        return tuple(f"{key}, {phase}" if phase else key for key, phase in zip(self.keys, self.phases, strict=True))


def node_keys(graph: ExecutionGraph) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Per node, an index into the labels that are returned beside: ``compute``, or kind and axes."""
    labels: dict[str, int] = {COMPUTE: 0}
    scopes = max(len(graph.scopes), 1)
    pairs, first, of_match = distinct(graph.kind.astype(np.int64) * scopes + graph.scope, len(graph.kinds) * scopes)
    number = np.zeros(len(pairs), dtype=np.int64)
    for place in np.argsort(first).tolist():
        kind, scope = divmod(int(pairs[place]), scopes)
        axes = graph.scopes[scope].axes
        label = f"{graph.kinds[kind].value} over {'+'.join(axes)}" if axes else f"{graph.kinds[kind].value} in a group"
        number[place] = labels.setdefault(label, len(labels))
    # The last entry serves compute nodes, whose match is NONE (-1).
    return np.append(number[of_match], 0)[graph.match], tuple(labels)


def groups_of(instances: Instances) -> Groups:
    """The groups of a graph's instances, in program order."""
    graph = instances.graph
    key, labels = node_keys(graph)
    phases = graph.phases
    code = key * len(phases) + graph.phase
    standing = np.flatnonzero(np.diff(instances.first))
    codes, of_node = in_program_order(code[standing], len(labels) * len(phases))
    return Groups(
        of=np.repeat(of_node.astype(np.int32), np.diff(instances.first)[standing]),
        keys=tuple(labels[code // len(phases)] for code in codes.tolist()),
        phases=tuple(phases[code % len(phases)].value for code in codes.tolist()),
    )


def in_program_order(codes: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct codes, all below ``limit``, by their first row; and of each row, which of them it has."""
    unique, first, inverse = distinct(codes, limit)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return unique[order], rank[inverse]


def exact_sums(values_ps: NDArray[np.int64], index: NDArray[np.integer[Any]], count: int) -> list[int]:
    """Sums of ``values_ps`` per index as Python integers: picoseconds of a large step pass 2^63."""
    largest = max(int(values_ps.max(initial=0)), -int(values_ps.min(initial=0)))
    if largest * len(values_ps) < 2**63:
        sums = np.zeros(count, dtype=np.int64)
        np.add.at(sums, index, values_ps)
        return sums.tolist()
    low_bits = 24
    high, low = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(high, index, values_ps >> low_bits)
    np.add.at(low, index, values_ps & ((1 << low_bits) - 1))
    return [(h << low_bits) + l for h, l in zip(high.tolist(), low.tolist(), strict=True)]


def changes_ps(
    instances: Instances, groups: Groups, reference_ps: NDArray[np.int64], other_ps: NDArray[np.int64]
) -> tuple[list[int], list[int]]:
    """Per group, the change of duration summed over its executions, and how many executions it has.

    An execution is a compute instance, or a meeting, which lasts as long as its longest part.
    """
    alone = np.flatnonzero(instances.meeting == NONE)
    change = exact_sums(other_ps[alone] - reference_ps[alone], groups.of[alone], groups.count)
    count = np.bincount(groups.of[alone], minlength=groups.count)
    parts = np.flatnonzero(instances.meeting != NONE)
    if len(parts):
        met = instances.meeting[parts]
        longest = [np.zeros(len(instances.meeting_match), dtype=np.int64) for _ in range(2)]
        for column, given in zip(longest, (reference_ps, other_ps), strict=True):
            np.maximum.at(column, met, given[parts])
        group = np.zeros(len(instances.meeting_match), dtype=np.int64)
        # Parts of one meeting may carry different phases; the meeting counts where its first part does.
        group[met[::-1]] = groups.of[parts[::-1]]
        together = exact_sums(longest[1] - longest[0], group, groups.count)
        change = [one + two for one, two in zip(change, together, strict=True)]
        count = count + np.bincount(group, minlength=groups.count)
    return change, count.tolist()
