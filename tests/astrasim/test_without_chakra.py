"""The embedded engine runs where the official Chakra package cannot be imported."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
sys.modules["chakra"] = None
from versim.cli import main
sys.argv = ["versim", "compare", "bundled", "-b", "astrasim"]
main()
"""


def test_the_embedded_engine_runs_without_chakra() -> None:
    """Only reading and writing traces needs it, and it is heavy."""
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "astrasim" in result.stdout
