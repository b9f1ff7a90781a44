"""What the shipped simulators say, explained: the bundled step, and steps in which sends wait behind all-reduces."""

from __future__ import annotations

from pathlib import Path

import pytest
import versim
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from versim import (
    PS_PER_S,
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
    found = attribute(comparison.inputs, reference, comparison.result(label).prediction, **options)  # type: ignore[arg-type]
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
    found = attribute(comparison.inputs, one, two)
    assert found is not None
    assert found.policy is Policy.FIXED_ORDER
    assert found.difference_ps == -explained(comparison, "astrasim").difference_ps
    assert abs(found.rest_ps) * 100 <= abs(found.difference_ps)


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
        inputs=pinned.on(system), options=structure_options(backend, {"engine": "embedded"}, "$")
    )
    answer = backend.simulate(request)
    assume(answer.completed)  # a message that takes 0 ns aborts it
    (result,) = compare_predictions(pinned.on(system), [answer], "").results
    assert result.failed_checks == ()


def step(folder: Path, options: str) -> Comparison:
    """A step through DeepFlow, and through ASTRA-sim in program order and as DeepFlow's converter feeds it."""
    scenario = folder / "step.yaml"
    scenario.write_text(
        f"""
name: step
description: Sends wait behind all-reduces.
workloads:
  - {{label: step, producer: deepflow-llm, options: {{granularity: pipeline, {options}}}}}
pins:
  - {{label: deepflow, compute: deepflow, folded: deepflow}}
backends:
  - {{label: deepflow, backend: deepflow, network: deepflow}}
  - {{label: program, backend: astrasim}}
  - label: original
    backend: astrasim
    options: {{compute_encoding: micros, node_order: creation, link_decimals: 6}}
reference: deepflow
""",
        encoding="utf-8",
    )
    return versim.compare(scenario).workloads[0].comparisons[0]


LARGE = "hardware: a100-80gb-tp, model: deepflow-bundled, tp: 8, vocabulary: 128256, layers: 8, batch_size: 8"


@pytest.mark.parametrize(
    ("options", "recorded_s", "percent"),
    [
        ("model: small, dp: 2, pp: 2, microbatches: 2, batch_size: 16", 0.013060923, 10.8),
        ("model: small, dp: 2, pp: 4, microbatches: 4, batch_size: 32", 0.028698246, 71),
        ("model: small, dp: 4, pp: 4, microbatches: 4, batch_size: 64", 0.045166856, 166),
        (f"{LARGE}, dp: 2, pp: 4, microbatches: 4", 2.002526394, 183),
    ],
)
def test_sends_that_wait_behind_all_reduces_are_named(
    tmp_path: Path, options: str, recorded_s: float, percent: float
) -> None:
    """The real programs differ by 10.8 % to 183 %, because sends are numbered last and one thing runs at a time.

    That is what the report has to say, first, and with its size: how long all-reduces hold up the critical path is most
    of the difference. In program order, sends do not wait so.
    """
    comparison = step(tmp_path, options)
    result = comparison.result("original")
    # The original numbers nodes by memory address, so its own runs are up to 14 µs apart.
    assert result.prediction.makespan_ps == pytest.approx(recorded_s * PS_PER_S, abs=14e-6 * PS_PER_S)
    assert result.difference_percent == pytest.approx(percent, rel=0.005)
    found = explained(comparison, "original")
    first = found.patterns[0]
    assert (first.waiting, first.behind) == ("point_to_point over pp", "all_reduce over dp")
    last = max(first.ranks)
    assert first.ranks == tuple(range(1, last + 1))
    assert (first.reference_wait_ps, first.reference_on_path_ps) == (0, 0)
    assert first.on_path_ps <= first.wait_ps
    assert first.on_path_ps * 10 > found.difference_ps * 4
    # All that is behind the difference: waiting in turn, and all-reduces that take longer.
    reduced = found.term("all_reduce over dp, backward").effect_ps
    assert found.schedule_order_ps + reduced == pytest.approx(found.difference_ps, rel=0.01)
    assert found.schedule_order_ps > reduced
    assert found.rest_ps == 0
    in_order = explained(comparison, "program")
    sends = [p for p in in_order.patterns if p.waiting == "point_to_point over pp"]
    assert sum(p.on_path_ps for p in sends) * 10 < first.on_path_ps


def test_without_all_reduces_nothing_waits(tmp_path: Path) -> None:
    """One replica: the same simulators agree to less than a thousandth, and no pattern is made up."""
    comparison = step(tmp_path, "model: small, dp: 1, pp: 4, microbatches: 4, batch_size: 16")
    found = explained(comparison, "original")
    assert comparison.result("original").difference_percent == pytest.approx(0.04, abs=0.005)
    assert (found.schedule_order_ps, found.rest_ps) == (0, 0)
    assert [p for p in found.patterns if p.on_path_ps > abs(found.difference_ps) // 100] == []
