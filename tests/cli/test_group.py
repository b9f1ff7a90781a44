"""The group: help, plugins' commands, exit statuses, and how fast the help is there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = ("compare", "graph", "export", "verify", "plugins", "init")


def test_the_help_lists_versims_commands_and_those_of_plugins(versim: Versim) -> None:
    """Plugins' commands are listed by what their hook says."""
    result = versim("--help")
    assert result.exit_code == 0
    assert all(f"  {command} " in result.output for command in COMMANDS)
    assert "hello" in result.output
    assert "Say hello from the lab." in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(versim: Versim, command: str) -> None:
    """Under -h too."""
    result = versim(command, "-h")
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_a_contributed_command_runs(versim: Versim) -> None:
    """It is imported now."""
    assert versim("hello").output == "hello from the lab\n"


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(versim: Versim) -> None:
    """Exit status 2, as for every wrong command line."""
    result = versim("comprae")
    assert result.exit_code == 2
    assert "no command named 'comprae'; did you mean 'compare'?" in result.output
    assert versim("--nonsense").exit_code == 2


def test_the_version_is_told(versim: Versim) -> None:
    """For bug reports."""
    assert versim("--version").output.startswith("versim ")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('no luck')", "cannot be loaded: RuntimeError: no luck (bad.py, line 1)"),
        ("from versim import hookimpl\n@hookimpl\ndef versim_backend(): return []", "did you mean 'versim_backends'?"),
        ("VERSIM_API_VERSION = 7", "written for version 7 of versim's hooks"),
        ("from versim import hookimpl\n@hookimpl\ndef versim_reporters(): return 5", "has to return a list"),
        ("from versim import hookimpl\n@hookimpl\ndef versim_reporters(): return [5]", "has no usable name"),
        ("from versim import hookimpl\n@hookimpl\ndef versim_reporters(): 1 / 0", "versim_reporters failed: ZeroDivis"),
        ("x = (", "SyntaxError"),
    ],
)
def test_a_bad_plugin_is_named_with_its_fault(versim: Versim, tmp_path: Path, source: str, message: str) -> None:
    """One message, no traceback."""
    bad = tmp_path / "bad.py"
    bad.write_text(source)
    result = versim("compare", "lab", "-f", "names", plugins=(bad,))
    assert result.exit_code == 1
    assert message in result.output
    assert f"plugin '{bad}'" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("{'compare': 'a:b'}", "offers a command 'compare', which versim has itself"),
        ("{'other': 'no_such_module:b'}", "its command 'other' cannot be loaded: ModuleNotFoundError"),
        ("{'other': 'json:dumps'}", "its command 'other' is not a click command (json:dumps)"),
        ("{'other': 'nonsense'}", "it has to read 'name': 'package.module:command"),
    ],
)
def test_a_bad_contributed_command_is_named(versim: Versim, tmp_path: Path, hook: str, message: str) -> None:
    """And the help is still there."""
    bad = tmp_path / "bad.py"
    bad.write_text(f"from versim import hookimpl\n@hookimpl\ndef versim_commands(): return {hook}")
    result = versim("other", plugins=(bad,))
    assert result.exit_code == 1
    assert message in result.output
    assert versim("--help", plugins=(bad,)).exit_code == 0
    assert versim("compare", "--help", plugins=(bad,)).exit_code == 0


def test_a_broken_installed_plugin_is_warned_about_and_the_rest_works(process: Process, tmp_path: Path) -> None:
    """On stderr, so that the data stays clean."""
    (tmp_path / "versim_bad.py").write_text("raise RuntimeError('no luck')\n")
    information = tmp_path / "versim_bad-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: versim-bad\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[versim]\nbad = versim_bad\n")
    result = process("compare", "lab", "-f", "names", PYTHONPATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "Warning: plugin 'bad': cannot be loaded: RuntimeError: no luck" in result.stderr
    assert "Warning" not in result.stdout
    missing = process("compare", "lab", "-b", "nobody", PYTHONPATH=str(tmp_path))
    assert missing.returncode == 1
    assert "not available: plugin 'bad'" in missing.stderr
    listed = process("plugins", PYTHONPATH=str(tmp_path))
    assert "bad (versim-bad 1.0): BROKEN" in listed.stdout
    assert "no luck" not in process("--help", PYTHONPATH=str(tmp_path)).stdout


def test_the_help_loads_nothing_heavy(process: Process) -> None:
    """The help must be there at once; what takes long to import is imported when it is used."""
    script = (
        "import sys\n"
        "from versim.cli.group import cli\n"
        "try:\n    cli(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'numpy', 'chakra', 'google.protobuf', 'cattrs', 'yaml', 'rich', 'tabulate'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "VERSIM_PLUGINS"}
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert "heavy: []" in result.stdout
    assert process("--help").returncode == 0


def test_a_closed_pipe_is_no_error_message(tmp_path: Path) -> None:
    """`versim … | head -1`."""
    script = (
        "import os, sys\n"
        "read, write = os.pipe()\n"
        "os.close(read)\n"
        "os.dup2(write, 1)\n"
        "from versim.cli import main\n"
        "sys.argv = ['versim', 'plugins']\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.stderr == ""
    assert result.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins"],
        ["collectives", "--kinds", "all_reduce", "--sizes", "1KiB", "-f", "html"],
        ["measured", str(Path(__file__).parent / "records" / "few.csv"), "-j", "1"],
    ],
    ids=["text", "bytes", "many runs"],
)
def test_a_full_disk_behind_stdout_is_told(arguments: list[str]) -> None:
    """Not as a traceback, neither of the command nor at exit."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as stream:
        result = subprocess.run(
            [sys.executable, "-c", "from versim.cli import main; main()", *arguments],
            stdout=stream,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("Error: cannot write standard output")
    assert "Traceback" not in result.stderr


def test_python_runs_versim_as_a_module() -> None:
    """Where the script is not on the path, as on many clusters."""
    import versim as public  # noqa: PLC0415 - the fixture has its name

    command = [sys.executable, "-m", "versim", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"versim {public.__version__}\n"
