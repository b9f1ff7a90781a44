"""Reading files from people nobody vouches for: regular files only, and never more than a stated number of bytes.

A device, a pipe or a socket is refused before anything is read from it: ``/dev/zero`` has no end, and a FIFO may make
its reader wait for ever.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from versim.errors import VersimError

MIB = 2**20


class UnreadableError(VersimError):
    """A file that cannot be read, or that nobody should read.

    Attributes:
        path: The file as it was named.
        problem: Why not, and what to do.
        line: Counted from 1; None where the whole file is meant.
        column: Counted from 1; None likewise.
    """

    def __init__(self, path: str, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(path, problem, line, column)
        self.path, self.problem, self.line, self.column = path, problem, line, column

    def said(self) -> str:
        """What, where and how."""
        place = "" if self.line is None else f", line {self.line}, column {self.column}"
        return f"{self.path}{place}: {self.problem}"


def size_of(path: Path, most_bytes: int) -> int:
    """The size in bytes of a regular file that is to be read.

    Raises:
        UnreadableError: There is no such file, it is no regular file, or it is larger than ``most_bytes``.
    """
    try:
        return _judged(path, path.stat(), most_bytes)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file of at most ``most_bytes``; the size is judged before anything is read.

    Raises:
        UnreadableError: It cannot be read, is no regular file, or is larger.
    """
    with opened(path, most_bytes) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:  # it grew, or is one of those whose size the system does not say
        raise UnreadableError(str(path), _too_large(most_bytes))
    return content


@contextlib.contextmanager
def opened(path: Path, most_bytes: int) -> Iterator[BinaryIO]:
    """A regular file of at most ``most_bytes``, open for reading: for what is read in pieces.

    Raises:
        UnreadableError: It cannot be opened or, within the block, read; it is no regular file, or it is larger.
    """
    try:
        size_of(path, most_bytes)
        # A name may change hands between looking and opening, so the open file is looked at again; a FIFO opened
        # without O_NONBLOCK would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    with os.fdopen(descriptor, "rb") as stream:
        _judged(path, os.fstat(descriptor), most_bytes)
        try:
            yield stream
        except OSError as error:
            raise _unreadable(path, error) from None


def read_text(path: Path, most_bytes: int) -> str:
    """The UTF-8 text in a regular file of at most ``most_bytes``, without a byte order mark.

    Raises:
        UnreadableError: As :func:`read_bytes`, or it is not UTF-8.
    """
    content = read_bytes(path, most_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise UnreadableError(str(path), "is not UTF-8 text; save it as UTF-8", line, column) from None


def _judged(path: Path, found: os.stat_result, most_bytes: int) -> int:
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableError(str(path), "is a folder; name a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError(str(path), "is a device, a pipe or a socket; name a regular file")
    if found.st_size > most_bytes:
        raise UnreadableError(str(path), _too_large(most_bytes, found.st_size))
    return found.st_size


def _unreadable(path: Path, error: OSError | ValueError) -> UnreadableError:
    if isinstance(error, FileNotFoundError):
        return UnreadableError(str(path), "no such file")
    return UnreadableError(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _too_large(most_bytes: int, size_bytes: int | None = None) -> str:
    spelt = f"{most_bytes // MIB} MiB" if most_bytes >= MIB else f"{most_bytes} bytes"
    found = "" if size_bytes is None else f" ({size_bytes} bytes)"
    return f"is larger than {spelt}{found}, the most that is read of a file of this kind"
