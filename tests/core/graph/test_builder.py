"""Writing a graph, and what is wrong with a wrong one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from versim import (
    NONE,
    ExecutionGraph,
    FaultsError,
    Fixed,
    Folded,
    Gemm,
    GraphBuilder,
    HostTransfer,
    Kind,
    Mesh,
    Op,
    Phase,
    Pointwise,
)

WORK = [(Fixed(1e-6), 1)]


def _mesh() -> Mesh:
    return Mesh.of(dp=2, pp=3)


def _faults(write: Callable[[GraphBuilder], Any], mesh: Mesh | None = None) -> tuple[str, ...]:
    builder = GraphBuilder(mesh or _mesh())
    write(builder)
    with pytest.raises(FaultsError) as caught:
        builder.build("step")
    assert caught.value.subject == "step"
    return caught.value.faults


def _step() -> ExecutionGraph:
    """One microbatch through three stages, gradients reduced over both replicas."""
    builder = GraphBuilder(_mesh())
    before: list[int] = []
    for stage in range(3):
        layer = builder.compute(
            "layer", WORK, on={"pp": stage}, after=before, phase=Phase.FORWARD, layer=stage, microbatch=0
        )
        if stage < 2:
            ends = builder.transfer("activation", 64, source={"pp": stage}, target={"pp": stage + 1}, after=[layer])
            before = [ends[1]]
    builder.collective("gradients", "all_reduce", 1024, axes=("dp",), algorithm="ring", phase=Phase.BACKWARD)
    builder.note("one microbatch only")
    return builder.build()


def test_nodes_read_back_as_they_were_written() -> None:
    """Columns are for machines; people see values."""
    graph = _step()
    assert graph.node_count == 8
    first = graph.node(0)
    assert (first.name, first.layer, first.microbatch) == ("layer", 0, 0)
    assert first.op is Op.COMPUTE
    assert first.phase is Phase.FORWARD
    ((term, count),) = first.work
    assert term == Fixed(1e-6)
    assert count == 1
    assert first.match is None
    assert graph.node(2).op is Op.RECV
    assert graph.node(3).dependencies == (2,)
    assert graph.node(7).layer is None
    assert graph.notes == ("one microbatch only",)


def test_communications_read_back_with_their_groups() -> None:
    """Pairs of sender and receiver, replica by replica; groups along the axes."""
    graph = _step()
    message, gradients = graph.communication(0), graph.communication(2)
    assert message.kind is Kind.POINT_TO_POINT
    assert message.groups == ((0, 1), (3, 4))
    assert message.axes == ("pp",)
    assert gradients.groups == ((0, 3), (1, 4), (2, 5))
    assert (gradients.size_bytes, gradients.algorithm, gradients.axes) == (1024, "ring", ("dp",))


def test_a_graph_says_what_it_is() -> None:
    """In a debugger and in error messages."""
    assert repr(_step()) == "<ExecutionGraph of 8 nodes on (dp=2, pp=3)>"


def test_parts_of_one_collective_may_be_separate_nodes() -> None:
    """Stages reach the embedding's all-reduce at different places of their programs."""
    builder = GraphBuilder(_mesh())
    for stage in (0, 2):
        builder.collective("embedding", "all_reduce", 8, axes=("pp",), match="embedding", on={"pp": stage})
    graph = builder.build()
    assert graph.communication_count == 1
    assert graph.communication(0).groups == ((0, 2), (3, 5))


def test_an_explicit_group_keeps_its_order() -> None:
    """The order is that of the ring, and simulators follow it."""
    builder = GraphBuilder(_mesh())
    builder.collective("group", "all_reduce", 8, ranks=(4, 0, 3, 1), on={"pp": [0, 1]})
    assert builder.build().communication(0).groups == ((4, 0, 3, 1),)


def test_rows_may_be_named_before_they_exist() -> None:
    """A producer may write what a rank starts first before what it waits for."""
    builder = GraphBuilder(_mesh())
    builder.compute("late", WORK, after=[1])
    builder.compute("early", WORK)
    assert builder.build().node(0).dependencies == (1,)


def test_a_dependency_may_be_added_to_the_last_node_only() -> None:
    """Dependencies are stored in row order."""
    builder = GraphBuilder(_mesh())
    first = builder.compute("first", WORK)
    second = builder.compute("second", WORK)
    builder.depend(second, first)
    with pytest.raises(ValueError, match="last node only"):
        builder.depend(first, second)
    assert builder.build().node(1).dependencies == (0,)


