"""The laws of replay.

Devices serve first come, first served, so a longer node may shorten a step (Graham, "Bounds on multiprocessing timing
anomalies", SIAM J. Appl. Math. 17(2), 1969): that more time never helps is asserted only where no device is contended
for, and the anomaly itself is shown.
"""

from __future__ import annotations

import random

import attrs
import numpy as np
import pytest
from fakes import served
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import durations, graphs
from versim import (
    NO_TIME,
    NONE,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Instances,
    Mesh,
    Op,
    RankClasses,
    Schedule,
    Scope,
    instances_of,
    replay,
    schedule,
)
from versim.mesh import Placement
from versim.schedule import EventLoop, longest_chain_ps

Times = NDArray[np.int64]
WORK = [(Fixed(0.0), 1)]


def _replayed(
    graph: ExecutionGraph, compute_ps: Times, communication_ps: Times, classes: RankClasses | None = None
) -> tuple[Instances, Schedule]:
    instances = instances_of(graph, classes)
    return instances, replay(instances, compute_ps, communication_ps[instances.meeting_match])


def _finish_ps(instances: Instances, schedule: Schedule) -> Times:
    """Of every rank."""
    finish = np.zeros(instances.classes.count, dtype=np.int64)
    np.maximum.at(finish, instances.rank_class, schedule.end_ps)
    return finish[instances.classes.of_rank()]


def _ends_ps(instances: Instances, schedule: Schedule) -> list[int]:
    """Of every node on every rank, in the order of the unrolled form."""
    placed = zip(instances.node.tolist(), instances.rank_class.tolist(), strict=True)
    ends = dict(zip(placed, schedule.end_ps.tolist(), strict=True))
    of_rank = instances.classes.of_rank().tolist()
    graph = instances.graph
    return [
        ends[node, of_rank[rank]]
        for node in range(graph.node_count)
        for rank in graph.mesh.ranks(graph.placements[graph.placement[node]]).tolist()
    ]


@st.composite
def runs(draw: st.DrawFn, in_order: bool = False) -> tuple[ExecutionGraph, Times, Times]:
    """A graph with durations so small that much happens in one tick."""
    graph = draw(graphs(in_order=in_order))
    return graph, draw(durations(graph.node_count)), draw(durations(graph.communication_count))


@settings(max_examples=200)
@given(run=runs(), data=st.data())
def test_it_serves_as_the_definition_says(run: tuple[ExecutionGraph, Times, Times], data: st.DataObject) -> None:
    """Tick for tick, with parts that end at times of their own, with ties, and with nodes that never start."""
    instances = instances_of(run[0], data.draw(st.sampled_from([None, RankClasses.single(run[0].mesh)])))
    runs = np.array(data.draw(st.lists(st.booleans(), min_size=instances.count, max_size=instances.count)))
    for allowed in (None, runs):
        loop = EventLoop(instances, allowed)
        for _ in range(2):  # nothing of a run is left behind for the next
            each = data.draw(durations(instances.count))
            start, end = loop.run(each)
            assert (start.tolist(), end.tolist()) == served(instances, each, allowed)


