"""The producer traffic: who sends to whom."""

from __future__ import annotations

import pytest
from versim import ExecutionGraph, Kind, Op
from versim_basics.traffic import COLLECTIVES, MESSAGES, PATTERNS, Traffic, TrafficOptions


def produced(pattern: str, nodes: int = 4, places: int = 8) -> ExecutionGraph:
    """A pattern's graph."""
    return Traffic().produce(TrafficOptions(pattern=pattern, nodes=nodes, places=places, size_bytes=4096))


def pairs(graph: ExecutionGraph) -> list[tuple[int, int]]:
    """Sender and receiver of every message, as ranks."""
    found = []
    for match in range(graph.communication_count):
        (ends,) = graph.communication(match).groups
        found.append((ends[0], ends[1]))
    return found


@pytest.mark.parametrize("pattern", [name for name in MESSAGES if "incast" not in name and name != "drain"])
def test_nobody_is_sent_to_twice(pattern: str) -> None:
    """Permutations: what is contended is links between, not the receivers."""
    ends = pairs(produced(pattern))
    assert len({source for source, _ in ends}) == len({target for _, target in ends}) == len(ends)
    assert all(source != target for source, target in ends)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("shift", [(0, 2), (1, 3), (2, 4), (3, 5), (4, 0), (5, 1)]),
        ("turn", [(0, 2), (1, 3), (2, 4), (3, 5), (4, 0), (5, 1)]),
        ("neighbours", [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]),
        ("crossed", [(0, 3), (1, 2), (2, 5), (3, 4), (4, 1), (5, 0)]),
        ("transpose", [(1, 3), (2, 1), (3, 4), (4, 2)]),
        ("incast", [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]),
        ("incast_across", [(2, 0), (4, 0)]),
        ("drain", [(2, 0), (3, 1), (4, 0), (5, 1)]),
    ],
)
def test_messages_among_three_nodes_of_two(pattern: str, expected: list[tuple[int, int]]) -> None:
    """Written out by hand; rank = 2 · node + place."""
    assert pairs(produced(pattern, nodes=3, places=2)) == expected


@pytest.mark.parametrize(("pattern", "groups"), [("reduce_across", 8), ("exchange", 1)])
def test_collectives_take_everybody(pattern: str, groups: int) -> None:
    """One group of nodes for each place, or all ranks."""
    graph = produced(pattern)
    communication = graph.communication(0)
    assert communication.kind is COLLECTIVES[pattern][0] is not Kind.POINT_TO_POINT
    assert len(communication.groups) == groups
    assert sorted(rank for group in communication.groups for rank in group) == list(range(32))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_everything_starts_at_once(pattern: str) -> None:
    """Nothing waits for anything, and nothing is computed: what takes time is the network."""
    graph = produced(pattern)
    assert not len(graph.dependency)
    assert not (graph.op == Op.COMPUTE).any()
