"""The compiled engine gives what the readable one gives: every figure, every order, on random cases with ties."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from products import product
from versim import Degradation
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, Status, SystemConfig, simulate
from versim_astrasim.engine.kernel import kernel_reason
from versim_proof.astrasim.cases import case_inputs

sys.path.insert(0, str(Path(__file__).parents[2] / "fuzz"))

import engine_cases
import kernel
from kernel import differences, tied_step

needs_kernel = pytest.mark.skipif(bool(kernel_reason()), reason=kernel_reason())

CASES = 300
PRODUCTS = 60


@needs_kernel
def test_random_cases_come_out_alike() -> None:
    """Networks, algorithms, groups and steps of all kinds, half of them with ties nearly everywhere."""
    counts = kernel.run(CASES, seed=3)
    assert counts["compared"] > CASES // 2


@needs_kernel
def test_networks_of_several_dimensions_come_out_alike() -> None:
    """Where a network is asked for its ways, the kernel asks the same Python; links, loads and ties are its own."""
    compared = 0
    for number in range(66):
        kind = ("dimensions", "programs", "groups", "messages", "step", "collective")[number % 6]
        source = random.Random(f"product-{number}")
        given = case_inputs(engine_cases.case(kind, source))
        count = len(given.network.npus_count)
        network = product(
            given.network.topology,
            given.network.npus_count,
            given.network.bandwidth_gib_per_s,
            given.network.latency_ns,
            tuple(source.choice([1.0, 1.0, 2.0]) for _ in range(count)),
        )
        inputs: tuple[Any, ...] = (given.traces, network, given.system)
        compiled = simulate(*inputs, groups=given.groups, memory=given.memory)
        if compiled.engine == "kernel":
            readable = simulate(*inputs, groups=given.groups, memory=given.memory, engine="python")
            assert not differences(compiled, readable), (kind, number)
            compared += 1
    assert compared > 33


def degradation(source: random.Random, sizes: Sequence[int]) -> Degradation:
    """A card that is slow, far off or down."""
    return Degradation(
        dimension=source.randrange(len(sizes)),
        ranks=(source.randrange(math.prod(sizes)),),
        **source.choice([{"bandwidth_factor": 0.5}, {"added_latency_s": 3e-9}, {"down": True}]),
    )


HOP_NS, ENDPOINT_NS = 8, 10
"""64 bytes at 16 bytes/ns with 4 ns of latency; the endpoint step of a group."""

LAST_SENT_NS = ENDPOINT_NS + 5 * (HOP_NS + ENDPOINT_NS)
"""When the last of six messages of a ring all-reduce among four leaves."""


def equal_ranks_that_differ(engine: Any) -> Outcome:
    """Fully connected 8 in groups of 4: a computation ends in the very tick in which a collective ends.

    The computation before it starts as the last message is sent, and ends as that arrives: on rank 0 before, on the
    others after the message that rank 0, 1 or 2 sent has come in. So rank 0 has a message to send when its all-reduce
    ends and sends it first, the others gather first.
    """
    network = NetworkConfig.from_mapping(
        {"topology": ["FullyConnected"], "npus_count": [8], "bandwidth": [14.901161193847656], "latency": [4]}
    )
    system = SystemConfig.from_mapping(
        {f"{kind}-implementation": ["ring"] for kind in ("all-reduce", "all-gather")}
        | {"preferred-dataset-splits": 1, "local-mem-bw": 1e9, "roofline-enabled": 1, "peak-perf": 1}
    )

    def node(node_id: int, node_type: str, deps: list[int], **attributes: Any) -> dict[str, Any]:
        return {"id": node_id, "type": node_type, "ctrl_deps": deps, "attr": attributes}

    def rank(number: int) -> RankTrace:
        message = {"comm_src": number % 4, "comm_dst": number % 4 + 4, "comm_size": 2048, "comm_tag": number % 4}
        group = str(number // 4 + 1)
        return RankTrace.from_nodes(
            [
                node(0, "COMP_NODE", [], num_ops=LAST_SENT_NS * 1000, tensor_size=1),
                node(1, "COMP_NODE", [0], num_ops=HOP_NS * 1000, tensor_size=1),
                node(2, "COMP_NODE", [1], num_ops=ENDPOINT_NS * 1000, tensor_size=1),
                node(3, "COMM_SEND_NODE" if number < 4 else "COMM_RECV_NODE", [2], **message),
                node(4, "COMM_COLL_NODE", [], comm_type="ALL_REDUCE", comm_size=256, pg_name=group),
                node(5, "COMM_COLL_NODE", [4], comm_type="ALL_GATHER", comm_size=640, pg_name=group),
            ]
        )

    groups = {1: (0, 1, 2, 3), 2: (4, 5, 6, 7)}
    return simulate(
        [rank(number) for number in range(8)], network, system, groups=groups, exactness="plain", engine=engine
    )


@pytest.mark.parametrize("engine", ["python", pytest.param("kernel", marks=needs_kernel)])
def test_ranks_of_equal_work_may_end_apart(engine: str) -> None:
    """Who is served first in a tick depends on who was there first: no shortcut may take equal ranks for one."""
    outcome = equal_ranks_that_differ(engine)
    assert outcome.status is Status.COMPLETED
    assert outcome.spans is not None
    sends = outcome.spans.start_ns[(outcome.spans.node_id == 3) & (outcome.spans.rank < 4)].tolist()
    end_ns = LAST_SENT_NS + HOP_NS + ENDPOINT_NS
    assert [start == end_ns for start in sends] == [True, False, False, False]
    assert len(set(outcome.finish_ns[:4])) > 1


@needs_kernel
def test_products_with_shared_links_come_out_alike() -> None:
    """Random products with shared, slow and dead links, and steps in which nearly everything coincides."""
    compared = 0
    for number in range(PRODUCTS):
        source = random.Random(f"product-{number}")
        shapes = [
            (source.choice(["Ring", "FullyConnected", "Switch"]), source.choice([2, 2, 3, 4]))
            for _ in range(source.choice([1, 2, 2, 3]))
        ]
        topology, sizes = zip(*shapes, strict=True)
        network = product(
            topology,
            sizes,
            tuple(source.choice([8.0, 16.0, 37.3]) for _ in sizes),
            tuple(source.choice([1.0, 4.0, 20.5]) for _ in sizes),
            tuple(source.choice([1.0, 1.0, 2.0]) for _ in sizes),
            degraded=[degradation(source, sizes) for _ in range(source.choice([0, 0, 1, 2]))],
        )
        traces = tied_step(source, network.rank_count)
        system = SystemConfig.from_mapping(
            {
                **{
                    f"{kind}-implementation": [source.choice(["ring", "direct"]) for _ in sizes]
                    for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
                },
                "preferred-dataset-splits": source.choice([1, 2]),
                "active-chunks-per-dimension": source.choice([1, 2]),
                "local-mem-bw": 1600,
                "roofline-enabled": 1,
                "peak-perf": 1,
                "collective-optimization": source.choice(["baseline", "localBWAware"]),
            }
        )
        ranks = network.rank_count
        groups = {1: tuple(range(ranks // 2)), 2: tuple(range(ranks // 2, ranks))}
        compiled = simulate(traces, network, system, groups=groups)
        readable = simulate(traces, network, system, groups=groups, engine="python")
        assert not differences(compiled, readable), number
        compared += compiled.engine == "kernel"
    assert compared > PRODUCTS // 2


@needs_kernel
def test_what_it_cannot_goes_to_python_by_name(
    network: Callable[..., NetworkConfig], system: Callable[..., SystemConfig]
) -> None:
    """Who insists on the compiled engine is told what it lacks; everybody else gets an answer."""
    trace = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 1}])
    bus = system(model_shared_bus=1)
    with pytest.raises(ValueError, match="the shared bus"):
        simulate([trace] * 4, network(), bus, engine="kernel")
    assert simulate([trace] * 4, network(), bus).engine == "python"


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, network: Callable[..., NetworkConfig]) -> None:
    """``VERSIM_KERNEL=off`` is for comparing, and for a library that misbehaves."""
    monkeypatch.setenv("VERSIM_KERNEL", "off")
    trace = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 1}])
    assert simulate([trace] * 4, network(), SystemConfig()).engine == "python"
    assert "VERSIM_KERNEL=off" in kernel_reason()


@needs_kernel
def test_a_run_says_how_far_it_is_and_may_be_interrupted(
    monkeypatch: pytest.MonkeyPatch, network: Callable[..., NetworkConfig], system: Callable[..., SystemConfig]
) -> None:
    """It works in slices; between two of them it tells its share, and whatever that raises ends the run."""
    monkeypatch.setattr("versim_astrasim.engine.kernel.ENTRIES_AT_ONCE", 500)
    nodes: list[dict[str, Any]] = [
        {
            "id": number,
            "type": "COMM_COLL_NODE",
            "ctrl_deps": [number - 1] if number else [],
            "attr": {"comm_type": "ALL_REDUCE", "comm_size": 1 << 20},
        }
        for number in range(20)
    ]
    traces = [RankTrace.from_nodes(nodes)] * 8
    shares: list[float] = []
    simulate(traces, network(npus=8), system(), progress=shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[len(shares) // 2] < 1

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(traces, network(npus=8), system(), progress=interrupt)


@needs_kernel
@pytest.mark.parametrize("raised", [KeyboardInterrupt(), ValueError("a slip")])
def test_what_is_raised_while_the_kernel_asks_ends_the_run(
    raised: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves a callback is lost otherwise: Ctrl-C, too, and with it the wish to end."""
    network = product(("Ring", "Ring"), (2, 3), (8.0, 8.0), (1.0, 1.0), (1.0, 1.0), degraded=[])

    def wires(*_: object) -> Any:
        raise raised

    monkeypatch.setattr(type(network.ways), "wires", wires)
    node = {"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": "ALL_REDUCE", "comm_size": 1 << 20}}
    kinds = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
    system = SystemConfig.from_mapping(
        {f"{kind}-implementation": ["ring", "ring"] for kind in kinds}
        | {"preferred-dataset-splits": 1, "active-chunks-per-dimension": 1, "collective-optimization": "baseline"}
    )
    with pytest.raises(type(raised)):
        simulate([RankTrace.from_nodes([node])] * 6, network, system, engine="kernel")


