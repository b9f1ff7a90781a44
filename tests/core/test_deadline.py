"""Plugins' code in this process is stopped at its limit and named, whatever it does about it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest
from versim.containment import held_responsible
from versim.deadline import limiting
from versim.errors import TimeIsOverError


def test_who_is_over_the_limit_is_named() -> None:
    """The innermost one, which is the one that hangs; and the limit is of each call, not of all."""
    with limiting(1.0):
        for _ in range(3):
            with held_responsible("producer", "quick"):
                time.sleep(0.4)
        with (
            pytest.raises(TimeIsOverError, match=r"^timing 'b' was stopped at its time limit of 1 s; --time-limit"),
            held_responsible("timing", "a, b"),
            held_responsible("timing", "b"),
        ):
            time.sleep(60)
        with pytest.raises(TimeIsOverError, match="reporter 'c'"), held_responsible("reporter", "c"):
            _swallowing_errors()


def _swallowing_errors() -> None:
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def test_nothing_is_left_of_a_limit() -> None:
    """No timer goes off after what was in time, and the handler that stood there before stands there again."""
    before = signal.getsignal(signal.SIGALRM)
    with limiting(0.2), held_responsible("producer", "quick"):
        assert signal.getsignal(signal.SIGALRM) is not before
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    with held_responsible("producer", "without a limit"):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_another_thread_is_left_alone() -> None:
    """It cannot be interrupted, and versim is not ended for it."""
    done = []

    def work() -> None:
        with limiting(0.05), held_responsible("producer", "threaded"):
            time.sleep(0.4)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


DEAF = """\
import ctypes, time
import versim.deadline as deadline
from versim.containment import held_responsible

def swallows():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def compiled():
    # Waits for itself, and holds the interpreter, so that no Python runs beside it.
    mutex, library = ctypes.create_string_buffer(128), ctypes.PyDLL(None)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)

deadline.GRACE_S = 0.2
with deadline.limiting(0.2), held_responsible("producer", "deaf"):
    {how}()
"""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("swallows", "Error: producer 'deaf' was stopped at its time limit of 0.2 s; --time-limit gives more; it does"),
        ("compiled", "in compiled"),
    ],
)
def test_what_cannot_be_interrupted_ends_versim(how: str, said: str) -> None:
    """With a status of its own choosing, and with its name or the place where it hangs."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", DEAF.replace("{how}", how)], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert time.monotonic() - began < 30
