"""Causes add up to the effect they explain, and a planted cause is found."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import versim
import versim_basics.plugin
from hypothesis import given
from hypothesis import strategies as st
from versim import (
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Mesh,
    Message,
    NoOptions,
    Prediction,
    Registry,
    SimulationRequest,
    hookimpl,
    instances_of,
    messages_of,
    prediction_of,
    replay,
)
from versim.comparison.causes import Asked, CauseKind, causes_of, shared
from versim.scenario.load import structure_scenario

MESSAGE = Message(Kind.ALL_REDUCE, 1 << 20, 2, "dp", (0, 4))
TIMES = st.builds(
    Asked,
    alone_ps=st.integers(0, 10**13),
    near_ps=st.integers(0, 10**13),
    instant_ps=st.integers(0, 10**13),
    bare_ps=st.integers(0, 10**13),
    whole_ps=st.none() | st.integers(0, 10**13),
)


@given(total=st.integers(-(10**15), 10**15), parts=st.lists(st.integers(-(10**13), 10**13), min_size=5, max_size=5))
def test_shares_add_up_to_the_picosecond(total: int, parts: list[int]) -> None:
    """Whatever the signs, also where the parts cancel."""
    kinds = [kind for kind in CauseKind if kind is not CauseKind.OTHERS]
    assert sum(shared(total, dict(zip(kinds, parts, strict=True))).values()) == total


@given(
    effect=st.integers(-(10**15), 10**15),
    contention=st.none() | st.integers(-(10**15), 10**15),
    times=st.lists(st.tuples(st.integers(1, 1000), TIMES, TIMES), min_size=1, max_size=3),
)
def test_causes_add_up_to_the_effect(
    effect: int, contention: int | None, times: list[tuple[int, Asked, Asked]]
) -> None:
    """Of any two simulators; contention that is known apart is a cause of its own."""
    asked = [(attrs.evolve(MESSAGE, size_bytes=size + 1), *entry) for size, entry in enumerate(times)]
    found = causes_of("all_reduce over dp", effect, contention, asked, 4)
    assert sum(cause.effect_ps for cause in found.causes) == effect
    others = [cause.effect_ps for cause in found.causes if cause.kind is CauseKind.OTHERS]
    assert sum(others) == (contention or 0)


def test_parts_of_a_time_add_up_to_it() -> None:
    """What latency and the way share is named; what degraded links cost comes before all of it."""
    parts = Asked(alone_ps=150, near_ps=40, instant_ps=70, bare_ps=30, whole_ps=100).parts_ps()
    assert parts == {
        CauseKind.DEGRADED: 50,
        CauseKind.WAY: 60,
        CauseKind.LATENCY: 30,
        CauseKind.BOTH: -20,
        CauseKind.BYTES: 30,
    }


@attrs.frozen
class Planted:
    """A simulator whose communications take the bytes over the link, and more for one reason."""

    name: str
    reason: str = ""
    options: type = NoOptions

    def seconds(self, message: Message, request: SimulationRequest) -> float:
        """Of one communication."""
        system = request.inputs.system
        link = system.dimensions[0].link
        hops = len(system.fabric.path(message.ranks[0], message.ranks[-1]))
        bytes_s = message.size_bytes / link.bandwidth_bytes_per_s
        more = {"": 0.0, "way": bytes_s * (hops - 1), "latency": 3 * link.latency_s, "slow": 2 * bytes_s}
        more["degraded"] = 3 * bytes_s if system.degraded else 0.0
        return bytes_s + link.latency_s + more[self.reason]

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Every communication as if alone."""
        inputs = request.inputs
        times_ps = [round(self.seconds(message, request) * 1e12) for message in messages_of(inputs.graph)]
        instances = instances_of(inputs.graph)
        meeting_ps = np.array(times_ps, dtype=np.int64)[instances.meeting_match]
        ran = replay(instances, inputs.compute_ns * 1000, meeting_ps)
        return prediction_of(inputs, instances, ran, simulator=self.name, engine="planted")


@attrs.frozen
class Step:
    """Compute and a sum over ranks that are four apart."""

    name: str = "step"
    options: type = NoOptions

    def produce(self, options: Any) -> ExecutionGraph:  # noqa: ARG002
        """The graph."""
        builder = GraphBuilder(Mesh.of(dp=2, pp=4))
        work = builder.compute("work", [(Fixed(1e-3), 1)])
        builder.collective("sum", Kind.ALL_REDUCE, 1 << 20, axes=["dp"], after=[work])
        return builder.build()


class Plugin:
    """Offers them all."""

    @hookimpl
    def versim_backends(self) -> list[Planted]:
        """One per reason."""
        return [Planted("plain"), *(Planted(reason, reason) for reason in ("way", "latency", "slow", "degraded"))]

    @hookimpl
    def versim_graph_producers(self) -> list[Step]:
        """The step."""
        return [Step()]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("way", CauseKind.WAY),
        ("latency", CauseKind.LATENCY),
        ("slow", CauseKind.BYTES),
        ("degraded", CauseKind.DEGRADED),
    ],
)
def test_a_planted_cause_is_the_one_that_is_named(reason: str, kind: CauseKind) -> None:
    """The whole difference is its, and nothing else's."""
    registry = Registry.of({"planted": Plugin(), "basics": versim_basics.plugin})
    document: dict[str, Any] = {
        "name": "planted",
        "workloads": [{"label": "step", "producer": "step"}],
        "system": {"dimensions": [{"topology": "ring", "size": 8, "bandwidth": "10 GB/s", "latency": "5 us"}]},
        "backends": [{"label": "plain", "backend": "plain"}, {"label": reason, "backend": reason}],
    }
    if kind is CauseKind.DEGRADED:
        document["system"]["degraded"] = [{"dimension": 0, "ranks": [5], "bandwidth_factor": 0.5}]
    report = versim.compare(structure_scenario(document, registry, "test"), registry=registry)
    (comparison,) = report.workloads[0].comparisons
    (found,) = comparison.result(reason).causes
    assert (found.hops, found.effect_ps) == (4, comparison.result(reason).difference_ps)
    assert [(cause.kind, cause.effect_ps) for cause in found.causes] == [(kind, found.effect_ps)]
