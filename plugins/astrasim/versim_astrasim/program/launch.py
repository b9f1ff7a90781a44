"""Running the real analytical programs: the only subprocess of this plugin.

The program is given its own process group, a time limit and bounded output, and never outlives the call: it is killed
with its children at the time limit, on an interrupt, when it leaves children behind, and when versim itself dies.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
from versim import VersimError, child_process

PROGRAM_NAMES = {"aware": "AstraSim_Analytical_Congestion_Aware", "unaware": "AstraSim_Analytical_Congestion_Unaware"}
"""The two programs, by the congestion they model."""

BINARY_VARIABLE = "ASTRA_SIM_BIN"
HOME_VARIABLE = "ASTRA_SIM_HOME"

INSTRUCTIONS = "how to build it: https://astra-sim.github.io/astra-sim-docs/getting-started/build.html"

_PLACES = ("", "bin", "build/bin", "build/astra_analytical/build/bin")
"""Where the programs are below a folder; the last is where ASTRA-sim's own build script puts them."""

MOST_OUTPUT_BYTES = 64 * 2**20
"""Of more output the first and the last half of this are kept; a rank prints about 600 bytes."""

_CRASHES = tuple(-getattr(signal, name) for name in ("SIGABRT", "SIGSEGV", "SIGBUS") if hasattr(signal, name))
_POLL_S = 0.1
_LONGEST_SHOWN = 200

_USUAL_SHARE = 0.8
_GIB = 2**30


class ProgramNotFoundError(VersimError):
    """The real ASTRA-sim was asked for and is not there."""


def program_asked_for(option: str, environment: Mapping[str, str]) -> bool:
    """Whether the option or the environment names the real program."""
    return bool(option or environment.get(BINARY_VARIABLE))


def find_program(option: str, congestion: str, environment: Mapping[str, str]) -> Path:
    """The real program for the congestion that is to be modelled.

    Args:
        option: A program or a folder; "" looks at the environment.
        congestion: ``aware`` or ``unaware``.
        environment: ``ASTRA_SIM_BIN`` (a program or a folder), then ``ASTRA_SIM_HOME`` (ASTRA-sim's own folder).

    Raises:
        ProgramNotFoundError: Naming what was looked for and where.
    """
    candidates = (
        ("the option binary", option),
        (BINARY_VARIABLE, environment.get(BINARY_VARIABLE, "")),
        (HOME_VARIABLE, environment.get(HOME_VARIABLE, "")),
    )
    source, given = next(((source, given) for source, given in candidates if given), ("", ""))
    if not given:
        raise ProgramNotFoundError(
            f"no ASTRA-sim program is known; set {BINARY_VARIABLE} to {PROGRAM_NAMES[congestion]} "
            f"or {HOME_VARIABLE} to ASTRA-sim's folder, or use engine: embedded"
        )
    # The program runs in a folder of its own, where a relative path would mean something else.
    try:
        path = Path(given).expanduser().resolve()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        shown = given if len(given) <= _LONGEST_SHOWN else f"{given[:_LONGEST_SHOWN]}…"
        reason = getattr(error, "strerror", None) or str(error)
        raise ProgramNotFoundError(f"{source} is {shown!r}, which names no program: {reason}") from error
    wanted = PROGRAM_NAMES[congestion]
    if path.is_dir():
        places = [path / place / wanted for place in _PLACES]
    elif path.name in PROGRAM_NAMES.values():
        places = [path.with_name(wanted)]
    else:
        places = [path]
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return place
    looked = "\n".join(f"  - {place}: {_unfit(place)}" for place in places)
    raise ProgramNotFoundError(
        f"{source} is {given!r}, but there is no executable program for congestion: {congestion}; looked for\n{looked}"
    )


def _unfit(place: Path) -> str:
    """Why a place holds no program."""
    if place.is_dir():
        return "a folder"
    if place.is_file():
        return "not executable (chmod +x)"
    return "not a file" if place.exists() else "not there"


