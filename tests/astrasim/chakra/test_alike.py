"""Files read together hold what each holds alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import numpy as np
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import delimited, fielded_node
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.chakra.alike import read_alike
from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.reader import TraceFile, read_file

METADATA = schema.GlobalMetadata(version="0.0.4").SerializeToString()

ATTRIBUTES = st.sampled_from(
    [
        schema.AttributeProto(name="comm_size", int64_val=4096),
        schema.AttributeProto(name="comm_size", int64_val=-1),
        schema.AttributeProto(name="comm_type", uint32_val=2),
        schema.AttributeProto(name="pg_name", string_val="7"),
        schema.AttributeProto(name="pg_name", int64_val=7),
        schema.AttributeProto(name="comm_group", int64_val=3),
        schema.AttributeProto(name="is_cpu_op", bool_val=True),
        schema.AttributeProto(name="inputs", string_list=schema.StringList(values=["a", "1"])),
        schema.AttributeProto(name="outputs", string_list=schema.StringList()),
        schema.AttributeProto(name="involved_dim", bool_list=schema.BoolList(values=[True, False])),
        schema.AttributeProto(name="versim.compute_ns", int64_val=12),
        schema.AttributeProto(name="unknown", double_val=0.5),
    ]
)


@st.composite
def nodes(draw: st.DrawFn) -> bytes:
    """A node of the later generation."""
    name = draw(st.sampled_from(["a", "b", "## process_group:init ##"]))
    node = schema.Node(
        id=draw(st.integers(0, 3)),
        name=name,
        type=draw(st.integers(0, 7)),
        ctrl_deps=draw(st.lists(st.integers(0, 5), max_size=3)),
        data_deps=draw(st.lists(st.integers(0, 5), max_size=2)),
        duration_micros=draw(st.sampled_from([0, 5, 2**63])),
        attr=draw(st.lists(ATTRIBUTES, max_size=4)),
    )
    if "process" in name:
        node.inputs.values = '[{"pg_name": "7", "ranks": [0, 1]}]'
    return node.SerializeToString()


def same(one: TraceFile, other: TraceFile) -> bool:
    """Whether two files hold the same."""
    for field in attrs.fields(TraceFile):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "trace":
            for column in attrs.fields(type(mine)):
                left, right = getattr(mine, column.name), getattr(theirs, column.name)
                if isinstance(left, np.ndarray):
                    if left.tolist() != right.tolist():
                        return False
                elif left != right:
                    return False
        elif isinstance(mine, np.ndarray):
            if mine.tolist() != theirs.tolist():
                return False
        elif mine != theirs:
            return False
    return True


@settings(max_examples=40)
@given(st.lists(st.lists(nodes(), max_size=5), min_size=1, max_size=4))
def test_files_read_together_hold_what_each_holds_alone(ranks: list[list[bytes]]) -> None:
    """Whatever they share, and whatever is odd in them."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"t.{rank}.et" for rank in range(len(ranks))]
        for path, contents in zip(paths, ranks, strict=True):
            path.write_bytes(delimited(METADATA, *contents))
        for path, found in zip(paths, read_alike(paths), strict=True):
            assert isinstance(found, TraceFile)
            assert same(found, read_file(path))


def test_equal_files_share_their_content(tmp_path: Path) -> None:
    """So that what looks at them looks once."""
    node = schema.Node(id=0, type=schema.COMP_NODE).SerializeToString()
    for rank in range(3):
        (tmp_path / f"t.{rank}.et").write_bytes(delimited(METADATA, node, *([node] if rank == 1 else [])))
    first, second, third = read_alike([tmp_path / f"t.{rank}.et" for rank in range(3)])
    assert first is third
    assert first is not second


def test_what_is_odd_is_read_alone_or_told(tmp_path: Path) -> None:
    """The other generation, files without metadata, and what is no trace."""
    node = schema.Node(id=0, type=schema.COMP_NODE, ctrl_deps=[1]).SerializeToString()
    contents = {
        "old.0.et": delimited(fielded_node("w", id=1, node_type=3, simulated_run_time=5)),
        "bare.0.et": delimited(node),
        "cut.0.et": delimited(METADATA, node)[:-1],
        "plain.0.et": delimited(METADATA, node),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    old, bare, cut, plain, absent = read_alike([*(tmp_path / name for name in contents), tmp_path / "none.0.et"])
    assert isinstance(old, TraceFile)
    assert isinstance(bare, TraceFile)
    assert (old.has_metadata, bare.has_metadata) == (False, False)
    assert isinstance(plain, TraceFile)
    assert isinstance(cut, TraceFormatError)
    assert "cut.0.et" in str(cut)
    assert isinstance(absent, TraceFormatError)


def test_a_node_malformed_halfway_spoils_no_other_file(tmp_path: Path) -> None:
    """Its columns are in step again afterwards."""
    bad = schema.Node(id=7, type=schema.COMP_NODE).SerializeToString() + b"\x52\x02\x0a\x7f"
    good = [schema.Node(id=number, type=schema.COMP_NODE, ctrl_deps=[number]).SerializeToString() for number in (1, 2)]
    for rank, content in enumerate([(bad,), tuple(good)]):
        (tmp_path / f"t.{rank}.et").write_bytes(delimited(METADATA, *content))
    first, second = read_alike([tmp_path / f"t.{rank}.et" for rank in range(2)])
    assert isinstance(first, TraceFormatError)
    assert "malformed attribute" in str(first)
    assert isinstance(second, TraceFile)
    assert second.trace.node_id.tolist() == [1, 2]
    assert second.trace.ctrl_deps.tolist() == [1, 2]
