"""Communications timed alone: what DeepFlow's hybrid mode was given by ASTRA-sim, and other networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from versim import (
    PS_PER_S,
    Device,
    ExecutionGraph,
    Gemm,
    Kind,
    Link,
    Message,
    Op,
    Pointwise,
    System,
    UnsupportedGraphError,
    communication_s,
    instances_of,
    pin,
    replay,
)
from versim_astrasim.engine import Outcome, RankTrace, simulate
from versim_astrasim.isolation import network_timing
from versim_astrasim.isolation.timing_model import AstraSimTiming
from versim_astrasim.options import TimingOptions

MakeSystem = Callable[..., System]
LAUNCH_S = 9e-6
"""DeepFlow's kernel launch overhead, one per collective (measured: golden/deepflow/bundled.json)."""

GEMMS = (
    (51539607552, 0.2175723236119805, 0.21740124062017724),
    (549755813888, 2.3202784518611246, 2.318714566615223),
    (17179869184, 0.07255810787066015, 0.07248308020672573),
    (17179869184, 0.07255810787066015, 0.07248308020672573),
    (68719476736, 0.2900794314826406, 0.2898603208269029),
    (17179869184, 0.07255810787066015, 0.07248308020672573),
)
"""The bundled layer's GEMMs: bytes of the full tensor, DeepFlow's own seconds for the forward reduce-scatter, and for
the backward all-gather with the work on its result, launches included."""

REGISTERS_BYTES_PER_S = 122 * 2**40
"""What DeepFlow charges that work against: three bytes per gathered byte."""

NODE_S = {
    "embedding back": (0.00026514754098360657, 0.00026514754098360657),
    "embedding": (2.5841559654288493, 2.5841559654288493),
    "forward": (5.2254801428100155, 6.219832752242289),
    "backward": (7.195854362373668, 7.193837436773155),
    "softmax back": (36.47361916794274, 36.46892902595346),
    "softmax": (21.854628295910477, 24.166995339916323),
    "apply": (8.40484118852459e-05, 8.40484118852459e-05),
}
"""Seconds of the bundled pipeline's nodes, analytical and hybrid."""


def times_s(system: System, *messages: Message, **options: object) -> list[float]:
    """Seconds of some messages."""
    network = AstraSimTiming().network(TimingOptions(**options))  # type: ignore[arg-type]
    assert network is not None
    return [float(time) for time in network.times_s(messages, system)]


def test_the_hybrid_layer_is_the_recorded_one(system_of: MakeSystem) -> None:
    """DeepFlow's analytical layer, less its collectives, plus ASTRA-sim's, forward and backward."""
    scatters = [Message(Kind.REDUCE_SCATTER, size, 4, "tp") for size, _, _ in GEMMS]
    gathers = [Message(Kind.ALL_GATHER, size, 4, "tp") for size, _, _ in GEMMS]
    timed = times_s(system_of(("ring", 4)), *scatters, *gathers, link_decimals=6)
    forward_s, backward_s = (NODE_S[name][0] for name in ("forward", "backward"))
    for (size, scatter_s, gather_s), scattered, gathered in zip(GEMMS, timed[:6], timed[6:], strict=True):
        forward_s += scattered + LAUNCH_S - scatter_s
        backward_s += gathered + LAUNCH_S + 3 * size / REGISTERS_BYTES_PER_S - gather_s
    assert forward_s == pytest.approx(NODE_S["forward"][1], rel=1e-12)
    assert backward_s == pytest.approx(NODE_S["backward"][1], rel=1e-12)


def test_the_hybrid_softmax_layer_is_the_recorded_one(system_of: MakeSystem) -> None:
    """The same for the vocabulary layer: 24.166995339916323 s."""
    (timed,) = times_s(
        system_of(("ring", 4)), Message(Kind.REDUCE_SCATTER, 1048576 * 800000 * 2, 4, "tp"), link_decimals=6
    )
    layer_s = 21.854628295910477 - 7.080823252994156 + timed + LAUNCH_S
    assert layer_s == pytest.approx(24.166995339916323, rel=1e-12)


@pytest.mark.parametrize(
    ("column", "network", "total_s"),
    [(1, "isolated", 339.6863212577927), (0, "isolated", 323.509263862906), (1, "scenario", 339.907285117787)],
)
def test_the_hybrid_step_is_the_recorded_one(
    column: int, network: str, total_s: float, bundled_pipeline: ExecutionGraph, system_of: MakeSystem
) -> None:
    """DeepFlow's event loop with its edges timed here: 339.686 s recorded; on the ring of 8 itself it takes longer."""
    graph, system = bundled_pipeline, system_of(("ring", 8))
    durations_s = {
        row: next(seconds[column] for name, seconds in NODE_S.items() if graph.node_name(row).startswith(name))
        for row in np.flatnonzero(graph.op == Op.COMPUTE).tolist()
    }
    pinned = pin(graph, system, durations_s=durations_s)
    timing = AstraSimTiming().network(TimingOptions(network=network, link_decimals=6))  # type: ignore[arg-type]
    assert timing is not None
    edges_s = communication_s(graph, system, timing)
    edges_s += np.where(graph.is_kind(Kind.ALL_REDUCE), LAUNCH_S, 0)
    instances = instances_of(graph)
    schedule = replay(
        instances,
        np.rint(pinned.compute_s * PS_PER_S).astype(np.int64),
        np.rint(edges_s * PS_PER_S).astype(np.int64)[instances.meeting_match],
    )
    assert schedule.makespan_ps / PS_PER_S == pytest.approx(total_s, rel=1e-12)


