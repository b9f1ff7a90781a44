"""Communications timed alone: what DeepFlow's hybrid mode was given by ASTRA-sim, and other networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from versim import Kind, Link, Message, System, UnsupportedGraphError
from versim_astrasim import timing
from versim_astrasim.engine import Outcome, RankTrace, simulate
from versim_astrasim.options import TimingOptions
from versim_astrasim.plugin import AstraSimTiming

MakeSystem = Callable[..., System]
LAUNCH_S = 9e-6
"""DeepFlow's kernel launch overhead, one per collective (measured: golden/deepflow/bundled.json)."""

FORWARD = {
    51539607552: 0.2175723236119805,
    549755813888: 2.3202784518611246,
    17179869184: 0.07255810787066015,
    68719476736: 0.2900794314826406,
}
"""Bytes of the bundled layer's forward reduce-scatters, and DeepFlow's own seconds for them, launch included."""

LAYER_GEMMS = (51539607552, 549755813888, 17179869184, 17179869184, 68719476736, 17179869184)


def times_s(system: System, *messages: Message, **options: object) -> list[float]:
    """Seconds of some messages."""
    network = AstraSimTiming().network(TimingOptions(**options))  # type: ignore[arg-type]
    assert network is not None
    return [float(time) for time in network.times_s(messages, system)]


def test_the_hybrid_forward_layer_is_the_recorded_one(system_of: MakeSystem) -> None:
    """Analytical layer, less its collectives, plus ASTRA-sim's: 6.219832752242289 s in the real programs."""
    messages = [Message(Kind.REDUCE_SCATTER, size, 4, "tp") for size in LAYER_GEMMS]
    timed = times_s(system_of(("ring", 4)), *messages, link_decimals=6)
    layer_s = 5.2254801428100155 + sum(
        time + LAUNCH_S - FORWARD[size] for size, time in zip(LAYER_GEMMS, timed, strict=True)
    )
    assert layer_s == pytest.approx(6.219832752242289, rel=1e-12)


def test_the_hybrid_softmax_layer_is_the_recorded_one(system_of: MakeSystem) -> None:
    """The same for the vocabulary layer: 24.166995339916323 s."""
    (timed,) = times_s(
        system_of(("ring", 4)), Message(Kind.REDUCE_SCATTER, 1048576 * 800000 * 2, 4, "tp"), link_decimals=6
    )
    layer_s = 21.854628295910477 - 7.080823252994156 + timed + LAUNCH_S
    assert layer_s == pytest.approx(24.166995339916323, rel=1e-12)


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

    monkeypatch.setattr(timing, "simulate", counted)
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


def test_it_times_no_compute() -> None:
    """A scenario that names it for compute is told so by the framework."""
    assert AstraSimTiming().compute(TimingOptions()) is None
