"""Predictions that fold ranks differently, laid onto common rows."""

from __future__ import annotations

import numpy as np
from fakes import pinned_of, predicted, system_of, with_spans
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, unlike_durations
from versim import (
    NO_TIME,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Mesh,
    RankClasses,
    compare_predictions,
    instances_of,
)
from versim.comparison import common_instances, timeline
from versim.comparison.totals import by_group, by_operation

WORK = [(Fixed(5e-9), 1)]


def _replicas() -> ExecutionGraph:
    """Three replicas compute and reduce; the graph cannot tell them apart."""
    builder = GraphBuilder(Mesh.of(dp=3))
    builder.collective("sum", "all_reduce", 8, axes=("dp",), after=[builder.compute("a", WORK)])
    return builder.build()


@given(graph=graphs(most_nodes=8), data=st.data())
def test_folded_and_plain_predictions_meet_on_the_graphs_own_classes(
    graph: ExecutionGraph, data: st.DataObject
) -> None:
    """If no prediction tells ranks of a class apart, neither does the comparison, and they do not differ."""
    pinned = pinned_of(graph)
    communication_ps = data.draw(unlike_durations(graph.communication_count))
    folded = predicted(pinned, communication_ps, label="folded")
    plain = predicted(pinned, communication_ps, label="plain", classes=RankClasses.single(graph.mesh))
    if folded.finish_ps.tolist() != plain.finish_ps.tolist():
        return  # compute of equal length ties, and ties are served in rank order
    one, two = compare_predictions(pinned.on(system_of(graph)), [folded, plain], "folded").results
    assert two.difference_ps == 0
    assert one.totals is not None
    assert two.totals is not None
    assert one.totals.compute_ps == two.totals.compute_ps


def test_replicas_that_finish_together_are_one_row() -> None:
    """However many there are."""
    graph = _replicas()
    pinned = pinned_of(graph)
    folded = predicted(pinned, 1000)
    plain = predicted(pinned, 1000, classes=RankClasses.single(graph.mesh))
    for predictions in ([folded], [plain], [folded, plain]):
        assert common_instances(graph, predictions).count == 2


def test_a_simulator_that_tells_replicas_apart_gets_rows_for_each() -> None:
    """And the folded one's single answer stands on all of them."""
    graph = _replicas()
    pinned = pinned_of(graph)
    folded = predicted(pinned, 1000, label="folded")
    plain = predicted(pinned, 1000, label="plain", classes=RankClasses.single(graph.mesh))
    late = plain.spans.end_ps.copy()
    late[(plain.spans.node == 1) & (plain.spans.rank == 2)] += 7
    uneven = with_spans(plain, end_ps=late)
    instances = common_instances(graph, [folded, uneven])
    assert instances.count == 6
    assert timeline(folded, instances).end_ps.tolist() == [5000, 5000, 5000, 6000, 6000, 6000]
    assert timeline(uneven, instances).end_ps.tolist() == [5000, 5000, 5000, 6000, 6000, 6007]


def test_axes_along_which_everybody_folds_stay_folded() -> None:
    """One simulator tells ranks apart along tp, none along dp."""
    builder = GraphBuilder(Mesh.of(dp=3, tp=2))
    builder.collective("sum", "all_reduce", 8, axes=("dp",), after=[builder.compute("a", WORK)])
    graph = builder.build()
    pinned = pinned_of(graph)
    folded = predicted(pinned, 1000, label="folded")
    halves = predicted(pinned, 1000, label="halves", classes=RankClasses.along(graph.mesh, ["dp"]))
    late = halves.spans.end_ps.copy()
    late[(halves.spans.node == 1) & (halves.spans.rank == 1)] += 7
    uneven = with_spans(halves, end_ps=late)
    instances = common_instances(graph, [folded, uneven])
    assert instances.classes.sizes == (1, 2)
    assert timeline(folded, instances).end_ps.tolist() == [5000, 5000, 6000, 6000]
    assert timeline(uneven, instances).end_ps.tolist() == [5000, 5000, 6000, 6007]


