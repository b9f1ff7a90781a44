"""Graphs keep their promises in the embedded engine, whatever their shape."""

from __future__ import annotations

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    PS_PER_NS,
    Device,
    Dimension,
    ExecutionGraph,
    Inputs,
    Kind,
    Link,
    Op,
    Prediction,
    RankClasses,
    SimulationRequest,
    Status,
    System,
    instances_of,
    pin,
)
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.chakra.reader import read_traces
from versim_astrasim.engine import RankTrace
from versim_astrasim.engine.columns import Programs, programs_of
from versim_astrasim.engine.trace import COLL, COMP, RECV, SEND
from versim_astrasim.lint.preflight import preflight
from versim_astrasim.options import BackendOptions
from versim_astrasim.step.programs import StepTraces
from versim_astrasim.step.translate import translate

options = st.builds(
    BackendOptions,
    node_order=st.sampled_from(["program", "creation"]),
    congestion=st.sampled_from(["aware", "unaware"]),
    active_chunks_per_dimension=st.integers(1, 3),
    preferred_dataset_splits=st.just(1),
)


def request_for(graph: ExecutionGraph, chosen: BackendOptions, topology: str = "ring") -> SimulationRequest:
    """A graph on one dimension, with links on which even a byte takes a nanosecond."""
    assume(Kind.BROADCAST not in graph.kinds)
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
    system = System(
        dimensions=(Dimension(topology=topology, size=graph.mesh.world_size, link=link),), device=Device(name="test")
    )
    return SimulationRequest(inputs=pin(graph, system), options=chosen)


def completed(request: SimulationRequest) -> Prediction:
    """The prediction of a graph that completes.

    A rank runs one send or collective at a time, so it may hold a collective whose partner waits for a message that
    stands behind it. Such a deadlock is a sound answer if it says who waits for whom.
    """
    prediction = AstraSimBackend().simulate(request)
    if prediction.status is Status.DEADLOCK:
        assert " waits for rank " in prediction.diagnosis[0]
        assert prediction.waiting
        assume(False)
    assert prediction.status is Status.COMPLETED, prediction.diagnosis
    return prediction


@settings(max_examples=40)
@given(graphs(), options, st.sampled_from(["ring", "switch", "fully_connected"]))
def test_every_node_runs_once_after_what_it_waits_for(
    graph: ExecutionGraph, chosen: BackendOptions, topology: str
) -> None:
    """Left-out computes included; compute lasts what was pinned, and the last end is the makespan."""
    request = request_for(graph, chosen, topology)
    prediction = completed(request)
    stands = prediction.representative.reshape(graph.mesh.sizes)
    folded = [name for axis, name in enumerate(graph.mesh.names) if (stands == stands.take([0], axis=axis)).all()]
    instances = instances_of(graph, RankClasses.along(graph.mesh, folded))
    spans = prediction.spans
    assert (spans.node == instances.node).all()
    assert (spans.rank == instances.ranks).all()
    waiting = np.repeat(np.arange(instances.count), np.diff(instances.dependency_start))
    assert (spans.end_ps[instances.dependency] <= spans.ready_ps[waiting]).all()
    assert (spans.ready_ps <= spans.start_ps).all()
    compute = graph.op[spans.node] == Op.COMPUTE
    lasted = (spans.end_ps - spans.start_ps)[compute]
    assert (lasted == request.inputs.compute_ns[spans.node[compute]] * PS_PER_NS).all()
    assert prediction.makespan_ps == spans.end_ps.max()


@settings(max_examples=40)
@given(graphs(), options)
def test_what_is_exported_and_read_back_is_what_is_simulated(graph: ExecutionGraph, chosen: BackendOptions) -> None:
    """The embedded engine takes its traces without files; the files hold the same."""
    request = request_for(graph, chosen)
    given_ = translate(request.inputs, request.inputs.system, chosen).given
    with TemporaryDirectory() as folder:
        AstraSimBackend().export(request, Path(folder))
        read = read_traces(Path(folder) / "trace", len(given_.traces))
    for written, found in zip(given_.traces, read, strict=True):
        for field in attrs.fields(RankTrace):
            left, right = getattr(written, field.name), getattr(found, field.name)
            assert np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right


@settings(max_examples=40)
@given(graphs())
def test_consumed_equals_pinned_where_nothing_is_said(graph: ExecutionGraph) -> None:
    """Every deviation has a note; compute is exact with the default encoding."""
    request = request_for(graph, BackendOptions())
    consumed = translate(request.inputs, request.inputs.system, request.options).consumed
    assert (consumed.compute_ns == request.inputs.compute_ns).all()
    same_sizes = bool((consumed.size_bytes == graph.size_bytes).all())
    assert same_sizes == (not any("other sizes" in note for note in consumed.notes))


@settings(max_examples=40)
@given(graphs())
def test_the_unrolled_graph_gives_the_same_times(graph: ExecutionGraph) -> None:
    """A node on many ranks means the same as one node on each."""

    def finishes(pinned: Inputs, request: SimulationRequest) -> list[int]:
        return [int(finish) for finish in completed(attrs.evolve(request, inputs=pinned)).finish_ps]

    request = request_for(graph, BackendOptions())
    unrolled = pin(graph.unrolled(), request.inputs.system)
    assert finishes(request.inputs, request) == finishes(unrolled, request)


@settings(max_examples=60)
@given(graphs(), options)
def test_columns_hold_what_traces_hold(graph: ExecutionGraph, chosen: BackendOptions) -> None:
    """The compiled engine is given columns straight from the graph; read from the traces they are the same."""
    request = request_for(graph, chosen)
    given_ = translate(request.inputs, request.inputs.system, chosen).given
    assert isinstance(given_.traces, StepTraces)
    system = given_.system_config()
    straight = given_.traces.programs(system)
    read_back = programs_of(tuple(given_.traces), system)
    assert np.array_equal(straight.instance_start, read_back.instance_start)
    for rank, (mine, theirs) in enumerate(zip(straight.of_rank.tolist(), read_back.of_rank.tolist(), strict=True)):
        left, right = (slice(*part.start[at : at + 2]) for part, at in ((straight, mine), (read_back, theirs)))
        kind = straight.node_type[left]
        for name, wanted in (
            ("node_id", None),
            ("node_type", None),
            ("predecessor_count", None),
            ("duration_ns", (COMP,)),
            ("peer", (SEND, RECV)),
            ("tag", (SEND, RECV)),
            ("size_bytes", (SEND, RECV, COLL)),
            ("comm_type", (COLL,)),
            ("group", (COLL,)),
        ):
            which = np.isin(kind, wanted) if wanted else np.ones(len(kind), dtype=bool)
            columns = (getattr(straight, name)[left][which], getattr(read_back, name)[right][which])
            assert np.array_equal(*columns), (rank, name)
        assert _successors(straight, left) == _successors(read_back, right)


def _successors(programs: Programs, rows: slice) -> list[list[int]]:
    starts = programs.successor_start[rows.start : rows.stop + 1].tolist()
    return [sorted(programs.successor[begin:end].tolist()) for begin, end in itertools.pairwise(starts)]


@settings(max_examples=60)
@given(graphs(), options)
def test_a_quick_look_finds_what_a_long_one_finds(graph: ExecutionGraph, chosen: BackendOptions) -> None:
    """Columns and an excerpt may only say that nothing is wrong where nothing is."""
    request = request_for(graph, chosen)
    translation = translate(request.inputs, request.inputs.system, chosen)
    quick = preflight(translation, run=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("versim_astrasim.lint.preflight.excerpt_of", lambda _: None)
        long = preflight(translation, run=False)
    assert quick == long
