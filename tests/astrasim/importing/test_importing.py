"""Traces become graphs without loss, whatever their generation; what a graph cannot hold is refused by name."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import Node, coll, comp, delimited, fielded_node, listed, recv, send, written
from imported_steps import imported, per_rank, request_for
from versim import (
    HOST,
    FaultsError,
    Kind,
    Op,
    VersimError,
)
from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.reader import read_file, read_trace
from versim_astrasim.engine.trace import COLL, COMM_TYPES, COMP
from versim_astrasim.importing.options import ImportOptions


def test_version_0_0_1_is_read_with_its_own_numbers(tmp_path: Path) -> None:
    """Attributes are fields there, types are one less, and all-to-all is 2 where later versions have a reduce's 2."""
    for rank in range(2):
        nodes = [
            fielded_node("work", id=1, node_type=3, simulated_run_time=1500, num_ops=7, tensor_size=3),
            fielded_node("exchange", id=2, node_type=6, parent=[1], comm_type=2, comm_size=1 << 20, involved_dim=[1]),
            fielded_node(
                "out" if rank == 0 else "in",
                id=3,
                node_type=4 if rank == 0 else 5,
                parent=[1, 2],
                comm_src=0,
                comm_dst=1,
                comm_size=64,
                comm_tag=9,
            ),
        ]
        (tmp_path / f"old.{rank}.et").write_bytes(delimited(*nodes))
    file = read_file(tmp_path / "old.0.et")
    assert file.generation is Generation.FIELDED
    assert file.trace.node_type.tolist() == [COMP, COLL, 5]
    assert file.trace.comm_type[1] == COMM_TYPES["ALL_TO_ALL"]
    assert file.duration_ns.tolist() == [1500, 0, 0]
    graph = imported(tmp_path / "old")
    assert graph.communication(0).kind is Kind.ALL_TO_ALL
    assert per_rank(request_for(graph).inputs)[1][2][6] == [0, 1]  # type: ignore[index]


def test_the_unit_of_version_0_0_1_may_be_chosen(tmp_path: Path) -> None:
    """It does not say; what is too long for 64 bits of nanoseconds stays the longest, and later versions say."""
    (tmp_path / "old.0.et").write_bytes(delimited(fielded_node("work", id=1, node_type=3, simulated_run_time=1500)))
    written(tmp_path, [[comp(0, micros=7)]], "new")
    for name, unit, duration_ns in (("old", "ns", 1500), ("old", "us", 1_500_000), ("new", "us", 7000)):
        graph = imported(tmp_path / name, duration_unit=unit)
        assert request_for(graph).inputs.compute_ns.tolist() == [duration_ns]
    with pytest.raises(ValueError, match="duration_unit"):
        ImportOptions(path="old", duration_unit="ms")  # type: ignore[arg-type]


def test_a_file_that_says_0_0_1_in_its_metadata_is_read_as_such() -> None:
    """Some writers put the version in front."""
    metadata = schema.GlobalMetadata(version="0.0.1").SerializeToString()
    file = read_file(io.BytesIO(delimited(metadata, fielded_node("w", id=1, node_type=3, simulated_run_time=3))))
    assert file.generation is Generation.FIELDED
    assert file.trace.node_type.tolist() == [COMP]


def test_a_file_that_does_not_say_its_version_is_known_by_its_fields() -> None:
    """Empty metadata, then nodes with fields that only version 0.0.1 has, some of them late in the file."""
    nodes = [
        fielded_node("w", id=1, node_type=3, simulated_run_time=3),
        fielded_node("c", id=2, node_type=6, parent=[1], comm_type=1, comm_size=64),
    ]
    file = read_file(io.BytesIO(delimited(b"", *nodes)))
    assert file.generation is Generation.FIELDED
    assert file.trace.node_type.tolist() == [COMP, COLL]


def headless(*nodes: schema.Node) -> bytes:
    """A file of version 0.0.4 as its first writers made it, without global metadata."""
    return delimited(*(node.SerializeToString() for node in nodes))


