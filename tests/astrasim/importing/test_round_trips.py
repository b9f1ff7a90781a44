"""What is exported and imported again, or the other way round, is what it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import numpy as np
import pytest
import yaml
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import Node, coll, comp, delimited, recv, send, written
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from imported_steps import imported, per_rank, request_for
from strategies import graphs
from versim import (
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Mesh,
    Op,
    Phase,
    SimulationRequest,
    VersimError,
    compare,
    load_report,
    pin,
    save_report,
)
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.chakra.reader import read_trace
from versim_astrasim.options import BackendOptions


@settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)
@given(graphs(), st.sampled_from(["roofline", "micros"]))
def test_a_graph_that_was_exported_comes_back_as_it_was(graph: ExecutionGraph, compute_encoding: str) -> None:
    """Names, phases, nanoseconds, sizes, groups, tags and dependencies.

    Compute of 0 ns, which no simulator is shown, and nanoseconds that simulators are told rounded come back, too.
    """
    assume(Kind.BROADCAST not in graph.kinds)
    request = request_for(graph, compute_encoding=compute_encoding)
    with TemporaryDirectory() as folder:
        AstraSimBackend().export(request, Path(folder))
        back = imported(Path(folder))
    assert per_rank(pin(back, request.inputs.system)) == per_rank(pin(graph.unrolled(), request.inputs.system))


sizes = st.integers(1, 1 << 40)


@st.composite
def rank_traces(draw: st.DrawFn) -> list[list[Node]]:
    """A sound trace on two to four ranks with ids that have gaps."""
    count = draw(st.integers(2, 4))
    ranks: list[list[Node]] = [[] for _ in range(count)]
    following = [draw(st.integers(0, 50)) for _ in range(count)]

    def add(rank: int, make: object, **more: object) -> None:
        known = [node["id"] for node in ranks[rank]]
        deps = draw(st.lists(st.sampled_from(known), max_size=2, unique=True)) if known else []
        ranks[rank].append(make(following[rank], *deps, **more))  # type: ignore[operator]
        following[rank] += draw(st.integers(1, 1 << 33))

    for _ in range(draw(st.integers(1, 8))):
        what = draw(st.sampled_from(["comp", "coll", "message"]))
        if what == "comp":
            add(draw(st.integers(0, count - 1)), comp, micros=draw(st.integers(1, 1000)))
        elif what == "message":
            source, target = draw(st.permutations(range(count)))[:2]
            size, tag = draw(sizes), draw(st.integers(0, 3))
            add(source, send, to=target, size=size, tag=tag)
            add(target, recv, of=source, size=size, tag=tag)
        else:
            group = draw(st.sampled_from([None, "7", "12"]))
            kind = draw(st.sampled_from(["ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL"]))
            size = draw(st.integers(1, 1 << 40))
            for rank in range(count) if group is None else {"7": (0, 1), "12": (1, 0)}[group]:
                add(rank, coll, kind=kind, size=size, pg_name=group)
    for rank in range(count):
        if not ranks[rank]:
            add(rank, comp)
    return ranks


def content(folder: Path, rank: int) -> dict[int, tuple[object, ...]]:
    """A rank's nodes by id: type, dependencies, sizes, tags, peers and group."""
    trace = read_trace(folder / f"trace.{rank}.et")
    return {
        node: (
            int(trace.node_type[index]),
            sorted(trace.ctrl_deps[trace.ctrl_offsets[index] : trace.ctrl_offsets[index + 1]].tolist()),
            *(int(getattr(trace, name)[index]) for name in ("comm_type", "comm_size", "comm_tag", "comm_dst")),
            trace.pg_name.get(index),
            trace.names[index],
        )
        for index, node in enumerate(trace.node_id.tolist())
    }


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rank_traces(), st.sampled_from(["as imported", "unrolled", "without compute times"]))
def test_a_trace_that_was_imported_is_exported_as_it_was(ranks: list[list[Node]], how: str) -> None:
    """Ids with their gaps, dependencies, sizes, tags, and groups by number and in their order; unrolled or not.

    Nodes that a pin makes last 0 ns are left out of the second trace, and come back with their ids from there.
    """
    with TemporaryDirectory() as folder:
        here, there, again = (Path(folder) / name for name in ("given", "exported", "again"))
        written(here, ranks)
        groups = {"7": [0, 1], "12": [1, 0]}
        (here / "comm_groups.json").write_text(json.dumps(groups), encoding="utf-8")
        graph = imported(here)
        if how == "unrolled":
            graph = graph.unrolled()
        request = request_for(graph)
        if how == "without compute times":
            compute = np.flatnonzero(graph.op == Op.COMPUTE).tolist()
            pinned = pin(graph, request.inputs.system, durations_s=dict.fromkeys(compute, 0.0))
            there.mkdir()
            AstraSimBackend().export(attrs.evolve(request, inputs=pinned), there)
            graph = imported(there)
            assert (request_for(graph).inputs.compute_ns == 0).all()
            shutil.rmtree(there)
            compute = np.flatnonzero(graph.op == Op.COMPUTE).tolist()
            pinned = pin(graph, request.inputs.system, durations_s=dict.fromkeys(compute, 1e-6))
            request = attrs.evolve(request, inputs=pinned)
        there.mkdir()
        AstraSimBackend().export(request, there)
        for rank in range(len(ranks)):
            assert content(there, rank) == content(here, rank)
        used = {node["attr"]["pg_name"] for nodes in ranks for node in nodes if "pg_name" in node["attr"]}
        exported = json.loads((there / "comm_groups.json").read_text(encoding="utf-8"))
        assert exported == {name: ranks for name, ranks in groups.items() if name in used}
        # What runs is the same, so ids with gaps find their way back to rows.
        AstraSimBackend().simulate(request)
        again.mkdir()
        AstraSimBackend().export(request_for(imported(there)), again)
        assert [content(again, rank) for rank in range(len(ranks))] == [
            content(there, rank) for rank in range(len(ranks))
        ]


