"""Answers of the real program on disk, so that a communication is simulated once.

An entry's name is the sha256 of everything its answer depends on: the program's bytes, the exact bytes of every file
it is given, and its command line. An entry is written beside and renamed, so that processes side by side and crashes
leave whole entries or none, and carries a digest of its own content. What is not sound is removed, with a note through
:mod:`logging`, and asked for again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import attrs
from versim import VersimError, writing
from versim.plain import UnreadableError, opened, read_json

_LOGGER = logging.getLogger(__name__)

FORMAT = 1
CACHE_VARIABLE = "VERSIM_CACHE_DIR"
_MOST_ENTRY_BYTES = 64 * 2**20
_MOST_PROGRAM_BYTES = 4 * 2**30


def cache_folder(environment: Mapping[str, str]) -> Path:
    """``VERSIM_CACHE_DIR``, else ``versim`` in the user's cache folder; this plugin's part of it."""
    given = environment.get(CACHE_VARIABLE) or ""
    if given:
        return Path(given).expanduser() / "astrasim"
    base = environment.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base else Path.home() / ".cache") / "versim" / "astrasim"


@attrs.frozen
class Cache:
    """Finishes of ranks by key.

    Attributes:
        folder: Where entries are; made when the first one is written.
    """

    folder: Path

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> tuple[int, ...] | None:
        """Nanoseconds at which each rank finished; None if there is no sound entry."""
        path = self._path(key)
        if not os.path.lexists(path):
            return None
        found = _sound(path, key)
        if found is None:
            _LOGGER.warning("the cache entry %s is damaged; removing it and asking again", path)
            with contextlib.suppress(OSError):
                path.unlink()
        return found

    def put(self, key: str, finish_ns: Sequence[int]) -> None:
        """Remember an answer; a cache that cannot be written to is no reason to fail."""
        path = self._path(key)
        finish = list(finish_ns)
        content = json.dumps({"format": FORMAT, "key": key, "finish_ns": finish, "sha256": _digest(key, finish)})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing(path) as stream:
                stream.write(content)
        except (OSError, VersimError) as error:
            _LOGGER.warning("cannot write to the cache %s: %s; going on without", self.folder, error)

    def entries(self) -> list[Path]:
        """The entries' files."""
        return sorted(self.folder.glob("[0-9a-f][0-9a-f]/*.json"))

    def damaged(self) -> list[Path]:
        """Entries that would not be believed, and what crashes left behind."""
        return [*(path for path in self.entries() if _sound(path, path.stem) is None), *self._partial()]

    def clear(self) -> int:
        """Remove every entry and what crashes left behind; returns how many entries there were.

        Raises:
            VersimError: One cannot be removed.
        """
        count = 0
        try:
            for path in [*self.entries(), *self._partial()]:
                path.unlink(missing_ok=True)
                count += path.suffix == ".json"
        except OSError as error:
            raise VersimError(f"cannot remove {error.filename}: {error.strerror}") from error
        return count

    def _partial(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9a-f][0-9a-f]/.*.partial"))


def _sound(path: Path, key: str) -> tuple[int, ...] | None:
    """What an entry says; None if it cannot be read, is damaged, of another version or of another key."""
    try:
        content = read_json(path, _MOST_ENTRY_BYTES)
    except UnreadableError:
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("key") != key:
        return None
    finish = content.get("finish_ns")
    if not isinstance(finish, list) or not all(type(value) is int and value >= 0 for value in finish):
        return None
    return tuple(finish) if content.get("sha256") == _digest(key, finish) else None


def _digest(key: str, finish_ns: list[int]) -> str:
    return hashlib.sha256(f"{key} {finish_ns}".encode()).hexdigest()


def key_of(program: Path, parts: Iterable[bytes]) -> str:
    """The name of an entry.

    Args:
        program: The real program; its bytes count, not its place.
        parts: Everything else that matters; where one ends and the next begins counts too.
    """
    stat = program.stat()
    digest = hashlib.sha256(_program_digest(program, stat.st_size, stat.st_mtime_ns))
    for part in (str(FORMAT).encode(), *parts):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _program_digest(program: Path, size: int, modified_ns: int) -> bytes:  # noqa: ARG001 - a changed file is another
    digest = hashlib.sha256()
    with opened(program, _MOST_PROGRAM_BYTES) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.digest()


def program_sha256(program: Path) -> str:
    """The sha256 of a program's bytes, in hexadecimal digits."""
    stat = program.stat()
    return _program_digest(program, stat.st_size, stat.st_mtime_ns).hex()
