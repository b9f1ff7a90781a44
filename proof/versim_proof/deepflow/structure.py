"""Comparing the structure of two graphs whose nodes carry labels but no common names.

Nodes are told apart by what they are and by what stands around them: colours are refined along dependencies until they
no longer split (Weisfeiler and Leman, 1968). Two graphs are the same if every colour occurs equally often in both;
where every node has a colour of its own, as in a pipeline, that is an isomorphism.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import attrs


@attrs.frozen
class LabelledGraph:
    """Nodes with labels and what they wait for.

    Attributes:
        labels: What each node is; ``None`` is contracted by :meth:`contracted`.
        waits_for: For each node, the nodes before it.
    """

    labels: Sequence[Hashable]
    waits_for: Sequence[frozenset[int]]

    @classmethod
    def of(cls, labels: Sequence[Hashable], waits_for: Iterable[Iterable[int]]) -> LabelledGraph:
        """From any iterables."""
        return cls(tuple(labels), tuple(frozenset(before) for before in waits_for))

    @property
    def edge_count(self) -> int:
        """Dependencies."""
        return sum(map(len, self.waits_for))

    def contracted(self) -> tuple[LabelledGraph, list[int]]:
        """The graph without nodes of no label: what waited for one waits for what that one waited for.

        Returns:
            The graph, and for each of its nodes the node it was.
        """
        behind: dict[int, frozenset[int]] = {}

        def through(node: int) -> frozenset[int]:
            stack = [node]
            while stack:
                top = stack[-1]
                unlabelled = [on for on in self.waits_for[top] if self.labels[on] is None and on not in behind]
                if unlabelled and top not in behind:
                    stack.extend(unlabelled)
                    continue
                stack.pop()
                reached: set[int] = set()
                for on in self.waits_for[top]:
                    reached |= {on} if self.labels[on] is not None else behind[on]
                behind[top] = frozenset(reached)
            return behind[node]

        kept = [node for node, label in enumerate(self.labels) if label is not None]
        place = {node: number for number, node in enumerate(kept)}
        waits_for = [frozenset(place[on] for on in through(node)) for node in kept]
        return LabelledGraph(tuple(self.labels[node] for node in kept), tuple(waits_for)), kept


def paired(ours: LabelledGraph, theirs: LabelledGraph) -> tuple[list[tuple[int, int]], str]:
    """Pairs of equal nodes of two graphs, and in words how they differ; the words are empty if they are the same.

    Args:
        ours: One graph.
        theirs: The other.
    """
    mine, measured = _colours((ours, theirs))
    if Counter(mine) != Counter(measured):
        return [], _difference(ours, theirs, mine, measured)
    if ours.edge_count != theirs.edge_count:
        return [], f"{ours.edge_count} dependencies instead of {theirs.edge_count}"
    by_colour: dict[int, list[int]] = {}
    for node, colour in enumerate(measured):
        by_colour.setdefault(colour, []).append(node)
    return [(node, by_colour[colour].pop(0)) for node, colour in enumerate(mine)], ""


def _colours(graphs: Sequence[LabelledGraph]) -> list[list[int]]:
    """Colours of the nodes of each graph, equal across graphs."""
    known: dict[Hashable, int] = {}
    colours = [[known.setdefault(label, len(known)) for label in graph.labels] for graph in graphs]
    needed_by = [_dependents(graph) for graph in graphs]
    count = len(known)
    while True:
        known = {}
        refined = [
            [
                known.setdefault(
                    (
                        before[node],
                        tuple(sorted(before[on] for on in graph.waits_for[node])),
                        tuple(sorted(before[on] for on in after[node])),
                    ),
                    len(known),
                )
                for node in range(len(graph.labels))
            ]
            for graph, before, after in zip(graphs, colours, needed_by, strict=True)
        ]
        colours = refined
        if len(known) == count:
            return colours
        count = len(known)


def _dependents(graph: LabelledGraph) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in graph.labels]
    for node, before in enumerate(graph.waits_for):
        for on in before:
            after[on].append(node)
    return after


def _difference(ours: LabelledGraph, theirs: LabelledGraph, mine: Sequence[int], measured: Sequence[int]) -> str:
    labels, expected = Counter(ours.labels), Counter(theirs.labels)
    if labels != expected:
        more, fewer = labels - expected, expected - labels
        return f"nodes: {dict(more)} too many, {dict(fewer)} too few"
    odd = Counter(mine) - Counter(measured)
    node = next(node for node, colour in enumerate(mine) if colour in odd)
    around = sorted(str(ours.labels[on]) for on in ours.waits_for[node])
    return f"dependencies differ, e.g. around {ours.labels[node]} after {around}"