def test_a_replica_that_did_less_is_told_apart() -> None:
    """A missing row is a difference as well."""
    graph = _replicas()
    plain = predicted(pinned_of(graph), 1000, classes=RankClasses.single(graph.mesh))
    keep = ~((plain.spans.node == 1) & (plain.spans.rank == 2))
    columns = {
        name: getattr(plain.spans, name)[keep]
        for name in ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")
    }
    instances = common_instances(graph, [with_spans(plain, **columns)])
    assert instances.count == 6
    assert timeline(with_spans(plain, **columns), instances).end_ps.tolist()[-1] == NO_TIME


@given(graph=graphs(most_nodes=8), data=st.data())
def test_laying_out_keeps_every_time(graph: ExecutionGraph, data: st.DataObject) -> None:
    """Rows in any order come back in the instances' order."""
    pinned = pinned_of(graph)
    prediction = predicted(pinned, 1000)
    order = np.array(data.draw(st.permutations(range(prediction.spans.count))), dtype=np.int64)
    columns = {
        name: getattr(prediction.spans, name)[order]
        for name in ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")
    }
    line = timeline(with_spans(prediction, **columns), instances_of(graph))
    assert line.start_ps.tolist() == prediction.spans.start_ps.tolist()
    assert line.end_ps.tolist() == prediction.spans.end_ps.tolist()
    assert line.ran.all()


@given(graph=graphs(most_nodes=8))
def test_a_communication_is_active_from_its_last_posting_on(graph: ExecutionGraph) -> None:
    """Its duration is what the network took, on every rank the same."""
    line = timeline(predicted(pinned_of(graph), 1000), instances_of(graph))
    communication = graph.match[line.instances.node] >= 0
    assert (line.duration_ps[communication] == 1000).all()
    assert (line.active_ps >= line.start_ps).all()
    assert (line.active_ps <= line.end_ps).all()


def test_a_receive_posted_after_the_data_came_does_not_shorten_the_transfer() -> None:
    """An eager sender is done before the receiver asks: the transfer took what the sender saw."""
    builder = GraphBuilder(Mesh.of(rank=2))
    busy = builder.compute("busy", WORK, on={"rank": 1})
    builder.send("send", 8, match=0, on={"rank": 0})
    builder.recv("recv", 8, match=0, on={"rank": 1}, after=[busy])
    graph = builder.build()
    eager = with_spans(
        predicted(pinned_of(graph), 1000),
        start_ps=np.array([0, 0, 5000], dtype=np.int64),
        end_ps=np.array([5000, 2000, 5000], dtype=np.int64),
    )
    line = timeline(eager, instances_of(graph))
    assert line.duration_ps.tolist() == [5000, 2000, 0]


@given(late=st.sampled_from(["dp", "tp", "both"]), by_ps=st.integers(1, 99))
def test_ranks_are_told_apart_along_the_axes_along_which_they_differ(late: str, by_ps: int) -> None:
    """Replicas stay one row where only the ranks within them differ; what is summed over all ranks is the same."""
    builder = GraphBuilder(Mesh.of(dp=3, tp=2))
    first = builder.compute("a", WORK)
    builder.collective("sum", "all_reduce", 8, axes=("tp",), after=[first])
    graph = builder.build()
    plain = predicted(pinned_of(graph), 1000, label="plain", classes=RankClasses.single(graph.mesh))
    dp, tp = np.divmod(plain.spans.rank, 2)
    which = {"dp": dp == 2, "tp": tp == 1, "both": (dp == 2) & (tp == 1)}[late]
    uneven = with_spans(plain, end_ps=plain.spans.end_ps + by_ps * ((plain.spans.node == 1) & which))
    instances = common_instances(graph, [plain, uneven])
    assert instances.classes.sizes == {"dp": (3, 1), "tp": (1, 2), "both": (3, 2)}[late]
    each = timeline(uneven, instances_of(graph, RankClasses.single(graph.mesh)))
    folded = timeline(uneven, instances)
    assert (by_operation(folded), by_group(folded)) == (by_operation(each), by_group(each))
