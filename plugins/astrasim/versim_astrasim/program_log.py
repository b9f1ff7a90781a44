"""When nodes started and ended, from the log file that the real program writes with ``trace-enabled``.

Every node has a line when it is issued and one when it is called back. The log rotates: ten files of 10 MiB beside the
current one, beyond which the oldest lines are gone. Whoever reads it has to see that both lines of every node are
there.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs

LOG_FILE = "log.log"
MOST_FILES = 11
"""The current file and ten older ones."""

FILE_BYTES = 10 * 2**20
_SLACK_BYTES = 2**20

_LINE = re.compile(
    rb"\b(?P<what>issue|callback),sys->id=(?P<rank>\d{1,8}), tick=(?P<tick>\d{1,20}), node->id=(?P<node>\d{1,20}),"
)


@attrs.frozen(eq=False, kw_only=True)
class LoggedTimes:
    """Times per (rank, node id) in ns.

    Attributes:
        start_ns: When each node was issued, by the first such line.
        end_ns: When it was called back, by the last such line.
        files: How many files there are.
    """

    start_ns: dict[tuple[int, int], int]
    end_ns: dict[tuple[int, int], int]
    files: int

    @property
    def rotated_away(self) -> bool:
        """Whether the oldest lines may be gone."""
        return self.files >= MOST_FILES


def log_files(folder: Path) -> list[Path]:
    """The log's files, oldest first."""
    names = [LOG_FILE.replace(".", f".{number}.", 1) for number in range(MOST_FILES - 1, 0, -1)]
    return [folder / name for name in [*names, LOG_FILE] if (folder / name).is_file()]


def read_log(folder: Path) -> LoggedTimes:
    """Read what is there; lines that are cut or no such lines are skipped."""
    start: dict[tuple[int, int], int] = {}
    end: dict[tuple[int, int], int] = {}
    files = log_files(folder)
    for path in files:
        with path.open("rb") as stream:
            # A line is some hundred bytes; a longer one is read in parts and matches at most once too little.
            left = FILE_BYTES + _SLACK_BYTES
            while left > 0 and (line := stream.readline(1 << 16)):
                left -= len(line)
                found = _LINE.search(line)
                if found is None:
                    continue
                key = int(found["rank"]), int(found["node"])
                tick = int(found["tick"])
                if found["what"] == b"issue":
                    start.setdefault(key, tick)
                else:
                    end[key] = tick
    return LoggedTimes(start_ns=start, end_ns=end, files=len(files))
