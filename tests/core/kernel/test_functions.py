"""The compiled functions give what their readable references give, down to the order of equals."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from fakes import with_and_without_kernel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from strategies import graphs
from versim import ExecutionGraph, Fixed, GraphBuilder, Kind, Mesh, RankClasses, instances_of
from versim.comparison.align import Timeline, _active
from versim.comparison.attribution.chain import Chain, chain_of
from versim.comparison.attribution.circles import depths
from versim.comparison.attribution.lanes import held_before
from versim.comparison.attribution.patterns import _waits_of
from versim.comparison.groups import groups_of, node_keys
from versim.comparison.slack import _held_before
from versim.graph.order import topological_order
from versim.kernel import KERNEL_VARIABLE, functions, kernel_part
from versim.kernel.functions import _SOURCES, TOLD_EVERY, Paths, Problem, compiled, counting_sort
from versim.kernel.passes import Straight, distinct_pairs
from versim.schedule import EventLoop, longest_chain_ps, ready_of

pytestmark = pytest.mark.skipif(not compiled(), reason=kernel_part("versim_core", _SOURCES).reason)

several = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@several
@given(keys=arrays.arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 6)))
def test_counting_is_a_stable_sort(keys: NDArray[np.int64]) -> None:
    """Rows that share a key keep their order; everything that is built on CSR pairs rests on it."""
    start, order = counting_sort(keys, 7)
    assert order.tolist() == np.argsort(keys, kind="stable").tolist()
    assert start.tolist() == [0, *np.cumsum(np.bincount(keys, minlength=7)).tolist()]


def test_a_key_out_of_range_is_refused() -> None:
    """It would be an index into somebody else's memory."""
    with pytest.raises(ValueError, match=r"0\.\.2"):
        counting_sort(np.array([0, 3]), 3)


@several
@given(graph=graphs(), seed=st.integers(0, 1 << 16))
def test_the_event_loop_is_the_same(graph: ExecutionGraph, seed: int) -> None:
    """Durations of a few ps, 0 among them, tie nearly everything; some instances never start."""
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    source = np.random.default_rng(seed)
    duration = source.integers(0, 3, instances.count)
    runs = source.random(instances.count) < 0.95 if seed % 3 == 0 else None
    compute_ps = source.integers(0, 5, graph.node_count)
    fast = (*EventLoop(instances, runs).run(duration), longest_chain_ps(instances, compute_ps))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KERNEL_VARIABLE, "off")
        slow = (*EventLoop(instances, runs).run(duration), longest_chain_ps(instances, compute_ps))
    assert [np.asarray(column).tolist() for column in fast] == [np.asarray(column).tolist() for column in slow]


@several
@given(
    edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25),
)
def test_orders_and_depths_are_the_same(edges: list[tuple[int, int]]) -> None:
    """With circles, too: what is on or behind one is left over."""
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0], minlength=10))])
    dependency = pairs[:, 1].astype(np.int32)

    def found() -> Any:
        depth, left = depths(pairs[:, 1], pairs[:, 0], 10)
        return topological_order(start, dependency), left.tolist(), depth[~left].tolist()

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


@several
@given(graph=graphs(), single=st.booleans())
def test_instances_are_the_same(graph: ExecutionGraph, single: bool) -> None:
    """What they wait for, on every rank and folded, where nodes and what they wait for stand on different ranks."""

    def found() -> Any:
        instances = instances_of(graph, RankClasses.single(graph.mesh) if single else None)
        return [instances.dependency_start.tolist(), instances.dependency.tolist(), instances.dependency.dtype]

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


