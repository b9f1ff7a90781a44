"""What if this link ran at a tenth: nobody gets faster, and who does not notice says so."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from versim import Degradation, Dimension, Link, compare, load_registry, load_scenario
from versim.registry import Registry
from versim.scenario import Instance, Scenario, SystemPart, TimingChoice, Workload

REGISTRY: Registry = load_registry()


def scenario_on(dimensions: list[Dimension], kind: str, degraded: list[Degradation]) -> Scenario:
    """One collective of everybody."""
    size = dimensions[0].size * dimensions[1].size
    return Scenario(
        name="what if",
        workloads=[
            Workload(
                label="it",
                producer="collective",
                options={"kind": kind, "participants": size, "size_bytes": [1 << 22]},
            )
        ],
        system=SystemPart(dimensions=dimensions, degraded=degraded),
        backends=[
            Instance(label="closed form", backend="deepflow", network=TimingChoice(timing="alpha-beta")),
            Instance(label="hybrid", backend="deepflow", network=TimingChoice(timing="astrasim")),
            Instance(label="simulated", backend="astrasim"),
            Instance(label="unaware", backend="astrasim", options={"congestion": "unaware"}),
        ],
    )


@settings(max_examples=12, deadline=None)
@given(
    topologies=st.tuples(*[st.sampled_from(["ring", "switch", "fully_connected"])] * 2),
    sizes=st.tuples(st.integers(2, 4), st.integers(2, 3)),
    dimension=st.integers(0, 1),
    kind=st.sampled_from(["all_reduce", "all_gather", "reduce_scatter"]),
    data=st.data(),
)
def test_a_link_at_a_tenth(
    topologies: tuple[str, str], sizes: tuple[int, int], dimension: int, kind: str, data: st.DataObject
) -> None:
    """No makespan falls; it rises in everyone who has the link, or the first line names who has not."""
    made = [
        Dimension(topology=topology, size=size, link=Link(bandwidth_bytes_per_s=rate, latency_s=1e-6))
        for topology, size, rate in zip(topologies, sizes, (40e9, 20e9), strict=True)
    ]
    rank = data.draw(st.integers(0, sizes[0] * sizes[1] - 1))
    slow = [Degradation(dimension=dimension, ranks=[rank], bandwidth_factor=0.1)]
    whole, tenth = (compare(scenario_on(made, kind, degraded), registry=REGISTRY).results() for degraded in ([], slow))
    for (_, _, before), (_, _, after) in zip(whole, tenth, strict=True):
        assert before.prediction.makespan_ps is not None
        assert after.prediction.makespan_ps is not None
        assert after.prediction.makespan_ps >= before.prediction.makespan_ps
        (check,) = [check for check in after.checks if check.name == "network"]
        if after.label == "unaware":
            assert check.declared
        else:
            assert check.passed or check.declared
            assert after.prediction.makespan_ps > before.prediction.makespan_ps


def test_down_is_gone_round_or_told() -> None:
    """A card that is down sends its traffic over its neighbours', and costs time."""
    made = [
        Dimension(topology="switch", size=2, link=Link(bandwidth_bytes_per_s=40e9, latency_s=1e-6)),
        Dimension(topology="switch", size=2, link=Link(bandwidth_bytes_per_s=20e9, latency_s=1e-6)),
    ]
    down = [Degradation(dimension=1, ranks=[1], down=True)]
    for instance in scenario_on(made, "all_reduce", down).backends[:2]:
        whole, cut = (
            compare(attrs.evolve(scenario_on(made, "all_reduce", broken), backends=[instance]), registry=REGISTRY)
            for broken in ([], down)
        )
        before, after = (report.results()[0][2].prediction.makespan_ps for report in (whole, cut))
        assert before is not None
        assert after is not None
        assert after > before


def test_the_shipped_scenario_shows_who_suffers() -> None:
    """With the card whole everybody is faster, and who has degraded links waits for it on the critical path."""
    report = compare("degraded", registry=REGISTRY)
    scenario = load_scenario("degraded", REGISTRY)
    assert scenario.system is not None
    healthy = compare(attrs.evolve(scenario, system=attrs.evolve(scenario.system, degraded=())), registry=REGISTRY)
    for (_, _, slow), (_, _, whole) in zip(report.results(), healthy.results(), strict=True):
        assert slow.prediction.makespan_ps is not None
        assert whole.prediction.makespan_ps is not None
        (check,) = [check for check in slow.checks if check.name == "network"]
        if slow.label == "unaware":
            assert slow.prediction.makespan_ps == whole.prediction.makespan_ps
            assert "dp too fast for dimension 1 (50 GB/s)" in check.detail
            assert "degraded or down" in check.declared
        else:
            assert slow.prediction.makespan_ps > 1.5 * whole.prediction.makespan_ps
            assert slow.critical_path is not None
            waits = {step.rank for step in slow.critical_path.steps if step.duration_ps > 40e9}
            assert waits, "the slow card is on the critical path"