def test_a_file_without_metadata_is_known_by_how_its_nodes_are_encoded() -> None:
    """Early files of version 0.0.4 begin with a node, whose id of 0 is not written; in 0.0.1 types are others."""
    first = schema.Node(id=0, name="w", type=schema.COMP_NODE, duration_micros=7)
    second = schema.Node(id=1, name="c", type=schema.COMM_COLL_NODE, ctrl_deps=[0])
    second.attr.add(name="comm_type", int64_val=schema.ALL_GATHER)
    for nodes in ([first, second], [first, schema.Node(id=1, type=schema.COMP_NODE, data_deps=[0])], [first]):
        file = read_file(io.BytesIO(headless(*nodes)))
        assert (file.generation, file.has_metadata) == (Generation.LISTED, False)
        assert file.trace.node_type.tolist() == [node.type for node in nodes]
        assert file.duration_ns[0] == 7000
    compute = fielded_node("w", id=0, node_type=3, simulated_run_time=7)
    waiting = fielded_node("c", id=1, node_type=3, parent=[0])
    for contents in ([compute], [compute, waiting]):
        file = read_file(io.BytesIO(delimited(*contents)))
        assert file.generation is Generation.FIELDED
        assert file.trace.node_type.tolist() == [COMP] * len(contents)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (
            [schema.GlobalMetadata(version="0.0.4").SerializeToString(), fielded_node(id=4, node_type=6, comm_size=3)],
            "node 4 at byte 8 does not fit a file of version 0.0.4: it has field 18, which only schema version 0.0.1",
        ),
        (
            [
                fielded_node(id=1, node_type=3, num_ops=1),
                schema.Node(id=2, attr=[schema.AttributeProto(name="a")]).SerializeToString(),
            ],
            "that at byte 0 is of schema version 0.0.1, that at byte 9 of 0.0.4 or later",
        ),
        ([fielded_node(id=1, node_type=7)], "nothing in its nodes tells schema version 0.0.1 from 0.0.4"),
        ([fielded_node(id=1, node_type=3), fielded_node(id=2, node_type=4)], "nothing in its nodes tells"),
        ([fielded_node(id=1, node_type=7, parent=[1])], "type 7, unknown in schema version 0.0.1"),
        ([fielded_node(id=1, node_type=3) + b"\x5a\x01x"], "0.0.2 or 0.0.3"),
        ([schema.GlobalMetadata(version="1.0.0").SerializeToString(), b"\x18\x08"], "STORAGE_NODE of schema versions"),
    ],
)
def test_generations_are_never_mixed_up(contents: list[bytes], message: str) -> None:
    """A node of one generation parses as something else in the other; that must not go unnoticed."""
    with pytest.raises(TraceFormatError, match=message):
        read_file(io.BytesIO(delimited(*contents)), "odd.et")


@pytest.mark.parametrize(
    "field", [f"{kind}{bits}_val" for kind in ("int", "uint", "sint", "fixed", "sfixed") for bits in (32, 64)]
)
def test_an_integer_may_have_any_width(field: str) -> None:
    """Converters do not agree on one."""
    node = schema.Node(id=1, type=schema.COMM_COLL_NODE)
    for value in (1, 2):
        node.attr.add(name="comm_size", **{field: 2_000_000_000 + value})
    for name in ("comm_type", "comm_priority"):
        node.attr.add(name=name, **{field: 6})
    trace = read_trace(io.BytesIO(delimited(b"", node.SerializeToString(), node.SerializeToString())))
    assert trace.comm_size.tolist() == [2_000_000_001] * 2
    assert trace.comm_type.tolist() == [6, 6]


def test_groups_come_from_metadata_nodes(tmp_path: Path) -> None:
    """PyTorch's own description of its process groups, where no group file is given."""
    described = [{"pg_name": "0", "ranks": [], "group_size": 4}, {"pg_name": "tp", "ranks": [1, 0], "group_size": 2}]
    for rank in range(4):
        start = schema.Node(id=1, name="## process_group:init ##", type=schema.METADATA_NODE)
        start.inputs.values = str([json.dumps(described)])
        contents = [schema.GlobalMetadata().SerializeToString(), start.SerializeToString()]
        contents += [part[0] for part in [[listed([coll(3, 1, pg_name="0")])[8:]]]]
        data = delimited(*contents[:2]) + contents[2]
        if rank < 2:
            data += listed([coll(5, 3, pg_name="tp", size=64)])[8:]
        (tmp_path / f"t.{rank}.et").write_bytes(data)
    graph = imported(tmp_path)
    assert sorted(scope.ranks for scope in graph.scopes) == [(0, 1, 2, 3), (1, 0)]
    assert "metadata and invalid nodes were left out" in " ".join(graph.notes)


def test_dimensions_make_groups(tmp_path: Path) -> None:
    """``involved_dim`` needs the network's sizes; without them it is refused rather than taken for the world."""
    prefix = written(tmp_path, [[coll(0, involved_dim=[False, True])] for _ in range(6)])
    with pytest.raises(FaultsError, match="give the network's file"):
        imported(prefix)
    network = tmp_path / "network.yml"
    network.write_text("topology: [Ring, Ring]\nnpus_count: [2, 3]\nbandwidth: [50, 50]\nlatency: [5, 5]\n")
    graph = imported(prefix, network=str(network))
    assert sorted(scope.ranks for scope in graph.scopes) == [(0, 2, 4), (1, 3, 5)]


