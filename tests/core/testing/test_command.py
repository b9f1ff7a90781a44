"""``python -m versim.testing``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from versim.testing.__main__ import main

PLUGIN = """
from versim import hookimpl
from planted import WrongShard

@hookimpl
def versim_backends():
    return [WrongShard()]
"""


def run(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    """A plugin file with a faulty backend."""
    file = tmp_path / "faulty.py"
    file.write_text(PLUGIN)
    return str(file)


def test_every_check_says_what_it_shows_and_what_it_found(faulty: str) -> None:
    """And a failure makes it exit with 1."""
    result = run("planted", "-p", faulty)
    assert result.exit_code == 1, result.output
    assert "FAIL  oracle: ring all-gather" in result.output
    assert "shows     size_bytes is the output: each of p−1 rounds carries a p-th of it" in result.output
    assert "expected  0.004803 s, 0.007209 s, 0.008015 s ((p−1) (α + S/(p B)), p = 2, 4, 6)" in result.output
    assert "found     0.009603 s, 0.028809 s, 0.048015 s" in result.output
    assert ", 1 failed, " in result.output.splitlines()[-1]


def test_a_part_of_it(faulty: str) -> None:
    """By name; what is left passes."""
    result = run("planted", "-p", faulty, "--only", "all-reduce", "--only", "chain")
    assert result.exit_code == 0, result.output
    assert "2 passed, 0 failed" in result.output


def test_options_and_claims_of_the_users(faulty: str) -> None:
    """Options as ``compare -b`` takes them; claims from a module."""
    result = run("astrasim:endpoint_delay_ns=1", "--claims", "stated:CLAIMS", "--only", "point-to-point")
    assert result.exit_code == 0, result.output
    assert "endpoint_delay_ns=1" in result.output
    assert run("planted", "-p", faulty, "--claims", "stated:NONE").exit_code == 1


def test_a_backend_that_is_not_there(faulty: str) -> None:
    """Told like everywhere."""
    result = run("plantd", "-p", faulty)
    assert result.exit_code == 1
    assert "no backend named 'plantd'; did you mean 'planted'?" in result.output


def test_as_a_process() -> None:
    """The way people call it."""
    command = [sys.executable, "-m", "versim.testing", "astrasim", "--only", "compute chain"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "pass  oracle: compute chain" in result.stdout
