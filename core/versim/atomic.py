"""Writing files and folders so that a reader sees all of the new one or all of the old one, never half."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from versim.errors import VersimError
from versim.leftovers import beside, remove_leftovers

AT_ONCE = 1 << 26
"""Bytes or characters that are written at once, and brought to the disk: an interrupt waits for so many."""


class UnwritableError(VersimError):
    """A file or folder cannot be written where the user wants it.

    Attributes:
        path: Where.
        cause: Why not.
    """

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def said(self) -> str:
        """What, where and how."""
        return f"cannot write {self.path}: {self.cause}"


def check_writable(path: Path, *, or_empty_folder: bool = False) -> None:
    """Refuse a file that cannot be written, before anything long is done for it.

    A check and no promise: the disk may still fill up. With ``or_empty_folder``, a folder with nothing in it will do,
    for what may turn out to be a folder of files.

    Raises:
        UnwritableError: Its folder does not exist or cannot be written to, or it is a folder.
    """
    target = _target(path)
    if or_empty_folder and target.is_dir() and not any(target.iterdir()):
        check_new_folder(path)
        return
    if target.is_dir():
        raise UnwritableError(path, "it is a folder; name a file in it")
    if target.exists() and not os.access(target, os.W_OK):
        raise UnwritableError(path, "it is there and you may not write to it")
    if target.exists() and not target.is_file():
        return  # a device or a pipe is written in place
    _check_folder(path, target.parent)


def check_new_folder(path: Path) -> None:
    """Refuse a folder that holds something already, or cannot be made.

    Raises:
        UnwritableError: It is no folder, not empty, or what holds it cannot be written to.
    """
    target = _target(path)
    if target.exists() and not target.is_dir():
        raise UnwritableError(path, "it is a file; name a folder that does not exist yet")
    if target.is_dir() and any(target.iterdir()):
        raise UnwritableError(path, "the folder is not empty; name another, or empty it first")
    _check_folder(path, target.parent)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text stream whose content replaces a file when the block ends without an error.

    The content goes to a file beside the target, is flushed to the disk and renamed; on an error, also an interrupt,
    it is removed and the target stays as it was. A device or a pipe is written to directly.

    Raises:
        UnwritableError: The file cannot be made, written or renamed.
    """
    check_writable(path)
    target = _target(path)
    if target.exists() and not target.is_file():
        with _as_unwritable(path), target.open("w", encoding="utf-8") as stream:
            yield stream
        return
    remove_leftovers(target.parent)
    made = beside(target)
    try:
        with _as_unwritable(path):
            mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as stream, _as_unwritable(path):  # noqa: PTH123
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with _as_unwritable(path):
            made.replace(target)
            _sync_folder(target.parent)
    finally:
        made.unlink(missing_ok=True)


def put(stream: TextIO, content: str | bytes) -> None:
    """Write to a stream of :func:`writing`, in pieces: an interrupt is heard between them.

    Long content goes to the disk piece by piece, too, for nothing interrupts the wait for all of it.
    """
    if len(content) <= AT_ONCE:
        _put(stream, content)
        return
    synchronised = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    given = memoryview(content) if isinstance(content, bytes) else content
    for first in range(0, len(given), AT_ONCE):
        _put(stream, given[first : first + AT_ONCE])
        stream.flush()
        if synchronised:
            os.fsync(stream.fileno())


def _put(stream: TextIO, piece: str | bytes | memoryview) -> None:
    if isinstance(piece, str):
        stream.write(piece)
    else:
        stream.buffer.write(piece)


@contextlib.contextmanager
def written_beside(document: Path, attachments: Mapping[str, bytes]) -> Iterator[tuple[Path, ...]]:
    """Files in a document's folder, each whole or not at all, for a block that writes the document.

    They come first, so that a document never refers to a file that is not there. If the document stays as it was, for
    an error or an interrupt, those that were not there before go again.

    Raises:
        UnwritableError: A file, or the document, cannot be written.
    """
    check_writable(document)
    # A reporter names files, not paths.
    places = tuple(document.parent / Path(name).name for name in attachments)
    before, new = _content_of(document), [place for place in places if not place.exists()]
    try:
        for place, content in zip(places, attachments.values(), strict=True):
            with writing(place) as stream:
                put(stream, content)
        yield places
    except BaseException:
        if _content_of(document) == before:
            for place in new:
                place.unlink(missing_ok=True)
        raise


def _content_of(document: Path) -> tuple[int, int] | None:
    """Tells whether a document was replaced; None where it is not there."""
    try:
        status = document.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder that takes the place of ``path`` when the block ends without an error.

    Raises:
        UnwritableError: ``path`` holds something already, or cannot be made.
    """
    check_new_folder(path)
    target = _target(path)
    remove_leftovers(target.parent)
    made = beside(target)
    try:
        with _as_unwritable(path):
            made.mkdir()
            yield made
            if target.exists():
                target.rmdir()
            made.rename(target)
            _sync_folder(target.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """An empty folder whose files go to ``folder``, under their names, when the block ends without an error.

    Each replaces what had its name and is whole at any moment. On an error, also an interrupt, none is touched; what a
    process leaves that is killed meanwhile, the next one removes.

    Raises:
        UnwritableError: ``folder`` does not exist, cannot be written to, or holds a folder of one of the names.
    """
    target = _target(folder)
    _check_folder(folder, target)
    remove_leftovers(target)
    made = beside(target / "files")
    try:
        with _as_unwritable(folder):
            made.mkdir()
            yield made
            for file in sorted(made.iterdir()):
                file.replace(target / file.name)
            _sync_folder(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _target(path: Path) -> Path:
    """The path with links followed, so that a link to a file stays a link."""
    try:
        target = path.resolve()
        # Of names that are none, such as one of thousands of letters, looking says so first.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            target.lstat()
    except (OSError, RuntimeError, ValueError) as error:
        raise UnwritableError(path, getattr(error, "strerror", None) or str(error)) from None
    return target


def _check_folder(path: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise UnwritableError(path, f"there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UnwritableError(path, f"you may not write in the folder {folder}")


@contextlib.contextmanager
def _as_unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwritableError(path, error.strerror or str(error)) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets a folder be synchronised."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
