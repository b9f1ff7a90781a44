"""Compiled passes give what their readable references give, and the pass without a queue what the event loop gives."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from fakes import pinned_of, predicted, with_and_without_kernel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from strategies import graphs
from versim import ExecutionGraph, Fixed, GraphBuilder, Mesh, RankClasses, instances_of, replay, schedule
from versim.comparison.align import Timeline, _active
from versim.comparison.bounds import Bounds, respects_compute
from versim.comparison.checks import checks
from versim.comparison.contract import BrokenContractError, hold_to_contract
from versim.distinct import largest, pairs
from versim.errors import VersimError
from versim.graph import sharing_instances
from versim.inputs import _sum
from versim.kernel import kernel_part
from versim.kernel.functions import _SOURCES, compiled
from versim.schedule import EventLoop

pytestmark = pytest.mark.skipif(not compiled(), reason=kernel_part("versim_core", _SOURCES).reason)

several = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
WORK = [(Fixed(0.0), 1)]


@several
@given(data=st.data(), seed=st.integers(0, 1 << 16), in_order=st.booleans())
def test_a_replay_without_a_queue_is_that_of_the_event_loop(data: st.DataObject, seed: int, *, in_order: bool) -> None:
    """Whether or not devices are contended for: with durations of a few ps, 0 among them, nearly everything ties."""
    graph = data.draw(graphs(in_order=in_order, most_nodes=14))
    instances = instances_of(graph, RankClasses.single(graph.mesh) if seed % 2 else None)
    source = np.random.default_rng(seed)
    compute_ps = source.integers(0, 4, graph.node_count)
    meeting_ps = source.integers(0, 4, len(instances.meeting_match))

    def found() -> Any:
        ran = replay(instances, compute_ps, meeting_ps)
        return [column.tolist() for column in attrs.astuple(ran, recurse=False)]

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


def test_a_step_without_a_queue_needs_no_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes ten times as long; a step in which two computations may start at once has to take it."""
    builder = GraphBuilder(Mesh.of(pp=2))
    first = builder.compute("first", WORK, on={"pp": 0})
    sent = builder.transfer("message", 8, source={"pp": 0}, target={"pp": 1}, after=[first])
    builder.compute("second", WORK, on={"pp": 1}, after=[sent[1]])
    graph = builder.build()
    times_ps = np.array([3, 0, 0, 5]), np.array([2])
    expected = [0, 3, 0, 5], [3, 5, 5, 10]

    def broken(*_: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(EventLoop, "run", broken)
        ran = replay(instances_of(graph), *times_ps)
        assert (ran.start_ps.tolist(), ran.end_ps.tolist()) == expected
        builder.compute("at once", WORK, on={"pp": 0})
        with pytest.raises(AssertionError):
            replay(instances_of(builder.build()), np.array([3, 0, 0, 5, 0]), times_ps[1])


def test_what_waits_for_itself_never_runs() -> None:
    """Two ranks that each receive before they send: nothing can be put in order, and the event loop says what ran."""
    builder = GraphBuilder(Mesh.of(rank=2))
    received = [builder.recv("recv", 8, match=("m", 1 - rank), on={"rank": rank}) for rank in range(2)]
    for rank, row in enumerate(received):
        builder.send("send", 8, match=("m", rank), on={"rank": rank}, after=[row])
    graph = builder.build()
    ran = replay(instances_of(graph), np.zeros(4, dtype=np.int64), np.ones(2, dtype=np.int64))
    assert not ran.completed


def test_a_step_that_is_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Picoseconds are counted up to a limit, whichever way they are added up."""
    monkeypatch.setattr(schedule, "LONGEST_PS", 7)
    builder = GraphBuilder(Mesh.of(rank=1))
    builder.compute("b", WORK, after=[builder.compute("a", WORK)])
    with pytest.raises(VersimError, match="node 1"):
        replay(instances_of(builder.build()), np.array([4, 4]), np.zeros(0, dtype=np.int64))


def _line(graph: ExecutionGraph, seed: int) -> Timeline:
    """A timeline that is right, or nearly."""
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    source = np.random.default_rng(seed)
    start, end = EventLoop(instances).run(source.integers(0, 6, instances.count))
    if seed % 3:
        moved = source.random((2, instances.count)) < 0.1
        start, end = np.where(moved, source.integers(0, 9, moved.shape), [start, end])
    if seed % 5 == 0:
        start, end = np.where(source.random(instances.count) < 0.1, -1, [start, end])
    return Timeline(instances=instances, start_ps=start, end_ps=end, active_ps=_active(instances, start, end))


@several
@given(graph=graphs(most_nodes=14), seed=st.integers(0, 1 << 16))
def test_timelines_are_held_to_the_same_checks(graph: ExecutionGraph, seed: int) -> None:
    """Those that are right, those with a time that is not, and those in which something never ran."""
    pinned = pinned_of(graph)
    prediction = predicted(pinned, 3)

    def found() -> Any:
        line = _line(graph, seed)
        outcome = checks(pinned, Bounds(compute_ps=0, bisection_ps=None), prediction, line)
        return outcome, line.active_ps.tolist(), line.posted_in_time if line.all_ran else None, respects_compute(line)

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


@several
@given(
    values=arrays.arrays(np.int64, st.tuples(st.just(2), st.integers(0, 60)), elements=st.integers(-2, 3)),
    scale=st.sampled_from([1, 3, 2**61]),
)
def test_pairs_are_numbered_as_they_appear(values: NDArray[np.int64], scale: int) -> None:
    """Small numbers and large ones."""
    one, other = values * scale
    (first, number), slow = with_and_without_kernel(lambda: pairs(one, other))
    assert [first.tolist(), number.tolist()] == [column.tolist() for column in slow]
    assert len(first) == len(set(zip(one.tolist(), other.tolist(), strict=True)))


def test_many_pairs_are_told_apart() -> None:
    """More than fit into the table that it begins with."""
    one = np.arange(5000) % 4000
    first, number = pairs(one, one * 3)
    assert first.tolist() == list(range(4000))
    assert number.tolist() == one.tolist()


@several
@given(groups=st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=8), otherwise=st.integers(-1, 0))
def test_the_largest_of_groups_is_the_same(groups: list[list[int]], otherwise: int) -> None:
    """Empty groups have what is said of them."""
    start = np.cumsum([0, *map(len, groups)])
    rows = np.array([row for group in groups for row in group], dtype=np.int32)
    values = np.arange(10)[::-1].copy()
    fast, slow = with_and_without_kernel(lambda: largest(values, start, rows, otherwise).tolist())
    assert fast == slow


@several
@given(graph=graphs(), seed=st.integers(0, 1 << 16))
def test_predictions_are_held_to_the_same_contract(graph: ExecutionGraph, seed: int) -> None:
    """One time that is below 0, ends before it begins, or lies beyond what picoseconds are counted to."""
    with sharing_instances():
        pinned = pinned_of(graph)
        prediction = predicted(pinned, 3)
        source = np.random.default_rng(seed)
        column = ["start_ps", "end_ps", "ready_ps"][seed % 3]
        changed = getattr(prediction.spans, column).copy()
        changed[source.integers(len(changed))] = source.choice([-5, -1, 0, 7, 2**62, 2**63 - 1, -(2**63)])
        damaged = attrs.evolve(prediction, spans=attrs.evolve(prediction.spans, **{column: changed}))

        def found() -> str:
            try:
                hold_to_contract(pinned, damaged)
            except (BrokenContractError, VersimError) as error:
                return str(error)
            return ""

        fast, slow = with_and_without_kernel(found)
    assert fast == slow


@several
@given(length=st.sampled_from([0, 1, 7, 524_287, 524_288, 524_297, 1_200_000]), seed=st.integers(0, 1 << 16))
def test_sums_that_tell_of_changes_are_the_same(length: int, seed: int) -> None:
    """Within a block of weights, at its end and beyond; bytes that fill no word count, too."""
    column = np.random.default_rng(seed).integers(0, 256, length, dtype=np.uint8)
    fast, slow = with_and_without_kernel(lambda: _sum(column))
    assert fast == slow
