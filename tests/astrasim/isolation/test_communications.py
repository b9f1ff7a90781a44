"""What communications take alone, which tells contention from slow links."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import versim
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Isolates,
    Link,
    Mesh,
    SimulationRequest,
    System,
    UnsupportedGraphError,
    pin,
)
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.isolation import communications
from versim_astrasim.options import BackendOptions

MIB = 1 << 20


def request_of(graph: ExecutionGraph, topology: str = "ring", **options: object) -> SimulationRequest:
    """A graph on one dimension."""
    link = Link(bandwidth_bytes_per_s=1e11, latency_s=1e-6)
    dimension = Dimension(topology=topology, size=graph.mesh.world_size, link=link)
    system = System(dimensions=(dimension,), device=Device(name="test"))
    return SimulationRequest(inputs=pin(graph, system), options=BackendOptions(**options))  # type: ignore[arg-type]


def spread(messages: int) -> ExecutionGraph:
    """Messages to rank 3 of four from so many others, all at once."""
    builder = GraphBuilder(Mesh.of(pp=4))
    for source in range(messages):
        row = builder.compute("work", [(Fixed(1e-6), 1)], on={"pp": source})
        builder.transfer(f"x{source}", 64 * MIB, source={"pp": source}, target={"pp": 3}, after=[row])
    return builder.build()


def test_alone_is_what_a_step_of_nothing_else_takes() -> None:
    """For every kind, in a group and in the world, with the settings of the step."""
    for size in (2, 4):
        for kind in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all"):
            builder = GraphBuilder(Mesh.of(dp=4 // size, tp=size))
            builder.collective(kind, kind, MIB, axes=["tp"])
            request = request_of(builder.build(), preferred_dataset_splits=2, endpoint_delay_ns=50)
            makespan_ps = AstraSimBackend().simulate(request).makespan_ps
            assert makespan_ps is not None
            assert AstraSimBackend().isolated_s(request) * 1e12 == pytest.approx(makespan_ps, abs=1)


def test_what_waits_for_links_takes_longer_than_alone() -> None:
    """Both messages leave the switch over one link of their two; alone each takes the same."""
    request = request_of(spread(2), "switch")
    alone_ps = (AstraSimBackend().isolated_s(request) * 1e12).round()
    assert alone_ps[0] == alone_ps[1]
    spans = AstraSimBackend().simulate(request).spans
    lasting = spans.end_ps - spans.start_ps
    sends = lasting[np.isin(spans.node, np.flatnonzero(request.inputs.graph.op == versim.Op.SEND))]
    assert min(sends.tolist()) == alone_ps[0]
    assert max(sends.tolist()) > 1.4 * alone_ps[0]


@settings(max_examples=40)
@given(graphs())
def test_nothing_is_faster_in_a_step_than_alone(graph: ExecutionGraph) -> None:
    """Whatever the graph: known durations are positive, and a step lasts at least as long as its longest."""
    request = request_of(graph, "fully_connected")
    alone_s = AstraSimBackend().isolated_s(request)
    assert alone_s.shape == (graph.communication_count,)
    known = alone_s[~np.isnan(alone_s)]
    assert (known > 0).all()
    try:
        makespan_ps = AstraSimBackend().simulate(request).makespan_ps
    except UnsupportedGraphError:
        return
    if makespan_ps is not None and len(known):
        assert known.max() * 1e12 <= makespan_ps + 1000


@settings(max_examples=60)
@given(
    st.sampled_from(["ring", "switch", "fully_connected"]),
    st.lists(st.integers(0, 11), min_size=2, max_size=6, unique=True),
    st.sampled_from(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point"]),
    st.sampled_from([1, 3]),
)
def test_where_a_group_stands_does_not_matter_but_its_distances(
    topology: str, ranks: list[int], kind: str, splits: int
) -> None:
    """Groups that look alike are simulated once: the real place takes as long as the one that stands for it."""
    builder = GraphBuilder(Mesh.of(dp=12))
    if kind == "point_to_point":
        work = builder.compute("work", [(Fixed(1e-6), 1)], on={"dp": ranks[0]})
        builder.transfer("x", MIB, source={"dp": ranks[0]}, target={"dp": ranks[1]}, after=[work])
    else:
        for rank in ranks:
            builder.collective("x", kind, MIB, ranks=tuple(ranks), match="x", on={"dp": rank})
    request = request_of(builder.build(), topology, preferred_dataset_splits=splits)
    makespan_ps = AstraSimBackend().simulate(request).makespan_ps
    assert makespan_ps is not None
    before_ps = 1_000_000 if kind == "point_to_point" else 0
    assert AstraSimBackend().isolated_s(request) * 1e12 == pytest.approx(makespan_ps - before_ps, abs=1)


def test_only_what_fits_the_budget_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheapest first, by an estimate that is the same everywhere; the rest is not known."""
    builder = GraphBuilder(Mesh.of(dp=8))
    row = builder.collective("big", "all_reduce", MIB, axes=["dp"])
    builder.transfer("small", MIB, source={"dp": 0}, target={"dp": 1}, after=[row])
    request = request_of(builder.build())
    assert not np.isnan(AstraSimBackend().isolated_s(request)).any()
    monkeypatch.setattr(communications, "BUDGET_S", 0.002)
    assert np.isnan(AstraSimBackend().isolated_s(request)).tolist() == [True, False]
    monkeypatch.setattr(communications, "MOST_COMMUNICATIONS", 1)
    assert np.isnan(AstraSimBackend().isolated_s(request)).all()


def test_what_cannot_be_said_is_nan(
    pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]
) -> None:
    """Replayed steps have no network, and a network that cannot be is no reason to fail."""
    assert isinstance(AstraSimBackend(), Isolates)
    graph = spread(1)
    assert np.isnan(AstraSimBackend().isolated_s(request_of(graph, replay_only=True, compute_encoding="micros"))).all()
    plane = system_of(("switch", 2), ("switch", 2))
    options = BackendOptions(program="rapid-llm")
    request = SimulationRequest(inputs=pinned(graph).on(plane), options=options)
    assert np.isnan(AstraSimBackend().isolated_s(request)).all()


def test_the_bundled_scenario_has_no_contention_in_its_all_reduces() -> None:
    """Their groups are far apart on the ring, which is placement: alone they take as long."""
    seen = 0
    for _, _, result in versim.compare("bundled").results():
        if result.label != "astrasim" or result.attribution is None:
            continue
        for term in result.attribution.terms:
            if term.name.startswith("all_reduce"):
                seen += 1
                assert term.contention_ps == 0
                assert term.isolated_ps == term.effect_ps > 0
    assert seen
