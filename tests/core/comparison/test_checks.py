"""Each check passes on a sound prediction and fails on the one fault it is for."""

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
    NO_TIME,
    Check,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Link,
    Mesh,
    Op,
    Prediction,
    RankClasses,
    Status,
    System,
    compare_predictions,
)

NAMES = ("complete", "inputs", "dependencies", "exclusive", "durations", "conservation", "lower bound", "bisection")


def _fast(pinned: Inputs) -> System:
    """Links that no prediction here is too fast for."""
    system = system_of(pinned.graph)
    link = Link(bandwidth_bytes_per_s=1e18, latency_s=0.0)
    return attrs.evolve(system, dimensions=(attrs.evolve(system.dimensions[0], link=link),))


def _checked(pinned: Inputs, prediction: Prediction) -> dict[str, Check]:
    fast = pinned.on(_fast(pinned))
    prediction = attrs.evolve(prediction, digest=fast.digest)
    result = compare_predictions(fast, [prediction], "fake").results[0]
    assert result.failed_checks == tuple(check for check in result.checks if check.passed is False)
    return {check.name: check for check in result.checks}


def _failed(pinned: Inputs, prediction: Prediction) -> set[str]:
    return {name for name, check in _checked(pinned, prediction).items() if check.passed is False}


def _step() -> ExecutionGraph:
    """On rank 0: a (5 ns), b (3 ns) at the same time; then their sum over both ranks."""
    builder = GraphBuilder(Mesh.of(rank=2))
    a = builder.compute("a", [(Fixed(5e-9), 1)], on={"rank": 0})
    b = builder.compute("b", [(Fixed(3e-9), 1)], on={"rank": 0})
    builder.collective("sum", "all_reduce", 64, axes=("rank",), after=[a, b])
    return builder.build()


PINNED = pinned_of(_step())
SOUND = predicted(PINNED, 2000)
"""a 0-5000, b 5000-8000 on rank 0; the sum from 8000, posted at 0 on rank 1, to 10000 on both."""


def _times(start_ps: list[int], end_ps: list[int]) -> Prediction:
    return with_spans(SOUND, start_ps=np.array(start_ps), end_ps=np.array(end_ps))


def _consumed(**columns: Any) -> Prediction:
    return attrs.evolve(SOUND, consumed=attrs.evolve(SOUND.consumed, **columns))


@given(graph=graphs(), communication_ps=st.integers(0, 10**6), spread=st.booleans())
def test_a_replay_passes_every_check(graph: ExecutionGraph, communication_ps: int, spread: bool) -> None:
    """What core itself schedules has to be sound, folded or not."""
    pinned = pinned_of(graph)
    classes = RankClasses.single(graph.mesh) if spread else None
    found = _checked(pinned, predicted(pinned, communication_ps, classes=classes))
    assert tuple(found) == NAMES
    # A network of one rank has no middle, and durations from nowhere may be less than any network allows.
    del found["bisection"]
    assert all(check.passed for check in found.values()), found


def test_checks_say_what_they_saw() -> None:
    """With figures, in words."""
    assert {name: check.detail for name, check in _checked(PINNED, SOUND).items()} == {
        "complete": "all 2 ranks finished, every node ran",
        "inputs": "consumed what was pinned: 8 ns, 1 messages",
        "dependencies": "all 2 respected",
        "exclusive": "no rank computes two nodes at once",
        "durations": "every compute node ran for what was consumed",
        "lower bound": "pinned compute alone takes 8000 ps, predicted 10000 ps",
        "conservation": "64 bytes in 1 communications, none received before it was sent",
        "bisection": "its communication takes 0 ps to cross the network's middle, predicted 10000 ps",
    }


def test_a_node_that_never_ran_is_found() -> None:
    """Even if the backend calls itself complete."""
    keep = SOUND.spans.node != 1
    columns = {name: column[keep] for name, column in attrs.asdict(SOUND.spans).items()}
    prediction = with_spans(SOUND, **columns)
    assert _failed(PINNED, prediction) == {"complete", "dependencies"}
    assert _checked(PINNED, prediction)["complete"].detail == "completed; unfinished ranks: none; 1 nodes never ran"


def test_a_rank_that_did_not_finish_is_named() -> None:
    """By number."""
    prediction = attrs.evolve(SOUND, finish_ps=np.array([10000, NO_TIME]))
    assert _failed(PINNED, prediction) == {"complete"}
    assert "unfinished ranks: 1;" in _checked(PINNED, prediction)["complete"].detail


@pytest.mark.parametrize("status", [Status.ABORTED, Status.TIMED_OUT, Status.DEADLOCK, Status.INCOMPLETE])
def test_a_run_that_gave_up_is_not_complete(status: Status) -> None:
    """And leaves nothing to hold against a bound."""
    found = _checked(PINNED, nothing_ran(PINNED, status))
    assert found["complete"].passed is False
    assert status.value in found["complete"].detail
    assert found["lower bound"].passed is None


def test_changed_compute_is_loss() -> None:
    """A simulator in whole microseconds: the difference and its sign are shown."""
    prediction = _consumed(compute_ns=np.array([6, 2, 0]))
    check = _checked(PINNED, prediction)["inputs"]
    assert check.passed is False
    assert check.detail.startswith("2 compute nodes changed by 2 ns in all (net 0 ns), 0 left out; ")


def test_compute_left_out_is_loss_unless_it_was_nothing() -> None:
    """A node of 0 ns may be elided: it changes no time."""
    assert "inputs" in _failed(PINNED, _consumed(compute_ns=np.array([5, NO_TIME, 0])))
    pinned = attrs.evolve(PINNED, compute_ns=np.array([5, 0, 0]))
    elided = attrs.evolve(SOUND, consumed=attrs.evolve(SOUND.consumed, compute_ns=np.array([5, NO_TIME, 0])))
    assert "inputs" not in _failed(pinned, elided)


