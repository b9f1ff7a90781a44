"""``versim export``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


def test_the_folder_appears_whole(process: Process, tmp_path: Path) -> None:
    """And its files are named on stdout."""
    folder = tmp_path / "input"
    result = process("export", "lab", "--backend", "once", "--workload", "small", "--pin", "given", "-o", folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{folder / 'input.txt'}\n"
    assert (folder / "input.txt").read_text() == "ideal\n"
    assert sorted(tmp_path.iterdir()) == [folder]


def test_an_empty_folder_is_filled(versim: Versim, tmp_path: Path) -> None:
    """It was made for that."""
    folder = tmp_path / "input"
    folder.mkdir()
    assert versim("export", "lab", "--backend", "once", "-o", folder).exit_code == 0
    assert (folder / "input.txt").exists()


def test_what_is_there_is_never_overwritten(versim: Versim, tmp_path: Path) -> None:
    """Somebody may have changed it by hand."""
    folder = tmp_path / "input"
    folder.mkdir()
    (folder / "precious").touch()
    result = versim("export", "lab", "--backend", "once", "-o", folder)
    assert result.exit_code == 1
    assert "the folder is not empty" in result.stderr
    result = versim("export", "lab", "--backend", "once", "-o", folder / "precious")
    assert "it is a file" in result.stderr
    result = versim("export", "lab", "--backend", "once", "-o", tmp_path / "a" / "b")
    assert "there is no folder" in result.stderr


def test_a_backend_without_input_files_says_who_has_some(versim: Versim, scenario: Path, tmp_path: Path) -> None:
    """Not every simulator reads files."""
    scenario.write_text(
        scenario.read_text().replace("- {label: once", "- {label: none, backend: refuser}\n  - {label: once")
    )
    result = versim("export", scenario, "--backend", "none", "-o", tmp_path / "input")
    assert result.exit_code == 1
    assert "'refuser' has no input files to export; instances that have: once, twice" in result.stderr


def test_workload_and_pin_may_be_left_out_only_if_clear(versim: Versim, scenario: Path, tmp_path: Path) -> None:
    """Guessing would export something else."""
    scenario.write_text(scenario.read_text().replace("- {label: given}", "- {label: given}\n  - {label: other}"))
    result = versim("export", scenario, "--backend", "once", "-o", tmp_path / "input")
    assert result.exit_code == 2
    assert "say which with --pin: 'given', 'other'" in result.stderr


def test_a_failed_export_leaves_nothing(versim: Versim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder nor a part of it."""
    plugin = Path(__file__).parent / "lab.py"
    bad = tmp_path / "bad_lab.py"
    bad.write_text(plugin.read_text().replace("        return [path]", '        raise OSError("disk on fire")'))
    monkeypatch.setenv("VERSIM_TRACEBACK", "")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "lab.yaml").write_text((plugin.parent / "scenarios" / "lab.yaml").read_text())
    result = versim("export", "lab", "--backend", "once", "-o", tmp_path / "input", plugins=(bad,))
    assert result.exit_code == 1
    assert "disk on fire" in result.stderr
    assert {found.name for found in tmp_path.iterdir()} - {"__pycache__"} == {"bad_lab.py", "scenarios"}
