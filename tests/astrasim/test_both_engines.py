"""The standing proof that the embedded engine and the real program agree, where a real program is given.

``versim compare -b embedded=astrasim:engine=embedded -b real=astrasim:engine=binary`` does the same by hand.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from chakra_files import recv, send, written
from versim import (
    Device,
    Dimension,
    Fixed,
    GraphBuilder,
    Inputs,
    Kind,
    Link,
    Mesh,
    Message,
    Prediction,
    SimulationRequest,
    Status,
    System,
    pin,
)
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.engine import simulate
from versim_astrasim.isolation import network_timing
from versim_astrasim.isolation.timing_model import AstraSimTiming
from versim_astrasim.options import BackendOptions, TimingOptions
from versim_astrasim.program import capabilities, launch, running
from versim_astrasim.program.cache import Cache
from versim_astrasim.program.export import write_input
from versim_astrasim.step.translate import translate

REAL = os.environ.get("ASTRA_SIM_BIN") or os.environ.get("ASTRA_SIM_HOME")
"""Looked at before every test takes it out of the environment."""

pytestmark = pytest.mark.skipif(
    REAL is None, reason="no real ASTRA-sim: set ASTRA_SIM_BIN or ASTRA_SIM_HOME to compare with it"
)

LINK = Link(bandwidth_bytes_per_s=5e10, latency_s=5e-7)
SPANS = ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")

SYSTEMS: dict[str, tuple[tuple[tuple[str, int], ...], dict[str, Any]]] = {
    "ring": ((("ring", 16),), {}),
    "switch, two queues": ((("switch", 16),), {"num_queues_per_dim": 2, "active_chunks_per_dimension": 4}),
    "fully connected, chunks": ((("fully_connected", 16),), {"preferred_dataset_splits": 4}),
    "ring, handshakes": ((("ring", 16),), {"rendezvous": True, "endpoint_delay_ns": 25, "injection_scale": 1.75}),
    "switch, slow memory": ((("switch", 16),), {"local_memory_bytes_per_s": 7.5e9, "scheduling_policy": "FIFO"}),
    "ring, recorded durations": ((("ring", 16),), {"compute_encoding": "micros"}),
    "ring, shared bus": (
        (("ring", 16),),
        {"model_shared_bus": True, "bus_latency_ns": 3, "bus_overhead_ns": 2, "bus_gap_ns": 1, "all_reduce": "ring"},
    ),
    "without contention": ((("ring", 16),), {"congestion": "unaware"}),
    "three dimensions": ((("ring", 2), ("fully_connected", 4), ("switch", 2)), {"congestion": "unaware"}),
    "three dimensions, baseline": (
        (("switch", 2), ("ring", 4), ("ring", 2)),
        {"congestion": "unaware", "collective_optimization": "baseline", "preferred_dataset_splits": 3},
    ),
}


def system_of(dimensions: tuple[tuple[str, int], ...]) -> System:
    """A network of equal links."""
    return System(
        dimensions=tuple(Dimension(topology=topology, size=size, link=LINK) for topology, size in dimensions),
        device=Device(name="test"),
    )


def step(system: System) -> Inputs:
    """Two microbatches of dp 2 × pp 4 × tp 2: computes (some of 0 ns), collectives in groups, messages, a world one."""
    rng = random.Random(7)
    stages = 4
    builder = GraphBuilder(Mesh.of(dp=2, pp=stages, tp=2))
    on = [builder.place({"pp": stage}) for stage in range(stages)]
    last: list[list[int]] = [[] for _ in on]

    def layer(name: str, stage: int, after: list[int]) -> list[int]:
        seconds = rng.choice([0, rng.randrange(1, 300_000)]) * 1e-9
        row = builder.compute(name, [(Fixed(seconds), 1)], on=on[stage], after=[*after, *last[stage]])
        kind = rng.choice(["all_reduce", "all_gather", "reduce_scatter", "all_to_all"])
        last[stage] = [builder.collective(f"{name} tp", kind, 1 << 20, axes=["tp"], on=on[stage], after=[row])]
        return last[stage]

    for batch in range(2):
        arrived: list[int] = []
        for stage in range(stages):
            done = layer(f"forward {batch} {stage}", stage, arrived)
            if stage < stages - 1:
                _, row = builder.transfer(
                    f"activation {batch} {stage}", 999_983, source=on[stage], target=on[stage + 1], after=done
                )
                arrived = [row]
    for stage in range(stages):
        builder.collective(f"gradient {stage}", "all_reduce", 1 << 22, axes=["dp"], on=on[stage], after=last[stage])
    builder.collective(
        "norm", "all_reduce", 1 << 16, axes=["dp", "pp", "tp"], after=[row for rows in last for row in rows]
    )
    return pin(builder.build(), system)


def both(pinned: Inputs, system: System, **options: Any) -> tuple[Prediction, Prediction]:
    """The embedded engine's prediction and the real program's."""
    assert REAL is not None
    ours, theirs = (
        AstraSimBackend().simulate(
            SimulationRequest(inputs=pinned.on(system), options=BackendOptions(engine=engine, binary=REAL, **options))
        )
        for engine in ("embedded", "binary")
    )
    return ours, theirs


def of_every_rank(prediction: Prediction) -> dict[tuple[int, int], list[int]]:
    """Ready, start, end and resource by node and rank, of the ranks that another stands for, too."""
    members: dict[int, list[int]] = {}
    for rank, stands in enumerate(prediction.representative.tolist()):
        members.setdefault(stands, []).append(rank)
    columns = [getattr(prediction.spans, name).tolist() for name in SPANS]
    return {(node, rank): figures for node, stands, *figures in zip(*columns, strict=True) for rank in members[stands]}


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_node_runs_at_the_same_nanosecond(name: str) -> None:
    """Finishes of ranks, and when each node was ready, began and ended."""
    dimensions, options = SYSTEMS[name]
    system = system_of(dimensions)
    ours, theirs = both(step(system), system, **options)
    assert theirs.status is Status.COMPLETED, theirs.diagnosis
    assert theirs.finish_ps.tolist() == ours.finish_ps.tolist()
    assert of_every_rank(theirs) == of_every_rank(ours)
    assert "times per node are those the real program logged" in theirs.diagnosis


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_figure_of_a_rank_is_the_same(name: str, tmp_path: Path) -> None:
    """What the program prints when a rank finishes: class times, overlap, and with the roofline its averages."""
    assert REAL is not None
    dimensions, options = SYSTEMS[name]
    system = system_of(dimensions)
    translation = translate(step(system), system, BackendOptions(**options))
    write_input(translation.given, tmp_path)
    path = launch.find_program(REAL, translation.options.congestion, {})
    printed = running.run_program(path, translation.given, tmp_path, 60).output.ranks
    given = translation.given
    statistics = simulate(
        given.traces, given.network_config(), given.system_config(), groups=given.groups, memory=given.memory_config()
    ).statistics
    assert len(printed) == len(statistics)
    for rank, figures in printed.items():
        ours = statistics[rank]
        assert figures.exposed_communication_ns == ours.exposed_comm_ns
        classes = {"Wall": ours.wall_ns, "GPU": ours.gpu_ns, "Comm": ours.comm_ns}
        assert figures.class_ns == {key: value for key, value in classes.items() if value is not None}
        assert figures.overlap_ns == ours.overlap_ns
        averages = ours.roofline
        wanted = (
            {}
            if averages is None
            else {
                "compute bound percentage": averages.compute_bound_pct,
                "compute utilization": averages.compute_utilization_pct,
                "memory utilization": averages.memory_utilization_pct,
                "operation intensity": averages.intensity_flop_per_byte,
            }
        )
        assert {key: f"{value:.3f}" for key, value in figures.averages.items()} == {
            key: f"{value:.3f}" for key, value in wanted.items()
        }


def test_a_deadlock_stops_both_at_the_same_nodes() -> None:
    """Two ranks enter two collectives in different order."""
    builder = GraphBuilder(Mesh.of(tp=2))
    for rank, order in ((0, "ab"), (1, "ba")):
        row = builder.compute("start", [(Fixed(1e-6), 1)], on={"tp": rank})
        for match in order:
            size_bytes = 64 if match == "a" else 4096
            row = builder.collective(
                match, "all_reduce", size_bytes, axes=["tp"], match=match, on={"tp": rank}, after=[row]
            )
    system = system_of((("fully_connected", 2),))
    ours, theirs = both(pin(builder.build(), system), system)
    assert ours.status is theirs.status is Status.DEADLOCK
    assert theirs.waiting == ours.waiting
    assert set(ours.diagnosis) <= set(theirs.diagnosis)
    for column in SPANS:
        assert np.array_equal(getattr(theirs.spans, column), getattr(ours.spans, column)), column


def test_no_line_of_a_long_log_is_lost() -> None:
    """The log rotates at 10 MiB, ten times; this one would have rotated its beginning away."""
    builder = GraphBuilder(Mesh.of(tp=16))
    row: list[int] = []
    for number in range(24_000):
        row = [builder.compute(f"layer {number}", [(Fixed((1 + number % 7) * 1e-9), 1)], after=row)]
    system = system_of((("ring", 16),))
    ours, theirs = both(pin(builder.build(), system), system)
    assert "times per node are those the real program logged" in theirs.diagnosis
    assert of_every_rank(theirs) == of_every_rank(ours)


def test_communications_alone_take_as_long_and_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network timing, of every kind on every topology; the second time no program is run."""
    assert REAL is not None
    monkeypatch.setenv("VERSIM_CACHE_DIR", str(tmp_path))
    kinds = [Kind.ALL_REDUCE, Kind.ALL_GATHER, Kind.REDUCE_SCATTER, Kind.ALL_TO_ALL, Kind.POINT_TO_POINT]
    for topology in ("ring", "switch", "fully_connected"):
        system = system_of(((topology, 8),))
        messages = [
            Message(kind=kind, size_bytes=1 << 20, participants=len(ranks), axis="dp", ranks=ranks, algorithm="")
            for kind in kinds
            for ranks in ([(1, 6)] if kind is Kind.POINT_TO_POINT else [(0, 2, 4, 6), tuple(range(8))])
        ]
        for network in ("isolated", "scenario"):
            options: Any = {"network": network}
            embedded = AstraSimTiming().network(TimingOptions(**options))
            real = AstraSimTiming().network(TimingOptions(engine="binary", binary=REAL, **options))
            assert embedded is not None
            assert real is not None
            wanted = embedded.times_s(messages, system).tolist()
            assert real.times_s(messages, system).tolist() == wanted
    assert Cache(tmp_path / "astrasim").entries()
    monkeypatch.setattr(launch, "run", None)
    network_timing._alone_ns.cache_clear()
    assert real.times_s(messages, system).tolist() == wanted


