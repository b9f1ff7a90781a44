"""Ranks that behave alike are simulated once, and the answer is that of all of them."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest
from cases import network_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from versim import Degradation, Device, Dimension, Fixed, GraphBuilder, Link, Mesh, Prediction, System

Simulate = Callable[..., Prediction]

ROUNDING_PS = 3
"""SimGrid's dates are sums of seconds in double precision, of other flows in another order."""

MESH = Mesh.of(pp=2, dp=2, tp=4)
LINKS = [Link(bandwidth_bytes_per_s=3e9, latency_s=1e-6), Link(bandwidth_bytes_per_s=1e9, latency_s=7e-6)]


def system_of(*shapes: tuple[str, int]) -> System:
    """Dimensions with links of their own."""
    made = tuple(
        Dimension(topology=name, size=size, link=link) for (name, size), link in zip(shapes, LINKS, strict=False)
    )
    return System(dimensions=made, device=Device(name="test"))


SYSTEMS = [
    system_of(("switch", 4), ("switch", 4)),
    system_of(("switch", 8), ("switch", 2)),
    system_of(("ring", 4), ("switch", 4)),
    system_of(("fully_connected", 4), ("ring", 4)),
    system_of(("ring", 16)),
]
BROKEN = attrs.evolve(SYSTEMS[0], degraded=[Degradation(dimension=0, ranks=[5], bandwidth_factor=0.3)])


@st.composite
def steps(draw: st.DrawFn) -> GraphBuilder:
    """Compute, collectives along any axes and messages between stages, on all ranks or on one stage."""
    builder = GraphBuilder(MESH)
    rows: list[tuple[int, set[int]]] = []  # with the stages they are on

    def after(stages: set[int]) -> list[int]:
        near = [row for row, there in rows if there & stages]
        return draw(st.lists(st.sampled_from(near), max_size=2, unique=True)) if near else []

    for number in range(draw(st.integers(1, 12))):
        stages = draw(st.sampled_from([{0, 1}, {0}, {1}]))
        on = {"pp": sorted(stages)}
        match draw(st.integers(0, 3)):
            case 0:
                work = [(Fixed(draw(st.integers(0, 10**5)) * 1e-9), 1)]
                rows.append((builder.compute(f"c{number}", work, on=on, after=after(stages)), stages))
            case 1:
                sent, received = builder.transfer(
                    f"m{number}", draw(st.integers(1, 10**5)), source={"pp": 0}, target={"pp": 1}, after=after({0})
                )
                rows += [(sent, {0}), (received, {1})]
            case _:
                kind = draw(st.sampled_from(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast"]))
                axes = draw(st.sampled_from([("dp",), ("tp",), ("dp", "tp")]))
                # Whole shares of every rank, or not: then some messages are a byte longer.
                size_bytes = draw(st.integers(1, 10**5)) * draw(st.sampled_from([1, 64]))
                row = builder.collective(f"k{number}", kind, size_bytes, axes=axes, on=on, after=after(stages))
                rows.append((row, stages))
    return builder


def same(one: Prediction, other: Prediction) -> None:
    """Every rank ends when it did, and every link carried what it did."""
    np.testing.assert_allclose(one.finish_ps, other.finish_ps, rtol=0, atol=ROUNDING_PS)
    assert one.links is not None
    assert other.links is not None
    carried = [
        dict(zip(p.name, zip(p.carried_bytes.tolist(), p.messages.tolist(), strict=True), strict=True))
        for p in (one.links, other.links)
    ]
    assert carried[0] == carried[1]


@given(steps(), st.sampled_from([*SYSTEMS, BROKEN]), st.sampled_from(["auto", "ring", "direct"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_folded_step_is_the_whole_step(
    simulate: Simulate, step: GraphBuilder, system: System, algorithm: str
) -> None:
    """Whatever ranks do, over whatever network, degraded or not, by whatever algorithm."""
    graph = step.build()
    folded, whole = (simulate(graph, system, algorithm=algorithm, fold=fold) for fold in (True, False))
    same(folded, whole)


def layers() -> GraphBuilder:
    """A pipeline's two stages of tensor-parallel work, then gradients over all replicas."""
    builder = GraphBuilder(MESH)
    ready: list[list[int]] = [[], []]
    for number in range(4):
        for stage in (0, 1):
            here = {"pp": stage}
            done = builder.compute(f"c{number}", [(Fixed(1e-5), 1)], on=here, after=ready[stage])
            summed = builder.collective(f"k{number}", "all_reduce", 1 << 20, axes=("tp",), on=here, after=[done])
            ready[stage] = [summed]
            if stage == 0:
                sent, received = builder.transfer(
                    f"m{number}", 1 << 16, source={"pp": 0}, target={"pp": 1}, after=[summed]
                )
                ready[0].append(sent)
                ready[1].append(received)
    builder.collective("gradients", "all_reduce", 1 << 22, axes=("dp",))
    return builder


@pytest.mark.parametrize("algorithm", ["halving_doubling", "ring", "direct"])
def test_replicas_and_tensor_parallel_ranks_are_simulated_once(simulate: Simulate, algorithm: str) -> None:
    """Two stages of eight ranks each are two ranks, and far fewer tasks."""
    graph = layers().build()
    folded, whole = (simulate(graph, SYSTEMS[0], algorithm=algorithm, fold=fold) for fold in (True, False))
    assert folded.provenance["ranks"] == "2 of 16 simulated"
    assert whole.provenance["ranks"] == "16 of 16 simulated"
    assert 6 * int(folded.provenance["tasks"]) < int(whole.provenance["tasks"])
    same(folded, whole)


def test_a_slow_link_keeps_its_ranks_apart(simulate: Simulate) -> None:
    """Whose replica waits for it; the axes that it does not cut stay folded only where that gives the same."""
    graph = layers().build()
    folded, whole = (simulate(graph, BROKEN, fold=fold) for fold in (True, False))
    assert folded.provenance["ranks"] != "2 of 16 simulated"
    assert max(folded.finish_ps) > max(simulate(graph, SYSTEMS[0]).finish_ps)
    same(folded, whole)


def test_trees_are_not_folded_into_one_rank(simulate: Simulate) -> None:
    """Their ranks have different parts: roots, branches and leaves."""
    graph = layers().build()
    folded, whole = (simulate(graph, SYSTEMS[0], algorithm="double_binary_tree", fold=fold) for fold in (True, False))
    assert int(folded.provenance["ranks"].split()[0]) > 2
    same(folded, whole)


def test_shares_by_latency_are_not_folded(simulate: Simulate) -> None:
    """What TCP's shares do to ranks that look alike was not shown."""
    prediction = simulate(layers().build(), network_of(("switch", 16)), fairness="rtt")
    assert prediction.provenance["ranks"] == "16 of 16 simulated"
