"""The examples pass their own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_loggp() -> None:
    """Without installing it: found as a plugin that the environment names."""
    folder = EXAMPLES / "versim-loggp"
    environment = {**os.environ, "PYTHONPATH": str(folder), "VERSIM_PLUGINS": "versim_loggp.plugin"}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
