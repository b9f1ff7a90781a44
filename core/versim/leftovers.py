"""What a process that was killed leaves half-written, recognised and removed by the next one.

A file or folder that is being written carries in its name which process of which machine writes it. When that process
is gone, nobody will finish it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from pathlib import Path

_LEFTOVER = re.compile(r"\..*\.(?:(?P<host>[0-9a-f]{6})-(?P<process>[0-9]{1,10})-)?[0-9a-f]{8}\.partial", re.DOTALL)
_LONGEST_NAME = 120
_STALE_S = 86_400
"""Age at which a leftover that does not say who writes it is nobody's any more."""


def beside(target: Path) -> Path:
    """A name beside a file or folder for what is to take its place."""
    return target.with_name(f".{target.name[:_LONGEST_NAME]}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.partial")


def remove_leftovers(folder: Path) -> int:
    """Remove what dead processes of this machine were writing in a folder; returns how many files and folders."""
    count = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _LEFTOVER.fullmatch(entry.name)
            if match is None or not _is_dead(match, entry):
                continue
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    Path(entry.path).unlink()
                count += 1
    return count


def runs(process: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's
    return True


def _is_dead(match: re.Match[str], entry: os.DirEntry[str]) -> bool:
    if match["host"] == _host():
        return not runs(int(match["process"]))
    # Another machine's, of which nobody can be asked, or of a version that did not say whose it is.
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_S
    except OSError:
        return False


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


_CLAIM = ".versim-process"


def claim_folder(folder: Path) -> None:
    """Say in a folder for temporary files that this process works there, so that it is removed if the process dies."""
    (folder / _CLAIM).write_text(f"{_host()} {os.getpid()}\n", encoding="ascii")


def release_folder(folder: Path) -> None:
    """Let a folder that was claimed stay."""
    (folder / _CLAIM).unlink(missing_ok=True)


def remove_abandoned(parent: Path, prefix: str) -> int:
    """Remove folders that dead processes of this machine claimed; returns how many."""
    count = 0
    with contextlib.suppress(OSError):
        for folder in parent.glob(f"{prefix}*"):
            with contextlib.suppress(OSError, ValueError):
                host, process = (folder / _CLAIM).read_text(encoding="ascii")[:40].split()
                if host == _host() and not runs(int(process)):
                    shutil.rmtree(folder)
                    count += 1
    return count
