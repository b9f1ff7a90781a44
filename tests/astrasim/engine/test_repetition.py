"""Collectives that repeat what was simulated once give what message-by-message simulation gives, ties included."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pytest
from exact_steps import both, collective, timed
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, repetition, simulate
from versim_astrasim.engine.repetition import RepeatedOp, Repetition

KINDS = ("ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL")
NETWORKS: tuple[tuple[list[str], list[int]], ...] = (
    (["Ring"], [4]),
    (["Ring"], [6]),
    (["FullyConnected"], [4]),
    (["Switch"], [4]),
    (["Switch"], [5]),
    (["Ring", "Switch"], [3, 2]),
    (["FullyConnected", "Ring"], [2, 4]),
)
ALGORITHMS = ("ring", "direct", "direct", "direct2", "halvingDoubling", "doubleBinaryTree")


def machine(rng: random.Random, **keys: Any) -> tuple[NetworkConfig, SystemConfig]:
    """A small machine with times of a few ns."""
    topology, counts = rng.choice(NETWORKS)
    algorithm = rng.choice(ALGORITHMS if all(not count & (count - 1) for count in counts) else ALGORITHMS[:4])
    network = NetworkConfig.from_mapping(
        {
            "topology": topology,
            "npus_count": counts,
            "bandwidth": [10.0] * len(counts),
            "latency": [rng.choice([0.0, 1.0, 3.0])] * len(counts),
        },
        **({"congestion_aware": False} if len(counts) > 1 else {}),
    )
    # Halving-doubling and the tree do not offer all-to-all or anything but all-reduce.
    names = {"all-reduce": algorithm, "all-gather": algorithm, "reduce-scatter": algorithm, "all-to-all": algorithm}
    if algorithm == "halvingDoubling":
        names["all-to-all"] = "direct"
    mapping: dict[str, Any] = {f"{kind}-implementation": [name] * len(counts) for kind, name in names.items()}
    mapping |= {
        "endpoint-delay": rng.choice([0, 1, 2, 5]),
        "preferred-dataset-splits": rng.choice([1, 2, 3]),
        "active-chunks-per-dimension": rng.choice([1, 1, 2, 3]),
        "local-mem-bw": rng.choice([1, 1600]),
        "collective-optimization": rng.choice(["baseline", "localBWAware"]),
        "roofline-enabled": 1,
        "peak-perf": 1,
    }
    return network, SystemConfig.from_mapping(mapping | keys, num_queues_per_dim=rng.choice([1, 1, 2, 3]))


def program(seed: int) -> dict[str, Any]:
    """Random steps of compute, collectives of all or of groups and messages, with few different sizes.

    Most steps follow the one before on every rank, so that collectives often start together and alone; stragglers,
    messages and compute beside them make them just miss it.
    """
    rng = random.Random(seed)
    network, system = machine(rng)
    ranks = int(np.prod(network.npus_count))
    world = list(range(ranks))
    rng.shuffle(world)
    groups = {1: tuple(world[: ranks // 2]), 2: tuple(world[ranks // 2 :])}
    if rng.random() < 0.3:
        groups = {1: tuple(world)}
    if min(map(len, groups.values())) < 2 or (seed % 3 and len(groups) > 1):
        groups = {}
    chained, straggling = rng.choice([1.0, 0.9, 0.6]), rng.choice([0.0, 0.0, 0.1, 0.4])
    steps = [
        (rng.random(), rng.choice(KINDS[: rng.choice([1, 4])]), rng.choice([24, 120, 121]), rng.randint(1, 12))
        for _ in range(rng.randint(3, 14))
    ]
    nodes: list[list[dict[str, Any]]] = [[] for _ in range(ranks)]
    for node_id, (what, kind, size_bytes, duration_ns) in enumerate(steps):
        deps = [node_id - 1] if node_id and rng.random() < chained else []
        pair = rng.sample(range(ranks), 2)
        for rank in range(ranks):
            late = rng.randint(0, 5) if rng.random() < straggling else 0
            node: dict[str, Any]
            if what < 0.2 or (what < 0.3 and rank not in pair):
                node = timed(node_id, duration_ns + late, *deps)
            elif what < 0.3:
                other = pair[1 - pair.index(rank)]
                attributes = {"comm_size": size_bytes, "comm_tag": node_id}
                sends = rank == pair[0]
                node = {
                    "id": node_id,
                    "type": "COMM_SEND_NODE" if sends else "COMM_RECV_NODE",
                    "ctrl_deps": deps,
                    "attr": attributes | {"comm_dst" if sends else "comm_src": other},
                }
            else:
                group = next((str(name) for name, members in groups.items() if rank in members and what < 0.6), "")
                node = collective(node_id, kind, size_bytes, *deps, group=group)
            nodes[rank].append(node)
    return {
        "traces": [RankTrace.from_nodes(own) for own in nodes],
        "network": network,
        "system": system,
        "groups": groups,
    }


@settings(max_examples=500)
@given(seed=st.integers(0, 10**9))
def test_repetition_changes_nothing(seed: int) -> None:
    """Random programs, most of which repeat something, give equal outcomes down to the order within ticks."""
    auto, plain = both(program(seed))
    assert auto == plain


class Tally:
    """Counts what is simulated and what is repeated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen = self.repeated = 0
        consider = Repetition._repeat_or_watch

        def counting(own: Repetition, key: Hashable, *rest: Any) -> None:
            if own._records.get(key) is None:
                self.seen += 1
            else:
                self.repeated += 1
            consider(own, key, *rest)

        monkeypatch.setattr(Repetition, "_repeat_or_watch", counting)


