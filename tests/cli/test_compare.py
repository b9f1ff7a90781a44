"""``versim compare``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from versim import load_registry, load_scenario
from versim.cli import session
from versim.scenario import override

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]

LINES = "small / given / once: 1.5 s × 1\nsmall / given / twice: 2 s × 1\n"


def test_it_compares_a_shipped_scenario_and_a_file(versim: Versim, scenario: Path) -> None:
    """By name and by path."""
    assert versim("compare", "lab", "-f", "names").stdout == LINES
    assert versim("compare", scenario, "-f", "names").stdout == LINES


def test_a_real_process_keeps_data_and_progress_apart(process: Process, scenario: Path) -> None:
    """Nothing on stderr where nobody looks."""
    result = process("compare", scenario, "-f", "names")
    assert (result.returncode, result.stdout, result.stderr) == (0, LINES, "")


def test_a_terminal_without_a_sign_gets_a_plainer_one(process: Process, scenario: Path) -> None:
    """Better than no comparison."""
    result = process("compare", scenario, "-f", "names", PYTHONIOENCODING="iso8859-5")
    assert result.returncode == 0, result.stderr
    assert "1.5 s x 1" in result.stdout


def test_backends_options_and_reporter_are_chosen(versim: Versim) -> None:
    """-b, -O, --reference and options of the reporter."""
    result = versim(
        "compare", "lab", "-b", "twice", "-b", "x=ideal:factor=4", "-O", "small.work=2 s", "-f", "names:upper=true"
    )
    assert result.stdout == "SMALL / GIVEN / TWICE: 3 S × 1\nSMALL / GIVEN / X: 4 S × 1\n"
    assert versim("compare", "lab", "--reference", "twice", "-f", "names").exit_code == 0


def test_producers_contribute_options(versim: Versim) -> None:
    """Those whose metadata has a flag; shown in the help, applied to every workload that has them."""
    assert "--table VALUE" in versim("compare", "--help").output
    assert versim("compare", "lab", "--table", "x.yaml", "-f", "names").exit_code == 0
    assert versim("compare", "lab", "--table", "5", "-f", "names").exit_code == 0, "a file may be called 5"
    assert "expected the name of a file" in versim("compare", "lab", "--table", "", "-f", "names").stderr
    assert versim("compare", "lab", "--tible", "x", "-f", "names").exit_code == 2


def test_a_file_is_written_whole(versim: Versim, tmp_path: Path) -> None:
    """Beside and renamed; nothing is left beside."""
    output = tmp_path / "out.txt"
    output.write_text("old")
    result = versim("compare", "lab", "-f", "names", "-o", output)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert output.read_text(encoding="utf-8") == LINES
    assert sorted(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(("threshold", "status"), [("40", 0), ("33.4", 0), ("33", 3), ("0", 3)])
def test_a_threshold_that_is_exceeded_is_status_3(versim: Versim, threshold: str, status: int) -> None:
    """2 s are a third more than 1.5 s; the comparison is shown in either case."""
    result = versim("compare", "lab", "-f", "names", "--fail-over", threshold)
    assert result.exit_code == status
    assert result.stdout == LINES
    assert ("differs from 'once' by 33.3333 %" in result.stderr) == (status == 3)


@pytest.mark.parametrize("threshold", ["-1", "nan", "inf", "much"])
def test_a_threshold_that_is_none_is_a_usage_error(versim: Versim, threshold: str) -> None:
    """A comparison that can never fail would reassure for nothing."""
    assert versim("compare", "lab", "--fail-over", threshold).exit_code == 2


def test_a_simulation_that_did_not_complete_is_status_4(versim: Versim) -> None:
    """The rest is shown first."""
    result = versim("compare", "lab", "-b", "ideal", "-b", "refuser", "-f", "names", "--fail-over", "1")
    assert result.exit_code == 4
    assert "ideal: 1.5 s" in result.stdout
    assert "Not completed: small / given / refuser" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml"], "none.yaml: no such file"),
        (["lob"], "no scenario named 'lob'; did you mean 'lab'?"),
        (["."], "no plugin makes a scenario of what is in this folder; name a scenario's file"),
        (["empty.yaml"], "empty.yaml: is empty"),
        (["latin.yaml"], "latin.yaml, line 1, column 8: is not UTF-8 text"),
        (["tabs.yaml"], "indent with spaces, not tabs"),
        (["twice.yaml"], "line 2, column 1: the key 'a' was already given in line 1"),
        (["bomb.yaml"], "unfolds to more than"),
        (["lab", "-f", "nemes"], "no reporter named 'nemes'; did you mean 'names'?"),
        (["lab", "-f", "names:uper=1"], "$.uper: no such key; did you mean 'upper'?"),
        (["lab", "-f", "names", "-b", "ideel"], "no backend named 'ideel'; did you mean 'ideal'?"),
        (["lab", "-f", "names", "-O", "small.ranks=0"], "$.workloads[0].options.ranks: 'ranks' must be >= 1: 0"),
        (["lab", "-f", "names", "-O", "small.ranks=.nan"], "$.workloads[0].options.ranks: expected a whole number"),
        (["lab", "-f", "names", "-O", "small.size=-5"], "say the unit"),
        (["lab", "-f", "names", "-O", "small.size_bytes=-5"], "-5"),
        (["lab", "-f", "names", "--reference", "onze"], "no backend instance named 'onze'; did you mean 'once'?"),
        (["lab", "-f", "names", "-o", "no/such/folder"], "there is no folder"),
        (["lab", "-f", "names", "-o", "."], "it is a folder; name a file in it"),
        (["lab", "-f", "names:fail=true", "-o", "out.txt"], "reporter 'names' failed: RuntimeError: half way"),
    ],
)
def test_a_fault_is_one_message_and_nothing_is_written(
    versim: Versim, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """Place and remedy, exit status 1, no traceback, no file."""
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "latin.yaml").write_bytes("name: z\xfcrich".encode("latin-1"))
    (tmp_path / "tabs.yaml").write_text("a:\n\tb: 1\n")
    (tmp_path / "twice.yaml").write_text("a: 1\na: 2\n")
    bomb = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "bomb.yaml").write_text("\n".join(bomb))
    before = sorted(tmp_path.iterdir())
    result = versim("compare", *arguments)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


def test_an_unwritable_output_is_told_before_simulating(versim: Versim, tmp_path: Path) -> None:
    """Nobody waits for a result that cannot be kept."""
    result = versim("compare", "lab", "-b", "interrupted", "-o", tmp_path / "no" / "out.txt", "-f", "names")
    assert result.exit_code == 1
    assert "there is no folder" in result.stderr


def test_an_interrupt_is_a_short_message_and_status_130(process: Process, tmp_path: Path) -> None:
    """As shells expect; what was there stays."""
    output = tmp_path / "out.txt"
    output.write_text("old")
    result = process("compare", "lab", "-f", "names", "-b", "interrupted", "-o", output)
    assert result.returncode == 130
    assert result.stderr.strip() == "Interrupted in backend 'interrupted'; nothing was left half-written."
    assert output.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [output]


def test_the_traceback_of_an_error_can_be_had(versim: Versim, monkeypatch: pytest.MonkeyPatch) -> None:
    """For authors of plugins."""
    monkeypatch.setenv("VERSIM_TRACEBACK", "1")
    result = versim("compare", "lab", "-f", "names", "-b", "buggy")
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError: a slip" in result.stderr
    assert result.exit_code == 4


def test_a_bug_in_versim_keeps_its_traceback(versim: Versim, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken invariant is not the user's to mend."""
    monkeypatch.setattr("versim.run.run", lambda *_, **__: 1 / 0)
    result = versim("compare", "lab", "-f", "names")
    assert isinstance(result.exception, ZeroDivisionError)


