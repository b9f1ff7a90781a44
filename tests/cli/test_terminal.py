"""On a terminal: no line wider than it, colour only where it is wanted. Real processes on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from versim.terminal import width_of

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
VERSIM = [sys.executable, "-c", "from versim.cli import main; main()"]


def on_a_terminal(columns: int, *arguments: str, **environment: str) -> str:
    """What ``versim`` writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    inherited = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "TERM")}
    with subprocess.Popen(
        [*VERSIM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**inherited, "TERM": "xterm", **environment},
    ):
        os.close(theirs)
        found = b""
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not part:
                break
            found += part
    os.close(ours)
    return found.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "communication_heavy", "--explain", "--sweep"],
        ["collectives", "--kinds", "all_reduce", "--sizes", "1KiB,1MiB"],
        ["decide", "communication_heavy", "--vary", "pp=1,2"],
        ["measured", str(Path(__file__).parent / "records" / "few.csv"), "-j", "1"],
        ["plugins"],
        ["doctor"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_line_is_wider_than_the_terminal(arguments: list[str], columns: int) -> None:
    """Of any command that prints more than a word."""
    text = on_a_terminal(columns, *arguments)
    lines = [ESCAPE.sub("", line) for line in text.split("\n")]
    assert len(lines) > 5
    assert [line for line in lines if width_of(line) > columns] == []


def test_colour_is_for_terminals_and_for_those_who_want_it() -> None:
    """Neither with NO_COLOR (https://no-color.org) nor on a terminal that knows none, nor in a file."""
    arguments = ["compare", "communication_heavy"]
    assert "\x1b[" in on_a_terminal(100, *arguments)
    assert "\x1b[" not in on_a_terminal(100, *arguments, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(100, *arguments, TERM="dumb")
    piped = subprocess.run([*VERSIM, *arguments], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout
