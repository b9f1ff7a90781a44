"""The short way of reading attributes answers as the official schema does."""

from __future__ import annotations

import io

import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import delimited
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.chakra.attributes import AttributeDecoder, ValueKind
from versim_astrasim.chakra.reader import read_file


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6),
    st.sampled_from(["int64_val", "uint64_val"]),
    st.binary(max_size=3),
)
def test_integers_of_a_known_name_are_read_as_by_the_schema(values: list[int], field: str, tail: bytes) -> None:
    """The second integer of a name is read without the schema: of any length, and with whatever stands behind."""
    decoder = AttributeDecoder()
    for value in values:
        signed = value - 2**64 if field == "int64_val" and value >= 2**63 else value
        content = schema.AttributeProto(name="num_ops", **{field: signed}).SerializeToString()
        found = decoder.decode(content)
        assert (found.kind, found.value) == (ValueKind.INTEGER, signed)
        for odd in (content + tail, content[:-1] + bytes([content[-1] | 0x80]) + tail):
            try:
                message = schema.AttributeProto.FromString(odd)
            except DecodeError:
                with pytest.raises(DecodeError):
                    decoder.decode(odd)
            else:
                said = getattr(message, message.WhichOneof("value"))
                if isinstance(said, int):
                    assert decoder.decode(odd).value == said


@given(st.lists(st.booleans(), min_size=1, max_size=4))
def test_the_first_of_a_repeated_truth_counts(said: list[bool]) -> None:
    """As in the program; another value is told, the same is not."""
    node = schema.Node(id=0, type=schema.COMP_NODE)
    for value in said:
        node.attr.add(name="is_cpu_op", bool_val=value)
    metadata = schema.GlobalMetadata(version="0.0.4").SerializeToString()
    found = read_file(io.BytesIO(delimited(metadata, node.SerializeToString())))
    assert found.trace.is_cpu_op.tolist() == [said[0]]
    other = (not said[0]) in said
    assert dict(found.repeated) == ({(0, "is_cpu_op"): (said[0], not said[0])} if other else {})