def test_random_programs_repeat_often_and_often_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The property above is not empty."""
    tally = Tally(monkeypatch)
    programs = 0
    for seed in range(100):
        before = tally.repeated
        simulate(**program(seed))
        programs += tally.repeated > before
    assert 25 <= programs <= 90
    assert tally.repeated > 100
    assert tally.seen > 100


def _unordered(original: Callable[..., Any]) -> Callable[..., Any]:
    """Batches count in the order of ranks."""

    def key(own: Repetition, keys: tuple[Any, ...], parts: Any, shift: int, tick: int) -> None:
        original(own, tuple(sorted(keys, key=lambda one: int(one[0]))), parts, shift, tick)

    return key


def _without(place: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """One part of each rank's key is left out."""

    def plant(original: Callable[..., Any]) -> Callable[..., Any]:
        def key(*arguments: Any) -> Any:
            own = original(*arguments)
            return own and own[:place] + own[place + 1 :]

        return key

    return plant


def _ending_any_time(original: Callable[..., Any]) -> Callable[..., Any]:
    """Members need not end in one tick."""

    def ended(own: Repetition, part: Any, last: int) -> None:
        watch = own._watch
        if watch is not None and watch.end is not None:
            watch.end = own.now
        original(own, part, last)

    return ended


def _anyhow(_: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_: True


@pytest.mark.parametrize(
    ("owner", "name", "plant"),
    [
        pytest.param(Repetition, "_repeat_or_watch", _unordered, id="order"),
        pytest.param(RepeatedOp, "key", _without(0), id="rank"),
        pytest.param(RepeatedOp, "key", _without(1), id="shape"),
        pytest.param(RepeatedOp, "key", _without(3), id="lanes"),
    ],
)
def test_the_random_programs_notice_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, plant: Callable[[Any], Any]
) -> None:
    """Without such a part of the key, some of the random programs go wrong."""
    monkeypatch.setattr(owner, name, plant(getattr(owner, name)))

    def goes_wrong(seed: int) -> bool:
        auto, plain = both(program(seed))
        return auto != plain

    assert any(goes_wrong(seed) for seed in range(500))


def chain(topology: str, algorithm: str, ranks: int, length: int, **keys: Any) -> dict[str, Any]:
    """All-reduces one after another on all ranks."""
    network = NetworkConfig.from_mapping(
        {"topology": [topology], "npus_count": [ranks], "bandwidth": [50.0], "latency": [500.0]}
    )
    mapping: dict[str, Any] = {f"{kind}-implementation": [algorithm] for kind in ("all-reduce", "all-to-all")}
    mapping |= {"endpoint-delay": 10, "preferred-dataset-splits": 4, "local-mem-bw": 1600}
    mapping |= {"roofline-enabled": 1, "peak-perf": 1}
    trace = RankTrace.from_nodes(
        [collective(number, "ALL_REDUCE", 1 << 20, *range(max(0, number - 1), number)) for number in range(length)]
    )
    return {"traces": [trace] * ranks, "network": network, "system": SystemConfig.from_mapping(mapping | keys)}


