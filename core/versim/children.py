"""Child processes that never outlive what started them.

A child is the leader of a process group of its own and is killed with everything it started: when its time is over,
when its caller leaves, and when versim itself dies of whatever. On Linux the kernel sends it a signal then; where there
is a shell, a guard beside it waits for the end of a pipe that only versim holds open, and kills the whole group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_GUARD = 'read -r _ || kill -9 "-$1"'


@contextlib.contextmanager
def child_process(
    command: Sequence[str | Path], *, memory_bytes: int | None = None, **settings: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs at most as long as the block does.

    Args:
        command: The program and its arguments; no shell is involved.
        memory_bytes: Address space it may take, where the system can limit it; None sets no limit.
        settings: As of :class:`subprocess.Popen`: ``cwd``, ``stdin``, ``stdout``, ``stderr``, ``env``.

    Raises:
        OSError: It cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - a list, no shell; the program is the caller's
        [str(part) for part in command],
        start_new_session=True,
        preexec_fn=_confining(memory_bytes),  # noqa: PLW1509 - system calls only, and no thread holds a lock
        **settings,
    )
    with process, _guarded(process.pid):
        try:
            yield process
        finally:
            kill_group(process.pid)
            process.wait()


def kill_group(leader: int) -> None:
    """Kill a process group, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def death_signal(parent: int) -> Callable[[], object]:
    """On Linux: a call that lets the calling process be killed when its parent dies or is dead already."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        # Who died before that sends nothing any more.
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_with_parent


@contextlib.contextmanager
def _guarded(group: int) -> Iterator[None]:
    """A shell that kills the group when the pipe it reads from is closed, which only versim's end brings about."""
    shell = shutil.which("sh")
    if shell is None:
        yield
        return
    with subprocess.Popen(  # noqa: S603 - fixed text and a number
        [shell, "-c", _GUARD, "versim-guard", str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as guard:
        try:
            yield
        finally:
            guard.kill()


def _confining(memory_bytes: int | None) -> Callable[[], None] | None:
    """What the new process calls before it becomes the program; None on systems that have none of it."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return None
    die_with_parent = death_signal(os.getpid())

    def confining() -> None:
        if memory_bytes is not None:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        die_with_parent()

    return confining
