"""A limit on the time of plugins' code that runs in this process: who is over it is interrupted, and named.

Backends answer in child processes where there is a limit (``versim.asking.time_limit``). What makes their inputs and
what writes their answers down runs here, for its objects are needed here.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from os import _exit

from versim.errors import TimeIsOverError

GRACE_S = 5.0
"""After its limit, what does not let itself be interrupted has so long until versim ends."""

LONGEST_S = 2e6
"""Three weeks: what the system can be asked to wait for at most."""

_limit: ContextVar[float | None] = ContextVar("limit", default=None)


class _Interrupt(BaseException):
    """Raised where it hangs; no Exception, for plugins catch those."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s


@contextlib.contextmanager
def limiting(limit_s: float | None) -> Iterator[None]:
    """Give each call of plugins' code in this block so many seconds; None gives it any."""
    before = _limit.set(limit_s)
    try:
        yield
    finally:
        _limit.reset(before)


@contextlib.contextmanager
def watched(who: str, least_s: float = 0.0) -> Iterator[None]:
    """Hold what runs in this block to the limit, if there is one; what it calls in turn shares its time.

    Args:
        who: By role and name.
        least_s: What it has in any case.

    Only the main thread can be interrupted, and only where the system has timers; elsewhere nothing is limited. What
    goes on in spite of an interrupt ends versim ``GRACE_S`` later, by name; compiled code that never comes back to
    Python, after as long again, with a traceback that shows where it is.

    Raises:
        TimeIsOverError: It took longer.
    """
    try:
        with _limited(who, least_s):
            yield
    except _Interrupt as interrupt:
        # The innermost one is who hangs.
        raise TimeIsOverError(interrupt.limit_s, who) from None


@contextlib.contextmanager
def _limited(who: str, least_s: float) -> Iterator[None]:
    """The alarm itself, rung by the outermost block."""
    limit_s = _limit.get()
    here = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if limit_s is None or not here:
        yield
        return
    limit_s = min(max(limit_s, least_s), LONGEST_S)
    rings = 0

    def over(*_: object) -> None:
        nonlocal rings
        rings += 1
        if rings == 1:
            raise _Interrupt(limit_s)
        if rings == 2:  # it caught the first
            with contextlib.suppress(Exception):
                sys.stderr.write(f"Error: {TimeIsOverError(limit_s, who)}; it does not end, so versim does\n")
                sys.stderr.flush()
            _exit(TimeIsOverError.exit_status)

    shared = _limit.set(None)
    before = signal.signal(signal.SIGALRM, over)
    faulthandler.dump_traceback_later(limit_s + 2 * GRACE_S, exit=True, file=2)
    signal.setitimer(signal.ITIMER_REAL, limit_s, GRACE_S)
    try:
        try:
            yield
        finally:
            rings += 2  # too late for an alarm
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
        _limit.reset(shared)
