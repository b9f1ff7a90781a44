"""The flattened graph: a whole step operator by operator, and what it has to share with the pipeline graph."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim import (
    NONE,
    ExecutionGraph,
    FaultsError,
    Inputs,
    Kind,
    Op,
    SimulationRequest,
    System,
    load_registry,
    pin,
    structure_options,
)
from versim_deepflow.backend import DeepFlow, DeepFlowOptions, durations_s
from versim_deepflow.corrections import Corrections
from versim_deepflow.options import Granularity, LlmOptions
from versim_deepflow.producer import DeepFlowLlm
from versim_deepflow.timing import DeepFlowComputeTiming, DeepFlowNetworkTiming

ROW_COLUMN = {"tensor": "row_column", "tp1": 2, "tp2": 2}
BUNDLED = {"model": "deepflow-bundled", "dp": 2, "pp": 4, "tp": 4, "microbatches": 4}
Task = tuple[int, str, int, int]


def graph_and_system(granularity: Granularity, **options: Any) -> tuple[ExecutionGraph, System]:
    """A graph of the small model, unless options say otherwise."""
    chosen = LlmOptions(granularity=granularity, **options)
    return DeepFlowLlm().produce(chosen), DeepFlowLlm().system(chosen)


def pinned_and_system(granularity: Granularity, **options: Any) -> tuple[Inputs, System]:
    """The same, with DeepFlow's compute times."""
    graph, system = graph_and_system(granularity, **options)
    corrections = Corrections.parse(options.get("compat", ""))
    return pin(graph, system, DeepFlowComputeTiming(corrections), DeepFlowNetworkTiming(corrections)), system


def seconds_by_task(granularity: Granularity, **options: Any) -> dict[Task, float]:
    """Unrounded seconds of compute and isolated tensor-parallel collectives per stage, phase, layer and microbatch."""
    pinned, system = pinned_and_system(granularity, **options)
    graph = pinned.graph
    network = DeepFlowNetworkTiming(Corrections.parse(options.get("compat", "")))
    communication_s = durations_s(graph, system, network)
    stage_axis = graph.mesh.names.index("pp")
    terms: dict[Task, list[float]] = defaultdict(list)
    for row in range(graph.node_count):
        match = int(graph.match[row])
        if match != NONE and not set(graph.scopes[graph.scope[match]].axes) & {"tp", "tp1", "tp2"}:
            continue
        (stage,) = graph.placements[graph.placement[row]].indices[stage_axis] or (0,)
        task = (stage, graph.phase_of(row).value, int(graph.layer[row]), int(graph.microbatch[row]))
        terms[task].append(float(pinned.compute_s[row] if match == NONE else communication_s[match]))
    return {task: math.fsum(listed) for task, listed in terms.items()}


@pytest.mark.parametrize(
    "options",
    [
        BUNDLED,
        {"dp": 2, "pp": 2, "tp": 4, "microbatches": 2},
        {"dp": 2, "pp": 2, "microbatches": 2, **ROW_COLUMN},
        {"pp": 2, "microbatches": 2, "tensor": "row_column", "tp1": 4, "tp2": 1},
        {"dp": 2, "pp": 4, "microbatches": 4, "layers": 5, "tp": 2, "all_reduce": "the_end"},
        {"dp": 2, "pp": 2, "tp": 2, "microbatches": 4, "compat": "corrected"},
        {"dp": 2, "microbatches": 2},
    ],
    ids=str,
)
def test_operators_and_collectives_add_up_to_the_pipelines_nodes(options: dict[str, Any]) -> None:
    """Flattening moves work into nodes of its own and neither adds nor loses any, task by task and rank by rank."""
    flattened = seconds_by_task(Granularity.FLATTENED, **options)
    folded = seconds_by_task(Granularity.PIPELINE, **options)
    assert flattened.keys() == folded.keys()
    for task, seconds in folded.items():
        assert flattened[task] == pytest.approx(seconds, rel=1e-12)
    per_rank: dict[int, list[list[float]]] = defaultdict(lambda: [[], []])
    for which, sums in enumerate((flattened, folded)):
        for (stage, *_), seconds in sums.items():
            per_rank[stage][which].append(seconds)
    for ours, theirs in per_rank.values():
        assert math.fsum(ours) == pytest.approx(math.fsum(theirs), rel=1e-12)


def test_every_operator_of_every_layer_and_microbatch_is_a_node() -> None:
    """Eleven operators a layer, each with its gradient; six products with a collective, gathers with local work."""
    graph, _ = graph_and_system(Granularity.FLATTENED, dp=2, pp=2, tp=4, microbatches=2, layers=4)
    names = Counter(graph.node_name(row) for row in range(graph.node_count))
    for name in ("qkv_projection", "attention_softmax", "layer_norm2", "ffn2"):
        assert names[f"{name} forward"] == names[f"{name} backward"] == 4 * 2
    assert names["ffn1 forward reduce_scatter"] == names["ffn1 backward all_gather"] == 4 * 2
    assert names["ffn1 backward local"] == 4 * 2
    assert names["vocabulary forward reduce_scatter"] == names["vocabulary_softmax backward"] == 2
    assert names["all-reduce transformer gradients"] == names["gradient application"] == 4 * 2
    assert names["activation send"] == names["gradient recv"] == 2