def test_ids_and_groups_survive_a_saved_report(tmp_path: Path) -> None:
    """A report keeps the graph that was simulated, of which the trace's ids are a part: the digest holds them."""
    rank = [comp(3), coll(1 << 40, 3, pg_name="12"), coll(2**64 - 1, 1 << 40, kind="ALL_GATHER", pg_name="7")]
    prefix = written(tmp_path / "given", [rank, rank])
    (tmp_path / "given" / "comm_groups.json").write_text('{"7": [0, 1], "12": [1, 0]}', encoding="utf-8")
    scenario = {
        "name": "trace",
        "workloads": [{"label": "step", "producer": "chakra", "options": {"path": str(prefix)}}],
        "system": {
            "device": {"name": "any"},
            "dimensions": [{"topology": "ring", "size": 2, "bandwidth_bytes_per_s": 1e9, "latency_s": 1e-6}],
        },
        "backends": [{"label": "a", "backend": "astrasim"}, {"label": "b", "backend": "astrasim"}],
    }
    (tmp_path / "trace.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    save_report(compare(tmp_path / "trace.yaml"), tmp_path / "report.json")
    _, comparison, _ = next(iter(load_report(tmp_path / "report.json").results()))
    (tmp_path / "exported").mkdir()
    request = SimulationRequest(inputs=comparison.inputs.on(comparison.inputs.system), options=BackendOptions())
    AstraSimBackend().export(request, tmp_path / "exported")
    assert content(tmp_path / "exported", 1) == content(tmp_path / "given", 1)
    groups = json.loads((tmp_path / "exported" / "comm_groups.json").read_text(encoding="utf-8"))
    assert groups == {"7": [0, 1], "12": [1, 0]}


def test_what_export_chooses_itself_is_not_kept(tmp_path: Path) -> None:
    """Otherwise a graph that versim exported would come back as another one than it was."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    row = builder.compute("w", [(Fixed(0.0), 1)])
    for axes in (["tp"], ["dp", "tp"], ["dp"]):
        row = builder.collective("c", "all_reduce", 4096, axes=axes, after=[row])
    AstraSimBackend().export(request_for(builder.build()), tmp_path)
    back = imported(tmp_path)
    assert not back.node_attributes
    assert not back.communication_attributes


def test_a_group_of_all_ranks_comes_back_in_its_own_order(tmp_path: Path) -> None:
    """ASTRA-sim runs it in the order of ranks; other simulators do not."""
    builder = GraphBuilder(Mesh.of(rank=3))
    builder.collective("c", "all_reduce", 4096, ranks=(2, 0, 1))
    graph = builder.build()
    AstraSimBackend().export(request_for(graph), tmp_path)
    back = imported(tmp_path)
    assert per_rank(request_for(back).inputs) == per_rank(request_for(graph.unrolled()).inputs)
    assert back.scopes[0].ranks == (2, 0, 1)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"bytes_list": schema.BytesList(values=[b"\xff\xff"])}, r"trace\.0\.et: the node at byte 8 keeps one"),
        ({"bytes_list": schema.BytesList(values=[schema.Node(id=5).SerializeToString()])}, "node 5 is defined twice"),
        (
            {"bytes_list": schema.BytesList(values=[schema.Node(id=6, ctrl_deps=[77]).SerializeToString()])},
            "depends on node 77, which does not exist",
        ),
        (
            {"bytes_list": schema.BytesList(values=[schema.Node(id=6, ctrl_deps=[6]).SerializeToString()])},
            "waits for itself",
        ),
    ],
)
def test_labels_of_other_people_are_not_believed(tmp_path: Path, label: dict[str, object], message: str) -> None:
    """What versim writes beside the nodes is read from any file, so it is held to what a trace is held to."""
    node = schema.Node(id=5, type=schema.COMP_NODE, duration_micros=3)
    node.attr.add(name="versim.left_out", **label)
    metadata = schema.GlobalMetadata(version="0.0.4").SerializeToString()
    (tmp_path / "trace.0.et").write_bytes(delimited(metadata, node.SerializeToString()))
    with pytest.raises(VersimError, match=message):
        imported(tmp_path)


def test_phases_layers_and_microbatches_survive(tmp_path: Path) -> None:
    """They are labels, which no simulator reads and every report shows."""
    builder = GraphBuilder(Mesh.of(dp=2))
    row = builder.compute("w", [(Fixed(1e-6), 1)], phase=Phase.BACKWARD, layer=3, microbatch=0)
    builder.collective("g", "all_gather", 1001, axes=["dp"], after=[row], layer=3, algorithm="ring")
    request = request_for(builder.build())
    AstraSimBackend().export(request, tmp_path)
    back = imported(tmp_path)
    node, gathered = back.node(0), back.communication(0)
    assert (node.phase, node.layer, node.microbatch) == (Phase.BACKWARD, 3, 0)
    assert (gathered.size_bytes, back.algorithms[int(back.algorithm[0])]) == (1001, "ring")
    assert np.array_equal(back.layer, [3, 3, 3, 3])
