"""An answer has so many seconds, in a process of its own: it can neither hang nor take versim with it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from versim import VersimError
from versim.asking.time_limit import ChildDiedError, within
from versim.errors import TimeIsOverError


def test_what_is_in_time_comes_back() -> None:
    """Arrays and all; what is raised is raised."""
    assert np.array_equal(within(30, lambda: np.arange(10**6)), np.arange(10**6))

    def fail() -> None:
        raise VersimError("not today")

    with pytest.raises(VersimError, match="not today"):
        within(30, fail)


def test_a_limit_may_be_longer_than_a_clock_counts() -> None:
    """A limit of 1e300 s is none."""
    assert within(1e300, lambda: 7) == 7


def test_what_hangs_is_stopped_with_what_it_started() -> None:
    """No child of a child is left behind."""
    reading, writing = os.pipe()

    def hang() -> None:
        child = subprocess.Popen(["sleep", "600"])
        os.write(writing, str(child.pid).encode())
        child.wait()

    began = time.monotonic()
    with pytest.raises(TimeIsOverError, match=r"stopped at its time limit of 0\.5 s; --time-limit gives more"):
        within(0.5, hang)
    assert time.monotonic() - began < 20
    grandchild = int(os.read(reading, 20))
    assert not _runs(grandchild)


def test_a_crash_is_the_childs_alone() -> None:
    """A segmentation fault in compiled code, or os._exit."""
    with pytest.raises(ChildDiedError, match=r"was ended by signal 9 \(SIGKILL\)"):
        within(30, lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(ChildDiedError, match="without an answer, with exit status 7"):
        within(30, lambda: os._exit(7))


def test_an_answer_that_cannot_be_sent_is_said() -> None:
    """A lambda among the options of a stranger's prediction, for one."""
    with pytest.raises(VersimError, match="its answer cannot leave its process"):
        within(30, lambda: lambda: None)


def _runs(process: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True
