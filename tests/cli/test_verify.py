"""``versim verify``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """One that matches, one that does not."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"cases": [[1, 1], [2, 2]]}))
    bad.write_text(json.dumps({"cases": [[1, 1], [2, 3]]}))
    return [good, bad]


def test_matches_are_counted_per_table_and_in_total(process: Process, tables: list[Path]) -> None:
    """The total stands last, where a program looks for it."""
    result = process("verify", "ideal", *tables[:1])
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{tables[0]}: 2/2 matched, worst relative error 0.25\ntotal: 2/2 matched\n"


def test_a_mismatch_is_shown_and_is_status_1(versim: Versim, tables: list[Path]) -> None:
    """With both figures."""
    result = versim("verify", "ideal", *tables, "--option", "exactness=full")
    assert result.exit_code == 1
    assert "  2 is not 3 {'exactness': 'full'}\n" in result.stdout
    assert result.stdout.splitlines()[-1] == "total: 3/4 matched"


def test_the_kind_may_be_said(versim: Versim, tables: list[Path]) -> None:
    """Where a name means several components."""
    assert versim("verify", "backend:ideal", tables[0]).exit_code == 0
    result = versim("verify", "timing:ideal", tables[0])
    assert result.exit_code == 1
    assert "backend:ideal" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "line 1, column 2: is not a JSON document"),
        (b"[1]", "has to hold a mapping, it holds a list"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"", "is not a JSON document"),
    ],
)
def test_a_table_that_is_none_is_refused(versim: Versim, tmp_path: Path, content: bytes, message: str) -> None:
    """With file and place."""
    table = tmp_path / "table.json"
    table.write_bytes(content)
    result = versim("verify", "ideal", table)
    assert result.exit_code == 1
    assert f"Error: {table}" in result.stderr
    assert message in result.stderr


def test_what_is_not_there_is_told(versim: Versim, tmp_path: Path, tables: list[Path]) -> None:
    """Before the first table is worked on."""
    assert "no such file" in versim("verify", "ideal", tables[0], tmp_path / "none.json").stderr
    assert "is a folder" in versim("verify", "ideal", tmp_path).stderr
    assert "did you mean 'ideal'" in versim("verify", "ideel", tables[0]).stderr
    assert versim("verify", "ideal").exit_code == 2
    assert versim("verify", "ideal", tables[0], "--option", "x").exit_code == 2


@pytest.mark.parametrize("written", [["--exactness", "full"], ["--exactness=full"]])
def test_an_option_of_the_component_may_be_written_as_a_flag(
    versim: Versim, tables: list[Path], written: list[str]
) -> None:
    """As people write options everywhere else."""
    result = versim("verify", "ideal", *written, *tables)
    assert result.exit_code == 1
    assert "  2 is not 3 {'exactness': 'full'}\n" in result.stdout


@pytest.mark.parametrize("written", [["--exactness"], ["--exactness", "--other"]])
def test_a_flag_without_a_value_is_a_usage_error(versim: Versim, tables: list[Path], written: list[str]) -> None:
    """Nothing is guessed."""
    result = versim("verify", "ideal", *tables, *written)
    assert result.exit_code == 2
    assert "--exactness needs a value" in result.stderr


def test_options_without_a_table_are_a_usage_error(versim: Versim) -> None:
    """There is nothing to verify."""
    result = versim("verify", "ideal", "--exactness", "full")
    assert result.exit_code == 2
    assert "at least one TABLE.json" in result.stderr
