"""The folder that one run of the real program works in: its own, and gone afterwards unless there is reason to keep it.

What a run that was killed left behind, the next one removes. While the folder exists, a request to end versim (SIGTERM,
SIGHUP) first takes the way that Ctrl-C takes: the program is killed and the folder removed; then versim ends of the
signal, as it would have.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import attrs
from versim import VersimError, claim_folder, release_folder, remove_abandoned

PREFIX = "versim-astrasim-"
"""Of folders for temporary files; those that are claimed are removed by the next run when their process has died."""

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@attrs.define
class WorkingFolder:
    """A folder of one run.

    Attributes:
        path: Where it is.
        keep: Whether it stays; may be set at any time.
    """

    path: Path
    keep: bool


class _EndRequestedError(BaseException):
    """A signal asked versim to end; no :class:`Exception`, so that nothing takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def remove_left_folders() -> int:
    """Remove the folders of runs that were killed; returns how many."""
    return remove_abandoned(Path(tempfile.gettempdir()), PREFIX)


@contextlib.contextmanager
def working_folder(*, keep: bool = False) -> Iterator[WorkingFolder]:
    """A new folder in the folder for temporary files.

    Raises:
        VersimError: It cannot be made, or something in it cannot be read or written.
    """
    with _ending_by_signal():
        try:
            remove_left_folders()
            folder = WorkingFolder(Path(tempfile.mkdtemp(prefix=PREFIX)), keep)
            claim_folder(folder.path)
        except OSError as error:
            raise VersimError(
                f"cannot make a working folder for the real ASTRA-sim: {error.strerror or error}; set TMPDIR to a "
                "folder that can be written to"
            ) from error
        try:
            yield folder
        except OSError as error:
            raise VersimError(
                f"the real ASTRA-sim's working folder {folder.path}: {error.strerror or error}"
                f"{f' ({error.filename})' if error.filename else ''}; set TMPDIR to a folder with room"
            ) from error
        finally:
            if folder.keep:
                release_folder(folder.path)
            else:
                shutil.rmtree(folder.path, ignore_errors=True)


@contextlib.contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Let signals that would end this process at once end it through the blocks they interrupt.

    Only the main thread can; signals that somebody else handles, or ignores, are left to them.
    """

    def end(number: int, _: FrameType | None) -> NoReturn:
        raise _EndRequestedError(number)

    ours = []
    if threading.current_thread() is threading.main_thread():
        ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    except _EndRequestedError as request:
        signal.signal(request.number, signal.SIG_DFL)
        os.kill(os.getpid(), request.number)
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