def _chain(graph: ExecutionGraph, seed: int) -> Chain:
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    source = np.random.default_rng(seed)
    start, end = EventLoop(instances).run(source.integers(0, 6, instances.count))
    # Waiting that nothing explains, and parts that end apart.
    shift = np.cumsum(source.integers(0, 2, int(end.max(initial=0)) + 1))
    start, end = start + shift[start], end + shift[end]
    if seed % 2:
        # Parts posted after the others had ended; and what follows starts too early, so that waits run in circles.
        start, end = np.where(source.random((2, instances.count)) < 0.8, [start, end], 3)
        end = np.maximum(start, end)
    line = Timeline(instances=instances, start_ps=start, end_ps=end, active_ps=_active(instances, start, end))
    return chain_of(line)


@several
@given(graph=graphs(), seed=st.integers(0, 1 << 16))
def test_the_waits_of_a_timeline_are_the_same(graph: ExecutionGraph, seed: int) -> None:
    """Lanes, edges in their order, and lags; late parts, ties and circles among them."""

    def found() -> Any:
        chain = _chain(graph, seed)
        waits = chain.waits
        lanes = [held_before(waits.line, lane).tolist() for lane in (waits.lanes, chain.instances.rank_class)]
        columns = (waits.edge_start, waits.source, waits.target, waits.adds, waits.owner, waits.kind, chain.lag_ps)
        return [waits.line.by_start.tolist(), waits.lanes.tolist(), *lanes, *(column.tolist() for column in columns)]

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


@several
@given(graph=graphs(), seed=st.integers(0, 1 << 16))
def test_longest_paths_are_the_same(graph: ExecutionGraph, seed: int) -> None:
    """The path with its ties, the slack of everything, and the end under other durations."""

    def found() -> Any:
        chain = _chain(graph, seed)
        if not chain.instances.count:
            return None
        other = np.random.default_rng(seed + 1).integers(0, 9, (chain.instances.count, 2))
        path = [column.tolist() for column in attrs.astuple(chain.path, recurse=False)]
        return path, chain.slack_ps.tolist(), chain.makespans_ps(other), chain.makespans_ps(other, chain.lag_ps)

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


@several
@given(graph=graphs(), seed=st.integers(0, 1 << 16))
def test_what_waits_behind_what_is_the_same(graph: ExecutionGraph, seed: int) -> None:
    """When everything was ready, what held its resource before it, and which kinds held it meanwhile, how long."""

    def found() -> Any:
        chain = _chain(graph, seed)
        if not chain.instances.count:
            return None
        line = chain.line
        gone = np.where(np.random.default_rng(seed).random(chain.instances.count) < 0.1, -1, line.end_ps)
        ready = line.ready_ps.tolist(), ready_of(chain.instances, gone).tolist()
        return ready, _held_before(chain).tolist(), dict(_waits_of(chain, node_keys(graph)[0]))

    fast, slow = with_and_without_kernel(found)
    assert fast == slow


@several
@given(graph=graphs(), seed=st.integers(0, 1 << 16), longest=st.sampled_from([1, 3, 20, 1000]))
def test_first_come_in_a_known_order_is_first_come(graph: ExecutionGraph, seed: int, longest: int) -> None:
    """Whatever it answers for other durations is what the event loop finds; where service might change it says so."""
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    source, groups = np.random.default_rng(seed), groups_of(instances)
    first, second, third = (source.integers(0, longest, instances.count) for _ in range(3))
    loop = EventLoop(instances)
    start, end = loop.run(first)
    line = Timeline(instances=instances, start_ps=start, end_ps=end, active_ps=_active(instances, start, end))
    chain = chain_of(line)
    durations = (chain.progress.duration_ps, second, third)
    if chain.lag_ps.any() or chain.progress.late.any() or (chain.waits.lanes >= 0).any():
        return
    choices = source.integers(0, 3, (6, groups.count)).astype(np.uint8)
    for choice, known in zip(choices, chain.first_come_ps(groups.of, durations, choices), strict=True):
        ends = loop.run(np.choose(choice[groups.of], durations))[1]
        assert known in (None, int(ends.max(initial=0)))


