"""A headless Chromium that loads a file without a network and says what came of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import attrs
import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: chromium)")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Whatever the page asked for would fail, and say so on its console.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=6000",
)


@attrs.frozen
class Loaded:
    """A page after its scripts ran.

    Attributes:
        dom: The document as HTML.
        console: Lines that went to the console: errors, warnings, messages.
    """

    dom: str
    console: tuple[str, ...]


def load(path: Path, *flags: str) -> Loaded:
    """Load a file and wait until it is drawn."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", path.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
    return Loaded(done.stdout, tuple(line for line in done.stderr.splitlines() if "CONSOLE" in line))
