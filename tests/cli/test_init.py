"""``versim init``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


def test_what_it_writes_runs(process: Process, versim: Versim, tmp_path: Path) -> None:
    """And explains every option of what it uses."""
    file = tmp_path / "it's mine.yaml"
    result = process("init", file, "--from", "lab")
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    text = file.read_text()
    assert "name: 'it''s mine'" in text
    assert "#   factor: 1.0\n#       multiplies communication" in text
    assert "# system:" in text
    assert versim("compare", file, "-f", "names").exit_code == 0


def test_a_file_that_is_there_stays(versim: Versim, scenario: Path) -> None:
    """Unless the user insists."""
    before = scenario.read_text()
    result = versim("init", scenario, "--from", "lab")
    assert result.exit_code == 1
    assert "it is there already; --force replaces it" in result.stderr
    assert scenario.read_text() == before
    assert versim("init", scenario, "--from", "lab", "--force").exit_code == 0
    assert scenario.read_text() != before


def test_a_place_that_cannot_be_written_is_told(versim: Versim, tmp_path: Path) -> None:
    """Like everywhere."""
    assert "there is no folder" in versim("init", tmp_path / "a" / "b.yaml", "--from", "lab").stderr
    assert "no scenario named 'lob'" in versim("init", "--from", "lob").stderr


def test_the_commented_system_is_a_valid_one(versim: Versim, tmp_path: Path) -> None:
    """An example that does not work teaches nothing."""
    file = tmp_path / "mine.yaml"
    assert versim("init", file, "--from", "lab").exit_code == 0
    lines = file.read_text().splitlines()
    first = lines.index("# system:")
    for number in range(first, first + 5):
        lines[number] = lines[number].removeprefix("# ")
    file.write_text("\n".join(lines).replace("ranks: 2", "ranks: 8"))
    result = versim("compare", file, "-f", "names")
    assert result.exit_code == 0, result.stderr
