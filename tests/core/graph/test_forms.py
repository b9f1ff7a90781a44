"""Graphs of one form share what follows from it, and no others do."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import pytest
from versim import ExecutionGraph, Fixed, GraphBuilder, Kind, Mesh, checked, unwritable
from versim.graph.forms import of_form


def _step(ranks: int = 2) -> ExecutionGraph:
    builder = GraphBuilder(Mesh.of(rank=ranks))
    row = builder.compute("a", [(Fixed(5e-9), 1)])
    builder.collective("sum", "all_reduce", 64, axes=("rank",), after=[row])
    graph = builder.build()
    columns = {field.name: getattr(graph, field.name) for field in attrs.fields(ExecutionGraph)}
    return attrs.evolve(
        graph, **{name: unwritable(column) for name, column in columns.items() if isinstance(column, np.ndarray)}
    )


def _others(graph: ExecutionGraph) -> Iterator[tuple[ExecutionGraph, bool]]:
    """Graphs, and whether they have the form of the one that is given."""
    yield attrs.evolve(graph, size_bytes=graph.size_bytes * 2), True
    yield attrs.evolve(graph, works=(((Fixed(1e-9), 3),),)), True
    yield attrs.evolve(graph, mesh=Mesh.of(rank=8)), True
    yield attrs.evolve(graph, kinds=(Kind.ALL_GATHER,)), False
    yield attrs.evolve(graph, phase=unwritable(graph.phase)), False


@pytest.mark.parametrize("number", range(5))
def test_what_is_kept_is_shared_within_a_form(number: int) -> None:
    """Other sizes, work and lengths of axes make no other form; equal columns that are others are not looked at."""
    graph = _step()
    kept = of_form(graph, "test", object)
    assert of_form(graph, "test", object) is kept
    other, alike = list(_others(graph))[number]
    checked(other, like=graph)
    assert (of_form(other, "test", object) is kept) is alike


def test_rows_of_communications_are_found_once_for_a_form() -> None:
    """They are the largest of what is kept."""
    graph = _step()
    other = checked(attrs.evolve(graph, size_bytes=graph.size_bytes * 2), like=graph)
    assert other.parts() is graph.parts()