@settings(max_examples=15)
@given(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 16, 1024]))
def test_replicas_and_tensor_parallel_ranks_cost_no_nodes(tp: int, dp: int) -> None:
    """One row stands for all of them; that is what makes a large step affordable."""
    sizes = {"pp": 2, "microbatches": 2, "batch_size": 4 * dp, "layers": 4}
    graph, system = graph_and_system(Granularity.FLATTENED, dp=dp, tp=tp, **sizes)
    least, _ = graph_and_system(Granularity.FLATTENED, dp=min(dp, 2), tp=min(tp, 2), **{**sizes, "batch_size": 8})
    assert graph.node_count == least.node_count
    assert graph.mesh.world_size == system.world_size == dp * 2 * tp


def test_a_row_column_split_has_a_collective_on_each_axis() -> None:
    """Two gathers counted whole are nodes; the two that DeepFlow counts half stay folded, and the graph says so."""
    graph, system = graph_and_system(Granularity.FLATTENED, pp=2, microbatches=2, **ROW_COLUMN)
    assert graph.mesh.names == ("dp", "pp", "tp1", "tp2")
    assert {"tp1", "tp2"} <= set(system.axis_links)
    gathers = [graph.communication(match) for match in range(graph.communication_count)]
    axes = {axis for part in gathers if part.kind is Kind.ALL_GATHER for axis in part.axes}
    assert axes == {"tp1", "tp2"}
    assert any("counts half" in note for note in graph.notes)


def test_a_send_stands_right_after_what_produces_it() -> None:
    """ASTRA-sim starts the lower row first: a message must not wait behind an all-reduce that nobody waits for."""
    graph, _ = graph_and_system(Granularity.FLATTENED, dp=2, pp=4, tp=2, microbatches=4)
    for row in np.flatnonzero(graph.op == Op.SEND).tolist():
        (producer,) = graph.dependencies(row).tolist()
        assert all(graph.op[between] == Op.SEND for between in range(producer + 1, row))


@pytest.mark.parametrize("options", [{"pp": 4, "tp": 2, "microbatches": 4}, {"pp": 2, "microbatches": 2, **ROW_COLUMN}])
def test_rows_are_in_the_order_in_which_a_rank_starts_them(options: dict[str, Any]) -> None:
    """Program order is what simulators take as priority."""
    pinned, system = pinned_and_system(Granularity.FLATTENED, **options)
    network = DeepFlowNetworkTiming(Corrections())
    request = SimulationRequest(inputs=pinned.on(system), options=DeepFlowOptions(), network=network)
    spans = DeepFlow().simulate(request).spans
    compute = pinned.graph.op[spans.node] == Op.COMPUTE
    for rank in np.unique(spans.rank).tolist():
        here = compute & (spans.rank == rank)
        order = np.argsort(spans.start_ps[here], kind="stable")
        assert (np.diff(spans.node[here][order]) > 0).all()


@pytest.mark.parametrize("options", [{"pp": 4, "tp": 2, "microbatches": 4}, {"pp": 2, "microbatches": 2, **ROW_COLUMN}])
def test_without_replicas_the_step_takes_as_long_as_the_pipeline_graph(options: dict[str, Any]) -> None:
    """Nothing contends in DeepFlow's model, so a chain of operators takes as long as the layer it is cut from."""
    makespans = []
    for granularity in (Granularity.PIPELINE, Granularity.FLATTENED):
        pinned, system = pinned_and_system(granularity, **options)
        network = DeepFlowNetworkTiming(Corrections())
        request = SimulationRequest(inputs=pinned.on(system), options=DeepFlowOptions(), network=network)
        makespans.append(DeepFlow().simulate(request).makespan_ps)
    assert makespans[0] == pytest.approx(makespans[1], abs=1000 * pinned.graph.node_count)  # a nanosecond a node


def test_astrasim_completes_the_flattened_bundled_step() -> None:
    """The column full of the scenario modes: longer than with every collective on a ring of its own (340 s)."""
    pinned, system = pinned_and_system(Granularity.FLATTENED, **BUNDLED)
    backend = load_registry().backend("astrasim")
    options = structure_options(backend, {"engine": "embedded"}, "$")
    prediction = backend.simulate(SimulationRequest(inputs=pinned.on(system), options=options))
    assert prediction.completed
    assert prediction.makespan_ps == 407_681_100_642_000


def test_a_step_of_too_many_nodes_is_refused() -> None:
    """Before memory runs out."""
    with pytest.raises(FaultsError, match=r"\$\.microbatches: .* compute nodes"):
        graph_and_system(
            Granularity.FLATTENED, model="gpt3-175b", pp=8, tp=8, microbatches=4096, batch_size=4096, layers=96
        )
