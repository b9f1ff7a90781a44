"""A lean install has no ``chakra``: everything but traces works, and traces say what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = "import sys; sys.modules['chakra'] = None; from versim.cli import main; main()"


@pytest.mark.parametrize(
    "command",
    ["export communication_heavy --backend astrasim -o out", "lint traces"],
)
def test_what_needs_traces_says_what_to_install(command: str, tmp_path: Path) -> None:
    """Neither a traceback nor the plugin's blame: nothing of it is broken."""
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "trace.0.et").write_bytes(b"\x05abcde")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install mlc-chakra" in done.stderr
    assert "fault of the plugin" not in done.stderr


def test_simulating_does_not_miss_it(tmp_path: Path) -> None:
    """Only reading and writing traces needs it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "compare", "communication_heavy", "--brief"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