@given(run=runs())
def test_sound_graphs_run_to_their_end(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """What the strategy makes cannot deadlock, so replay must not stop early."""
    _, schedule = _replayed(*run)
    assert schedule.completed
    assert schedule.makespan_ps == schedule.end_ps.max()


@given(run=runs())
def test_nothing_starts_before_what_it_waits_for_has_ended(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """Ready is the last end of the dependencies, 0 without any."""
    instances, schedule = _replayed(*run)
    start = instances.dependency_start
    for row in range(instances.count):
        waited = schedule.end_ps[instances.dependency[start[row] : start[row + 1]]]
        assert schedule.ready_ps[row] == waited.max(initial=0)
        assert schedule.start_ps[row] >= schedule.ready_ps[row]


@given(run=runs())
def test_a_device_runs_one_node_at_a_time_for_its_duration(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """First come, first served, and never idle while something waits."""
    graph, compute_ps, _ = run
    instances, schedule = _replayed(*run)
    for place in range(instances.classes.count):
        rows = np.flatnonzero((instances.rank_class == place) & (graph.op[instances.node] == Op.COMPUTE))
        assert (schedule.end_ps[rows] - schedule.start_ps[rows] == compute_ps[instances.node[rows]]).all()
        order = sorted(
            rows.tolist(), key=lambda row: (schedule.start_ps[row], schedule.end_ps[row], schedule.ready_ps[row])
        )
        free = 0
        for row in order:
            assert schedule.start_ps[row] == max(free, schedule.ready_ps[row])
            free = int(schedule.end_ps[row])
        assert (np.diff(schedule.ready_ps[order]) >= 0).all()


@given(run=runs())
def test_parts_of_a_communication_end_together(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """Its duration after its last part was ready; a part is posted when it is ready."""
    _, _, communication_ps = run
    instances, schedule = _replayed(*run)
    start, parts = instances.parts()
    for meeting, match in enumerate(instances.meeting_match.tolist()):
        rows = parts[start[meeting] : start[meeting + 1]]
        assert (schedule.start_ps[rows] == schedule.ready_ps[rows]).all()
        assert set(schedule.end_ps[rows].tolist()) == {int(schedule.ready_ps[rows].max() + communication_ps[match])}


@given(run=runs())
def test_the_same_input_gives_the_same_schedule(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """To the picosecond, or differences between simulators would be noise."""
    _, one = _replayed(*run)
    _, two = _replayed(*run)
    assert one.start_ps.tolist() == two.start_ps.tolist()
    assert one.end_ps.tolist() == two.end_ps.tolist()


@given(run=runs())
def test_a_step_takes_at_least_its_longest_chain_and_its_busiest_rank(
    run: tuple[ExecutionGraph, Times, Times],
) -> None:
    """Lower bounds of any schedule; the sum of everything is an upper one, because something always runs."""
    graph, compute_ps, communication_ps = run
    instances, schedule = _replayed(*run)
    assert schedule.makespan_ps >= longest_chain_ps(instances, compute_ps)
    busy = np.zeros(instances.classes.count, dtype=np.int64)
    compute = graph.op[instances.node] == Op.COMPUTE
    np.add.at(busy, instances.rank_class[compute], compute_ps[instances.node[compute]])
    assert schedule.makespan_ps >= busy.max(initial=0)
    meetings = int(communication_ps[instances.meeting_match].sum())
    assert schedule.makespan_ps <= int(busy.sum()) + meetings


@given(run=runs(in_order=True), data=st.data())
def test_more_time_never_shortens_an_uncontended_step(
    run: tuple[ExecutionGraph, Times, Times], data: st.DataObject
) -> None:
    """Where the order on every device is fixed, ends are sums and maxima of durations, which only grow."""
    graph, compute_ps, communication_ps = run
    _, before = _replayed(*run)
    more_compute = data.draw(durations(graph.node_count))
    more_communication = data.draw(durations(graph.communication_count))
    _, after = _replayed(graph, compute_ps + more_compute, communication_ps + more_communication)
    assert (after.end_ps >= before.end_ps).all()


@given(run=runs(in_order=True), factor=st.integers(1, 1000))
def test_time_scales(run: tuple[ExecutionGraph, Times, Times], factor: int) -> None:
    """Twice the durations, twice the step: the unit of time is no part of the answer."""
    graph, compute_ps, communication_ps = run
    _, one = _replayed(*run)
    _, scaled = _replayed(graph, compute_ps * factor, communication_ps * factor)
    assert (scaled.end_ps == one.end_ps * factor).all()


def test_a_longer_node_may_shorten_a_contended_step() -> None:
    """Graham's anomaly: arriving later, the long node lets the short one first, on which the other rank waits."""
    builder = GraphBuilder(Mesh.of(rank=2))
    early = builder.compute("a", WORK, on={"rank": 1})
    arrival = builder.transfer("x", 8, source={"rank": 1}, target={"rank": 0}, after=[early])[1]
    builder.compute("long", WORK, on={"rank": 0}, after=[arrival])
    wait = builder.transfer("y", 8, source={"rank": 1}, target={"rank": 0})[1]
    short = builder.compute("short", WORK, on={"rank": 0}, after=[wait])
    result = builder.transfer("z", 8, source={"rank": 0}, target={"rank": 1}, after=[short])[1]
    builder.compute("rest", WORK, on={"rank": 1}, after=[result])
    graph = builder.build()
    communication_ps = np.array([0, 2, 0], dtype=np.int64)

    def makespan_ps(first_ps: int) -> int:
        known = {"a": first_ps, "long": 10, "short": 1, "rest": 10}
        compute_ps = np.array([known.get(graph.node_name(row), 0) for row in range(graph.node_count)], dtype=np.int64)
        return _replayed(graph, compute_ps, communication_ps)[1].makespan_ps

    assert makespan_ps(1) == 22
    assert makespan_ps(3) == 13


@settings(max_examples=100)
@given(run=runs())
def test_folded_and_plain_replays_agree(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """One representative stands for all ranks of its class: every node ends on each of them when it says."""
    graph = run[0]
    folded = _replayed(*run)
    plain = _replayed(*run, classes=RankClasses.single(graph.mesh))
    assert _ends_ps(*folded) == _ends_ps(*plain)
    assert _finish_ps(*folded).tolist() == _finish_ps(*plain).tolist()


@given(run=runs())
def test_the_unrolled_graph_replays_to_the_same_finish(run: tuple[ExecutionGraph, Times, Times]) -> None:
    """A simulator that reads per-rank traces is given the same step."""
    graph, compute_ps, communication_ps = run
    per_rank = instances_of(graph, RankClasses.single(graph.mesh))
    unrolled = _replayed(graph.unrolled(), compute_ps[per_rank.node], communication_ps[per_rank.meeting_match])
    assert _finish_ps(*unrolled).tolist() == _finish_ps(*_replayed(*run)).tolist()


@given(run=runs(), seed=st.integers(0, 1 << 32))
def test_relabelling_ranks_relabels_the_answer(run: tuple[ExecutionGraph, Times, Times], seed: int) -> None:
    """A rank's number says where it stands, not what it does."""
    graph, compute_ps, communication_ps = run
    per_rank = instances_of(graph, RankClasses.single(graph.mesh))
    unrolled = graph.unrolled()
    durations_ps = (compute_ps[per_rank.node], communication_ps[per_rank.meeting_match])
    new = list(range(graph.mesh.world_size))
    random.Random(seed).shuffle(new)
    moved = attrs.evolve(
        unrolled,
        placements=tuple(
            place if place.indices[0] is None else Placement(((new[place.indices[0][0]],),))
            for place in unrolled.placements
        ),
        scopes=tuple(Scope(scope.axes, tuple(sorted(new[rank] for rank in scope.ranks))) for scope in unrolled.scopes),
    )
    before = _finish_ps(*_replayed(unrolled, *durations_ps))
    after = _finish_ps(*_replayed(moved, *durations_ps))
    assert after[new].tolist() == before.tolist()


def test_what_may_not_run_holds_up_what_waits_for_it() -> None:
    """A backend that found a node impossible replays without it and shows how far the rest gets."""
    builder = GraphBuilder(Mesh.of(rank=1))
    first = builder.compute("a", WORK)
    second = builder.compute("b", WORK, after=[first])
    builder.compute("c", WORK, after=[second])
    builder.compute("d", WORK)
    instances = instances_of(builder.build())
    allowed = np.array([True, False, True, True])
    none = np.empty(0, dtype=np.int64)
    schedule = replay(instances, np.array([1, 1, 1, 1], dtype=np.int64), none, runs=allowed)
    assert not schedule.completed
    assert schedule.end_ps.tolist() == [1, NO_TIME, NO_TIME, 2]
    assert schedule.ready_ps.tolist() == [0, 1, NO_TIME, 0]
    assert (instances.meeting == NONE).all()


def test_folded_and_plain_replays_agree_on_ties() -> None:
    """What ends in one tick is served in the same order on every replica, folded or not."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    a = builder.compute("A", WORK, on={"pp": 0})
    b = builder.compute("B", WORK, on={"pp": 1})
    reduced = builder.collective("M", "all_reduce", 8, axes=("dp",), on={"pp": 0}, after=[a])
    arrived = builder.transfer("N", 8, source={"pp": 1}, target={"pp": 0}, after=[b])[1]
    x = builder.compute("X", WORK, on={"pp": 0}, after=[reduced])
    builder.compute("Y", WORK, on={"pp": 0}, after=[arrived])
    result = builder.transfer("Z", 8, source={"pp": 0}, target={"pp": 1}, after=[x])[1]
    builder.compute("W", WORK, on={"pp": 1}, after=[result])
    graph = builder.build()
    known = {"A": 1, "B": 1, "X": 1, "Y": 5, "W": 9}
    compute_ps = np.array([known.get(graph.node_name(row), 0) for row in range(graph.node_count)], dtype=np.int64)
    makespans = []
    for classes in (None, RankClasses.single(graph.mesh)):
        instances = instances_of(graph, classes)
        makespans.append(
            replay(instances, compute_ps, np.ones(len(instances.meeting_match), dtype=np.int64)).makespan_ps
        )
    assert makespans[0] == makespans[1]


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "in Python"])
def test_a_long_run_says_how_far_it_is_and_can_be_interrupted(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever loop runs; an interrupt that arrives in between is not lost."""
    if not compiled:
        monkeypatch.setattr(schedule, "compiled", lambda: False)
    builder = GraphBuilder(Mesh.of(rank=128))
    last: list[int] = []
    for number in range(3000 if compiled else 1100):
        last = [builder.collective(f"k{number}", "all_reduce", 8, axes=("rank",), after=last)]
    graph = builder.build()
    instances = instances_of(graph, RankClasses.single(graph.mesh) if compiled else None)
    loop, duration_ps = EventLoop(instances), np.full(instances.count, 5)
    shares: list[float] = []
    monkeypatch.setattr(schedule, "share_done", shares.append)
    loop.run(duration_ps)
    assert shares
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "share_done", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.run(duration_ps)
