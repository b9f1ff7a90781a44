"""``versim plugins``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


def test_components_are_listed_with_options_and_help(process: Process) -> None:
    """Everything a scenario may name."""
    result = process("plugins")
    assert result.returncode == 0, result.stderr
    assert "producer line (proposes a system)" in result.stdout
    assert "    ranks: int, default 2\n      ranks on one axis" in result.stdout
    assert "table: Path | None, default null, --table" in result.stdout
    assert "backend ideal (export, verify)" in result.stdout
    assert "command hello\n    Say hello from the lab." in result.stdout
    assert "lab" in result.stdout.splitlines()[-1]


def test_json_says_the_same(versim: Versim) -> None:
    """For programs."""
    document = json.loads(versim("plugins", "-f", "json").stdout)
    (lab,) = (plugin for plugin in document["plugins"] if plugin["origin"] == "-p")
    line = next(component for component in lab["components"] if component["kind"] == "producer")
    mood = next(option for option in line["options"] if option["name"] == "mood")
    assert mood == {
        "name": "mood",
        "type": "Mood",
        "required": False,
        "default": "calm",
        "help": "calm or hasty",
        "flag": None,
    }
    assert lab["error"] is None
    assert "lab" in document["scenarios"]


def test_a_plugin_that_answers_nonsense_is_listed_as_broken(versim: Versim, tmp_path: Path) -> None:
    """The list is where one looks for the cause, so it must not fail for it."""
    bad = tmp_path / "bad.py"
    bad.write_text("from versim import hookimpl\n@hookimpl\ndef versim_backends(): return [5]\n")
    result = versim("plugins", plugins=(bad,))
    assert result.exit_code == 0
    assert f"{bad} (-p): BROKEN\n  versim_backends offers 5 as a backend" in result.stdout
