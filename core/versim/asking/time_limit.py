"""An answer that is given so much time and no more, in a child process of its own.

What runs in a child can be stopped whatever it does, and its crash ends the child alone. The child is a copy of this
process (``fork``), so nothing has to be sent to it; its answer comes back through a pipe.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from versim.children import death_signal, kill_group
from versim.deadline import LONGEST_S, limiting
from versim.errors import TimeIsOverError, VersimError
from versim.progress import telling

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")


class ChildDiedError(VersimError):
    """The child ended without an answer.

    Attributes:
        status: Its exit status, negative for a signal.
    """

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status

    def said(self) -> str:
        """What, where and how."""
        if self.status is None or self.status >= 0:
            return f"its process ended without an answer, with exit status {self.status}"
        with contextlib.suppress(ValueError):
            return f"its process was ended by signal {-self.status} ({signal.Signals(-self.status).name})"
        return f"its process was ended by signal {-self.status}"


def within(limit_s: float, call: Callable[[], T]) -> T:
    """What ``call`` returns or raises, if it does so within ``limit_s`` seconds.

    Raises:
        TimeIsOverError: It took longer; it was killed with whatever it had started.
        ChildDiedError: It ended the process it ran in.
        VersimError: This system cannot copy a process.
    """
    import multiprocessing  # noqa: PLC0415 - only where there is a limit

    if "fork" not in multiprocessing.get_all_start_methods():
        raise VersimError("--time-limit needs a system that can copy a process (fork), which this one cannot")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()  # what is waiting to be written must not be written twice
    child = context.Process(target=_answering, args=(theirs, call, os.getpid()), daemon=False)
    child.start()
    theirs.close()
    pid = child.pid or 0
    deadline = time.monotonic() + min(limit_s, LONGEST_S)
    try:
        if not ours.poll(min(limit_s, LONGEST_S)):
            raise TimeIsOverError(limit_s)
        try:
            good, answer = pickle.loads(ours.recv_bytes())  # noqa: S301 - written by our own child, see _answering
        except EOFError:
            child.join(max(0.0, deadline - time.monotonic()) + 1)
            raise ChildDiedError(child.exitcode) from None
    finally:
        kill_group(pid)
        child.kill()
        child.join()
        ours.close()
    if good:
        result: T = answer
        return result
    raise answer


def _answering(pipe: Connection, call: Callable[[], object], parent: int) -> None:
    os.setsid()  # so that it can be killed with whatever it starts
    death_signal(parent)()
    try:
        # The terminal is the parent's, and so are the locks of whatever draws on it; and the parent looks at the clock.
        with telling(None, ""), limiting(None):
            answer = True, call()
    except VersimError as error:
        answer = False, error
    try:
        content = pickle.dumps(answer)
    except Exception as error:  # noqa: BLE001 - a stranger's objects may refuse in any way
        content = pickle.dumps((False, VersimError(f"its answer cannot leave its process: {error}")))
    pipe.send_bytes(content)
