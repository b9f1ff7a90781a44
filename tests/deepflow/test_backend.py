"""The backend: DeepFlow's event loop on a pinned graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim import (
    NO_TIME,
    NS_PER_S,
    PS_PER_S,
    Fixed,
    GraphBuilder,
    Inputs,
    Mesh,
    Prediction,
    SimulationRequest,
    Status,
    System,
    pin,
)
from versim_deepflow.backend import DeepFlow, DeepFlowOptions, Roots
from versim_deepflow.options import LlmOptions, step_of
from versim_deepflow.producer import DeepFlowLlm
from versim_deepflow.timing import DeepFlowTiming, DeepFlowTimingOptions

TIMING, TIMING_OPTIONS = DeepFlowTiming(), DeepFlowTimingOptions()
BUNDLED: dict[str, Any] = {"model": "deepflow-bundled", "dp": 2, "pp": 4, "tp": 4, "microbatches": 4}


def pinned(**options: Any) -> tuple[Inputs, System]:
    """A pinned graph of the producer, and what it runs on."""
    producer, chosen = DeepFlowLlm(), LlmOptions(**options)
    graph, system = producer.produce(chosen), producer.system(chosen)
    return pin(graph, system, TIMING.compute(TIMING_OPTIONS), TIMING.network(TIMING_OPTIONS)), system


def predicted(graph: Inputs, system: System, roots: str = "all") -> Prediction:
    """What the backend answers."""
    return DeepFlow().simulate(SimulationRequest(inputs=graph.on(system), options=DeepFlowOptions(Roots(roots))))


def makespan_s(**options: Any) -> float:
    """Seconds of a step."""
    prediction = predicted(*pinned(**options))
    assert prediction.makespan_ps is not None
    return prediction.makespan_ps / PS_PER_S


@pytest.mark.parametrize(
    ("options", "measured_s"),
    [
        ({"granularity": "pipeline"}, 323.4972656660127),
        ({"granularity": "transformer"}, 12.324258734691877),
        ({"granularity": "transformer", "local_ops": "as_recorded"}, 12.308121440),
    ],
)
def test_the_bundled_case_takes_what_deepflow_says(options: dict[str, Any], measured_s: float) -> None:
    """On whole nanoseconds; the third figure is the second without its local work."""
    assert makespan_s(**BUNDLED, **options) == pytest.approx(measured_s, rel=1e-9)


def test_a_step_that_deepflow_never_finishes_is_incomplete_and_reports_its_figure() -> None:
    """With one stage, later microbatches are never started."""
    graph, system = pinned(batch_size=4, microbatches=4)
    prediction = predicted(graph, system, "first")
    assert prediction.status is Status.INCOMPLETE
    assert prediction.makespan_ps is None
    assert prediction.reported_s == pytest.approx(0.004146414635095076, rel=1e-6)
    assert "never ran" in prediction.diagnosis[0]
    assert prediction.waiting
    assert (prediction.finish_ps == NO_TIME).all()


def test_all_roots_are_started_unless_asked_otherwise() -> None:
    """A graph of any other origin may have several."""
    graph, system = pinned(batch_size=4, microbatches=4)
    assert predicted(graph, system).completed


def test_what_is_consumed_is_what_was_pinned() -> None:
    """No rounding of its own."""
    graph, system = pinned(**BUNDLED)
    prediction = predicted(graph, system)
    assert (prediction.consumed.compute_ns == graph.compute_ns).all()
    assert (prediction.consumed.size_bytes == graph.graph.size_bytes).all()
    assert prediction.digest == graph.digest


def test_replicas_cost_nothing() -> None:
    """A thousand of them are one class of ranks."""
    graph, system = pinned(dp=1024, pp=4, microbatches=2, batch_size=2048)
    prediction = predicted(graph, system)
    assert prediction.completed
    assert len(prediction.finish_ps) == 4096
    assert len(set(prediction.representative.tolist())) == 4


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.sampled_from(["deepflow", "corrected"]))
def test_a_device_computes_one_node_at_a_time(dp: int, pp: int, microbatches: int, compat: str) -> None:
    """And no node before what it waits for."""
    graph, system = pinned(dp=dp, pp=pp, microbatches=microbatches, batch_size=12 * dp, layers=4, compat=compat)
    spans = predicted(graph, system).spans
    for rank in np.unique(spans.rank):
        here = (spans.rank == rank) & (spans.resource == 0)
        order = np.argsort(spans.start_ps[here], kind="stable")
        assert (spans.end_ps[here][order][:-1] <= spans.start_ps[here][order][1:]).all()
    assert (spans.ready_ps <= spans.start_ps).all()


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4))
def test_the_step_is_bounded_by_its_busiest_device(pp: int, microbatches: int) -> None:
    """From below by the compute of one stage, from above by everything one after the other."""
    graph, system = pinned(pp=pp, microbatches=microbatches, batch_size=12, layers=4, compat="corrected")
    prediction = predicted(graph, system)
    assert prediction.makespan_ps is not None
    spans = prediction.spans
    busy = [
        int((spans.end_ps - spans.start_ps)[(spans.rank == rank) & (spans.resource == 0)].sum())
        for rank in np.unique(spans.rank)
    ]
    everything = int((spans.end_ps - spans.ready_ps)[spans.resource == 1].sum()) + sum(busy)
    assert max(busy) <= prediction.makespan_ps <= everything


def test_more_microbatches_shrink_the_bubble() -> None:
    """What pipelines are cut up for; the work stays the same but for launches."""
    few, many = (makespan_s(model="deepflow-bundled", pp=4, microbatches=number) for number in (2, 16))
    assert many < few


def test_it_runs_graphs_of_any_producer() -> None:
    """Two nodes and a message between them."""
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("first", [(Fixed(1e-3), 1)], on={"rank": 0})
    builder.transfer("message", 2**20, source={"rank": 0}, target={"rank": 1}, after=[first])
    graph = builder.build()
    system = step_of(LlmOptions(dp=2)).system(graph.mesh)
    prediction = predicted(pin(graph, system), system)
    link = system.dimensions[0].link
    expected_s = 1e-3 + 2**20 / link.bandwidth_bytes_per_s + link.latency_s
    assert prediction.makespan_ps == pytest.approx(expected_s * PS_PER_S, abs=1)
    assert prediction.spans.count == 3
    assert prediction.finish_ps[0] >= 1e-3 * NS_PER_S
