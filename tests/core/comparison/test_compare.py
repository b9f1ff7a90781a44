"""Comparing predictions, and refusing what is none."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from fakes import nothing_ran, pinned_of, predicted, system_of, with_spans
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    Comparison,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Mesh,
    Prediction,
    RankClasses,
    Report,
    VersimError,
    WorkloadReport,
    compare_predictions,
)


def _step() -> ExecutionGraph:
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", [(Fixed(5e-9), 1)])
    builder.collective("sum", "all_reduce", 64, axes=("rank",), after=[first])
    return builder.build()


PINNED = pinned_of(_step())
SOUND = predicted(PINNED, 2000, classes=RankClasses.single(PINNED.graph.mesh))


def _compared(pinned: Inputs, *predictions: Prediction, reference: str = "") -> Comparison:
    return compare_predictions(pinned.on(system_of(pinned.graph)), predictions, reference or predictions[0].label)


def _scaled(prediction: Prediction, factor: int) -> Prediction:
    spans = prediction.spans
    times = {name: getattr(spans, name) * factor for name in ("ready_ps", "start_ps", "end_ps")}
    return attrs.evolve(with_spans(prediction, **times), label="scaled")


@given(graph=graphs(), communication_ps=st.integers(0, 10**6), factor=st.integers(2, 1000))
def test_a_scaled_prediction_differs_by_its_factor(graph: ExecutionGraph, communication_ps: int, factor: int) -> None:
    """Makespan, totals and breakdowns: in a comparison of B = k A every figure says k."""
    pinned = pinned_of(graph)
    sound = predicted(pinned, communication_ps)
    one, other = _compared(pinned, sound, _scaled(sound, factor)).results
    assert sound.makespan_ps is not None
    assert (one.difference_ps, other.difference_ps) == (0, (factor - 1) * sound.makespan_ps)
    if sound.makespan_ps:
        assert one.difference_percent == 0.0
        assert other.difference_percent == 100.0 * (factor - 1)
    assert one.totals is not None
    assert other.totals is not None
    for field in ("compute_ps", "communication_ps", "exposed_communication_ps", "idle_ps"):
        assert getattr(other.totals, field) == factor * getattr(one.totals, field)
    for mine, theirs in zip(one.groups + one.operations, other.groups + other.operations, strict=True):
        assert (theirs.key, theirs.count, theirs.total_ps) == (mine.key, mine.count, mine.total_ps * factor)


@given(graph=graphs(most_nodes=8), data=st.data())
def test_slower_communication_shows_in_communication_only(graph: ExecutionGraph, data: st.DataObject) -> None:
    """Compute is pinned, so no comparison may attribute a difference to it."""
    pinned = pinned_of(graph)
    fast, slow = sorted(data.draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=2)))
    results = _compared(pinned, predicted(pinned, fast, label="fast"), predicted(pinned, slow, label="slow")).results
    totals = [{row.key: row.total_ps for row in result.groups if row.key == "compute"} for result in results]
    assert totals[0] == totals[1]


def test_any_prediction_can_be_the_reference() -> None:
    """Signs turn round with it."""
    predictions = (predicted(PINNED, 2000, label="a"), predicted(PINNED, 5000, label="b"))
    comparison = _compared(PINNED, *predictions, reference="b")
    assert [result.difference_ps for result in comparison.results] == [-3000, 0]
    assert comparison.result("a").difference_percent == -30.0
    with pytest.raises(KeyError, match="c"):
        comparison.result("c")


def test_what_did_not_complete_has_no_figures() -> None:
    """None, not 0: a failed run is not infinitely fast."""
    comparison = _compared(PINNED, predicted(PINNED, 2000, label="good"), nothing_ran(PINNED))
    failed = comparison.result("fake")
    assert failed.totals is None
    assert failed.critical_path is None
    assert failed.difference_ps is None
    assert failed.difference_percent is None
    assert sum(row.missing for row in failed.operations) == 4
    report = Report(
        scenario="s",
        description="",
        workloads=(WorkloadReport(label="w", producer="p", comparisons=(comparison,)),),
    )
    assert report.incomplete() == ("w / fake / fake",)
    assert report.worst_difference_percent() == 0.0


def test_a_failed_reference_leaves_the_others_standing() -> None:
    """With their own figures, without differences."""
    comparison = _compared(PINNED, nothing_ran(PINNED), predicted(PINNED, 2000, label="good"))
    good = comparison.result("good")
    assert good.difference_ps is None
    assert good.totals is not None
    assert good.shared_path_percent is None


def _spans(**columns: Any) -> Prediction:
    return attrs.evolve(SOUND, spans=attrs.evolve(SOUND.spans, **columns))


def _consumed(**columns: Any) -> Prediction:
    return attrs.evolve(SOUND, consumed=attrs.evolve(SOUND.consumed, **columns))


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        (attrs.evolve(SOUND, digest="0" * 64), "is of another graph"),
        (attrs.evolve(SOUND, finish_ps=np.array([7000])), r"finish_ps of shape \(1,\) instead of \(2,\)"),
        (attrs.evolve(SOUND, representative=np.array([0, 1, 2])), "representative of shape"),
        (attrs.evolve(SOUND, representative=np.array([0, 2])), "representative outside 0..1"),
        (attrs.evolve(SOUND, representative=np.array([-1, 0])), "representative outside 0..1"),
        (_consumed(compute_ns=np.array([5])), r"consumed.compute_ns of shape \(1,\) instead of \(2,\)"),
        (_consumed(size_bytes=np.array([64, 64])), r"consumed.size_bytes of shape \(2,\) instead of \(1,\)"),
        (_spans(start_ps=np.array([0])), r"spans.start_ps of shape \(1,\) instead of \(4,\)"),
        (_spans(end_ps=SOUND.spans.end_ps * 1.0), "spans.end_ps of type float64 instead of integers"),
        (_spans(node=np.array([0, 0, 1, 2])), "spans.node outside 0..1"),
        (_spans(node=np.array([0, 0, 1, -1])), "spans.node outside 0..1"),
        (_spans(rank=np.array([0, 1, 0, 2])), "spans.rank outside 0..1"),
        (_spans(start_ps=np.array([0, 0, 7001, 5000])), "a span of node 1 from 7001 to 7000 ps"),
        (_spans(start_ps=np.array([-1, 0, 5000, 5000])), "a span of node 0 from -1 to 5000 ps"),
        (_spans(rank=np.array([0, 0, 0, 1])), "two spans of one node on one rank"),
        (attrs.evolve(SOUND, makespan_ps=6999), "a makespan of 6999 ps but ends at 7000 ps"),
        (attrs.evolve(SOUND, makespan_ps=7001), "a makespan of 7001 ps but ends at 7000 ps"),
    ],
)
def test_a_malformed_prediction_is_refused_by_name(prediction: Prediction, said: str) -> None:
    """Before any of it is used as an index: of a saved report the fault is the file's, of a backend its plugin's."""
    with pytest.raises(VersimError, match=rf"prediction of backend 'fake' \(fake\) .*{said}"):
        _compared(PINNED, prediction)
