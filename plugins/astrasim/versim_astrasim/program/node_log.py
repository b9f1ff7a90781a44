"""When nodes started and ended, from the log that the real program writes with ``trace-enabled``.

Every node has a line when it is issued and one when it is called back. The program's own log rotates: ten files of
10 MiB beside the current one, beyond which the oldest lines are gone. It is therefore given a logging configuration
with which these lines go to one more file, which does not rotate, and with which what it prints is printed at once
instead of by a thread of its own, so that a crash takes no line along. A build that does not know the configuration
ignores it; then the rotating files are read. Whoever reads has to see that both lines of every node are there, once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import share_done
from versim.plain import opened

LOG_FOLDER = "log"
"""Within the folder of a run's files, so that runs side by side share none."""

CONFIGURATION_FILE = "logging.toml"
LOG_FILE = "log.log"
NODES_FILE = "nodes.log"
MOST_FILES = 11
"""The current rotating file and ten older ones."""

MOST_LOG_BYTES = 16 * 2**30
"""Two lines of some 200 bytes for each of forty million nodes."""

_CALLED_BACK = b"callback,sys"
_BLOCK_BYTES = 8 * 2**20
_MOST_ID = 2**64 - 1

# A name comes last in a line, so that nothing within it can be taken for the beginning.
_LINE = re.compile(
    rb"^[^,\n]*\b(issue|callback),sys->id=(\d{1,8}), tick=(\d{1,18}), node->id=(\d{1,20}),", re.MULTILINE
)

_CONFIGURATION = """\
# Loggers that write when they are told to, and one file for the times of nodes.
[[sink]]
name = "nodes"
type = "{sink}"
filename = "{folder}/{file}"
truncate = true

[[logger]]
name = "workload"
sinks = ["nodes"]
level = "{level}"
flush_level = "info"

[[sink]]
name = "nowhere"
type = "null_sink_st"

[[logger]]
name = "statistics"
sinks = ["nowhere"]

[[logger]]
name = "HardwareResource"
sinks = ["nowhere"]
"""


def logging_configuration(*, nodes: bool) -> str:
    """The configuration file's content, for a working directory in which :data:`LOG_FOLDER` exists.

    Args:
        nodes: Whether the times of nodes are wanted.
    """
    return _CONFIGURATION.format(
        sink="basic_file_sink_st" if nodes else "null_sink_st",
        folder=LOG_FOLDER,
        file=NODES_FILE,
        level="debug" if nodes else "info",
    )


class LoggedShare:
    """How far a program is that is still writing its log of nodes.

    Args:
        folder: Where it runs.
        nodes: Of all ranks.
    """

    def __init__(self, folder: Path, nodes: int) -> None:
        self._file, self._nodes = folder / LOG_FOLDER / NODES_FILE, nodes
        self._read_bytes = self._called_back = 0

    def tell(self) -> None:
        """Tell which share of the nodes has been called back, as far as the log was not read before."""
        with contextlib.suppress(OSError), self._file.open("rb") as log:
            # Another attempt begins another log.
            if os.fstat(log.fileno()).st_size < self._read_bytes:
                self._read_bytes = self._called_back = 0
            log.seek(self._read_bytes)
            piece = log.read(_BLOCK_BYTES)
            whole = piece.rfind(b"\n") + 1
            self._read_bytes += whole
            self._called_back += piece.count(_CALLED_BACK, 0, whole)
            share_done(self._called_back / max(self._nodes, 1))


@attrs.frozen(eq=False, kw_only=True)
class LoggedTimes:
    """The lines of nodes, in the order of the log; all columns have shape (lines,).

    Attributes:
        is_end: Whether a node was called back, not issued.
        rank: int64.
        node_id: int64, with the bits of the unsigned id.
        tick_ns: int64.
        rotated_away: Whether the oldest lines may be gone.
        found: Whether there was a log.
    """

    is_end: NDArray[np.bool_]
    rank: NDArray[np.int64]
    node_id: NDArray[np.int64]
    tick_ns: NDArray[np.int64]
    rotated_away: bool
    found: bool


def log_files(folder: Path) -> list[Path]:
    """The files that hold lines of nodes, oldest first."""
    whole = folder / NODES_FILE
    if whole.is_file():
        return [whole]
    names = [LOG_FILE.replace(".", f".{number}.", 1) for number in range(MOST_FILES - 1, 0, -1)]
    return [folder / name for name in [*names, LOG_FILE] if (folder / name).is_file()]


def read_log(folder: Path) -> LoggedTimes:
    """Read what is there; lines that are cut or no such lines are skipped.

    Raises:
        UnreadableError: A file is no regular one, or longer than :data:`MOST_LOG_BYTES`.
    """
    files = log_files(folder)
    is_end: list[NDArray[np.bool_]] = [np.empty(0, dtype=bool)]
    columns: list[NDArray[np.uint64]] = [np.empty((3, 0), dtype=np.uint64)]
    for block in itertools.chain.from_iterable(_blocks(path) for path in files):
        lines = _LINE.findall(block)
        if not lines:
            continue
        what, *figures = zip(*lines, strict=True)
        is_end.append(np.array([word == b"callback" for word in what], dtype=bool))
        columns.append(
            np.array([[min(int(figure), _MOST_ID) for figure in column] for column in figures], dtype=np.uint64)
        )
    rank, tick, node_id = np.concatenate(columns, axis=1).view(np.int64)
    return LoggedTimes(
        is_end=np.concatenate(is_end),
        rank=rank,
        node_id=node_id,
        tick_ns=tick,
        rotated_away=len(files) >= MOST_FILES,
        found=bool(files),
    )


def _blocks(path: Path) -> Iterator[bytes]:
    """A file in blocks of whole lines; a line longer than a block is lost."""
    with opened(path, MOST_LOG_BYTES) as stream:
        rest = b""
        while piece := stream.read(_BLOCK_BYTES):
            block = rest + piece
            end = block.rfind(b"\n") + 1
            yield block[:end]
            rest = block[end:] if end else b""
