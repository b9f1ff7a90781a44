"""What the kernel is built from; read by the build, too, where versim is not installed: standard library only."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

_SUFFIXES = {"darwin": "dylib", "win32": "dll"}


def library_name() -> str:
    """File name of the shared library on this platform."""
    return f"libversim_kernel.{_SUFFIXES.get(sys.platform, 'so')}"


def digest_of(folder: Path) -> str:
    """What stands for the content of a part's sources, so that a library built from others is noticed."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.[ch]pp")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:32]
