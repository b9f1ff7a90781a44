"""What the middle of a network has to carry bounds every simulator of it."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from fakes import pinned_of, predicted
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    System,
    Topology,
    compare_predictions,
)
from versim.comparison.bounds import bisection_bound_ps
from versim.schedules import collective_rounds

LINK = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)


def system(topology: str, size: int, **more: Link) -> System:
    """One dimension with links of 1 byte per ns."""
    dimension = Dimension(topology=topology, size=size, link=LINK)
    return System(dimensions=(dimension,), device=Device(name="none"), axis_links=more)


def one(kind: str, size_bytes: int, ranks: int) -> ExecutionGraph:
    """A single collective over all ranks."""
    builder = GraphBuilder(Mesh.of(rank=ranks))
    builder.collective("it", kind, size_bytes, axes=["rank"])
    return builder.build()


@pytest.mark.parametrize(
    ("kind", "topology", "expected_ns"),
    [
        ("all_reduce", "ring", 8000 / 2),
        ("all_gather", "ring", 4 * 1000 / 2),
        ("reduce_scatter", "switch", 4 * 1000 / 4),
        ("all_to_all", "fully_connected", 4 * 4 * 1000 / 16),
        ("broadcast", "ring", 0),
    ],
)
def test_a_collective_over_eight_ranks(kind: str, topology: str, expected_ns: float) -> None:
    """8000 bytes: two links across a ring, sixteen across a fully connected network, four up a switch."""
    assert bisection_bound_ps(one(kind, 8000, 8), system(topology, 8)) == expected_ns * 1000


def test_messages_count_in_their_direction() -> None:
    """Three up and one down: the busier direction decides."""
    builder = GraphBuilder(Mesh.of(rank=4))
    for number, (source, target) in enumerate([(0, 2), (1, 3), (0, 3), (3, 0), (0, 1)]):
        builder.transfer(str(number), 1000, source={"rank": source}, target={"rank": target})
    assert bisection_bound_ps(builder.build(), system("ring", 4)) == 3 * 1000 * 1000 / 2


def test_a_faster_link_of_an_axis_loosens_the_bound() -> None:
    """Some timing may simulate it."""
    fast = attrs.evolve(LINK, bandwidth_bytes_per_s=4e9)
    assert bisection_bound_ps(one("all_reduce", 8000, 8), system("ring", 8, rank=fast)) == 1000 * 1000


@pytest.mark.parametrize("size", [2, 3, 7])
def test_without_an_even_cut_there_is_no_bound(size: int) -> None:
    """An odd ring has no middle, and a pair no halves of more than one."""
    assert bisection_bound_ps(one("all_reduce", 8000, size), system("ring", size)) is None


def test_several_dimensions_have_no_bound() -> None:
    """Their cut depends on how ranks are laid out."""
    flat = system("ring", 4)
    deep = attrs.evolve(flat, dimensions=(*flat.dimensions, *flat.dimensions))
    assert bisection_bound_ps(one("all_reduce", 8000, 16), deep) is None


@given(
    kind=st.sampled_from([Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL]),
    algorithm=st.sampled_from(["ring", "direct"]),
    ranks=st.sampled_from([4, 6, 8]),
    shard=st.integers(1, 1000),
)
def test_no_algorithm_moves_less_across_the_cut(kind: Kind, algorithm: str, ranks: int, shard: int) -> None:
    """The bytes that real schedules send across the middle of a ring are never fewer."""
    size_bytes = shard * ranks
    half = ranks // 2
    bound_ps = bisection_bound_ps(one(kind, size_bytes, ranks), system("ring", ranks))
    crossing = [0, 0]
    for transfers in collective_rounds(algorithm, kind, size_bytes, ranks):
        for transfer in transfers:
            if (transfer.source < half) != (transfer.target < half):
                crossing[transfer.source < half] += transfer.size_bytes
    assert bound_ps is not None
    assert bound_ps <= max(crossing) * 1000 / 2


@given(graph=graphs(), communication_ps=st.integers(0, 10))
def test_a_prediction_below_the_bound_is_flagged(graph: ExecutionGraph, communication_ps: int) -> None:
    """Communication in no time breaks the bound wherever there is one."""
    pinned = pinned_of(graph)
    world = graph.mesh.world_size
    slow = attrs.evolve(LINK, bandwidth_bytes_per_s=1e-3)
    on = System(dimensions=(Dimension(topology=Topology.RING, size=world, link=slow),), device=Device(name="none"))
    (result,) = compare_predictions(pinned, on, [predicted(pinned, np.int64(communication_ps))], "fake").results
    (check,) = [check for check in result.checks if check.name == "bisection"]
    bound_ps = bisection_bound_ps(graph, on)
    assert result.prediction.makespan_ps is not None
    assert check.passed is (None if bound_ps is None else result.prediction.makespan_ps >= bound_ps)