def test_where_nothing_ties_the_order_of_service_is_known() -> None:
    """A chain on each device has one order only, under whatever durations."""
    builder = GraphBuilder(Mesh.of(tp=2))
    row = builder.compute("a", ((Fixed(1e-9), 1.0),))
    for number in range(3):
        row = builder.collective(f"c{number}", Kind.ALL_REDUCE, 8, axes=["tp"], after=[row])
        row = builder.compute(f"b{number}", ((Fixed(1e-9), 1.0),), after=[row])
    graph = builder.build()
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    start, end = EventLoop(instances).run(np.full(instances.count, 5))
    chain = chain_of(Timeline(instances=instances, start_ps=start, end_ps=end, active_ps=start))
    five, seven, eleven = (np.full(instances.count, duration) for duration in (5, 7, 11))
    group = (instances.meeting >= 0).astype(np.int32)
    choices = np.array([[0, 0], [1, 0], [1, 2], [2, 2], [0, 1]], dtype=np.uint8)
    assert chain.first_come_ps(group, (five, seven, eleven), choices) == [35, 43, 61, 77, 41]


def test_an_interrupt_while_a_kernel_works_is_an_interrupt(request: pytest.FixtureRequest) -> None:
    """It is raised where Python goes on, which is what the kernel tells how far it is: there it must not get lost."""
    builder = GraphBuilder(Mesh.of(tp=2))
    row = builder.compute("a", ((Fixed(1e-9), 1.0),))
    for _ in range(140_000):
        row = builder.compute("a", ((Fixed(1e-9), 1.0),), after=[row])
    graph = builder.build()
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    durations = np.full(instances.count, 5)
    loop = EventLoop(instances)
    start, end = loop.run(durations)
    chain = chain_of(Timeline(instances=instances, start_ps=start, end_ps=end, active_ps=start))
    # What runs in the background may have been started with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def forever(work: Callable[[], object]) -> None:
        while True:
            work()

    group, choices = np.zeros(instances.count, dtype=np.int32), np.ones((4, 1), dtype=np.uint8)
    for work in (
        lambda: loop.run(durations),
        lambda: chain.first_come_ps(group, (durations, durations, durations), choices),
    ):
        for _ in range(3):
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
            with pytest.raises(KeyboardInterrupt):
                forever(work)


@attrs.frozen(eq=False)
class _Row:
    """As many computations, each after the one before it, as are gone through until somebody is told."""

    count: int = TOLD_EVERY + 1
    ascending: NDArray[np.int64] = attrs.field(init=False)
    zeros: NDArray[np.int64] = attrs.field(init=False)
    waits_start: NDArray[np.int64] = attrs.field(init=False)
    paths: Paths = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        ascending = np.arange(self.count, dtype=np.int64)
        object.__setattr__(self, "ascending", ascending)
        object.__setattr__(self, "zeros", np.zeros(self.count, dtype=np.int64))
        object.__setattr__(self, "waits_start", np.concatenate([[0], ascending]))
        start, source, adds, owner, kind = self.waits()
        order = functions.sources_first(start, source)
        assert order is not None
        paths = Paths(edge_start=start, source=source, adds=adds, owner=owner, kind=kind, order=order)
        object.__setattr__(self, "paths", paths)

    @property
    def none(self) -> NDArray[np.int32]:
        return np.full(self.count, -1, dtype=np.int32)

    @property
    def dependency(self) -> NDArray[np.int32]:
        return self.ascending[:-1].astype(np.int32)

    def waits(self) -> Any:
        never, before = np.zeros(self.count, dtype=np.bool_), ((self.ascending - 1).astype(np.int32), self.none)
        return functions.waits(self.waits_start, self.dependency, self.none, 0, never, before)

    def lags(self) -> Any:
        edges = self.paths.source, self.paths.adds, self.paths.kind
        return functions.lags(self.paths.edge_start, edges, self.zeros, np.zeros(self.count + 1, dtype=np.int64))

    def unfolded(self) -> Any:
        partners = np.array([0, 1]), np.zeros(1, dtype=np.int32)
        rows = np.arange(self.count + 1), self.count
        placement = self.zeros.astype(np.int32)
        return functions.unfolded_dependencies((self.waits_start, self.dependency), placement, partners, rows)

    def held_within(self) -> Any:
        of_all, nothing = (self.zeros.astype(np.int32), 1), np.zeros(0, dtype=np.int64)
        resources = np.array([0, self.count]), self.ascending.astype(np.int32)
        times = self.ascending, self.ascending + 1, self.zeros
        return list(
            functions.held_within(resources, times, of_all, of_all, (nothing.astype(np.int32), nothing, nothing))
        )

    def problem(self) -> Problem:
        return Problem(
            devices=1,
            device=self.zeros,
            meeting=self.none,
            waits=np.diff(self.waits_start),
            follower_start=np.append(self.ascending, self.count - 1),
            follower=self.ascending[1:],
            part_start=np.zeros(1),
            part=np.zeros(0),
        )

    def straight(self) -> Straight:
        return Straight(
            devices=1,
            node=self.ascending,
            device=self.zeros,
            meeting=self.none,
            dependency_start=self.waits_start,
            dependency=self.dependency,
            part_start=np.zeros(1),
            part=np.zeros(0),
            by_device=(np.array([0, self.count]), self.ascending.astype(np.int32)),
        )


