"""From a schedule to a prediction, and what a stuck one says."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from fakes import nothing_ran, pinned_of, predicted, scheduled
from hypothesis import given
from strategies import graphs
from versim import (
    NO_TIME,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Mesh,
    RankClasses,
    Resource,
    Status,
    prediction_of,
)

WORK = [(Fixed(1e-9), 1)]


def _crossed() -> ExecutionGraph:
    """Both ranks receive before they send what the other waits for; rank 2 has nothing to do with it."""
    builder = GraphBuilder(Mesh.of(rank=3))
    for rank in (0, 1):
        got = builder.recv(f"from {1 - rank}", 8, match=1 - rank, on={"rank": rank})
        builder.send(f"to {1 - rank}", 8, match=rank, on={"rank": rank}, after=[got])
    builder.compute("alone", WORK, on={"rank": 2})
    return builder.build()


@given(graph=graphs(most_nodes=8))
def test_a_completed_schedule_becomes_a_completed_prediction(graph: ExecutionGraph) -> None:
    """With a row per instance, a finish per rank, and what was pinned as what was consumed."""
    pinned = pinned_of(graph)
    prediction = predicted(pinned, 1000)
    assert prediction.completed
    assert prediction.digest == pinned.digest
    assert prediction.makespan_ps == prediction.finish_ps.max() == prediction.spans.end_ps.max()
    assert prediction.consumed.compute_ns.tolist() == pinned.compute_ns.tolist()
    assert prediction.consumed.size_bytes.tolist() == graph.size_bytes.tolist()
    assert set(prediction.spans.rank.tolist()) <= set(prediction.representative.tolist())
    communication = prediction.spans.resource == Resource.COMMUNICATION
    assert (graph.match[prediction.spans.node[communication]] >= 0).all()
    assert (graph.match[prediction.spans.node[~communication]] < 0).all()


@given(graph=graphs(most_nodes=8))
def test_every_rank_is_represented_by_one_of_its_class(graph: ExecutionGraph) -> None:
    """Reports show ranks, backends simulate classes."""
    representative = predicted(pinned_of(graph), 0).representative
    assert (representative[representative] == representative).all()
    of_rank = RankClasses.of(graph).of_rank()
    assert (of_rank[representative] == of_rank).all()


def test_a_deadlock_names_who_waits_for_whom() -> None:
    """Rank by rank, closing the circle; ranks that finished are not accused."""
    pinned = pinned_of(_crossed())
    prediction = predicted(pinned, 1000)
    assert prediction.status is Status.DEADLOCK
    assert prediction.makespan_ps is None
    assert prediction.finish_ps.tolist() == [NO_TIME, NO_TIME, 1000]
    assert prediction.waiting == ((0, 0), (0, 1), (1, 2), (1, 3))
    assert prediction.diagnosis == (
        "rank 0: node 0 ('from 1') waits for node 3 ('to 0') on rank 1, which waits for node 2 ('from 0')",
        "rank 1: node 2 ('from 0') waits for node 1 ('to 1') on rank 0, which waits for node 0 ('from 1')",
    )


def test_collectives_in_different_order_deadlock_with_their_names() -> None:
    """The commonest hang of a real program."""
    builder = GraphBuilder(Mesh.of(rank=2))
    for rank, order in ((0, "ab"), (1, "ba")):
        before: list[int] = []
        for match in order:
            part = builder.collective(
                match, "all_reduce", 8, axes=("rank",), match=match, on={"rank": rank}, after=before
            )
            before = [part]
    prediction = predicted(pinned_of(builder.build()), 1000)
    assert prediction.diagnosis == (
        "rank 0: node 0 ('a') waits for node 3 ('a') on rank 1, which waits for node 2 ('b')",
        "rank 1: node 2 ('b') waits for node 1 ('b') on rank 0, which waits for node 0 ('a')",
    )


def test_a_large_deadlock_is_cut_short() -> None:
    """Thousands of ranks say the same."""
    builder = GraphBuilder(Mesh.of(rank=40))
    for rank in range(40):
        after = [builder.recv("get", 8, match=(rank - 1) % 40, on={"rank": rank})]
        builder.send("put", 8, match=rank, on={"rank": rank}, after=after)
    prediction = predicted(pinned_of(builder.build()), 1000)
    assert len(prediction.diagnosis) == 13
    assert prediction.diagnosis[-1] == "… and 28 more"


def test_what_was_never_started_is_said() -> None:
    """Neither a dependency nor a partner is to blame."""
    builder = GraphBuilder(Mesh.of(rank=1))
    first = builder.compute("a", WORK)
    builder.compute("b", WORK, after=[first])
    pinned = pinned_of(builder.build())
    instances, schedule = scheduled(pinned, np.empty(0, dtype=np.int64))
    stuck = attrs.evolve(schedule, end_ps=np.array([1000, NO_TIME], dtype=np.int64))
    prediction = prediction_of(pinned, instances, stuck, simulator="fake", engine="fake 1", diagnosis=("it broke",))
    assert prediction.diagnosis == ("it broke", "rank 0: node 1 ('b') was never started")
    assert prediction.spans.node.tolist() == [0]


def test_a_communication_that_never_ended_is_said() -> None:
    """All parts were there, and still."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", WORK)
    builder.collective("sum", "all_reduce", 8, axes=("rank",), after=[first])
    pinned = pinned_of(builder.build())
    instances, schedule = scheduled(pinned, np.array([5], dtype=np.int64))
    stuck = attrs.evolve(schedule, end_ps=np.array([1000, NO_TIME], dtype=np.int64))
    prediction = prediction_of(pinned, instances, stuck, simulator="fake", engine="fake 1")
    assert prediction.diagnosis == ("rank 0: node 1 ('sum') never ended",)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_only_a_completed_simulation_has_a_makespan(status: Status) -> None:
    """A number next to a failure would be read as an answer."""
    builder = GraphBuilder(Mesh.of(rank=1))
    builder.compute("b", WORK, after=[builder.compute("a", WORK)])
    pinned = pinned_of(builder.build())
    with pytest.raises(ValueError, match="if and only if the simulation completed"):
        attrs.evolve(predicted(pinned, 0), status=status)
    with pytest.raises(ValueError, match="if and only if the simulation completed"):
        attrs.evolve(nothing_ran(pinned, status), status=Status.COMPLETED)