def test_an_exchange_in_different_order_on_both_sides_is_legal() -> None:
    """Rank 0 sends before it receives, rank 1 receives what it sends afterwards: only dependencies are ordered."""
    builder = GraphBuilder(Mesh.of(rank=2))
    sent = builder.send("to 1", 8, match="a", on={"rank": 0})
    builder.recv("from 1", 8, match="b", on={"rank": 0}, after=[sent])
    received = builder.recv("from 0", 8, match="a", on={"rank": 1})
    builder.send("to 0", 8, match="b", on={"rank": 1}, after=[received])
    assert builder.build().communication_count == 2


def test_two_collectives_may_stand_in_different_order_on_different_ranks() -> None:
    """Whether that deadlocks is the simulation's answer, not the graph's fault."""
    builder = GraphBuilder(Mesh.of(rank=2))
    for rank, order in ((0, "ab"), (1, "ba")):
        before: list[int] = []
        for match in order:
            part = builder.collective(
                match, "all_reduce", 8, axes=("rank",), match=match, on={"rank": rank}, after=before
            )
            before = [part]
    assert builder.build().communication_count == 2


def test_dependencies_that_close_on_no_single_rank_are_no_cycle() -> None:
    """A waits for B on one rank and B for A on another: no instance waits for itself."""
    builder = GraphBuilder(Mesh.of(rank=3))
    builder.compute("a", WORK, on={"rank": [0, 1]}, after=[1])
    builder.compute("b", WORK, on={"rank": [1, 2]}, after=[2])
    builder.compute("c", WORK, on={"rank": [2, 0]}, after=[0])
    assert builder.build().node_count == 3


def test_a_cycle_is_spelt_out() -> None:
    """Node by node, so that its author recognises it."""

    def write(builder: GraphBuilder) -> None:
        builder.compute("a", WORK, after=[2])
        builder.compute("b", WORK, after=[0])
        builder.compute("c", WORK, after=[1])

    (fault,) = _faults(write)
    assert fault.startswith("a cycle of dependencies: ")
    assert all(f"node {row} ({name!r})" in fault for row, name in enumerate("abc"))


def test_a_node_cannot_wait_for_itself() -> None:
    """The shortest cycle."""
    (fault,) = _faults(lambda builder: builder.compute("a", WORK, after=[0]))
    assert fault == "a cycle of dependencies: node 0 ('a') → node 0 ('a')"


def test_a_cycle_on_one_rank_of_many_is_found() -> None:
    """Acyclic has to hold on every rank, not on most."""

    def write(builder: GraphBuilder) -> None:
        builder.compute("a", WORK, on={"rank": [0, 1]}, after=[1])
        builder.compute("b", WORK, on={"rank": [1, 2]}, after=[0])

    (fault,) = _faults(write, Mesh.of(rank=3))
    assert "cycle" in fault


@pytest.mark.parametrize("row", [7, -1, 2**40])
def test_a_dangling_dependency_is_named(row: int) -> None:
    """-1 is not the last row, and what is out of range is not cut to fit."""
    (fault,) = _faults(lambda builder: builder.compute("a", WORK, after=[row]))
    assert fault == f"node 0 ('a') depends on node {row}, which does not exist"


def test_dependencies_across_ranks_are_refused_with_the_remedy() -> None:
    """Data does not travel by itself."""

    def write(builder: GraphBuilder) -> None:
        first = builder.compute("a", WORK, on={"pp": 0})
        builder.compute("b", WORK, on={"pp": 1}, after=[first])

    (fault,) = _faults(write)
    assert fault == "node 1 ('b') depends on node 0 ('a'), but they share no rank; send it a message instead"


@pytest.mark.parametrize(
    ("on", "said"),
    [({"pp": 3}, "index 3 is outside axis pp, which has 3"), ({"tp": 0}, "has no axis 'tp'")],
)
def test_a_node_outside_the_mesh_is_named(on: dict[str, int], said: str) -> None:
    """Together with everything else that is wrong."""
    (fault,) = _faults(lambda builder: builder.compute("a", WORK, on=on))
    assert fault.startswith("node 0 ('a'): ")
    assert said in fault


def test_a_collective_over_an_unknown_axis_is_named() -> None:
    """A typing slip in an axis must not turn a group into something smaller."""
    faults = _faults(lambda builder: builder.collective("a", "all_reduce", 8, axes=("ddp",)))
    assert "node 0 ('a'): the mesh (dp=2, pp=3) has no axis 'ddp'" in faults


