"""How a run ends: with the status of its answer, whatever plugins have left behind.

Python waits for threads when it ends and calls what was registered for then. A plugin's thread may have no end, and
what a plugin registers may end the process with a status of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

from versim.containment import what_lingers
from versim.deadline import GRACE_S


class Ending:
    """Holds the end of this process to one status; made before any plugin is imported."""

    def __init__(self) -> None:
        self._process, self._exit = os.getpid(), os._exit
        self._status: int | None = None
        os._exit = self._ended_by_somebody  # type: ignore[assignment]

    def with_status(self, status: int) -> None:
        """Nothing is left to do but what Python does when it ends; that gets ``GRACE_S``."""
        self._status = status
        threading.Thread(target=self._watch, name="versim-ending", daemon=True).start()

    def _watch(self) -> None:
        time.sleep(GRACE_S)
        self._end(f"Warning: {what_lingers()}; versim ends without waiting")

    def _ended_by_somebody(self, status: int) -> None:
        if os.getpid() != self._process:  # a copy of this process, which ends so
            self._exit(status)
        place = ""
        with contextlib.suppress(ValueError):  # called by Python itself, when it ends
            called = sys._getframe(1)  # noqa: SLF001 - who it was is what there is to say
            place = f" at {os.path.basename(called.f_code.co_filename)}:{called.f_lineno}"  # noqa: PTH119 - at any time
        word = "Error" if self._status is None else "Warning"
        self._end(f"{word}: os._exit({status}){place} ends versim")

    def _end(self, why: str) -> None:
        """End without Python's help, with the answer's status if there is one."""
        from versim.cli.session import for_people  # noqa: PLC0415 - the usual run ends by itself

        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(Exception):
            sys.stderr.write(f"{for_people(why)}\n")
            sys.stderr.flush()
        self._exit(1 if self._status is None else self._status)
