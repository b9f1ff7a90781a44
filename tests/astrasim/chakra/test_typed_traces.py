"""Traces of schema versions 0.0.2 and 0.0.3, which never say so: their attributes do."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from chakra_files import delimited
from versim_astrasim.chakra.framing import TraceFormatError, varint
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.reader import read_file
from versim_astrasim.engine.trace import COLL, COMM_TYPES, COMP, MISSING, SEND

KINDS = ("compute", "send", "collective")
TYPES = {"0.0.2": (3, 4, 6), "0.0.3": (4, 5, 7), "later 0.0.3": (4, 5, 7)}
FIELDS = {
    "0.0.2": {"int": 5, "text": 6, "truths": 8},
    "0.0.3": {"truth": 4, "int": 6, "text": 7, "truths": 8},
    "later 0.0.3": {"truth": 4, "unsigned": 6, "int": 7, "text": 8, "truths": 9},
}
"""Fields of attributes by the schema's version."""


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value % 2**64)


def text(field: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def attribute(version: str, name: str, value: int | str | bool | list[bool]) -> bytes:
    """An attribute of a node."""
    fields = FIELDS[version]
    head = text(1, name.encode()) + number(2, 2)
    if isinstance(value, list):
        return text(11, head + b"".join(number(fields["truths"], one) for one in value))
    if isinstance(value, bool):
        return text(11, head + number(fields["truth"], value))
    if isinstance(value, str):
        return text(11, head + text(fields["text"], value.encode()))
    return text(11, head + number(fields["int"], value))


def node(version: str, id_: int, kind: str, *parents: int, **attributes: int | str | bool | list[bool]) -> bytes:
    """A node with what it waits for."""
    head = number(1, id_) + text(2, kind.encode()) + number(3, TYPES[version][KINDS.index(kind)])
    waits = b"".join(number(4, parent) for parent in parents)
    strings = b"".join(text(field, b"[[1, 2]]") for field in range(5, 11))
    return head + waits + strings + b"".join(attribute(version, name, value) for name, value in attributes.items())


@pytest.mark.parametrize("metadata", ["none", "empty", "attributes"])
@pytest.mark.parametrize("version", FIELDS)
def test_traces_in_between_are_read(version: str, metadata: str, tmp_path: Path) -> None:
    """With their own numbers of types and collectives, whatever metadata they begin with."""
    nodes = [
        node(version, 0, "compute", runtime=7, num_ops=1 << 40, tensor_size=64),
        node(version, 1, "collective", 0, comm_type=1, comm_size=4096, involved_dim=[True, False], comm_group=3),
        node(version, 5, "send", 1, 0, comm_src=0, comm_dst=1, comm_size=8, comm_tag=-1),
    ]
    described = attribute("0.0.3", "schema", "1.0.1").replace(b"\x5a", b"\x0a", 1)
    first: dict[str, list[bytes]] = {"none": [], "empty": [b""], "attributes": [described]}
    path = tmp_path / "t.0.et"
    path.write_bytes(delimited(*first[metadata], *nodes))
    file = read_file(path)
    trace = file.trace
    assert file.generation is (Generation.TYPED_2 if version == "0.0.2" else Generation.TYPED_3)
    assert trace.node_id.tolist() == [0, 1, 5]
    assert trace.node_type.tolist() == [COMP, COLL, SEND]
    assert trace.duration_micros.tolist() == [7, 0, 0]
    assert file.duration_ns.tolist() == [7000, 0, 0]
    assert trace.num_ops.tolist() == [1 << 40, MISSING, MISSING]
    assert trace.comm_type[1] == COMM_TYPES["ALL_TO_ALL"]
    assert trace.comm_size.tolist() == [MISSING, 4096, 8]
    assert trace.comm_tag[2] == -1
    assert trace.involved_dim == {1: (True, False)}
    assert trace.ctrl_deps.tolist() == [0, 1, 0]
    assert file.comm_group == {1: 3}
    assert trace.names == ["compute", "collective", "send"]


def test_truths_are_read(tmp_path: Path) -> None:
    """Which 0.0.2 does not have."""
    path = tmp_path / "t.0.et"
    said = (True, False)
    path.write_bytes(delimited(*(node("0.0.3", id_, "compute", is_cpu_op=value) for id_, value in enumerate(said))))
    assert read_file(path).trace.is_cpu_op.tolist() == [1, 0]


@pytest.mark.parametrize(
    "contents",
    [
        [node("0.0.2", 0, "compute", runtime=7), node("0.0.3", 1, "compute", runtime=7)],
        [node("0.0.2", 0, "compute")],
        [node("0.0.3", 0, "compute", involved_dim=[True])],
        [node("0.0.3", 0, "compute") + text(11, b"\x0a\x7f")],
    ],
    ids=["both", "no attributes", "either", "no attribute"],
)
def test_what_nothing_tells_is_refused(contents: list[bytes], tmp_path: Path) -> None:
    """By the names of the versions."""
    path = tmp_path / "t.0.et"
    path.write_bytes(delimited(*contents))
    with pytest.raises(TraceFormatError, match=r"0\.0\.2 or 0\.0\.3"):
        read_file(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (node("0.0.3", 0, "compute", runtime=7).replace(b"\x18\x04", b"\x18\x09"), "unknown type 9"),
        (node("0.0.3", 0, "collective", comm_type=5, comm_size=1), "comm_type 5"),
    ],
)
def test_numbers_of_nothing_are_refused(content: bytes, said: str, tmp_path: Path) -> None:
    """As in other versions."""
    path = tmp_path / "t.0.et"
    path.write_bytes(delimited(content))
    with pytest.raises(TraceFormatError, match=said):
        read_file(path)


def test_floats_tell_the_version_too(tmp_path: Path) -> None:
    """By their number: 4 in 0.0.2, 5 in 0.0.3."""
    for field, generation in ((4, Generation.TYPED_2), (5, Generation.TYPED_3)):
        share = text(11, text(1, b"share") + number(2, 1) + varint(field << 3 | 5) + struct.pack("<f", 0.5))
        path = tmp_path / "t.0.et"
        path.write_bytes(delimited(node("0.0.2", 0, "compute") + share))
        assert read_file(path).generation is generation