def test_whatever_goes_through_millions_of_rows_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tells that it goes on, and what is raised then ends it; if it is not, the answer is the same."""
    row = _Row()
    late, ends = np.zeros(row.count, dtype=np.bool_), row.ascending + 1
    lag, ones, straight = np.zeros(row.count + 1, dtype=np.int64), row.zeros + 1, row.straight()
    group, choices = row.zeros.astype(np.int32), np.zeros((1, 1), dtype=np.uint8)
    long: dict[str, Callable[[], Any]] = {
        "order by start": lambda: functions.order_by_start(row.zeros, 1, row.zeros, row.ascending[::-1]),
        "unfolded dependencies": row.unfolded,
        "last ended": lambda: functions.last_ended(row.waits_start, row.dependency, ends),
        "held within": row.held_within,
        "waits": row.waits,
        "lags": row.lags,
        "sources first": lambda: functions.sources_first(row.paths.edge_start, row.paths.source),
        "time": lambda: row.paths.time(lag, ones),
        "latest": lambda: row.paths.latest(lag, ones, row.none, late, row.count),
        "slack": lambda: row.paths.slack(lag, lag, ends),
        "first come": lambda: row.paths.first_come(1, group, group, (ones, ones, ones), choices),
        "event loop": lambda: row.problem().run(ones, 1 << 62),
        "longest chain": lambda: row.problem().longest_chain(ones),
        "straight order": lambda: row.straight().order,
        "straight run": lambda: straight.run(ones, np.zeros(0), 1 << 62),
        "distinct pairs": lambda: distinct_pairs(row.ascending, row.zeros),
    }
    found = {name: work() for name, work in long.items()}
    hear = functions._heard
    told: list[float] = []

    def interrupted(share: float) -> None:
        told.append(share)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(functions, "_heard", lambda _, count: hear(interrupted, count))
        for name, work in long.items():
            told.clear()
            with pytest.raises(KeyboardInterrupt):
                pytest.fail(f"{name} answers {work()}")
            assert len(told) == 1, name
    with monkeypatch.context() as patch:
        patch.setattr(functions, "TOLD_EVERY", row.count + 1)  # and so nobody is told
        for name, work in long.items():
            assert _as_lists(work()) == _as_lists(found[name]), name


def _as_lists(found: Any) -> Any:
    if isinstance(found, np.ndarray):
        return found.tolist()
    return [_as_lists(each) for each in found] if isinstance(found, tuple | list) else found