@pytest.mark.parametrize("congestion", ["aware", "unaware"])
def test_the_program_can_do_what_is_asked_of_it(congestion: str) -> None:
    """What ``versim doctor`` says of it."""
    assert REAL is not None
    path = launch.find_program(REAL, congestion, {})
    lines = list(capabilities.of_program(path, congestion))
    assert all(line.found and "differ" not in line.detail for line in lines), lines


@pytest.mark.parametrize("how", ["kind", "node", "replay"])
def test_described_collectives_and_replaying_are_the_same(how: str, tmp_path: Path) -> None:
    """Traces of who sends what to whom, for a kind of collective or for one node; durations as recorded."""
    builder = GraphBuilder(Mesh.of(dp=2))
    row = builder.compute("work", [(Fixed(3e-6), 1)])
    for name in ("first", "second"):
        row = builder.collective(name, "all_reduce", 1 << 20, axes=["dp"], after=[row])
    system = system_of((("fully_connected", 2),))
    ranks = [[send(0, to=1 - rank, size=100, tag=1), recv(1, of=1 - rank, size=100, tag=1)] for rank in range(2)]
    prefix = written(tmp_path / "exchange", ranks)
    (tmp_path / "map.yml").write_text(yaml.safe_dump({1: str(prefix)}), encoding="utf-8")
    options: dict[str, Any] = {
        "kind": {"all_reduce_custom": str(prefix)},
        "node": {"per_node_custom": str(tmp_path / "map.yml")},
        "replay": {"replay_only": True, "compute_encoding": "micros"},
    }
    ours, theirs = both(pin(builder.build(), system), system, **options[how])
    assert theirs.status is Status.COMPLETED, theirs.diagnosis
    for column in SPANS:
        assert np.array_equal(getattr(theirs.spans, column), getattr(ours.spans, column)), column


def test_memory_options_change_nothing() -> None:
    """The program takes them: tracking of memory, and a remote memory that nothing reaches."""
    system = system_of((("ring", 16),))
    ours, theirs = both(
        step(system),
        system,
        track_local_mem=True,
        local_mem_trace_filename="memory.trace",
        remote_memory="PER_NODE_MEMORY_EXPANSION",
        remote_memory_latency_ns=100,
        remote_memory_bytes_per_ns=25,
        remote_memory_nodes=2,
        remote_memory_npus_per_node=8,
    )
    assert theirs.status is Status.COMPLETED, theirs.diagnosis
    assert theirs.finish_ps.tolist() == ours.finish_ps.tolist()
