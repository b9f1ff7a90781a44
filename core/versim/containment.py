"""Plugins' code, run so that what goes wrong in it is named and stays there.

Whatever a component raises becomes a :class:`~versim.errors.ComponentError` with its place; what it prints goes to
standard error, for standard output belongs to the answer. Only an interrupt of the user's goes through, and says where.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import IO, Any, cast

from versim.deadline import GRACE_S, watched
from versim.errors import ComponentError, VersimError

TRACEBACK_VARIABLE = "VERSIM_TRACEBACK"
"""Set in the environment, as by ``versim --debug``, it makes versim show where an error was raised."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_MOST_FRAMES = 6


@contextlib.contextmanager
def kept_apart(who: str) -> Iterator[None]:
    """Run plugins' code so that what it does to the process stays with it.

    What it prints goes to standard error, where a terminal shows it and does not obey it. The working folder is what it
    was. A copy of the process that it makes (``fork``) and lets go on ends here. An interrupt says whose code it hit.
    """
    process, folder = os.getpid(), _working_folder()
    # The innermost one would do; and None is where standard error is closed.
    heard = sys.stderr if isinstance(sys.stderr, _Legible | None) else cast("IO[str]", _Legible(sys.stderr))
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield
    except KeyboardInterrupt as interrupt:
        interrupt.args = interrupt.args or (who,)
        raise
    finally:
        if os.getpid() != process:
            os._exit(1)
        if folder is not None and _working_folder() != folder:
            with contextlib.suppress(OSError):
                os.chdir(folder)


def _working_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - asked at every call
    except OSError:  # it was removed
        return None


class _Legible:
    """Standard error as plugins' code has it: everything that is not visible is escaped, and nobody closes it."""

    def __init__(self, stream: IO[str]) -> None:
        from versim.terminal import printable  # noqa: PLC0415 - commands that need no plugin do without

        self._stream, self._printable = stream, printable

    def write(self, text: str) -> int:
        # Drawing over the line before would hide it.
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        self._stream.write(re.sub(r"[^\n\t]+", lambda part: self._printable(part[0]), lines))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        return False  # no colours

    def close(self) -> None:
        """Not theirs."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def held_responsible(role: str, name: str) -> Iterator[None]:
    """Turn whatever a plugin's component raises, other than a :class:`VersimError`, into an error that names it.

    Where a limit is set (:func:`versim.deadline.limiting`), what takes longer is stopped.
    """
    try:
        with kept_apart(f"{role} {name!r}"), watched(f"{role} {name!r}"):
            yield
    except (VersimError, KeyboardInterrupt):
        raise
    except MemoryError as error:
        show_traceback(error)
        raise VersimError(f"{role} {name!r} ran out of memory; give it a smaller step, or this machine more") from error
    except BaseException as error:
        # Not only Exception: a plugin that calls sys.exit() must not end versim in silence.
        show_traceback(error)
        if isinstance(error, OSError) and error.errno in _FULL:
            where = f" {error.filename}" if error.filename else ""
            raise VersimError(f"{role} {name!r} cannot write{where}: {error.strerror}; make room there") from error
        raise ComponentError(role, name, f"{type(error).__name__}: {text_of(error)} (at {_place(error)})") from error


def what_lingers() -> str:
    """What keeps this process from ending when nothing is left to do."""
    main = threading.main_thread()
    threads = [thread.name for thread in threading.enumerate() if thread is not main and not thread.daemon]
    return f"threads that plugins started do not end ({', '.join(threads)})" if threads else "something does not end"


def end_in_time() -> None:
    """Let a worker end when its work is done, whatever plugins left running in it: who asked waits for its end."""
    # As concurrent.futures does it: what multiprocessing offers comes after waiting for threads, from Python 3.13 on.
    threading._register_atexit(_end_soon)  # type: ignore[attr-defined] # noqa: SLF001


def _end_soon() -> None:
    def end() -> None:
        with contextlib.suppress(Exception):
            sys.stderr.write(f"Warning: in a worker {what_lingers()}; it ends without waiting\n")
            sys.stderr.flush()
        os._exit(0)

    timer = threading.Timer(GRACE_S, end)
    timer.daemon = True
    timer.start()


def frames_of(error: BaseException) -> tuple[str, ...]:
    """Where an error, or what caused it, was raised: the last calls, outermost first, one a line."""
    cause = error.__cause__ if isinstance(error, ComponentError) and error.__cause__ is not None else error
    frames = traceback.extract_tb(cause.__traceback__)[-_MOST_FRAMES:]
    return tuple(f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames)


def show_traceback(error: BaseException) -> None:
    """Print where an error was raised, if somebody asked for that."""
    if os.environ.get(TRACEBACK_VARIABLE):
        # What it says may come from a file.
        cast("IO[str]", _Legible(sys.stderr)).write("".join(traceback.format_exception(error)))


def text_of(error: BaseException) -> str:
    """What an error says; a stranger's may fail at that, too."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - see above
        return "an error that cannot say what it is"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else "an unknown place"


def _short(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").rsplit("/", 2)[-2:])
