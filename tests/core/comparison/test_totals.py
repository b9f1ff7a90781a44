"""Where time goes adds up, for one rank and over all."""

from __future__ import annotations

import numpy as np
from fakes import pinned_of, predicted, system_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    PS_PER_NS,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Mesh,
    Op,
    Phase,
    RankClasses,
    Result,
    Totals,
    compare_predictions,
)


def _result(graph: ExecutionGraph, communication_ps: int, classes: RankClasses | None = None) -> Result:
    pinned = pinned_of(graph)
    prediction = predicted(pinned, communication_ps, classes=classes)
    return compare_predictions(pinned.on(system_of(graph)), [prediction], "fake").results[0]


def _totals(result: Result) -> Totals:
    assert result.totals is not None
    return result.totals


def _step() -> ExecutionGraph:
    """Rank 0 computes 5 ns, sends for 2 ns beside 3 ns more; rank 1 waits and computes 4 ns."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", [(Fixed(5e-9), 1)], on={"rank": 0}, phase=Phase.FORWARD)
    ends = builder.transfer("x", 8, source={"rank": 0}, target={"rank": 1}, after=[first], phase=Phase.FORWARD)
    builder.compute("b", [(Fixed(3e-9), 1)], on={"rank": 0}, after=[first], phase=Phase.BACKWARD)
    builder.compute("b", [(Fixed(4e-9), 1)], on={"rank": 1}, after=[ends[1]], phase=Phase.BACKWARD)
    return builder.build()


@given(graph=graphs(), communication_ps=st.integers(0, 10**6))
def test_compute_exposed_and_idle_time_add_up_to_the_makespan(graph: ExecutionGraph, communication_ps: int) -> None:
    """Every picosecond of the last rank is exactly one of the three."""
    result = _result(graph, communication_ps)
    totals = _totals(result)
    assert min(totals.compute_ps, totals.exposed_communication_ps, totals.idle_ps) >= 0
    together = totals.compute_ps + totals.exposed_communication_ps + totals.idle_ps
    assert together == result.prediction.makespan_ps
    assert totals.exposed_communication_ps <= totals.communication_ps
    assert 0.0 <= totals.communication_ratio <= 1.0
    assert result.prediction.finish_ps[totals.rank] == result.prediction.makespan_ps


@given(graph=graphs(), communication_ps=st.integers(0, 10**6))
def test_breakdowns_add_up_to_all_active_time(graph: ExecutionGraph, communication_ps: int) -> None:
    """By operation or by group, over all ranks: what a node takes times how often it runs."""
    result = _result(graph, communication_ps)
    pinned = pinned_of(graph)
    ranks = np.array([graph.mesh.rank_count(place) for place in graph.placements])[graph.placement]
    compute_ps = int((pinned.compute_ns * ranks).sum()) * PS_PER_NS
    communication = int(ranks[graph.op != Op.COMPUTE].sum()) * communication_ps
    for rows in (result.operations, result.groups):
        assert sum(row.count for row in rows) == ranks.sum()
        assert sum(row.total_ps for row in rows) == compute_ps + communication
        assert sum(row.missing for row in rows) == 0
        assert len({(row.key, row.phase) for row in rows}) == len(rows)
    assert sum(row.total_ps for row in result.groups if row.key == "compute") == compute_ps


@given(graph=graphs(most_nodes=8), communication_ps=st.integers(0, 10**6))
def test_folded_and_plain_predictions_are_analysed_alike(graph: ExecutionGraph, communication_ps: int) -> None:
    """How a backend folds ranks is its own business."""
    pinned = pinned_of(graph)
    spread = RankClasses.single(graph.mesh)
    ranks = np.array([graph.mesh.rank_count(place) for place in graph.placements])[graph.placement]
    folded, plain = _result(graph, communication_ps), _result(graph, communication_ps, spread)
    assert [(row.key, row.count, row.total_ps) for row in folded.groups] == [
        (row.key, row.count, row.total_ps) for row in plain.groups
    ]
    assert sum(row.count for row in plain.operations) == ranks.sum()
    assert pinned.digest == plain.prediction.digest


def test_the_last_rank_is_accounted_for() -> None:
    """Rank 1: 5 ns idle, 2 ns of message exposed, 4 ns of compute."""
    totals = _totals(_result(_step(), 2000))
    assert totals == Totals(rank=1, compute_ps=4000, communication_ps=2000, exposed_communication_ps=2000, idle_ps=5000)
    assert totals.communication_ratio == 1 / 3


def test_of_ranks_that_finish_together_the_lowest_is_accounted_for() -> None:
    """Whatever order their spans come in; the same report from the same step."""
    builder = GraphBuilder(Mesh.of(rank=3))
    builder.compute("short", [(Fixed(1e-9), 1)], on={"rank": 0})
    builder.compute("long", [(Fixed(4e-9), 1)], on={"rank": 2})
    builder.compute("long", [(Fixed(4e-9), 1)], on={"rank": 1})
    assert _totals(_result(builder.build(), 1000)).rank == 1


def test_overlapped_communication_is_not_exposed() -> None:
    """Rank 0 sends beside compute: with a long b it is the last, and hides the message."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", [(Fixed(5e-9), 1)], on={"rank": 0})
    builder.transfer("x", 8, source={"rank": 0}, target={"rank": 1}, after=[first])
    builder.compute("b", [(Fixed(30e-9), 1)], on={"rank": 0}, after=[first])
    totals = _totals(_result(builder.build(), 2000))
    assert totals == Totals(rank=0, compute_ps=35000, communication_ps=2000, exposed_communication_ps=0, idle_ps=0)


def test_waiting_for_a_partner_is_not_communicating() -> None:
    """A receive posted at 0 whose data leaves at 5 ns communicates from 5 ns on."""
    result = _result(_step(), 2000)
    messages = [row for row in result.groups if row.key != "compute"]
    assert [(row.key, row.count, row.total_ps, row.mean_ps) for row in messages] == [
        ("point_to_point over rank", 2, 4000, 2000.0)
    ]


def test_rows_are_in_program_order_with_their_phase() -> None:
    """As a reader meets them in the step."""
    rows = [(row.key, row.phase, row.count, row.total_ps) for row in _result(_step(), 2000).operations]
    assert rows == [
        ("a", "forward", 1, 5000),
        ("x send", "forward", 1, 2000),
        ("x recv", "forward", 1, 2000),
        ("b", "backward", 2, 7000),
    ]


def test_groups_are_kind_axis_and_phase() -> None:
    """What a reader blames: the all-reduce over dp, not node 7312."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    first = builder.collective("a", "all_reduce", 8, axes=("dp",))
    builder.collective("b", "all_gather", 8, axes=("dp", "pp"), after=[first], phase=Phase.BACKWARD)
    builder.collective("c", "all_reduce", 8, ranks=(0, 1), on={"dp": 0}, after=[first])
    rows = [(row.key, row.phase, row.count) for row in _result(builder.build(), 1000).groups]
    assert rows == [
        ("all_reduce over dp", "", 4),
        ("all_gather over dp+pp", "backward", 4),
        ("all_reduce in a group", "", 2),
    ]
