"""``versim report``: a saved comparison is shown as it was, in any form, without simulating."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Versim = Callable[..., Result]


@pytest.fixture
def saved(versim: Versim, tmp_path: Path) -> Path:
    """A comparison that was saved, and shown as a table at the time."""
    file = tmp_path / "result.json"
    done = versim("compare", "lab", "-f", "json", "-o", file, "-f", "table", "-o", tmp_path / "then.txt")
    assert done.exit_code == 0, done.output
    return file


def test_it_shows_what_was_shown(versim: Versim, saved: Path, tmp_path: Path) -> None:
    """To the character, wall times included."""
    now = tmp_path / "now.txt"
    assert versim("report", saved, "-f", "table", "-o", now).exit_code == 0
    assert now.read_text() == (tmp_path / "then.txt").read_text()


def test_several_forms_at_once(versim: Versim, saved: Path, tmp_path: Path) -> None:
    """A folder, a file and standard output."""
    done = versim(
        "report", saved, "-f", "csv", "-o", tmp_path / "tables", "-f", "json", "-o", "again.json", "-f", "names"
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "tables" / "predictions.csv").is_file()
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(saved.read_text())
    assert " s × 1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("report", "nowhere.json"), 2, "does not exist"),
        (("report", "result.json", "-f", "tabel"), 1, "did you mean 'table'"),
        (("report", "result.json", "-f", "table:width=3"), 1, "width"),
        (("report", "then.txt"), 1, "then.txt, line 1, column 1: is not a JSON document"),
        (("report", "result.json", "-f", "csv"), 2, "makes a folder of files"),
    ],
)
def test_what_cannot_be_shown_is_said(
    versim: Versim, saved: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    """With the exit status of every command."""
    assert saved.is_file()
    done = versim(*arguments)
    assert done.exit_code == status
    assert message.lower() in done.output.lower()