def test_ranks_that_number_their_jobs_differently_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collective that hangs because its members' tags differ is not taken for the one before."""
    inputs = chain("Switch", "direct", 4, 1)
    inputs["groups"] = {1: (0, 1)}
    inputs["traces"] = [
        RankTrace.from_nodes(
            [
                collective(0, "ALL_REDUCE", 120),
                timed(1, 10**6, 0),
                *([collective(2, "ALL_REDUCE", 120, 0, group="1")] if rank < 2 else []),
                collective(3, "ALL_REDUCE", 120, 1),
            ]
        )
        for rank in range(4)
    ]
    auto, plain = both(inputs)
    assert auto == plain
    assert auto["status"] == "unfinished"
    monkeypatch.setattr(RepeatedOp, "key", _without(2)(RepeatedOp.key))
    assert both(inputs)[0]["status"] == "completed"


def test_what_is_kept_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collectives of ever new sizes do not fill the memory: the oldest are forgotten, and still nothing changes."""
    monkeypatch.setattr(repetition, "MOST_KEPT", 60)
    kept: list[int] = []
    keep = Repetition._keep

    def watched(own: Repetition, *arguments: Any) -> None:
        keep(own, *arguments)
        kept.append(len(own._records))

    monkeypatch.setattr(Repetition, "_keep", watched)
    inputs = chain("Switch", "direct", 8, 1)
    sizes = [1024 * (1 + number % 5) for number in range(20)]
    trace = RankTrace.from_nodes(
        [
            collective(number, "ALL_REDUCE", size, *range(max(0, number - 1), number))
            for number, size in enumerate(sizes)
        ]
    )
    inputs["traces"] = [trace] * 8
    auto, plain = both(inputs)
    assert auto == plain
    assert len(kept) == 20
    assert max(kept) == 2


def test_what_ends_at_different_ticks_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a ring, halving-doubling with two chunks at once ends earlier on some ranks; compute fills the difference."""
    inputs = chain("Ring", "halvingDoubling", 4, 1, **{"active-chunks-per-dimension": 2})
    ends_ns = simulate(**inputs).finish_ns
    assert len(set(ends_ns)) > 1
    inputs["traces"] = []
    for end_ns in ends_ns:
        nodes = [collective(0, "ALL_REDUCE", 1 << 20)]
        for number in range(1, 12, 2):
            nodes.append(timed(number, 10**6 - (end_ns or 0), number - 1))
            nodes.append(collective(number + 1, "ALL_REDUCE", 1 << 20, number))
        inputs["traces"].append(RankTrace.from_nodes(nodes))
    tally = Tally(monkeypatch)
    auto, plain = both(inputs)
    assert auto == plain
    assert tally.seen > 1
    assert not tally.repeated
    monkeypatch.setattr(Repetition, "ended", _ending_any_time(Repetition.ended))
    monkeypatch.setattr(Repetition, "_ends_alone", _anyhow(Repetition._ends_alone))
    assert both(inputs)[0] != plain


@pytest.mark.parametrize(
    ("topology", "algorithm", "active_chunks"),
    [
        ("Switch", "direct", 1),
        ("Ring", "direct", 1),
        ("FullyConnected", "direct2", 1),
        ("FullyConnected", "halvingDoubling", 1),
        ("Switch", "halvingDoubling", 4),
        ("Ring", "ring", 4),
        ("Switch", "ring", 4),
    ],
)
def test_chains_are_simulated_once(
    monkeypatch: pytest.MonkeyPatch, topology: str, algorithm: str, active_chunks: int
) -> None:
    """Of collectives one after another, one chunk or one whole collective is simulated and the others repeat it."""
    inputs = chain(topology, algorithm, 8, 6, **{"active-chunks-per-dimension": active_chunks})
    tally = Tally(monkeypatch)
    auto, plain = both(inputs)
    assert auto == plain
    assert tally.seen == 1
    assert tally.repeated == (4 * 6 if active_chunks == 1 else 6) - 1
