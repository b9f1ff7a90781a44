"""The pipeline graph: nodes, order, messages, gradients."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versim import ExecutionGraph, FaultsError, Kind, Op, Phase
from versim_deepflow.options import LlmOptions, described_step
from versim_deepflow.pipeline_graph import LARGEST_TASKS, pipeline_graph, signals_of
from versim_deepflow.pipeline_order import Layout, deepflow_order, microbatch_tasks, staged_order


def graph_of(**options: Any) -> ExecutionGraph:
    """The pipeline graph of the small model."""
    chosen = LlmOptions(**options)
    return pipeline_graph(described_step(chosen), chosen.all_reduce)


def names_of(graph: ExecutionGraph) -> list[str]:
    """The name of every row."""
    return [graph.node_name(row) for row in range(graph.node_count)]


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_every_layer_and_microbatch_is_there_once(dp: int, pp: int, microbatches: int) -> None:
    """Whatever the degrees; replicas cost no nodes."""
    graph = graph_of(dp=dp, pp=pp, microbatches=microbatches, batch_size=12 * dp, layers=12)
    counts = Counter(names_of(graph))
    for part, number in (("embedding", 1), ("transformer", 12), ("vocabulary", 1)):
        for phase in ("forward", "backward"):
            assert counts[f"{part} {phase}"] == number * microbatches
    assert counts["activation send"] == counts["gradient recv"] == (pp - 1) * microbatches
    assert counts["all-reduce transformer gradients"] == (12 * microbatches if dp > 1 else 0)
    assert counts["gradient application"] == counts["all-reduce transformer gradients"]


@settings(max_examples=60)
@given(st.integers(1, 8), st.integers(1, 6), st.integers(1, 5))
def test_deepflows_order_is_that_of_the_stages_where_these_are_even(
    per_stage: int, stages: int, microbatches: int
) -> None:
    """On one stage it leaves out the first task of each microbatch, and on none it adds a message."""
    layout = Layout(per_stage * stages, stages)
    if stages == 1:
        return
    assert set(deepflow_order(layout, microbatches)) == set(staged_order(layout, microbatches))


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 4))
def test_the_order_of_a_stage_is_complete_and_local(layers: int, stages: int, microbatches: int) -> None:
    """Each microbatch follows the one before it, on every stage, and never waits for another stage."""
    layout = Layout(layers, stages)
    pairs = list(staged_order(layout, microbatches))
    assert all(layout.stage_of(first) == layout.stage_of(then) for first, then in pairs)
    at_work = {layout.stage_of(task) for task in microbatch_tasks(layout, Phase.FORWARD, 0)}
    assert len(pairs) == 2 * len(at_work) * (microbatches - 1)


def test_rows_stand_in_program_order() -> None:
    """Forward before backward, microbatches last first, a message before the gradients of the same layer."""
    graph = graph_of(dp=2, pp=2, microbatches=2)
    assert (graph.dependency < graph.dependents_of_edges()).all()
    names = names_of(graph)
    backward = [row for row in range(graph.node_count) if names[row].endswith(" backward")]
    assert max(row for row in range(graph.node_count) if names[row].endswith(" forward")) < min(backward)
    assert [graph.node(row).microbatch for row in backward] == sorted(
        (graph.node(row).microbatch or 0 for row in backward), reverse=True
    )
    for row, name in enumerate(names):
        if name == "gradient send":
            assert names[row - 1] == "transformer backward"
            assert names[row + 1] == "all-reduce transformer gradients"


def test_messages_carry_the_activations_of_a_microbatch() -> None:
    """Both ways the same."""
    graph = graph_of(pp=4, microbatches=4)
    sends = graph.match[graph.op == Op.SEND]
    assert set(graph.size_bytes[sends].tolist()) == {2 * 4 * 512 * 1024}


def test_a_tensor_parallel_layer_is_folded_into_its_node() -> None:
    """The mesh stays (dp, pp)."""
    alone, split = graph_of(pp=2), graph_of(pp=2, tp=4)
    assert alone.node_count == split.node_count
    assert split.mesh.names == ("dp", "pp")
    assert len(split.works[0]) > len(alone.works[0]) or split.works != alone.works


@pytest.mark.parametrize(("layers", "pp"), [(5, 4), (6, 4), (2, 4), (1, 2)])
def test_uneven_stages_wait_for_each_other_by_signals(layers: int, pp: int) -> None:
    """DeepFlow's indices go astray; the corrected order has no signal."""
    measured = graph_of(layers=layers, pp=pp, microbatches=2)
    assert signals_of(measured).any()
    assert any("holds none" in note for note in measured.notes) or layers == pp == 1
    if layers >= pp:
        mended = graph_of(layers=layers, pp=pp, microbatches=2, compat="reachable_graph")
        assert not signals_of(mended).any()


def test_gradients_are_reduced_once_per_step_where_corrected() -> None:
    """DeepFlow reduces them after every microbatch."""
    measured, mended = (
        Counter(names_of(graph_of(dp=2, pp=2, microbatches=4, compat=compat))) for compat in ("deepflow", "reduce_once")
    )
    assert measured["all-reduce transformer gradients"] == 4 * mended["all-reduce transformer gradients"]


def test_a_rank_reduces_its_own_shard_where_corrected() -> None:
    """DeepFlow reduces the gradients of the whole layer on each tensor-parallel rank."""
    measured, mended = (graph_of(dp=2, tp=4, compat=compat) for compat in ("deepflow", "reduce_own_shard"))
    reduced = measured.is_kind(Kind.ALL_REDUCE)
    assert (measured.size_bytes[reduced] == 4 * mended.size_bytes[reduced]).all()


def test_reducing_at_the_end_covers_every_layer_where_corrected() -> None:
    """DeepFlow reduces the bytes of one layer, once."""
    sizes = {}
    for compat in ("deepflow", "reduce_all_layers"):
        graph = graph_of(dp=2, pp=2, microbatches=2, all_reduce="the_end", compat=compat)
        rows = [row for row, name in enumerate(names_of(graph)) if name == "all-reduce transformer gradients"]
        sizes[compat] = sum(int(graph.size_bytes[graph.match[row]]) for row in rows)
    assert sizes["reduce_all_layers"] == 4 * sizes["deepflow"]


def test_the_corrected_step_is_split_and_connected() -> None:
    """Every compute node but the first of all follows from something."""
    graph = graph_of(microbatches=4, compat="corrected")
    waits = np.diff(graph.dependency_start)
    assert ((waits == 0) & (graph.op == Op.COMPUTE)).sum() == 1


def test_a_graph_that_would_not_fit_is_refused() -> None:
    """Before a node of it is written."""
    with pytest.raises(FaultsError, match="more than the"):
        graph_of(layers=LARGEST_TASKS)
