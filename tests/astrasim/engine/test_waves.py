"""The shortcut for uncontended ring collectives gives what message-by-message simulation gives, ties included."""

from __future__ import annotations

import random
from typing import Any

import pytest
from exact_steps import collective, figures, timed
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, simulate
from versim_astrasim.engine.waves import AmbiguousOrder, Wave

KINDS = ("ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL")


def machine(
    topology: str, ranks: int, latency: float, endpoint: int, **keys: Any
) -> tuple[NetworkConfig, SystemConfig]:
    """A network of 10 GiB/s and a ring system with ns-exact compute."""
    network = NetworkConfig.from_mapping(
        {"topology": [topology], "npus_count": [ranks], "bandwidth": [10.0], "latency": [latency]}
    )
    mapping: dict[str, Any] = {
        f"{kind}-implementation": ["ring"] for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
    }
    mapping |= {"endpoint-delay": endpoint, "preferred-dataset-splits": 2, "local-mem-bw": 1600}
    mapping |= {"roofline-enabled": 1, "peak-perf": 1}
    return network, SystemConfig.from_mapping(mapping | keys)


@settings(max_examples=250)
@given(
    topology=st.sampled_from(["Ring", "FullyConnected", "Switch"]),
    ranks=st.sampled_from([3, 4, 6]),
    latency=st.sampled_from([0.0, 1.0, 2.0, 5.0]),
    endpoint=st.integers(1, 3),
    memory=st.sampled_from([1, 1600]),
    grouped=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_waves_change_nothing(
    topology: str, ranks: int, latency: float, endpoint: int, memory: int, grouped: bool, seed: int
) -> None:
    """Random steps of compute and collectives with times of a few ns, so that nearly everything coincides."""
    rng = random.Random(seed)
    groups = {1: tuple(range(0, ranks, 2)), 2: tuple(range(1, ranks, 2))} if grouped and ranks > 3 else {}
    shape = [(rng.random(), rng.random(), rng.randint(1, 12)) for _ in range(16)]
    alike = rng.random() < 0.5
    traces = []
    for rank in range(ranks):
        nodes = []
        for node_id, (what, where, duration_ns) in enumerate(shape):
            deps = [int(where * 997) % node_id] if node_id and where < 0.7 else []
            if what < 0.6:
                own_ns = duration_ns if alike or rng.random() < 0.8 else rng.randint(1, 12)
                nodes.append(timed(node_id, own_ns, *deps))
            else:
                group = str(rank % 2 + 1) if groups and what < 0.8 else ""
                kind = KINDS[int(what * 1000) % 4]
                nodes.append(collective(node_id, kind, 100 + int(what * 1e5) % 300, *deps, group=group))
        traces.append(RankTrace.from_nodes(nodes))
    network, system = machine(topology, ranks, latency, endpoint, **{"local-mem-bw": memory})
    plain = simulate(traces, network, system, groups=groups, exactness="plain", engine="python")
    assert figures(simulate(traces, network, system, groups=groups, engine="python")) == figures(plain)


def test_compute_that_ends_between_the_first_messages_asks_for_a_plain_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its order among the members' messages is lost in a wave, so the run is repeated message by message."""
    # Messages of 2 bytes take 7 ns per hop; rank 1 starts 7 ns of compute in the batch that sends its first message.
    network, system = machine("Ring", 4, 7.0, 3)
    traces = [
        RankTrace.from_nodes(
            [timed(0, 3), timed(1, 7, 0), collective(2, "ALL_REDUCE", 16)]
            if rank == 1
            else [collective(2, "ALL_REDUCE", 16)]
        )
        for rank in range(4)
    ]
    raised = []
    go = Wave.go

    def watched(self: Wave, member: Any) -> None:
        try:
            go(self, member)
        except AmbiguousOrder:
            raised.append(member.number)
            raise

    monkeypatch.setattr(Wave, "go", watched)
    outcome = simulate(traces, network, system, engine="python")
    assert raised == [3]
    assert figures(outcome) == figures(simulate(traces, network, system, exactness="plain", engine="python"))


def test_compute_on_a_tick_of_the_wave_scatters_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rank has something else to do at the same tick, members go on one by one, in their exact states."""
    network, system = machine("Ring", 4, 7.0, 3)
    traces = [
        RankTrace.from_nodes([collective(0, "ALL_REDUCE", 16)] + ([timed(1, 13)] if rank == 2 else []))
        for rank in range(4)
    ]
    scattered = []
    scatter = Wave._scatter

    def watched(self: Wave, plainly: Any) -> None:
        scattered.append(True)
        scatter(self, plainly)

    monkeypatch.setattr(Wave, "_scatter", watched)
    outcome = simulate(traces, network, system, engine="python")
    plain = simulate(traces, network, system, exactness="plain", engine="python")
    assert scattered == [True]
    assert figures(outcome) == figures(plain)


def test_a_thousand_ranks_take_few_events() -> None:
    """Eight million messages of an all-reduce on a ring of 1,024 (measured: golden/astrasim/scaling)."""
    network = NetworkConfig.from_mapping(
        {"topology": ["Ring"], "npus_count": [1024], "bandwidth": [50.0], "latency": [500.0]}
    )
    system = SystemConfig.from_mapping(
        {"all-reduce-implementation": ["ring"], "preferred-dataset-splits": 4, "local-mem-bw": 1600}
    )
    trace = RankTrace.from_nodes([collective(0, "ALL_REDUCE", 64 << 20)])
    outcome = simulate([trace] * 1024, network, system, max_ticks=200)
    assert outcome.finish_ns == (6792760,) * 1024
    assert outcome.message_count == 4 * 2 * 1023 * 1024
