"""Inputs know whether somebody wrote to them."""

from __future__ import annotations

import numpy as np
from fakes import pinned_of
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import graphs
from versim import ExecutionGraph, Fixed, GraphBuilder, Mesh

COLUMNS = ("op", "placement", "match", "dependency_start", "dependency", "kind", "size_bytes", "scope", "tag")


@given(graph=graphs(), data=st.data())
def test_a_change_of_any_number_is_noticed_and_so_is_its_return(graph: ExecutionGraph, data: st.DataObject) -> None:
    """Whichever column it stands in, wherever, and by how much."""
    inputs = pinned_of(graph)
    assert inputs.unchanged()
    name = data.draw(st.sampled_from([*COLUMNS, "compute_ns"]))
    column = inputs.compute_ns if name == "compute_ns" else getattr(graph, name)
    assume(len(column))
    row = data.draw(st.integers(0, len(column) - 1))
    before = column[row]
    bounds = np.iinfo(column.dtype)
    after = data.draw(st.integers(int(bounds.min), int(bounds.max)).filter(lambda value: value != before))
    column.flags.writeable = True
    column[row] = after
    assert not inputs.unchanged()
    column[row] = before
    assert inputs.unchanged()


def test_what_only_people_read_is_noticed_too() -> None:
    """Names and seconds are nobody's input, and stand in everybody's report."""
    builder = GraphBuilder(Mesh.of(rank=2))
    builder.compute("work", [(Fixed(1e-6), 1)])
    inputs = pinned_of(builder.build())
    for name in ("name", "phase", "layer", "microbatch", "work"):
        column = getattr(inputs.graph, name)
        column.flags.writeable = True
        column[0] += 1
        assert not inputs.unchanged()
        column[0] -= 1
        assert inputs.unchanged()


@given(graph=graphs(), data=st.data())
def test_numbers_that_change_places_are_noticed(graph: ExecutionGraph, data: st.DataObject) -> None:
    """A sum of the numbers alone would not notice it."""
    inputs = pinned_of(graph)
    column = graph.placement
    assume(len(np.unique(column)) > 1)
    one, two = data.draw(
        st.sampled_from([(i, j) for i in range(len(column)) for j in range(i) if column[i] != column[j]])
    )
    column.flags.writeable = True
    column[[one, two]] = column[[two, one]]
    assert not inputs.unchanged()