@pytest.mark.parametrize(
    ("moved", "said"), [(72, "1 communications changed by 8 bytes, 0 left out"), (NO_TIME, "1 left out")]
)
def test_changed_bytes_are_loss(moved: int, said: str) -> None:
    """Padding and dropped messages alike."""
    prediction = _consumed(size_bytes=np.array([moved]))
    assert _failed(PINNED, prediction) == {"inputs", "conservation"}
    assert said in _checked(PINNED, prediction)["inputs"].detail
    lost = "+8" if moved > 0 else "-64"
    assert _checked(PINNED, prediction)["conservation"].detail == (
        f"1 communications moved {lost} bytes against the graph, {lost} of them on rank 0"
    )


def test_a_whole_byte_per_rank_is_no_loss() -> None:
    """A sum of 64 bytes over two ranks may move 65: nobody sends half a byte."""
    prediction = _consumed(size_bytes=np.array([65]))
    assert _failed(PINNED, prediction) == set()
    assert _checked(PINNED, prediction)["inputs"].detail.endswith("; 1 in whole bytes per rank")
    assert _failed(PINNED, _consumed(size_bytes=np.array([66]))) == {"inputs", "conservation"}


def test_what_is_received_before_it_was_sent_is_found() -> None:
    """Rank 1 has the sum before rank 0 has anything to add."""
    prediction = _times([0, 5000, 8000, 0], [5000, 8000, 10000, 7999])
    assert _failed(PINNED, prediction) == {"conservation"}
    assert _checked(PINNED, prediction)["conservation"].detail == (
        "1 parts are too early, first: node 2 ('sum') on rank 1 ended before what it receives was sent"
    )


@given(graph=graphs(), communication_ps=st.integers(1, 10**6), data=st.data())
def test_no_message_may_arrive_before_it_left(
    graph: ExecutionGraph, communication_ps: int, data: st.DataObject
) -> None:
    """Any receive of any graph, moved before its send; a send itself needs nobody."""
    pinned = pinned_of(graph)
    sound = predicted(pinned, communication_ps)
    receives = np.flatnonzero(graph.op[sound.spans.node] == Op.RECV)
    if not len(receives):
        return
    row = data.draw(st.sampled_from(receives.tolist()))
    match = graph.match[sound.spans.node[row]]
    sends = (graph.match[sound.spans.node] == match) & (graph.op[sound.spans.node] == Op.SEND)
    start_ps, end_ps = sound.spans.start_ps.copy(), sound.spans.end_ps.copy()
    end_ps[row] = start_ps[sends].min() - 1
    if end_ps[row] < 0:
        return
    start_ps[row] = min(start_ps[row], end_ps[row])
    assert "conservation" in _failed(pinned, with_spans(sound, start_ps=start_ps, end_ps=end_ps))


def test_a_node_that_starts_too_early_is_found() -> None:
    """The sum is posted on rank 0 before b has ended."""
    prediction = _times([0, 5000, 7999, 0], [5000, 8000, 10000, 10000])
    assert _failed(PINNED, prediction) == {"dependencies"}
    assert _checked(PINNED, prediction)["dependencies"].detail == (
        "1 broken, first: node 2 ('sum') started before node 1 ('b') ended"
    )


def test_two_nodes_at_once_on_one_device_are_found() -> None:
    """By a picosecond."""
    prediction = _times([0, 4999, 8000, 0], [5000, 7999, 10000, 10000])
    assert _failed(PINNED, prediction) == {"exclusive"}
    assert "1 overlaps, first: node 0 ('a') and node 1 ('b')" in _checked(PINNED, prediction)["exclusive"].detail


def test_a_node_that_ran_for_another_time_is_found() -> None:
    """What is said to be consumed has to show in the spans."""
    prediction = _times([0, 5000, 9000, 0], [5000, 9000, 10000, 10000])
    assert _failed(PINNED, prediction) == {"durations"}
    assert "node 1 ('b') ran for 4000 ps instead of 3 ns" in _checked(PINNED, prediction)["durations"].detail


def test_an_impossible_makespan_is_found() -> None:
    """A step shorter than its own compute."""
    prediction = _times([0, 0, 5000, 0], [5000, 3000, 6000, 6000])
    assert _failed(PINNED, prediction) == {"exclusive", "lower bound"}


def test_loss_by_rounding_is_not_a_broken_bound() -> None:
    """It is reported once, as loss."""
    prediction = attrs.evolve(
        _times([0, 4000, 6000, 0], [4000, 6000, 6001, 6001]),
        consumed=attrs.evolve(SOUND.consumed, compute_ns=np.array([4, 2, 0])),
    )
    assert _failed(PINNED, prediction) == {"inputs"}


@given(graph=graphs(), communication_ps=st.integers(0, 10**6), data=st.data())
def test_no_planted_shift_passes_unseen(graph: ExecutionGraph, communication_ps: int, data: st.DataObject) -> None:
    """Pull any compute node's start back behind its dependencies, or stretch it: some check fails."""
    pinned = pinned_of(graph)
    sound = predicted(pinned, communication_ps)
    rows = np.flatnonzero(graph.match[sound.spans.node] < 0)
    if not len(rows):
        return
    row = data.draw(st.sampled_from(rows.tolist()))
    end_ps = sound.spans.end_ps.copy()
    end_ps[row] += data.draw(st.integers(1, 10**6))
    assert "durations" in _failed(pinned, with_spans(sound, end_ps=end_ps))