@attrs.frozen(kw_only=True)
class Run:
    """How a program ended and what it printed.

    Attributes:
        exit_status: As the system gives it, negative for a signal; None if it was stopped at the time limit.
        output: Standard output and error together, at most :data:`MOST_OUTPUT_BYTES` of its beginning and end;
            undecodable bytes replaced.
        truncated: Whether it printed more.
        wall_s: How long it ran.
    """

    exit_status: int | None
    output: str
    truncated: bool
    wall_s: float

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped at the time limit."""
        return self.exit_status is None

    @property
    def crashed(self) -> bool:
        """Whether it ended of a signal that damaged memory leads to."""
        return self.exit_status in _CRASHES

    @property
    def ending(self) -> str:
        """The ending in words."""
        if self.exit_status is None:
            return f"stopped after {self.wall_s:.1f} s at its time limit"
        if self.exit_status < 0:
            with contextlib.suppress(ValueError):
                return f"killed by signal {-self.exit_status} ({signal.Signals(-self.exit_status).name})"
            return f"killed by signal {-self.exit_status}"
        return f"exit status {self.exit_status}"


def run(
    command: Sequence[str | Path],
    folder: Path,
    time_limit_s: float,
    memory_bytes: int | None = None,
    watch: Callable[[], None] | None = None,
) -> Run:
    """Run a program in a folder until it ends or its time is over.

    Args:
        command: The program and its arguments; no shell is involved.
        folder: Its working directory.
        time_limit_s: Seconds after which it is killed.
        memory_bytes: Address space it may take; None sets no limit.
        watch: Called now and then while it runs.

    Raises:
        ProgramNotFoundError: It cannot be started.
    """
    begin = time.monotonic()
    kept, last = bytearray(), bytearray()
    half = MOST_OUTPUT_BYTES // 2
    total = 0
    timed_out = False
    with _started(command, folder, memory_bytes) as process, selectors.DefaultSelector() as selector:
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        descriptor = process.stdout.fileno()
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = begin + time_limit_s - time.monotonic()
            if left <= 0:
                timed_out = True
                break
            if not selector.select(min(left, _POLL_S)):
                # A child may hold the pipe open after the program itself has ended.
                if process.poll() is not None:
                    break
                if watch is not None:
                    watch()
                continue
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                timed_out = not _ends(process, left)
                break
            total += len(piece)
            room = max(0, half - len(kept))
            kept += piece[:room]
            last += piece[room:]
            if len(last) > 2 * half:
                del last[:-half]
    return Run(
        exit_status=None if timed_out else process.returncode,
        output=(kept + last[-half:]).decode("utf-8", errors="replace"),
        truncated=total > 2 * half,
        wall_s=time.monotonic() - begin,
    )


@contextlib.contextmanager
def _started(
    command: Sequence[str | Path], folder: Path, memory_bytes: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    with contextlib.ExitStack() as stack:
        try:
            process = stack.enter_context(
                child_process(
                    command,
                    memory_bytes=memory_bytes,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            )
        except OSError as error:
            raise ProgramNotFoundError(f"cannot start {command[0]}: {_spelt(error)}") from error
        yield process


def memory_limit_bytes(memory_limit_gib: float | None = None) -> int | None:
    """Address space that a program is given; None if it is not limited.

    Args:
        memory_limit_gib: As in the options: 0 is no limit, None 80 % of the machine's memory, where that is known.
    """
    if memory_limit_gib is not None:
        return int(memory_limit_gib * _GIB) or None
    try:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _USUAL_SHARE)
    except (AttributeError, OSError, ValueError):
        return None


def _spelt(error: OSError) -> str:
    """Why a program cannot be started; the system's words for two of the reasons mislead."""
    if error.errno == errno.ENOENT:
        return "it, or the interpreter or loader that it names, is not there"
    if error.errno == errno.ENOEXEC:
        return "it is no program of this machine; build ASTRA-sim here"
    return error.strerror or str(error)


def _ends(process: subprocess.Popen[bytes], within_s: float) -> bool:
    """Whether a program that closed its output ends in time."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True
