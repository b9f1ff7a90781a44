"""Files from strangers: what is no regular file, or larger than it may be, is refused before it is read."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from versim.plain import UnreadableError, opened, read_bytes, read_json, read_table, read_text, read_yaml


def _in_pieces(path: Path) -> object:
    with opened(path, 100) as stream:
        return stream.read(1)


READERS: list[Callable[[Path], object]] = [
    lambda path: read_bytes(path, 100),
    lambda path: read_text(path, 100),
    read_yaml,
    read_json,
    read_table,
    _in_pieces,
]


@pytest.mark.parametrize("read", READERS)
def test_devices_pipes_and_sockets_are_refused_at_once(read: Callable[[Path], object], tmp_path: Path) -> None:
    """``/dev/zero`` never ends, and a pipe nobody writes to never begins."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path in (fifo, tmp_path / "socket", Path("/dev/zero"), Path("/dev/null")):
            with pytest.raises(UnreadableError, match="is a device, a pipe or a socket; name a regular file"):
                read(path)
    with pytest.raises(UnreadableError, match="is a folder; name a file in it"):
        read(tmp_path)


@pytest.mark.parametrize("read", READERS)
def test_a_huge_file_is_judged_by_its_size(read: Callable[[Path], object], tmp_path: Path) -> None:
    """A file of 64 TiB that takes no room on the disk is not read to see whether it is too long."""
    huge = tmp_path / "huge"
    with huge.open("wb") as stream:
        os.truncate(stream.fileno(), 2**41)
    with pytest.raises(UnreadableError, match=r"huge: is larger than .* \(2199023255552 bytes\)"):
        read(huge)


def test_what_the_system_gives_no_size_of_is_bounded_all_the_same() -> None:
    """Files of ``/proc`` are of 0 bytes until they are read."""
    with pytest.raises(UnreadableError, match="is larger than 10 bytes"):
        read_bytes(Path("/proc/self/status"), 10)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "loop"])
def test_names_that_are_none_are_said_in_a_line(name: str, tmp_path: Path) -> None:
    """A message, not a traceback, and of a length that people read."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UnreadableError, match="cannot be read: ") as found:
        read_bytes(tmp_path / name, 10)
    assert len(str(found.value)) < 600


def test_faults_of_whoever_reads_in_pieces_stay_what_they_are() -> None:
    """Only what keeps a file from being read is the file's."""
    with pytest.raises(ValueError, match="a slip"), opened(Path(__file__), 10**6):
        raise ValueError("a slip")
    said = r"test_files\.py: cannot be read: Input/output error"
    with pytest.raises(UnreadableError, match=said), opened(Path(__file__), 10**6):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
