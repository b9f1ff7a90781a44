"""Running versim in this process, with the test plugin, and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from versim.cli.group import cli

LAB = Path(__file__).parent / "lab.py"

Versim = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test in a folder of its own, without plugins from the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VERSIM_PLUGINS", raising=False)
    monkeypatch.delenv("VERSIM_TRACEBACK", raising=False)


@pytest.fixture
def versim() -> Versim:
    """Run a command line with the test plugin, in this process."""

    def run(*arguments: str | Path, plugins: tuple[str | Path, ...] = (LAB,)) -> Result:
        named = [part for plugin in plugins for part in ("-p", str(plugin))]
        return CliRunner().invoke(cli, [*named, *map(str, arguments)])

    return run


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """Run a command line with the test plugin, as a process of its own."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from versim.cli import main; main()", "-p", str(LAB), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **environment}
        )

    return run


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A scenario file that may be changed: the one the test plugin ships."""
    file = tmp_path / "mine.yaml"
    file.write_text((LAB.parent / "scenarios" / "lab.yaml").read_text())
    return file
