"""Chunks whose end is known by formula give what message-by-message simulation gives, ties included."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from exact_steps import both, collective, timed
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, closed_forms, repetition, simulate
from versim_astrasim.engine.closed_forms import ClosedForm

KINDS = ("ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL")
NETWORKS = (
    ("FullyConnected", 4, True),
    ("FullyConnected", 6, True),
    ("FullyConnected", 8, True),
    ("Switch", 4, True),
    ("Switch", 5, True),
    ("Switch", 8, True),
    ("Ring", 3, True),
    ("Ring", 8, True),
    ("Ring", 2, False),
    ("Ring", 8, False),
    ("FullyConnected", 8, False),
    ("Switch", 6, False),
)
START_NS = 60


def program(seed: int) -> dict[str, Any]:
    """A few collectives on all ranks or groups, before each of which ranks wait for a tick in random order."""
    rng = random.Random(seed)
    topology, ranks, aware = rng.choice(NETWORKS)
    network = NetworkConfig.from_mapping(
        {
            "topology": [topology],
            "npus_count": [ranks],
            "bandwidth": [rng.choice([10.0, 2000.0])],
            "latency": [rng.choice([0.0, 1.0, 3.0])],
        },
        congestion_aware=aware,
    )
    power = not ranks & (ranks - 1)
    algorithm = rng.choice(["direct", "direct", f"direct{rng.randint(1, 7)}", *(["halvingDoubling"] * 2 * power)])
    mapping: dict[str, Any] = {
        f"{kind}-implementation": [algorithm] for kind in ("all-reduce", "all-gather", "reduce-scatter")
    }
    mapping |= {
        "all-to-all-implementation": ["direct"],
        "endpoint-delay": rng.choice([1, 2, 5]),
        "preferred-dataset-splits": rng.choice([1, 2, 3]),
        "local-mem-bw": rng.choice([1, 20, 1600]),
        "roofline-enabled": 1,
        "peak-perf": 1,
    }
    order = list(range(ranks))
    rng.shuffle(order)
    groups = {}
    if rng.random() < 0.5 and ranks > 3:
        half = ranks // 2
        groups = {1: tuple(order[:half]), 2: tuple(order[half : 2 * half])}
    nodes: list[list[dict[str, Any]]] = [[] for _ in range(ranks)]
    for number in range(rng.randint(1, 3)):
        kind, size_bytes, grouped = rng.choice(KINDS), rng.choice([64, 500, 4001]), rng.random() < 0.7
        for rank, own in enumerate(nodes):
            group = next((str(name) for name, members in groups.items() if grouped and rank in members), "")
            first = 4 * number
            wait_ns = rng.randint(1, START_NS - 1)
            own.append(timed(first, wait_ns, *([first - 1] if first else [])))
            own.append(timed(first + 1, START_NS - wait_ns, first))
            if grouped and groups and not group:
                own.append(timed(first + 3, 5, first + 1))
            else:
                own.append(collective(first + 3, kind, size_bytes, first + 1, group=group))
    return {
        "traces": [RankTrace.from_nodes(own) for own in nodes],
        "network": network,
        "system": SystemConfig.from_mapping(mapping),
        "groups": groups,
    }


@settings(max_examples=500)
@given(seed=st.integers(0, 10**9))
def test_formulas_change_nothing(seed: int) -> None:
    """Random collectives that start in one tick give equal outcomes down to the order within ticks."""
    auto, plain = both(program(seed))
    assert auto == plain


def test_each_formula_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """The property above is not empty: of every network and algorithm there are cases with a formula."""
    met: set[tuple[str, str, str]] = set()

    def watched(*arguments: Any) -> ClosedForm | None:
        form = closed_forms.closed_form(*arguments)
        chunk, network = arguments[0], arguments[2]
        if form is not None:
            topology = getattr(network, "topology", None)
            met.add((type(topology).__name__, chunk.choice.algorithm.value, chunk.kind.value))
        return form

    monkeypatch.setattr(repetition, "closed_form", watched)
    for seed in range(400):
        simulate(**program(seed))
    for topology in ("FullyConnectedLinks", "SwitchLinks", "NoneType"):
        assert {algorithm for network, algorithm, _ in met if network == topology} == {"direct", "halvingDoubling"}
    assert {kind for _, algorithm, kind in met if algorithm == "direct"} == {
        "all-reduce",
        "all-gather",
        "reduce-scatter",
        "all-to-all",
    }
    assert {topology for topology, algorithm, _ in met if algorithm == "direct"} >= {"RingLinks"}


def _later(form: ClosedForm) -> ClosedForm:
    return attrs.evolve(form, duration_ns=form.duration_ns + 1)


def _reversed(form: ClosedForm) -> ClosedForm:
    return attrs.evolve(form, ends=form.ends[::-1])


def _turned(form: ClosedForm) -> ClosedForm:
    return attrs.evolve(form, ends=form.ends[1:] + form.ends[:1])


def _without_exchanges(form: ClosedForm) -> ClosedForm:
    return attrs.evolve(form, exchanges=form.exchanges[1:])


def _without_waiting(form: ClosedForm) -> ClosedForm:
    return attrs.evolve(form, exchanges=tuple(attrs.evolve(one, wait_ns=0) for one in form.exchanges))


@pytest.mark.parametrize("plant", [_later, _reversed, _turned, _without_exchanges, _without_waiting])
def test_the_random_collectives_notice_a_wrong_formula(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[ClosedForm], ClosedForm]
) -> None:
    """With a time, an order or messages that are not the real ones, some of them go wrong."""

    def planted(*arguments: Any) -> ClosedForm | None:
        form = closed_forms.closed_form(*arguments)
        return None if form is None else plant(form)

    monkeypatch.setattr(repetition, "closed_form", planted)

    def goes_wrong(seed: int) -> bool:
        auto, plain = both(program(seed))
        return auto != plain

    assert any(goes_wrong(seed) for seed in range(200))


def test_members_that_number_their_jobs_differently_have_no_formula() -> None:
    """Their messages never match; the formula for members that do would end what hangs."""
    inputs = program(1)
    inputs |= {
        "network": NetworkConfig.from_mapping(
            {"topology": ["FullyConnected"], "npus_count": [4], "bandwidth": [10.0], "latency": [1.0]}
        ),
        "groups": {1: (0, 1)},
        "traces": [
            RankTrace.from_nodes(
                [
                    timed(0, 10),
                    *([collective(1, "ALL_TO_ALL", 120, 0, group="1")] if rank < 2 else []),
                    timed(2, 10**6, 0),
                    collective(3, "ALL_TO_ALL", 120, 2),
                ]
            )
            for rank in range(4)
        ],
    }
    auto, plain = both(inputs)
    assert auto == plain
    assert auto["status"] == "unfinished"
