"""``versim sweep`` and ``versim results``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Versim = Callable[..., Any]
VARY = ("--vary", "ranks=2,4", "--vary", "work_s=1..3", "-j", "1")


def test_a_sweep_is_kept_gone_on_with_and_listed(versim: Versim, tmp_path: Path) -> None:
    """What remains and why is said before, the best come after, and a second time nothing is asked."""
    first = versim("sweep", "lab", *VARY, "--where", "ranks * work_s <= 8", "--store", "answers.db", "--limit", "3")
    assert first.exit_code == 0, first.stderr
    assert "6 combinations, 3 configurations remain" in first.stderr
    assert "6 answered" in first.stderr
    again = versim("sweep", "lab", *VARY, "--where", "ranks * work_s <= 8", "--store", "answers.db")
    assert "1 fell out: not ranks * work_s <= 8" in again.stderr
    assert "10 questions, 6 answered already, 4 to ask" in again.stderr
    listed = versim(
        "results", "answers.db", "--where", "ranks == 4 and instance == 'twice'", "-f", "json", "--sweep", "1"
    )
    assert listed.exit_code == 0, listed.stderr
    document = json.loads(listed.stdout)
    assert document["format_version"] == 1
    assert [row["makespan_ps"] for row in document["rows"]] == [2 * 10**12, 3 * 10**12]
    table = versim("results", "answers.db", "--sort", "work_s", "--descending", "--limit", "2").stdout
    assert "8 more of 10" in table
    sweeps = versim("results", "answers.db", "--sweeps").stdout.splitlines()
    assert len(sweeps) == 1
    assert "ranks, work_s" in sweeps[0]
    versim("results", "answers.db", "-f", "csv", "-o", "out.csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 11


def test_a_dry_run_asks_nothing(versim: Versim) -> None:
    """It says what would be asked."""
    result = versim("sweep", "lab", *VARY, "--store", "answers.db", "--dry-run")
    assert result.exit_code == 0
    assert "6 configurations remain" in result.stderr
    assert not Path("answers.db").exists()


def test_what_a_sweep_cannot_do_it_says(versim: Versim) -> None:
    """Nothing varied; a key, a condition, a store that are none."""
    assert versim("sweep", "lab").exit_code == 2
    for arguments, said in (
        (("--vary", "rnks=1"), "did you mean 'ranks'"),
        (("--vary", "ranks=1,2", "--where", "ranks <"), "is no expression"),
        (("--vary", "ranks=1,2", "--store", "no/such/answers.db"), "none that exists"),
    ):
        result = versim("sweep", "lab", *arguments)
        assert result.exit_code == 1
        assert said in result.stderr
    assert versim("results", "missing.db").exit_code == 1


def test_who_breaks_is_named_and_costs_no_other(versim: Versim) -> None:
    """Its rows say so, and the status stays 0: the sweep did what it could."""
    result = versim("sweep", "lab", "--vary", "ranks=2,4", "-b", "once", "-b", "refuser", "-j", "1")
    assert result.exit_code == 0, result.stderr
    assert "2 of them failed" in result.stderr
    assert "2 × aborted" in result.stdout
