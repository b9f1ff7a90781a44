"""What producers, timings and backends hand to core is held to its contract, and the culprit is named."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from fakes import TimesOf, pinned_of, predicted, system_of
from versim import (
    ExecutionGraph,
    FaultsError,
    Fixed,
    Folded,
    Gemm,
    GraphBuilder,
    Kind,
    Mesh,
    Placement,
    Prediction,
    RankClasses,
    Spans,
    VersimError,
    compare_predictions,
    pin,
)

WORK = [(Fixed(1e-9), 1)]


def test_a_negative_term_is_not_hidden_by_its_sum() -> None:
    """A timing that gives time back is broken even where something else makes up for it."""
    builder = GraphBuilder(Mesh.of(rank=1))
    first = builder.compute("a", [(Gemm(1, 1, 1, 1), 1), (Fixed(5.0), 1)])
    builder.compute("b", WORK, after=[first])
    graph = builder.build()
    with pytest.raises(VersimError, match="Gemm"):
        pin(graph, system_of(graph), TimesOf(lambda rows: np.full(len(rows), -1.0)))


@pytest.mark.parametrize("row", [1, 7, -1])
def test_a_duration_can_be_given_to_compute_nodes_only(row: int) -> None:
    """Communication has no compute time, and rows that do not exist have none either."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", WORK)
    builder.collective("c", "all_reduce", 8, axes=("rank",), after=[first])
    graph = builder.build()
    with pytest.raises((VersimError, ValueError)):
        pin(graph, system_of(graph), durations_s={row: 1.0})


@pytest.mark.parametrize("placement", [Placement(((5,),)), Placement(((0,), (0,))), Placement(((),))])
def test_a_placement_of_another_mesh_is_refused(placement: Placement) -> None:
    """Made once and used often, it may have been made for another mesh."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", WORK, on=placement)
    builder.compute("b", WORK, after=[first], on=placement)
    with pytest.raises(FaultsError, match="node 0"):
        builder.build()


def test_work_may_hold_numpy_numbers() -> None:
    """Producers compute with arrays; sizes may be numpy integers already."""
    builder = GraphBuilder(Mesh.of(rank=2))
    builder.compute("a", [(Gemm(np.int64(4), np.int32(2), 2, 2), np.int64(3))])  # type: ignore[arg-type]
    builder.build()


@pytest.mark.parametrize(
    "term",
    [
        Folded(Kind.ALL_REDUCE, 8.5, "tp", 2),
        Folded(Kind.ALL_REDUCE, 8, "tp", 2.5),
        Folded("point_to_point", 8, "tp", 5),
    ],
)
def test_folded_communication_is_held_to_what_any_other_is(term: Folded) -> None:
    """Whole bytes, whole ranks, and a message has two ends."""
    builder = GraphBuilder(Mesh.of(rank=2))
    builder.compute("a", [(term, 1)])
    with pytest.raises(FaultsError, match="Folded"):
        builder.build()


@pytest.mark.parametrize("row", [0.7, True, "0"])
def test_a_dependency_has_to_be_a_whole_number(row: object) -> None:
    """0.7 becomes row 0 in silence."""
    builder = GraphBuilder(Mesh.of(rank=2))
    builder.compute("a", WORK)
    builder.compute("b", WORK, after=[row])  # type: ignore[list-item]
    with pytest.raises(FaultsError, match="node 1"):
        builder.build()


def _step() -> ExecutionGraph:
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", [(Fixed(5e-9), 1)])
    builder.collective("sum", "all_reduce", 64, axes=("rank",), after=[first])
    return builder.build()


PINNED = pinned_of(_step())
SOUND = predicted(PINNED, 2000, classes=RankClasses.single(PINNED.graph.mesh))


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        (attrs.evolve(SOUND, finish_ps=np.array([np.nan, 7000.0])), "finish_ps of type float64"),
        (attrs.evolve(SOUND, representative=np.array([0.0, 1.0])), "representative of type float64"),
        (
            attrs.evolve(SOUND, consumed=attrs.evolve(SOUND.consumed, compute_ns=np.array([np.nan, 0]))),
            "consumed.compute_ns of type",
        ),
        (attrs.evolve(SOUND, consumed=attrs.evolve(SOUND.consumed, compute_ns=[5, 0])), "consumed.compute_ns"),
        (attrs.evolve(SOUND, spans=attrs.evolve(SOUND.spans, node=[0, 0, 1, 1])), "spans.node"),
        (attrs.evolve(SOUND, representative=np.array([1, 0])), "representative"),
        (attrs.evolve(SOUND, finish_ps=np.array([3, 7000])), "finish_ps"),
    ],
)
def test_more_malformed_predictions_are_refused_with_their_plugin(prediction: Prediction, said: str) -> None:
    """None of these may end in a traceback or be taken for an answer."""
    with pytest.raises(VersimError, match=rf"the prediction of backend 'fake' \(fake\) has .*{said}"):
        compare_predictions(PINNED.on(system_of(PINNED.graph)), [prediction], "fake")


def test_a_span_where_its_node_does_not_stand_is_refused() -> None:
    """It counts for the makespan and for nothing else, so the totals no longer add up to it."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", WORK, on={"rank": 0})
    builder.compute("b", WORK, on={"rank": 0}, after=[first])
    builder.compute("c", WORK, on={"rank": 1})
    pinned = pinned_of(builder.build())
    sound = predicted(pinned, 0)
    extra = {"node": 2, "rank": 0, "ready_ps": 0, "start_ps": 0, "end_ps": 50_000, "resource": 0}
    spans = Spans(**{name: np.append(getattr(sound.spans, name), value) for name, value in extra.items()})
    foreign = attrs.evolve(sound, spans=spans, makespan_ps=50_000, finish_ps=np.array([50_000, 1000]))
    with pytest.raises(VersimError, match="node 2 on rank 0"):
        compare_predictions(pinned.on(system_of(pinned.graph)), [foreign], "fake")


def test_labels_have_to_differ() -> None:
    """The second of two alike could never be named."""
    with pytest.raises((VersimError, ValueError), match="label"):
        compare_predictions(PINNED.on(system_of(PINNED.graph)), [SOUND, SOUND], "fake")
