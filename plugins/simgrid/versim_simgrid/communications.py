"""The communications of a graph, each that differs in more than its place in the step once."""

from __future__ import annotations

from collections.abc import Hashable

import attrs
from versim import ExecutionGraph, Kind


@attrs.frozen
class Exchange:
    """What several communications of a step have in common: all of it but when.

    Attributes:
        kind: What is done.
        size_bytes: The full tensor.
        algorithm: The one the graph asks for, or "".
        groups: Ranks in their order; of a message, its sender and receiver.
    """

    kind: Kind
    size_bytes: int
    algorithm: str
    groups: tuple[tuple[int, ...], ...]


class Communications:
    """The exchanges of a graph.

    Attributes:
        exchanges: Each once.
        of_match: Per communication of the graph, which exchange it is.
    """

    def __init__(self, graph: ExecutionGraph) -> None:
        self.exchanges: list[Exchange] = []
        self.of_match: list[int] = []
        numbers: dict[Hashable, int] = {}
        start, parts = graph.parts()
        columns = zip(graph.kind, graph.size_bytes, graph.scope, graph.algorithm, strict=True)
        for match, column in enumerate(columns):
            rows = parts[start[match] : start[match + 1]]
            key = (*map(int, column), graph.placement[rows].tobytes(), graph.op[rows].tobytes())
            if key not in numbers:
                numbers[key] = len(self.exchanges)
                view = graph.communication(match)
                self.exchanges.append(Exchange(view.kind, view.size_bytes, view.algorithm, view.groups))
            self.of_match.append(numbers[key])
