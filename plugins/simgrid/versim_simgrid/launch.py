"""The only subprocess: a worker in a Python that has SimGrid."""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from versim import SimulationError, VersimError, child_process, share_done

from versim_simgrid.worker import FORMAT, NO_SIMGRID, VERSION, bytes_behind, unpacked

WORKER = Path(__file__).with_name("worker.py")

VARIABLE = "SIMGRID_PYTHON"
DEFAULT_PYTHON = "/usr/bin/python3"
INSTALL = "apt-get install python3-simgrid"

_LAST_LINES = 12
_AT_ONCE_BYTES = 1 << 20
_STARTING_S = 60.0


class SimGridNotFoundError(VersimError):
    """There is no Python with SimGrid where one was looked for.

    Attributes:
        python: The interpreter that was tried.
        cause: What it said.
    """

    def __init__(self, python: str, cause: str) -> None:
        super().__init__(python, cause)
        self.python, self.cause = python, cause

    def said(self) -> str:
        """What, where and how."""
        return (
            f"SimGrid is not installed for {self.python}: {self.cause}. Install it with `{INSTALL}` (a module of "
            f"Debian's own Python), or name a Python that has it in {VARIABLE}"
        )


class TimeLimitError(SimulationError):
    """SimGrid took longer than it may.

    Attributes:
        limit_s: The limit, in seconds.
    """

    def __init__(self, limit_s: float) -> None:
        super().__init__(limit_s)
        self.limit_s = limit_s

    def said(self) -> str:
        """What, where and how."""
        return f"SimGrid was stopped after its time limit of {self.limit_s:g} s; raise the option time_limit_s"


def python_of(environment: Mapping[str, str]) -> str:
    """The interpreter to run the worker with."""
    return environment.get(VARIABLE) or DEFAULT_PYTHON


def version(environment: Mapping[str, str]) -> str:
    """SimGrid's version.

    Raises:
        SimGridNotFoundError: There is none.
    """
    with contextlib.closing(Worker(python_of(environment), "--version", kept=False)) as worker:
        return str(worker.answer(_STARTING_S)["simgrid"])


class Worker:
    """A worker that runs; where it is kept it answers one document after the other.

    Raises:
        SimGridNotFoundError: There is no such Python.
    """

    def __init__(self, python: str, *arguments: str, kept: bool) -> None:
        self._python, self._kept = python, kept
        self._unsent = memoryview(b"")
        self._received = bytearray()
        self._ended = False
        with contextlib.ExitStack() as stack:
            self._said = stack.enter_context(tempfile.TemporaryFile())
            streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._said}
            # -I: nothing of the environment that runs versim may get into Debian's Python.
            command = [python, "-I", str(WORKER), *arguments]
            try:
                self._process = stack.enter_context(child_process(command, bufsize=0, **streams))
            except OSError as error:
                raise SimGridNotFoundError(python, error.strerror or str(error)) from error
            self._running = stack.pop_all()
        self._input, self._output = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        os.set_blocking(self._input.fileno(), False)

    def close(self) -> None:
        """End it, with everything it started."""
        self._running.close()

    def ask(self, document: bytes, time_limit_s: float) -> None:
        """Give it a document, see ``docs/simgrid.md``.

        Raises:
            TimeLimitError: It does not read it.
        """
        deadline = time.monotonic() + time_limit_s
        self._unsent = memoryview(document)
        with self._ended_by_errors():
            while self._unsent and not self._ended:
                self._exchange(deadline, time_limit_s)
        if not self._kept:
            self._input.close()

    def answer(self, time_limit_s: float) -> dict[str, Any]:
        """Wait for its answer, so many seconds from now.

        Raises:
            SimGridNotFoundError: The Python has no SimGrid.
            TimeLimitError: It took too long.
            SimulationError: It failed; the message has its last lines.
        """
        deadline = time.monotonic() + time_limit_s
        with self._ended_by_errors():
            while True:
                found = self._next()
                if found is not None and "share" in found:
                    share_done(found["share"])
                elif found is not None:
                    return found
                elif self._ended:
                    raise self._failure(deadline, time_limit_s)
                else:
                    self._exchange(deadline, time_limit_s)

    @contextlib.contextmanager
    def _ended_by_errors(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _exchange(self, deadline: float, time_limit_s: float) -> None:
        """Send and receive what is possible now, waiting until something is."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ, self._receive)
            if self._unsent:
                selector.register(self._input, selectors.EVENT_WRITE, self._send)
            ready = selector.select(max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeLimitError(time_limit_s)
        for key, _ in ready:
            key.data(key.fd)

    def _send(self, descriptor: int) -> None:
        try:
            self._unsent = self._unsent[os.write(descriptor, self._unsent[:_AT_ONCE_BYTES]) :]
        except BrokenPipeError:
            self._unsent = memoryview(b"")  # why it does not listen is what its end tells

    def _receive(self, descriptor: int) -> None:
        received = os.read(descriptor, _AT_ONCE_BYTES)
        self._received += received
        self._ended = not received

    def _next(self) -> dict[str, Any] | None:
        """The next thing that it said, if that is there as a whole."""
        columns = self._received.find(b"\n") + 1
        if not columns:
            return None
        line = bytes(self._received[:columns])
        try:
            head = json.loads(line)
        except ValueError as error:
            raise SimulationError(f"SimGrid's worker did not answer in JSON: {line[:200]!r}") from error
        found = (head.get("format"), head.get("version")) if isinstance(head, dict) else (None, None)
        if found != (FORMAT, VERSION):
            raise SimulationError(f"SimGrid's worker answered in format {found}, expected {(FORMAT, VERSION)}")
        end = columns + bytes_behind(head)
        if len(self._received) < end:
            return None
        whole = unpacked(head, io.BytesIO(self._received[columns:end]))
        del self._received[:end]
        return whole

    def _failure(self, deadline: float, time_limit_s: float) -> VersimError:
        """Why it ended without an answer."""
        try:
            status = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return TimeLimitError(time_limit_s)
        if status == NO_SIMGRID:
            return SimGridNotFoundError(self._python, "it has no module simgrid")
        if not status:
            return SimulationError(f"SimGrid's worker did not answer in JSON: {bytes(self._received[:200])!r}")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
        return SimulationError(f"SimGrid failed with {how}: " + ("\n".join(lines) or "it said nothing"))