@needs_kernel
def test_a_large_run_that_hangs_is_told_without_python(
    monkeypatch: pytest.MonkeyPatch, network: Callable[..., NetworkConfig], system: Callable[..., SystemConfig]
) -> None:
    """Simulating millions of messages again to say why would take hours; the kernel's own columns name what is open."""
    monkeypatch.setattr("versim_astrasim.engine.kernel_answers.MOST_DIAGNOSED_MESSAGES", -1)
    receive = {"comm_src": 1, "comm_dst": 0, "comm_size": 64, "comm_tag": 3}
    waits = RankTrace.from_nodes([{"id": 7, "name": "lost", "type": "COMM_RECV_NODE", "attr": receive}])
    works = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "duration_micros": 1}])
    outcome = simulate([waits, works, works, works], network(), system())
    assert (outcome.engine, outcome.status) == ("kernel", Status.UNFINISHED)
    assert outcome.unfinished_ranks == (0,)
    assert "node 7 (lost) was issued at 0 ns and never completed" in outcome.diagnosis[0].text
    broken = RankTrace.from_nodes(
        [{"id": 0, "type": "COMM_SEND_NODE", "attr": {"comm_dst": 9, "comm_size": 64, "comm_tag": 0}}]
    )
    outcome = simulate([broken, works, works, works], network(), system())
    assert (outcome.engine, outcome.status) == ("kernel", Status.ABORTED)
    assert "cannot be reached" in outcome.diagnosis[0].text