def test_closed_forms_hold(system_of: MakeSystem) -> None:
    """E + k (h + E) + ρ red(m) for rings; two endpoint delays and a hop for direct (spec/astrasim §12)."""
    link = Link(bandwidth_bytes_per_s=50 * 2**30, latency_s=500e-9)
    system = system_of(("ring", 4), link=link)
    sizes = (
        (Kind.ALL_REDUCE, 262144),
        (Kind.REDUCE_SCATTER, 262144),
        (Kind.ALL_TO_ALL, 262144),
        (Kind.ALL_GATHER, 1048576),
    )
    messages = [Message(kind, size, 4, "tp") for kind, size in sizes]
    assert times_s(system, *messages) == [10750e-9, 5560e-9, 10390e-9, 16186e-9]


def test_two_ranks_are_fully_connected_and_messages_take_one_hop(system_of: MakeSystem) -> None:
    """As the original does: direct on two ranks; a short message is no reason to abort."""
    link = Link(bandwidth_bytes_per_s=50 * 2**30, latency_s=500e-9)
    system = system_of(("ring", 8), link=link)
    reduce = Message(Kind.ALL_REDUCE, 1 << 20, 2, "dp")
    one, long = (Message(Kind.POINT_TO_POINT, size, 2, "pp") for size in (1, 250000))
    hop = int(500 + (1 << 19) / 53.6870912)
    reduction = 3 * int((1 << 19) / 1600)
    assert times_s(system, reduce, one, long) == [(30 + 2 * hop + reduction) / 1e9, 500e-9, 5156e-9]


def test_the_scenario_network_counts_hops(system_of: MakeSystem) -> None:
    """Across a ring of 8 a message takes four hops and the group's all-reduce shares links; folded ones stay alone."""
    link = Link(bandwidth_bytes_per_s=50 * 2**30, latency_s=500e-9)
    system = system_of(("ring", 8), link=link)
    across = Message(Kind.POINT_TO_POINT, 250000, 2, "dp", (0, 4))
    folded = Message(Kind.POINT_TO_POINT, 250000, 2, "dp")
    assert times_s(system, across, folded, network="scenario") == [4 * 5156e-9, 5156e-9]
    assert times_s(system, across) == [5156e-9]
    group = Message(Kind.ALL_REDUCE, 1 << 20, 2, "dp", (0, 4))
    alone, placed = times_s(system, group)[0], times_s(system, group, network="scenario")[0]
    assert placed > 3 * alone


def test_an_axis_with_a_link_of_its_own_is_timed_on_it(system_of: MakeSystem) -> None:
    """A network of its own has one link, so there the parallelism's counts."""
    slow = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)
    system = system_of(("ring", 4), tp=slow)
    messages = [Message(Kind.POINT_TO_POINT, 10**6, 2, axis) for axis in ("tp", "pp")]
    assert times_s(system, *messages) == [1e-3, 10590e-9]


def test_equal_questions_are_answered_once(system_of: MakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes count exactly: sizes that print alike are different questions."""
    asked: list[int] = []

    def counted(traces: Sequence[RankTrace], *given: Any, **options: Any) -> Outcome:
        asked.append(len(traces))
        return simulate(traces, *given, **options)

    monkeypatch.setattr(network_timing, "simulate", counted)
    system = system_of(("ring", 6))
    messages = [Message(Kind.ALL_REDUCE, size, 6, axis) for size in (1610612737, 1614000001) for axis in ("a", "b")]
    first = times_s(system, *messages)
    assert times_s(system, *messages) == first
    assert asked == [6, 6]
    assert first[0] == first[1] != first[2]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Message(Kind.BROADCAST, 8, 4, "tp"), "moves no data for a broadcast"),
        (Message(Kind.ALL_REDUCE, 8, 3, "tp", algorithm="halving_doubling"), "hangs in halving-doubling on 3 ranks"),
        (Message(Kind.ALL_REDUCE, 8, 4, "tp", algorithm="bruck"), "'bruck' is not an algorithm"),
    ],
)
def test_what_astrasim_does_not_model_is_refused(system_of: MakeSystem, message: Message, text: str) -> None:
    """By what is asked for, with what to do instead."""
    with pytest.raises(UnsupportedGraphError, match=text):
        times_s(system_of(("ring", 4)), message)


def test_a_rank_outside_the_network_is_refused(system_of: MakeSystem) -> None:
    """A graph on more ranks than the scenario's network has."""
    with pytest.raises(UnsupportedGraphError, match=r"rank 9 takes part .* has 8 ranks"):
        times_s(system_of(("ring", 8)), Message(Kind.ALL_REDUCE, 8, 2, "dp", (1, 9)), network="scenario")


def test_it_times_plain_compute_by_the_roofline() -> None:
    """As roofline-enabled does it: the slower of peak performance and memory, truncated; the rest is declined."""
    options = TimingOptions(peak_flop_per_s=9e14, local_memory_bytes_per_s=1.6e12)
    terms = [Pointwise(flop=1e12, access_bytes=1e6), Pointwise(flop=10.0, access_bytes=1.6e9), Gemm(2, 2, 2, 2.0)]
    device = Device(name="any")
    times_s = AstraSimTiming().compute(options).times_s(terms, device)
    assert times_s[:2].tolist() == [1111111e-9, 1e-3]
    assert np.isnan(times_s[2])