def test_memory_that_does_not_suffice_is_said(versim: Versim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no plugin is to be named, too: a comparison may take more than its simulations."""

    def run(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("versim.run.run", run)
    result = versim("compare", "lab", "-f", "names")
    assert result.exit_code == 1
    assert result.stderr == "Error: versim ran out of memory; give it a smaller step, or this process more\n"


def test_progress_is_shown_at_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr; square brackets in labels are no markup."""
    with session.progress() as say:
        assert say is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with session.progress() as say:
        assert say is not None
        say("a label [bold] with brackets")
    assert capsys.readouterr().out == ""


def test_a_flag_of_a_backend_sets_every_instance_of_it() -> None:
    """--keep is a switch of the astrasim plugin; core need not know it."""
    registry = load_registry()
    scenario = override(load_scenario("compute_bound", registry), registry, flags={"--keep": "true"})
    assert scenario.instance("astrasim").options["keep"] is True
    assert "keep" not in scenario.instance("deepflow").options


def test_the_ending_of_an_output_says_its_format(versim: Versim, tmp_path: Path) -> None:
    """Nobody wants a table in report.html; what has no usual ending is still the table."""
    names = ("report.html", "report.json", "report.md", "report.pftrace", "report.txt")
    outputs = [part for name in names for part in ("-o", str(tmp_path / name))]
    assert versim("compare", "lab", *outputs).exit_code == 0
    starts = [(tmp_path / name).read_bytes()[:40].lower() for name in names]
    assert starts[0].startswith(b"<!doctype html")
    assert starts[1].startswith(b"{")
    assert b"**" in starts[2]
    assert starts[3].startswith(b"\n")
    assert "\nnext     versim compare --full" in (tmp_path / "report.txt").read_text(encoding="utf-8")
