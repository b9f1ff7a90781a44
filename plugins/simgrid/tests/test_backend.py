"""The backend on whole graphs: soundness, deadlock, options, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cases import network_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from versim import (
    Device,
    Dimension,
    FaultsError,
    Fixed,
    GraphBuilder,
    Link,
    Mesh,
    Prediction,
    SimulationError,
    Status,
    System,
    Topology,
    UnsupportedGraphError,
    VersimError,
    compare,
    compare_predictions,
    pin,
)

from versim_simgrid import launch

Simulate = Callable[..., Prediction]


def test_a_deadlock_is_told_as_one(simulate: Simulate) -> None:
    """Two ranks that both receive before they send, with the ranks and nodes that wait."""
    builder = GraphBuilder(Mesh.of(x=2))
    for me, other in ((0, 1), (1, 0)):
        first = builder.recv(f"recv {me}", 8, match=("to", me), on={"x": me})
        builder.send(f"send {me}", 8, match=("to", other), on={"x": me}, after=[first])
    prediction = simulate(builder.build(), network_of(("ring", 2)))
    assert prediction.status is Status.DEADLOCK
    assert prediction.makespan_ps is None
    assert "rank 0: node 0 ('recv 0') waits for node 3 ('send 1') on rank 1" in prediction.diagnosis[0]


@st.composite
def graphs(draw: st.DrawFn) -> GraphBuilder:
    """Compute, messages and collectives on four ranks, in any order."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    rows: list[int] = []
    for number in range(draw(st.integers(1, 10))):
        after = draw(st.lists(st.sampled_from(rows), max_size=2, unique=True)) if rows else []
        match draw(st.integers(0, 2)):
            case 0:
                work = [(Fixed(draw(st.integers(0, 10**6)) * 1e-9), 1)]
                rows.append(builder.compute(f"c{number}", work, after=after))
            case 1:
                kind = draw(st.sampled_from(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast"]))
                axes = draw(st.sampled_from([("dp",), ("tp",), ("dp", "tp")]))
                size_bytes = draw(st.integers(1, 10**6))
                rows.append(builder.collective(f"k{number}", kind, size_bytes, axes=axes, after=after))
            case _:
                size_bytes = draw(st.integers(1, 10**6))
                rows += builder.transfer(f"m{number}", size_bytes, source={"dp": 0}, target={"dp": 1})
    return builder


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    builder=graphs(),
    topologies=st.tuples(*[st.sampled_from(["ring", "fully_connected", "switch"])] * 2),
    fairness=st.sampled_from(["max_min", "rtt"]),
)
def test_every_answer_is_sound(
    simulate: Simulate, builder: GraphBuilder, topologies: tuple[str, str], fairness: str
) -> None:
    """It passes every check that versim makes, and comes out the same twice."""
    graph = builder.build()
    system = network_of((topologies[0], 2), (topologies[1], 2), bandwidth=3e9)
    first = simulate(graph, system, fairness=fairness)
    second = simulate(graph, system, fairness=fairness)
    assert first.completed
    assert first.spans.end_ps.tolist() == second.spans.end_ps.tolist()
    (result,) = compare_predictions(pin(graph, system), [first], "", {"": "its own"}).results
    assert [check.name for check in result.checks if check.passed is not True] == []


def test_tcp_is_off_unless_asked_for(simulate: Simulate) -> None:
    """SimGrid's own default makes the same message slower."""
    builder = GraphBuilder(Mesh.of(x=2))
    builder.transfer("m", 10_000_000, source={"x": 0}, target={"x": 1})
    graph, system = builder.build(), network_of(("ring", 2), latency=1e-4)

    def takes_s(**options: object) -> float:
        makespan_ps = simulate(graph, system, **options).makespan_ps
        assert makespan_ps is not None
        return makespan_ps / 1e12

    assert takes_s() == pytest.approx(0.0101, rel=1e-9)
    assert takes_s(fairness="rtt") == pytest.approx(0.0101, rel=1e-9)
    assert takes_s(bandwidth_factor=0.5) == pytest.approx(0.0201, rel=1e-9)
    assert takes_s(latency_factor=13.01) == pytest.approx(0.011301, rel=1e-9)
    assert takes_s(latency_factor=13.01, fairness="rtt") == pytest.approx(0.011301, rel=1e-9)
    # 64 KiB per round trip of 0.2 ms.
    windowed = takes_s(fairness="rtt", tcp_window_bytes=65536)
    assert windowed == pytest.approx(1e-4 + 10_000_000 / (65536 / 2e-4), rel=1e-9)


def test_crosstraffic_and_weights(simulate: Simulate) -> None:
    """Messages both ways disturb each other only with crosstraffic."""
    builder = GraphBuilder(Mesh.of(x=2))
    builder.transfer("there", 10_000_000, source={"x": 0}, target={"x": 1})
    builder.transfer("back", 10_000_000, source={"x": 1}, target={"x": 0})
    graph, system = builder.build(), network_of(("ring", 2), latency=0.0)
    assert simulate(graph, system).makespan_ps == 10_000_000_000
    assert simulate(graph, system, crosstraffic=True).makespan_ps == pytest.approx(10_500_000_000, rel=1e-6)


def test_options_that_make_no_sense_are_refused(simulate: Simulate) -> None:
    """By name, with what would."""
    builder = GraphBuilder(Mesh.of(x=1))
    builder.compute("c", [(Fixed(1e-6), 1)])
    graph, system = builder.build(), network_of(("ring", 1))
    for options, words in (
        ({"tcp_window_bytes": 1}, "fairness: rtt"),
        ({"bandwidth_factor": 0}, "bandwidth_factor must be a finite number above 0"),
        ({"algorithm": "rng"}, "algorithm"),
    ):
        with pytest.raises(VersimError, match=words) as caught:
            simulate(graph, system, **options)
        assert isinstance(caught.value, FaultsError | VersimError)


def test_an_algorithm_that_does_not_do_it_is_refused(simulate: Simulate) -> None:
    """With the node and the remedy."""
    builder = GraphBuilder(Mesh.of(x=3))
    builder.collective("sum", "all_reduce", 8, axes=("x",), algorithm="halving_doubling")
    with pytest.raises(UnsupportedGraphError, match=r"node 0 \('sum'\): halving_doubling needs a power of two"):
        simulate(builder.build(), network_of(("ring", 3)))


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts a program of a few lines in the place of Debian's Python."""

    def put(lines: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("SIMGRID_PYTHON", str(program))

    return put


def test_pairs_that_lie_differently_take_differently_long(simulate: Simulate) -> None:
    """On nodes of three, ranks 2 and 3 are in different nodes; the other pairs are a hundred times faster."""
    builder = GraphBuilder(Mesh.of(a=3, b=2))
    builder.collective("sum", "all_reduce", 1 << 24, axes=("b",))
    inside, across = (Link(bandwidth_bytes_per_s=rate, latency_s=1e-6) for rate in (100e9, 1e9))
    system = System(
        dimensions=(
            Dimension(topology=Topology.RING, size=3, link=inside),
            Dimension(topology=Topology.RING, size=2, link=across),
        ),
        device=Device(name="test"),
    )
    fast_ps, slow_ps = 169_772_160, 16_781_216_000
    finish_ps = simulate(builder.build(), system).finish_ps.tolist()
    assert finish_ps == [fast_ps, fast_ps, slow_ps, slow_ps, fast_ps, fast_ps]


def test_the_bundled_scenario_in_one_table(simgrid: None) -> None:  # noqa: ARG001 - skips
    """DeepFlow, ASTRA-sim and SimGrid on equal inputs, every check passed."""
    report = compare("simgrid")
    (comparison,) = report.workloads[0].comparisons
    assert [result.label for result in comparison.results] == ["deepflow", "astrasim", "simgrid"]
    assert len({result.prediction.digest for result in comparison.results}) == 1
    assert [check for result in comparison.results for check in result.checks if check.passed is not True] == []
    deepflow_ps, _, simgrid_ps = (result.prediction.makespan_ps for result in comparison.results)
    assert deepflow_ps is not None
    # Compute is 99.8 % of it and the same; the rest is communication, which two models count differently.
    assert simgrid_ps == pytest.approx(deepflow_ps, rel=1e-3)


def test_simulation_errors_are_the_users(python: Callable[[str], None]) -> None:
    """A worker that dies is told with its last words."""
    from cases import request_of  # noqa: PLC0415

    from versim_simgrid.backend import SimGrid  # noqa: PLC0415

    python("cat >/dev/null; echo out of memory >&2; exit 9")
    builder = GraphBuilder(Mesh.of(x=1))
    builder.compute("c", [(Fixed(1e-6), 1)])
    with pytest.raises(SimulationError, match="exit status 9: out of memory"):
        SimGrid().simulate(request_of(builder.build(), network_of(("ring", 1))))


def test_how_far_it_is_is_told(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the worker, while it runs, to whoever asked."""
    shares: list[float] = []
    monkeypatch.setattr(launch, "share_done", shares.append)
    for count in (30, 120, 480, 1920):
        builder = GraphBuilder(Mesh.of(rank=16))
        last: list[int] = []
        for number in range(count):
            last = [builder.collective(f"k{number}", "all_reduce", 1 << 20, axes=("rank",), after=last)]
        simulate(builder.build(), network_of(("ring", 16)), fold=False)
        if shares:  # a fast machine has nothing to tell of a short run
            break
    assert shares
    assert shares == sorted(shares)
    assert all(0 < share < 1 for share in shares)
