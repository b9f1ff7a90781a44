"""What the shipped simulators say, explained: the bundled step, and steps in which sends wait behind all-reduces."""

from __future__ import annotations

from pathlib import Path

import pytest
import versim
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from versim import (
    Comparison,
    Device,
    Dimension,
    GraphBuilder,
    Link,
    Mesh,
    Report,
    SimulationRequest,
    System,
    Topology,
    compare_predictions,
    load_registry,
    pin,
    structure_options,
)
from versim.comparison.attribution import Attribution, Policy, attribute


def explained(comparison: Comparison, label: str, **options: object) -> Attribution:
    """Why an instance differs from the reference."""
    reference = comparison.result(comparison.reference).prediction
    found = attribute(comparison.pinned, reference, comparison.result(label).prediction, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.fixture(scope="module")
def bundled() -> Report:
    """The shipped comparison."""
    return versim.compare("bundled")


def test_nothing_is_left_on_the_bundled_scenario(bundled: Report) -> None:
    """Under every pin, for every instance, less than 1 % of the difference is neither durations nor orders."""
    for workload in bundled.workloads:
        for comparison in workload.comparisons:
            for result in comparison.results:
                found = explained(comparison, result.label)
                assert found.policy is Policy.REPLAY
                assert abs(found.rest_ps) * 100 <= abs(found.difference_ps)


def test_from_astrasim_as_the_reference_little_is_left(bundled: Report) -> None:
    """The other way round the reference's orders and lanes are kept, and as much is explained."""
    comparison = bundled.workloads[0].comparisons[0]
    one, two = (comparison.result(label).prediction for label in ("astrasim", "deepflow"))
    found = attribute(comparison.pinned, one, two)
    assert found is not None
    assert found.policy is Policy.FIXED_ORDER
    assert found.difference_ps == -explained(comparison, "astrasim").difference_ps
    assert abs(found.rest_ps) * 100 <= abs(found.difference_ps)


def step(folder: Path, dp: int, pp: int, microbatches: int) -> Comparison:
    """A small model, through DeepFlow and ASTRA-sim, with nodes numbered as DeepFlow's converter creates them."""
    scenario = folder / "step.yaml"
    scenario.write_text(
        f"""
name: step
description: Sends wait behind all-reduces.
workloads:
  - label: step
    producer: deepflow-llm
    options: {{granularity: pipeline, model: small, dp: {dp}, pp: {pp}, microbatches: {microbatches}}}
pins:
  - {{label: deepflow, compute: deepflow, folded: deepflow}}
backends:
  - {{label: deepflow, backend: deepflow, network: deepflow}}
  - {{label: creation, backend: astrasim, options: {{node_order: creation}}}}
reference: deepflow
""",
        encoding="utf-8",
    )
    return versim.compare(scenario).workloads[0].comparisons[0]


ONE_DIMENSION = st.tuples(st.sampled_from(list(Topology)), st.integers(2, 6))
KINDS = st.sampled_from(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "point_to_point"])


@settings(max_examples=60, deadline=None)
@given(place=ONE_DIMENSION, latency_s=st.sampled_from([0.0, 1e-9, 1e-6]), data=st.data())
def test_no_check_cries_wolf(place: tuple[Topology, int], latency_s: float, data: st.DataObject) -> None:
    """ASTRA-sim with contention is sound: nothing but communication, links without latency, whole nanoseconds."""
    topology, ranks = place
    link = Link(bandwidth_bytes_per_s=data.draw(st.sampled_from([1e9, 1.7889e11])), latency_s=latency_s)
    system = System(dimensions=(Dimension(topology=topology, size=ranks, link=link),), device=Device(name="none"))
    builder = GraphBuilder(Mesh.of(rank=ranks))
    for number, kind in enumerate(data.draw(st.lists(KINDS, min_size=1, max_size=5))):
        size_bytes = ranks * data.draw(st.sampled_from([1, 64, 1000, 1_000_000]))
        if kind == "point_to_point":
            source, target = data.draw(st.permutations(range(ranks)))[:2]
            builder.transfer(f"{number}", size_bytes, source={"rank": source}, target={"rank": target})
        else:
            builder.collective(f"{number}", kind, size_bytes, axes=["rank"])
    pinned = pin(builder.build(), system, label="made")
    backend = load_registry().backend("astrasim")
    request = SimulationRequest(
        pinned=pinned, system=system, options=structure_options(backend, {"engine": "embedded"}, "$")
    )
    answer = backend.simulate(request)
    assume(answer.completed)  # a message that takes 0 ns aborts it
    (result,) = compare_predictions(pinned, system, [answer], "").results
    assert result.failed_checks == ()


@pytest.mark.parametrize(("dp", "pp", "microbatches"), [(2, 2, 2), (2, 4, 4)])
def test_sends_that_wait_behind_all_reduces_are_named(tmp_path: Path, dp: int, pp: int, microbatches: int) -> None:
    """One send or collective of a rank at a time, sends numbered last: that is what the report has to say, first."""
    found = explained(step(tmp_path, dp, pp, microbatches), "creation")
    first = found.patterns[0]
    assert (first.waiting, first.behind) == ("point_to_point over pp", "all_reduce over dp")
    assert first.ranks == tuple(range(1, pp))
    assert first.reference_wait_ps == 0
    assert 0 < first.on_path_ps <= first.wait_ps
    # Waiting in turn explains most of the difference, and durations the rest.
    assert found.schedule_order_ps * 2 > found.difference_ps
    assert abs(found.rest_ps) * 100 <= found.difference_ps
