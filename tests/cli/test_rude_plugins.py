"""What plugins do to the process that they share with versim is undone, or named, and the status tells the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VERSIM = [sys.executable, "-c", "from versim.cli import main; main()"]
COMPARE = ["-p", str(HERE / "lab.py"), "-p", str(HERE / "rude.py"), "compare", "lab", "-b", "once"]


IMPATIENT = "import versim.cli.ending; versim.cli.ending.GRACE_S = 0.5; "
"""One that does not wait five seconds for Python's end."""


def run(*arguments: str, folder: Path | None = None, before: str = "") -> subprocess.CompletedProcess[str]:
    """A real process, from its beginning to its end."""
    return subprocess.run(
        [*VERSIM[:-1], before + VERSIM[-1], *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        encoding="utf-8",
    )


def test_a_plugin_that_ends_the_process_is_named() -> None:
    """``os._exit(0)`` in the middle: silence with status 0 would say that all is well."""
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=leaves")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("Error: os._exit(0) at rude.py:")


def test_a_plugin_that_ends_the_process_at_its_end_changes_no_status() -> None:
    """Registered with ``atexit``, it turned a failed check into success."""
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=registers")
    assert done.returncode == 5
    assert done.stdout.count("\n") == 2
    assert "Failed checks: small / given / rude: network" in done.stderr
    assert "Warning: os._exit(0) ends versim" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_thread_that_stays_keeps_no_answer_waiting() -> None:
    """Python would wait for it as long as it takes."""
    began = time.monotonic()
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=lingers", before=IMPATIENT)
    assert time.monotonic() - began < 30
    assert done.returncode == 5
    assert done.stdout.count("\n") == 2
    assert "Warning: threads that plugins started do not end (lingering" in done.stderr


def test_a_thread_that_stays_in_a_worker_keeps_no_sweep_waiting() -> None:
    """The sweep waits for its workers, and those waited for the thread."""
    sweep = ["sweep", "lab", "-b", "rude:how=lingers", "--vary", "work_s=1,2", "-j", "2"]
    grace = "import versim.containment; versim.containment.GRACE_S = 0.5; "
    done = run(*COMPARE[:4], *sweep, before=grace)
    assert done.returncode == 0, done.stderr
    assert "2 answered" in done.stderr
    assert "Warning: in a worker threads that plugins started do not end (lingering" in done.stderr


def test_a_terminal_does_not_obey_what_plugins_print() -> None:
    """Neither a title nor a cleared screen, nor a line drawn over the one before; nor what an exception says."""
    done = run("--debug", *COMPARE, "-f", "names", "-b", "rude:how=draws", "-b", "again=rude:how=raises")
    assert "\x1b" not in done.stderr + done.stdout
    assert "\\x1b]0;owned\\x07\\x1b[2Jprinted\nover\n\\x1b[1Awritten\n" in done.stderr
    assert "ZeroDivisionError: a \\x1b[31mslip" in done.stderr


def test_nobody_closes_the_streams_of_others() -> None:
    """What a plugin has in place of standard output is not its own; whoever closes versim's takes the answer away."""
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=closes")
    assert (done.returncode, done.stdout.count("\n")) == (5, 2)
    assert "Failed checks" in done.stderr
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=closes ours")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: a plugin closed standard output; write to a file with -o"


def test_an_answer_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    """In the folder that versim was started in, wherever a plugin goes."""
    done = run(*COMPARE, "-b", "rude:how=moves", "-f", "json", "-o", "out.json", folder=tmp_path)
    assert done.returncode == 5, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["scenario"] == "lab"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system copies no process")
def test_a_copy_of_the_process_tells_nothing_twice() -> None:
    """A plugin that forks and lets the copy go on had every line printed once more, and every plugin run twice."""
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=forks")
    assert (done.returncode, done.stdout.count("\n")) == (5, 2)
    assert done.stderr.count("Failed checks") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_an_interrupt_says_whose_code_it_hit(tmp_path: Path) -> None:
    """Without a limit a person is the clock; whose import it was that hung could not be seen."""
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import time\nprint('here', flush=True)\ntime.sleep(600)\n")
    # What runs in the background may have been started with interrupts ignored.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    arguments = [*VERSIM[:-1], heard + VERSIM[-1], "-p", str(hanging), "plugins"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Interrupted in plugin {str(hanging)!r}; nothing was left half-written." in said
    done = run(*COMPARE, "-f", "names", "-b", "rude:how=interrupts")
    assert done.returncode == 130
    assert "Interrupted in backend 'rude'" in done.stderr