@pytest.mark.parametrize("size_bytes", [0, -1, 2**63])
def test_a_size_has_to_be_positive_and_fit(size_bytes: int) -> None:
    """What has nothing to send is left out, by its producer, in the open."""
    (fault,) = _faults(lambda builder: builder.collective("a", "all_reduce", size_bytes, axes=("dp",)))
    assert "node 0 ('a'): size_bytes must be above 0" in fault
    assert str(size_bytes) in fault


@pytest.mark.parametrize("size_bytes", [1.5, math.nan, math.inf, True, "8", None])
def test_a_size_has_to_be_whole(size_bytes: Any) -> None:
    """Fractions of bytes would be rounded differently by every simulator."""
    (fault,) = _faults(lambda builder: builder.collective("a", "all_reduce", size_bytes, axes=("dp",)))
    assert fault.startswith("node 0 ('a'): size_bytes must be a whole number, got")


def test_sizes_may_be_numpy_integers() -> None:
    """Producers compute with arrays."""
    builder = GraphBuilder(_mesh())
    builder.collective("a", "all_reduce", np.int64(8), axes=("dp",))  # type: ignore[arg-type]
    assert builder.build().size_bytes.tolist() == [8]


@pytest.mark.parametrize(
    ("term", "field"),
    [
        (Gemm(0, 1, 1, 2), "m of Gemm must be a finite number above 0, got 0"),
        (Gemm(1, -1, 1, 2), "k of Gemm"),
        (Gemm(1, 1, math.nan, 2), "n of Gemm"),
        (Gemm(1, 1, 1, math.inf), "element_bytes of Gemm"),
        (Pointwise(-1, 0), "flop of Pointwise must be a finite number of at least 0, got -1"),
        (Pointwise(0, math.nan), "access_bytes of Pointwise"),
        (HostTransfer(0), "size_bytes of HostTransfer"),
        (Fixed(-1e-9), "duration_s of Fixed"),
        (Fixed(math.nan), "duration_s of Fixed"),
        (Folded(Kind.ALL_REDUCE, 0, "tp", 2), "size_bytes of Folded"),
        (Folded(Kind.ALL_REDUCE, 8, "tp", 1), "at least 2 participants, got 1"),
        (Folded(Kind.ALL_REDUCE, 8, "tp", 0), "participants of Folded"),
    ],
)
def test_impossible_work_is_refused_by_field(term: Any, field: str) -> None:
    """NaN would spread into every figure that follows."""
    (fault,) = _faults(lambda builder: builder.compute("a", [(term, 1)]))
    assert fault.startswith("node 0 ('a'): ")
    assert field in fault


@pytest.mark.parametrize("count", [0, -1, math.nan, math.inf, "2"])
def test_impossible_counts_are_refused(count: Any) -> None:
    """A term that is done never is left out, and a negative one would give time back."""
    (fault,) = _faults(lambda builder: builder.compute("a", [(Fixed(1.0), count)]))
    assert f"count {count!r} of Fixed must be a finite number above 0" in fault


def test_fractions_of_a_term_are_allowed() -> None:
    """Models divide work among devices without rounding."""
    builder = GraphBuilder(_mesh())
    builder.compute("a", [(Gemm(1.5, 2, 3, 2), 0.25), (Fixed(0.0), 1)])
    assert builder.build().node_count == 1


def test_an_empty_graph_is_refused() -> None:
    """A step that does nothing is a producer that failed."""
    assert _faults(lambda _: None) == ("the graph has no nodes",)


def test_every_fault_is_reported_at_once() -> None:
    """Independent slips are mended in one go."""

    def write(builder: GraphBuilder) -> None:
        builder.compute("a", [(Fixed(-1.0), 1)])
        builder.compute("b", WORK, on={"pp": 9})
        builder.send("c", 8, match="c", on={"pp": 0})
        builder.compute("d", WORK, after=[3])

    assert [fault.split(")")[0] for fault in _faults(write)] == [
        "node 1 ('b'",
        "node 0 ('a'",
        "node 2 ('c'",
        "a cycle of dependencies: node 3 ('d'",
    ]


def test_a_fault_made_a_thousand_times_is_listed_twenty_times() -> None:
    """A wrong loop must not bury the message."""

    def write(builder: GraphBuilder) -> None:
        for number in range(1000):
            builder.send("a", 8, match=number, on={"pp": 0})

    faults = _faults(write)
    assert len(faults) == 21
    assert faults[-1] == "… and 980 more of this kind"


def test_unused_columns_hold_none() -> None:
    """NONE, not a valid index: a compute node is part of no communication."""
    graph = _step()
    assert graph.match.tolist() == [NONE, 0, 0, NONE, 1, 1, NONE, 2]
    assert graph.work[graph.op != Op.COMPUTE].tolist() == [NONE] * 5
