"""The chain that decides when a step ends."""

from __future__ import annotations

import numpy as np
from fakes import pinned_of, predicted, system_of, with_spans
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    CriticalPath,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Mesh,
    Prediction,
    Result,
    compare_predictions,
)


def _fixed(nanoseconds: int) -> list[tuple[Fixed, float]]:
    return [(Fixed(nanoseconds * 1e-9), 1)]


def _result(graph: ExecutionGraph, prediction: Prediction) -> Result:
    return compare_predictions(pinned_of(graph).on(system_of(graph)), [prediction], prediction.label).results[0]


def _path(result: Result) -> CriticalPath:
    assert result.critical_path is not None
    return result.critical_path


def _stepwise(graph: ExecutionGraph, communication_ps: int) -> list[tuple[str, int, int, int, str]]:
    path = _path(_result(graph, predicted(pinned_of(graph), communication_ps)))
    return [(graph.node_name(step.node), step.rank, step.start_ps, step.end_ps, step.waited_for) for step in path.steps]


@given(graph=graphs(), communication_ps=st.integers(1, 10**6))
def test_its_times_add_up_to_the_makespan(graph: ExecutionGraph, communication_ps: int) -> None:
    """Compute, communication and gaps: nothing of the step is unexplained, nothing counted twice."""
    pinned = pinned_of(graph)
    prediction = predicted(pinned, communication_ps)
    path = _path(compare_predictions(pinned.on(system_of(graph)), [prediction], "fake").results[0])
    assert min(path.compute_ps, path.communication_ps, path.gap_ps) >= 0
    assert path.compute_ps + path.communication_ps + path.gap_ps == prediction.makespan_ps
    assert sum(step.duration_ps for step in path.steps) == path.compute_ps + path.communication_ps
    assert path.gap_ps == 0, "a replay never waits without a reason"


@given(graph=graphs(), communication_ps=st.integers(1, 10**6))
def test_its_steps_follow_one_another(graph: ExecutionGraph, communication_ps: int) -> None:
    """Earliest first, without overlap, from a step that waited for nothing."""
    pinned = pinned_of(graph)
    prediction = predicted(pinned, communication_ps)
    path = _path(compare_predictions(pinned.on(system_of(graph)), [prediction], "fake").results[0])
    for before, after in zip(path.steps, path.steps[1:], strict=False):
        assert before.start_ps <= before.end_ps <= after.start_ps
    assert path.steps[0].waited_for == "start"


def test_it_runs_through_dependencies_and_messages() -> None:
    """A pipeline's path changes ranks with the activation."""
    builder = GraphBuilder(Mesh.of(pp=2))
    first = builder.compute("a", _fixed(5), on={"pp": 0})
    ends = builder.transfer("x", 8, source={"pp": 0}, target={"pp": 1}, after=[first])
    builder.compute("b", _fixed(4), on={"pp": 1}, after=[ends[1]])
    assert _stepwise(builder.build(), 2000) == [
        ("a", 0, 0, 5000, "start"),
        ("x send", 0, 5000, 7000, "dependency"),
        ("b", 1, 7000, 11000, "dependency"),
    ]


def test_it_runs_through_resource_waits() -> None:
    """Ready at once, served second: the device's other node is on the path."""
    builder = GraphBuilder(Mesh.of(rank=1))
    root = builder.compute("root", _fixed(1))
    builder.compute("first", _fixed(5), after=[root])
    builder.compute("second", _fixed(4), after=[root])
    assert _stepwise(builder.build(), 0) == [
        ("root", 0, 0, 1000, "start"),
        ("first", 0, 1000, 6000, "dependency"),
        ("second", 0, 6000, 10000, "resource"),
    ]


def test_it_follows_the_part_that_came_last() -> None:
    """A collective waits for its slowest rank, whichever that is."""
    builder = GraphBuilder(Mesh.of(rank=3))
    parts = [builder.compute(f"c{rank}", _fixed(10 * (3 - rank)), on={"rank": rank}) for rank in range(3)]
    total = builder.collective("sum", "all_reduce", 8, axes=("rank",), after=parts)
    builder.compute("end", _fixed(1), after=[total], on={"rank": 2})
    assert _stepwise(builder.build(), 2000) == [
        ("c0", 0, 0, 30000, "start"),
        ("sum", 0, 30000, 32000, "dependency"),
        ("end", 2, 32000, 33000, "dependency"),
    ]


def test_a_pause_without_a_reason_is_a_gap() -> None:
    """A simulator may have overheads of its own; they are shown, not hidden in a step."""
    builder = GraphBuilder(Mesh.of(rank=1))
    builder.compute("b", _fixed(4), after=[builder.compute("a", _fixed(5))])
    graph = builder.build()
    late = with_spans(
        predicted(pinned_of(graph), 0),
        start_ps=np.array([500, 7000], dtype=np.int64),
        end_ps=np.array([5500, 11000], dtype=np.int64),
    )
    path = _path(_result(graph, late))
    assert (path.compute_ps, path.communication_ps, path.gap_ps) == (9000, 0, 2000)


def test_paths_share_what_both_run_through() -> None:
    """Two simulators may agree on the makespan for different reasons; this figure tells."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("a", _fixed(5), on={"rank": 0})
    builder.transfer("x", 8, source={"rank": 0}, target={"rank": 1}, after=[first])
    builder.compute("b", _fixed(4), on={"rank": 0}, after=[first])
    graph = builder.build()
    pinned = pinned_of(graph)
    predictions = [predicted(pinned, 1000, label="fast"), predicted(pinned, 9000, label="slow")]
    fast, slow = compare_predictions(pinned.on(system_of(graph)), predictions, "fast").results
    assert fast.shared_path_ps == 9000
    assert fast.shared_path_percent == 100.0
    assert slow.shared_path_ps == 5000
    assert slow.shared_path_percent == 100 * 5 / 9


@given(graph=graphs(most_nodes=8), communication_ps=st.integers(1, 10**6))
def test_a_path_is_its_own_companion(graph: ExecutionGraph, communication_ps: int) -> None:
    """Equal predictions share their whole path."""
    pinned = pinned_of(graph)
    predictions = [predicted(pinned, communication_ps, label=label) for label in ("one", "two")]
    one, two = compare_predictions(pinned.on(system_of(graph)), predictions, "one").results
    length = sum(step.duration_ps for step in _path(one).steps)
    assert one.shared_path_ps == two.shared_path_ps == length


def test_nodes_of_no_duration_do_not_cut_the_path_short() -> None:
    """Served in the same tick, each seems to have held the device for the other."""
    builder = GraphBuilder(Mesh.of(rank=1))
    root = builder.compute("root", [(Fixed(1e-9), 1)])
    builder.compute("long", [(Fixed(10e-9), 1)], after=[root])
    nothing = [builder.compute("nothing", [(Fixed(0.0), 1)], after=[root]) for _ in range(2)]
    builder.compute("end", [(Fixed(5e-9), 1)], after=nothing)
    pinned = pinned_of(builder.build())
    result = compare_predictions(pinned.on(system_of(pinned.graph)), [predicted(pinned, 0)], "fake").results[0]
    path = result.critical_path
    assert path is not None
    assert path.compute_ps + path.communication_ps + path.gap_ps == 16000
