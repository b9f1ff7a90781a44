"""Traces survive being written and read, and damaged files are refused with the place of the damage."""

from __future__ import annotations

import io
from pathlib import Path

import attrs
import numpy as np
import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.chakra.framing import MOST_BYTES, TraceFormatError, messages, varint, write_message
from versim_astrasim.chakra.reader import read_trace, read_traces
from versim_astrasim.chakra.writer import write_trace, write_traces
from versim_astrasim.engine import RankTrace

int64 = st.integers(-(2**63) + 1, 2**63 - 1)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "is_cpu_op": st.booleans(),
        "comm_type": st.integers(0, 9),
        "comm_size": st.integers(0, 2**64 - 1).filter(lambda value: value != 2**63),
        "comm_src": st.integers(0, 2**32 - 1),
        "comm_dst": st.integers(0, 2**32 - 1),
        "comm_tag": int64,
        "num_ops": st.integers(0, 2**63 - 1),
        "tensor_size": st.integers(0, 2**63 - 1),
        "pg_name": st.text(max_size=5),
        "involved_dim": st.lists(st.booleans(), max_size=4),
    },
)
ids = st.integers(0, 2**64 - 1)
node_types = ["MEM_LOAD_NODE", "COMP_NODE", "COMM_SEND_NODE", "COMM_RECV_NODE", "COMM_COLL_NODE"]
nodes = st.fixed_dictionaries(
    {
        "id": ids,
        "type": st.sampled_from(node_types),
        "name": st.text(max_size=8),
        "duration_micros": ids,
        "ctrl_deps": st.lists(ids, max_size=3),
        "data_deps": st.lists(ids, max_size=3),
        "attr": attributes,
    }
)


def encoded(trace: RankTrace) -> bytes:
    """The file's bytes."""
    stream = io.BytesIO()
    write_trace(trace, stream)
    return stream.getvalue()


def same(first: RankTrace, second: RankTrace) -> bool:
    """Equal in every column; columns are arrays, which have no truth value of their own."""
    return all(
        np.array_equal(getattr(first, field.name), getattr(second, field.name))
        if isinstance(getattr(first, field.name), np.ndarray)
        else getattr(first, field.name) == getattr(second, field.name)
        for field in attrs.fields(RankTrace)
    )


@given(st.lists(nodes, max_size=6))
def test_a_trace_survives_being_written_and_read(content: list[dict[str, object]]) -> None:
    """Whatever a column can hold, ids and sizes of all 64 bits included."""
    trace = RankTrace.from_nodes(content)
    assert same(read_trace(io.BytesIO(encoded(trace))), trace)


def test_files_are_written_per_rank_and_shared_traces_too(tmp_path: Path) -> None:
    """The real program looks for PREFIX.RANK.et; ranks that share a trace still need a file each."""
    first = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "name": "a", "duration_micros": 3}])
    second = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "name": "b", "duration_micros": 4}])
    paths = write_traces([first, second, first], tmp_path / "step.v1")
    assert [path.name for path in paths] == ["step.v1.0.et", "step.v1.1.et", "step.v1.2.et"]
    assert [trace.names[0] for trace in read_traces(tmp_path / "step.v1", 3)] == ["a", "b", "a"]


def test_a_name_that_is_no_text_is_written_all_the_same() -> None:
    """A lone surrogate from a careless producer is replaced rather than losing the trace."""
    trace = RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "name": "a\ud800b"}])
    assert list(read_trace(io.BytesIO(encoded(trace))).names) == ["a?b"]


def test_attributes_have_the_types_the_original_converter_writes() -> None:
    """Tools other than ASTRA-sim may look at the declared type (measured: golden/deepflow/et_examples.json)."""
    trace = RankTrace.from_nodes(
        [{"id": 7, "type": "COMM_SEND_NODE", "attr": {"comm_size": 2**40, "comm_dst": 1, "comm_tag": 5}}]
    )
    (_, metadata), (_, content) = messages(io.BytesIO(encoded(trace)), "trace")
    assert schema.GlobalMetadata.FromString(metadata).version == "0.0.4"
    node = schema.Node.FromString(content)
    assert {attribute.name: attribute.WhichOneof("value") for attribute in node.attr} == {
        "is_cpu_op": "bool_val",
        "comm_size": "int64_val",
        "comm_dst": "int32_val",
        "comm_tag": "int32_val",
    }


def test_an_attribute_of_the_wrong_type_is_kept_as_such() -> None:
    """It is an error only when its node runs, as in the real program; of a repeated attribute the first counts."""
    node = schema.Node(id=1, type=schema.COMM_COLL_NODE)
    node.attr.add(name="comm_size", float_val=1.5)
    node.attr.add(name="comm_size", int64_val=4)
    node.attr.add(name="pg_name", int64_val=1)
    node.attr.add(name="comm_type", uint32_val=2)
    node.attr.add(name="unheard_of", double_val=1.0)
    stream = io.BytesIO()
    write_message(stream, b"")
    write_message(stream, node.SerializeToString())
    trace = read_trace(io.BytesIO(stream.getvalue()))
    assert {name for _, name in trace.malformed} == {"comm_size", "pg_name"}
    assert trace.comm_type.tolist() == [2]
    with pytest.raises(ValueError, match="cannot be written"):
        encoded(trace)


@pytest.mark.parametrize("cut", [1, 3, 20])
def test_a_file_that_was_cut_short_is_refused(cut: int) -> None:
    """Silently dropping the last nodes would simulate another step."""
    content = encoded(RankTrace.from_nodes([{"id": 0, "type": "COMP_NODE", "name": "x" * 200}]))
    with pytest.raises(TraceFormatError, match="cut short"):
        read_trace(io.BytesIO(content[:-cut]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff" * 11, "no valid length"),
        (b"\xff" * 6, "within the length at byte 0"),
        (varint(1 << 60) + b"x", "claims 1152921504606846976 bytes"),
        (b"\x1f\x8b\x08" + b"x" * 40, "gunzip it first"),
        (varint(MOST_BYTES + 1) + b"x", "claims 67108865 bytes"),
        (b"\x02\xff\xff", "not the global metadata"),
        (b"\x00\x02\xff\xff", "message at byte 1 is not a node"),
        (b"\x00\x82", "within the length at byte 1"),
        (b"\x00\x02\x18\x2a", "unknown type 42"),
    ],
)
def test_what_is_no_trace_is_refused_before_anything_is_allocated(content: bytes, message: str) -> None:
    """Traces come from other people; a claimed length of 4 GB must not be believed."""
    with pytest.raises(TraceFormatError, match=message):
        read_trace(io.BytesIO(content), "odd.et")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A rank short is the most common mistake with traces."""
    with pytest.raises(TraceFormatError, match=r"step\.0\.et"):
        read_traces(tmp_path / "step", 1)