def test_where_dependencies_leave_the_order_open_that_is_said(tmp_path: Path) -> None:
    """Simulators that start nodes in another order would pair them otherwise."""
    loose = imported(written(tmp_path / "loose", [[coll(0), coll(1)]] * 2))
    assert "ascending id where dependencies do not fix the order" in " ".join(loose.notes)
    fixed = imported(written(tmp_path / "fixed", [[coll(0), comp(1, 0), coll(2, 1)]] * 2))
    assert not fixed.notes


def test_cpu_operations_and_calls_are_compute_and_said(tmp_path: Path) -> None:
    """PyTorch has a CPU node of the collective's type for the call that starts it, with neither size nor kind."""
    call = {**coll(1, 0, kind=None, size=None, is_cpu_op=True), "duration_micros": 85}
    ranks = [[comp(0, attr={"is_cpu_op": True}), call, coll(2, 1)] for _ in range(2)]
    graph = imported(written(tmp_path, ranks))
    assert [graph.node(row).op for row in range(3)] == [Op.COMPUTE, Op.COMPUTE, Op.COLLECTIVE]
    assert graph.node_attributes[HOST].tolist() == [1, 1, 0] * 2
    assert "4 CPU operations are compute of the host" in " ".join(graph.notes)


def test_memory_nodes_are_refused_unless_asked_for(tmp_path: Path) -> None:
    """Their time depends on a memory model."""
    node = {"id": 0, "type": "MEM_LOAD_NODE", "name": "load", "duration_micros": 3, "attr": {"tensor_size": 9}}
    prefix = written(tmp_path, [[node, coll(1, 0)], [comp(0), coll(1, 0)]])
    with pytest.raises(FaultsError, match=r"rank 0: node 0 \('load', MEM_LOAD_NODE\) is a memory access"):
        imported(prefix)
    assert imported(prefix, memory_nodes="recorded").node(0).op is Op.COMPUTE


def test_operations_can_be_left_to_a_compute_timing(tmp_path: Path) -> None:
    """``compute: work``: operations and bytes instead of times."""
    nodes = [comp(0, attr={"num_ops": 10**12, "tensor_size": 4096})]
    graph = imported(written(tmp_path, [nodes, nodes]), compute="work")
    assert graph.works[0][0][0].flop == 10**12  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ([[coll(0), coll(1, 0)], [coll(0)]], "collective 1 of the world, but rank 1 has only 1"),
        ([[coll(0)], [coll(0, size=2)]], "with size 2, but rank 0: node 0"),
        ([[coll(0)], [coll(0, kind="ALL_GATHER")]], "with kind ALL_GATHER"),
        ([[send(0, to=1)], [recv(0, of=0, tag=1)]], "sends 4096 bytes from rank 0 to rank 1 with tag 0"),
        ([[comp(0, 7)], [comp(0)]], "depends on node 7, which does not exist"),
        ([[comp(0, 1), comp(1, 0)], [comp(0)]], "waits for itself: "),
        ([[comp(3), comp(3)], [comp(0)]], "node 3 is defined twice"),
        ([[coll(0, size=None)], [coll(0)]], "has no comm_size"),
        ([[coll(0, kind="BARRIER")], [coll(0)]], "is a BARRIER"),
        ([[coll(0, pg_name="9")], [coll(0)]], "names group '9', which neither"),
        ([[coll(0, size=1.5)], [coll(0)]], "comm_size is of type double"),
        ([[send(0, to=5)], [comp(0)]], "comm_dst 5; it has to be another of the 2 ranks"),
        ([[coll(0, size=0)], [coll(0, size=0)]], "has a comm_size of 0"),
    ],
)
def test_what_a_graph_cannot_hold_is_refused_by_rank_and_node(
    tmp_path: Path, ranks: list[list[Node]], message: str
) -> None:
    """A person has to find the node in a trace of a million."""
    with pytest.raises(FaultsError, match=message):
        imported(written(tmp_path, ranks))


def test_files_are_looked_for_by_folder_prefix_or_file(tmp_path: Path) -> None:
    """Missing ranks and several traces in one folder are said."""
    prefix = written(tmp_path / "a", [[comp(0)], [comp(0)]])
    for where in (tmp_path / "a", prefix, tmp_path / "a" / "trace.1.et"):
        assert imported(where).mesh.world_size == 2
    written(tmp_path / "a", [[comp(0)]], "other")
    with pytest.raises(VersimError, match=r"several traces \(other, trace\)"):
        imported(tmp_path / "a")
    (tmp_path / "a" / "trace.0.et").unlink()
    with pytest.raises(VersimError, match="none for rank 0"):
        imported(prefix)
    (tmp_path / "a" / "trace.1.et").rename(tmp_path / "a" / "trace.0.eg")
    assert imported(prefix).mesh.world_size == 1
    written(tmp_path / "a", [[comp(0)]])
    with pytest.raises(VersimError, match=r"two files, trace\.0\.eg and trace\.0\.et"):
        imported(prefix)
    with pytest.raises(VersimError, match="there is no trace at"):
        imported(tmp_path / "nowhere")
