"""Children die with what started them: also of kill -9, also the children of children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from versim import child_process

STARTER = """
import sys, time
from versim import child_process
import versim.children as children
{without}
with child_process([sys.executable, "-c", {grandparent!r}], stdout=sys.stdout) as child:
    time.sleep(600)
"""
CHILD = """
import os, time
print(os.getpid(), flush=True)
time.sleep(600)
"""
GRANDPARENT = """
import subprocess, os, time
child = subprocess.Popen(["sleep", "600"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def running(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("without", ["", "children.death_signal = lambda _: lambda: None"])
def test_nothing_is_left_of_a_killed_process(number: signal.Signals, without: str) -> None:
    """The external simulator went on without limit, and so did what it had started; the guard alone ends both."""
    command = [sys.executable, "-c", STARTER.format(grandparent=GRANDPARENT, without=without)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        children = [int(word) for word in starter.stdout.readline().split()]
        assert all(map(running, children))
        starter.send_signal(number)
        starter.wait()
        deadline = time.monotonic() + 5
        while any(map(running, children)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(map(running, children))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a signal of Linux's")
def test_a_child_dies_with_a_killed_process_where_there_is_no_shell() -> None:
    """Of the signal that the kernel sends it, without any guard; what the child started is not reached by it."""
    without = "children.shutil.which = lambda _: None"
    command = [sys.executable, "-c", STARTER.format(grandparent=CHILD, without=without)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        assert running(child)
        starter.kill()
        starter.wait()
        deadline = time.monotonic() + 5
        while running(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not running(child)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a signal of Linux's")
def test_a_child_whose_parent_died_before_it_could_ask_for_the_signal_dies() -> None:
    """A sweep that was killed while it made its workers left them waiting for questions, for ever."""
    code = "from versim.children import death_signal; death_signal({})(); print('lives')"
    for parent, said in ((os.getpid(), "lives\n"), (1, "")):
        done = subprocess.run(
            [sys.executable, "-c", code.format(parent)], stdout=subprocess.PIPE, text=True, check=False
        )
        assert done.stdout == said
        assert (done.returncode == -signal.SIGKILL) == (not said)


def test_a_child_ends_with_its_block() -> None:
    """With its own children."""
    with child_process(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        inner = int(child.stdout.readline())
    assert child.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while running(inner) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(inner)


def test_a_child_may_be_limited_in_memory() -> None:
    """An address space of 200 MB is soon full."""
    command = [sys.executable, "-c", "x = bytearray(10**9)"]
    with child_process(command, memory_bytes=200 * 2**20, stderr=subprocess.DEVNULL) as child:
        assert child.wait() != 0
