"""The only subprocess: the worker in a Python that has SimGrid, one per simulation."""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from versim import SimulationError, VersimError, child_process, share_done

from versim_simgrid.worker import FORMAT, NO_SIMGRID, VERSION

WORKER = Path(__file__).with_name("worker.py")

VARIABLE = "SIMGRID_PYTHON"
DEFAULT_PYTHON = "/usr/bin/python3"
INSTALL = "apt-get install python3-simgrid"

_LAST_LINES = 12


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
    answer = _answer(_run(python_of(environment), ["--version"], b"", 60.0))
    return str(answer["simgrid"])


def run(document: Mapping[str, Any], environment: Mapping[str, str], time_limit_s: float) -> dict[str, Any]:
    """Have a program of tasks simulated.

    Args:
        document: What the worker reads, see ``docs/simgrid.md``.
        environment: Where the interpreter may be named.
        time_limit_s: Seconds after which the worker is stopped, with everything it started.

    Raises:
        SimGridNotFoundError: There is no SimGrid.
        TimeLimitError: It took too long.
        SimulationError: It failed; the message has its last lines.
    """
    document_bytes = json.dumps(document).encode()
    with _telling() as descriptor:
        arguments = ["--progress", str(descriptor)]
        return _answer(_run(python_of(environment), arguments, document_bytes, time_limit_s, (descriptor,)))


@contextlib.contextmanager
def _telling() -> Iterator[int]:
    """A descriptor for the worker; the shares that it writes there are told to whoever asked for the simulation."""
    reading, writing = os.pipe()

    def tell() -> None:
        with os.fdopen(reading) as shares:
            for share in shares:
                share_done(float(share))

    # Who looks is known by the context, and a thread has none of its own.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(tell,), daemon=True)
    thread.start()
    try:
        yield writing
    finally:
        os.close(writing)
        thread.join()


def _run(
    python: str, arguments: list[str], given: bytes, time_limit_s: float, descriptors: tuple[int, ...] = ()
) -> bytes:
    # -I: nothing of the environment that runs versim may get into Debian's Python.
    command = [python, "-I", str(WORKER), *arguments]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with contextlib.ExitStack() as stack:
        try:
            process = stack.enter_context(child_process(command, pass_fds=descriptors, **streams))
        except OSError as error:
            raise SimGridNotFoundError(python, error.strerror or str(error)) from error
        try:
            answer, said = process.communicate(given, timeout=time_limit_s)
        except subprocess.TimeoutExpired as error:
            raise TimeLimitError(time_limit_s) from error
    if process.returncode == NO_SIMGRID:
        raise SimGridNotFoundError(python, "it has no module simgrid")
    if process.returncode:
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit status {process.returncode}"
        lines = said.decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
        raise SimulationError(f"SimGrid failed with {how}: " + ("\n".join(lines) or "it said nothing"))
    return answer


def _answer(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise SimulationError(f"SimGrid's worker did not answer in JSON: {text[:200]!r}") from error
    found = (answer.get("format"), answer.get("version")) if isinstance(answer, dict) else (None, None)
    if found != (FORMAT, VERSION):
        raise SimulationError(f"SimGrid's worker answered in format {found}, expected {(FORMAT, VERSION)}")
    return dict(answer)
