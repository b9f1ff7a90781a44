"""The transformer graph: one layer with its collectives written out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from versim import ExecutionGraph, Kind, Op
from versim_deepflow.options import LlmOptions, step_of
from versim_deepflow.transformer_graph import transformer_graph


def graph_of(**options: Any) -> ExecutionGraph:
    """The transformer graph of the small model."""
    chosen = LlmOptions(**options)
    return transformer_graph(
        step_of(chosen), operators=chosen.operators, phases=chosen.phases, local_ops=chosen.local_ops
    )


def test_it_is_a_chain_on_one_tensor_parallel_group() -> None:
    """Twelve products, a collective each, and local work after the backward ones."""
    graph = graph_of(tp=4)
    assert str(graph.mesh) == "(tp=4)"
    counts = Counter(graph.op.tolist())
    assert (counts[Op.COMPUTE], counts[Op.COLLECTIVE]) == (12 + 6, 12)
    assert graph.dependency.tolist() == list(range(graph.node_count - 1))


def test_collectives_are_stated_as_full_tensors() -> None:
    """The output of an all-gather is as large as the input of a reduce-scatter."""
    graph = graph_of(tp=4)
    sizes: dict[Kind, set[int]] = {}
    for match in range(graph.communication_count):
        part = graph.communication(match)
        sizes.setdefault(part.kind, set()).add(part.size_bytes)
    assert set(sizes) == {Kind.REDUCE_SCATTER, Kind.ALL_GATHER}
    assert sizes[Kind.REDUCE_SCATTER] == sizes[Kind.ALL_GATHER]


def test_local_work_may_be_left_out_and_the_graph_says_so() -> None:
    """DeepFlow's graph leaves it out although its total counts it."""
    explicit, recorded = graph_of(tp=4), graph_of(tp=4, local_ops="as_recorded")
    assert explicit.node_count - recorded.node_count == 6
    assert any("left out" in note for note in recorded.notes)
    assert explicit.notes == ()


@pytest.mark.parametrize(("phases", "products"), [("forward", 6), ("backward", 6), ("both", 12)])
def test_a_phase_may_be_chosen(phases: str, products: int) -> None:
    """What the hierarchical mode takes durations from."""
    graph = graph_of(phases=phases)
    assert graph.node_count == products
    assert {str(graph.node(row).phase) for row in range(products)} <= {"forward", "backward"}


def test_all_operators_come_in_the_order_of_execution() -> None:
    """Backward is the mirror image of forward."""
    graph = graph_of(operators="all")
    names = [graph.node_name(row) for row in range(graph.node_count)]
    forward = [name.removesuffix(" forward") for name in names[:11]]
    backward = [name.removesuffix(" backward") for name in names[11:]]
    assert backward == forward[::-1]
    assert forward[2] == "attention_softmax"


def test_a_row_column_split_gathers_once_per_axis() -> None:
    """DeepFlow's graph joins the two gathers of an axis."""
    graph = graph_of(tensor="row_column", tp1=2, tp2=2, phases="backward")
    assert graph.mesh.names == ("tp1", "tp2")
    axes = [graph.communication(match).axes for match in range(graph.communication_count)]
    assert axes == [("tp1",), ("tp2",)] * 6


def test_a_second_dimension_takes_no_part_in_a_column_row_split() -> None:
    """And the graph says so."""
    graph = graph_of(tensor="column_row", tp1=2, tp2=2)
    assert str(graph.mesh) == "(tp=2)"
    assert any("tp2=2" in note for note in graph.notes)
