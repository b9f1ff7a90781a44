"""The producer collective: what a micro-benchmark of communication consists of."""

from __future__ import annotations

from typing import Any

import pytest
from versim import ExecutionGraph, Kind
from versim_basics.collective import CollectiveBenchmark, CollectiveOptions

COLLECTIVES = [kind for kind in Kind if kind is not Kind.POINT_TO_POINT]


def _graph(**options: Any) -> ExecutionGraph:
    return CollectiveBenchmark().produce(CollectiveOptions(**options))


@pytest.mark.parametrize("kind", COLLECTIVES)
def test_every_rank_takes_part_in_one_collective(kind: Kind) -> None:
    """The simplest question there is: how long does this take on these ranks?"""
    graph = _graph(kind=kind, size_bytes=4096, participants=6, algorithm="ring")
    assert (graph.node_count, graph.communication_count) == (1, 1)
    communication = graph.communication(0)
    assert communication.kind is kind
    assert communication.size_bytes == 4096
    assert communication.groups == (tuple(range(6)),)
    assert communication.algorithm == "ring"


def test_several_sizes_make_a_sweep_in_order() -> None:
    """One run gives a whole curve; each size is a row of the breakdown by its name."""
    graph = _graph(size_bytes=(8, 64, 512), count=2)
    assert graph.size_bytes.tolist() == [8, 8, 64, 64, 512, 512]
    assert len(graph.names) == 3


def test_chained_collectives_wait_for_one_another() -> None:
    """Otherwise their times could not be told apart."""
    graph = _graph(size_bytes=(8, 64, 512))
    assert [graph.dependencies(node).tolist() for node in range(3)] == [[], [0], [1]]


def test_unchained_collectives_start_together() -> None:
    """What contention does shows only when something contends."""
    graph = _graph(count=4, chained=False)
    assert len(graph.dependency) == 0


def test_messages_between_two_ranks_are_a_ping_pong() -> None:
    """The classical latency benchmark: what arrives is sent back."""
    graph = _graph(kind="point_to_point", participants=2, count=3)
    assert [graph.communication(match).groups for match in range(3)] == [((0, 1),), ((1, 0),), ((0, 1),)]
    assert graph.dependencies(2).tolist() == [1]


def test_messages_among_more_ranks_go_round() -> None:
    """A token passed round the ring uses every link once."""
    graph = _graph(kind="point_to_point", participants=4, count=4)
    groups = [graph.communication(match).groups[0] for match in range(4)]
    assert groups == [(0, 1), (1, 2), (2, 3), (3, 0)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"participants": 1},
        {"participants": 2.5},
        {"size_bytes": 0},
        {"size_bytes": ()},
        {"size_bytes": (8, -1)},
        {"size_bytes": 1.5},
        {"size_bytes": 2**63},
        {"count": 0},
        {"kind": "all_reduze"},
        {"chained": "no"},
        {"kind": "point_to_point", "algorithm": "ring"},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    """A benchmark of nothing measures nothing."""
    with pytest.raises((ValueError, TypeError)):
        CollectiveOptions(**wrong)
