"""Traces come from other people: whatever they are, the answer is an error with its place, and soon."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import coll, comp, delimited, fielded_node, listed, written
from versim import VersimError
from versim_astrasim.chakra.alike import read_alike
from versim_astrasim.chakra.framing import TraceFormatError, messages, varint
from versim_astrasim.chakra.reader import read_file
from versim_astrasim.commands.listing import shown
from versim_astrasim.importing.sources import trace_files
from versim_astrasim.lint.loading import Given, lint

LISTED = listed([comp(0), coll(1, 0, pg_name="1", involved_dim=[True, False]), comp(300, 1)])
FIELDED = delimited(
    fielded_node("work", id=1, node_type=3, simulated_run_time=1500, num_ops=7),
    fielded_node("sum", id=2, node_type=6, parent=[1], comm_type=1, comm_size=1 << 20, involved_dim=[1]),
)
HEADLESS = LISTED[1 + LISTED[0] :]


@pytest.mark.parametrize("content", [LISTED, FIELDED, HEADLESS], ids=["listed", "fielded", "without metadata"])
def test_a_file_cut_anywhere_is_refused_with_the_byte_or_ends_between_messages(content: bytes) -> None:
    """Between two messages nothing tells that more was to come; lint and import find what is missing there."""
    whole = read_file(io.BytesIO(content))
    ends = {0, len(content)} | {offset for offset, _ in messages(io.BytesIO(content), "whole")}
    for cut in range(len(content)):
        if cut in ends:
            assert len(read_file(io.BytesIO(content[:cut])).trace) < len(whole.trace)
            continue
        with pytest.raises(TraceFormatError, match=r"^cut\.et: .*byte \d+"):
            read_file(io.BytesIO(content[:cut]), "cut.et")


def field(number: int, content: bytes, claimed: int | None = None) -> bytes:
    """A field of bytes that claims to be as long as it is, or longer."""
    return varint(number << 3 | 2) + varint(len(content) if claimed is None else claimed) + content


METADATA = schema.GlobalMetadata(version="0.0.4").SerializeToString()
NESTED_LENGTH = b"\x08\x01\x18\x04" + field(10, field(1, b"comm_size", claimed=1 << 60))
ENDLESS_VARINT = b"\x08" + b"\xff" * 40
GROUPS = b"\x08\x01\x18\x04" + varint(15 << 3 | 3) * 5000


@pytest.mark.parametrize(
    "contents",
    [
        [METADATA, NESTED_LENGTH],
        [METADATA, b"\x08\x01\x18\x04" + field(10, field(1, b"x") + field(30, b"", claimed=1 << 60))],
        [METADATA, ENDLESS_VARINT],
        [METADATA, GROUPS],
        [METADATA, field(2, b"n", claimed=1 << 60)],
        [METADATA, b"\x08\x01\x18\x04" + field(4, b"\x80" * 9)],
        [NESTED_LENGTH[4:]],
        [b"\x08\x01\x18\x03", GROUPS],
        [b"\x08\x01\x18\x03", ENDLESS_VARINT],
        [field(2, b"\xff\xff")],
    ],
)
def test_nonsense_within_a_message_is_refused_with_the_byte(contents: list[bytes]) -> None:
    """A length of 2^60 within a node, numbers without end, groups in groups: in files with metadata and without."""
    with pytest.raises(TraceFormatError, match=r"odd\.et: .*byte \d+"):
        read_file(io.BytesIO(delimited(*contents)), "odd.et")


def test_a_node_may_wait_for_very_many(tmp_path: Path) -> None:
    """A million dependencies on nodes that do not exist are so many findings, of which the first are told."""
    node = schema.Node(id=1, type=schema.COMP_NODE, ctrl_deps=range(2, 1_000_002))
    (tmp_path / "t.0.et").write_bytes(delimited(METADATA, node.SerializeToString()))
    found = [finding for finding in lint(Given(where=tmp_path)) if finding.rule == "dangling-dependency"]
    assert [finding.node for finding in found] == [1]
    assert "(999,999 more)" in found[0].message


def test_ranks_are_numbers_and_none_may_be_missing(tmp_path: Path) -> None:
    """Ten comes after nine, other files do not count, and a gap is named."""
    written(tmp_path, [[comp(0)]] * 11, "x")
    for name in ("x.et", "x.01.et", "x.-1.et", "x.1.et.bak", "x.\u0661.et", "notes.txt", ".0.et"):
        (tmp_path / name).write_bytes(b"")
    assert [file.name for file in trace_files(tmp_path)] == [f"x.{rank}.et" for rank in range(11)]
    (tmp_path / "x.5.et").unlink()
    with pytest.raises(VersimError, match=r"a file for rank 10 but none for rank 5 \(x\.5\.et\)"):
        trace_files(tmp_path)


def fifo(path: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (fifo, "name a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "name a regular file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: path.symlink_to("nowhere"), "no such file"),
    ],
    ids=["pipe", "endless device", "folder", "link to itself", "link to nothing"],
)
def test_what_is_no_file_is_refused_instead_of_waited_for(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    """A pipe would block for ever and a device never end."""
    path = tmp_path / "t.0.et"
    make(path)
    with pytest.raises(VersimError, match=rf"t\.0\.et: .*{message}"):
        read_file(path)
    assert "unreadable-trace" in {finding.rule for finding in lint(Given(where=tmp_path))}


def test_millions_of_empty_messages_are_no_nodes(tmp_path: Path) -> None:
    """Ten megabytes of them took two gigabytes of memory: a thousand are enough."""
    path = tmp_path / "t.0.et"
    path.write_bytes(bytes(10_000_000))
    with pytest.raises(VersimError, match=r"t\.0\.et: 1,001 messages, the last at byte 1001, are empty"):
        read_file(path)
    path.write_bytes(b"\x02\x0a\x00" + bytes(10_000_000))  # of files with metadata, equal nodes are decoded once
    (found,) = read_alike([path])
    assert "1,001 messages, the last at byte 1003, are empty" in str(found)


def test_a_trace_of_too_many_nodes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file of small messages takes of memory is bounded by their number."""
    monkeypatch.setattr("versim_astrasim.chakra.reader.MOST_TRACE_NODES", 2)
    written(tmp_path, [[coll(0), coll(1), coll(2)]], "t")
    with pytest.raises(VersimError, match="has more than 2 nodes, the most that is read"):
        read_file(tmp_path / "t.0.et")
    (found,) = read_alike([tmp_path / "t.0.et"])
    assert "has more than 2 nodes, the most that is read" in str(found)


def test_a_link_to_a_trace_is_a_trace(tmp_path: Path) -> None:
    """Ranks that run the same are often linked."""
    written(tmp_path, [[coll(0)]], "x")
    (tmp_path / "x.1.et").symlink_to("x.0.et")
    assert not lint(Given(where=tmp_path))


def test_names_that_are_no_text_are_spelt_out(tmp_path: Path) -> None:
    """A file system holds any bytes, a terminal does not."""
    folder = tmp_path / os.fsdecode(b"a\xffb")
    for name in (b"n\xfe", b"m\x1b"):
        written(folder, [[comp(0)]], os.fsdecode(name))
    with pytest.raises(VersimError, match="holds several traces") as caught:
        trace_files(folder)
    assert "(m\ufffd, n\ufffd)" in str(caught.value)
    assert "COMP_NODE" in shown(folder / os.fsdecode(b"n\xfe.0.et"), "count", 1)
