"""The subprocess: found, bounded, stopped, and never left behind. The program is a script each test writes."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

import pytest
from versim_astrasim.program import launch, node_log


def script(path: Path, body: str) -> Path:
    """An executable Python script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def gone(process: int) -> bool:
    """Whether a process has ended (a zombie that init has not collected counts)."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_output_and_status_are_returned(tmp_path: Path) -> None:
    """Standard output and error arrive together, undecodable bytes replaced."""
    program = script(
        tmp_path / "p",
        "import os, sys; os.write(1, b'one \\xff\\n'); os.write(2, os.getcwd().encode()); sys.exit(int(sys.argv[1]))",
    )
    run = launch.run([program, "3"], tmp_path, 10)
    assert run.output == f"one \ufffd\n{tmp_path}"
    assert (run.exit_status, run.timed_out, run.truncated) == (3, False, False)
    assert run.ending == "exit status 3"


def test_a_signal_is_named(tmp_path: Path) -> None:
    """An assertion of the real program arrives as SIGABRT."""
    run = launch.run([script(tmp_path / "p", "import os; os.abort()")], tmp_path, 10)
    assert run.ending == "killed by signal 6 (SIGABRT)"


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """At the time limit nothing may be left running."""
    program = script(
        tmp_path / "p",
        "import os, sys, time\nchild = os.fork()\nif child: os.write(1, str(child).encode())\ntime.sleep(60)",
    )
    run = launch.run([program], tmp_path, 0.5)
    assert run.timed_out
    assert run.wall_s < 5
    assert gone(int(run.output))


def test_a_child_left_behind_is_killed_too(tmp_path: Path) -> None:
    """The program ends, its child keeps the pipe open: neither waited for nor left behind."""
    program = script(
        tmp_path / "p",
        "import os, time\nchild = os.fork()\nif child: os.write(1, str(child).encode())\nelse: time.sleep(60)",
    )
    run = launch.run([program], tmp_path, 30)
    assert run.exit_status == 0
    assert gone(int(run.output))


def test_a_program_that_closes_its_output_and_hangs_is_killed(tmp_path: Path) -> None:
    """The end of the output is not the end of the program."""
    run = launch.run(
        [script(tmp_path / "p", "import os, time; os.close(1); os.close(2); time.sleep(60)")], tmp_path, 0.5
    )
    assert run.timed_out


def test_an_interrupt_kills_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in versim reaches the program although it has a process group of its own."""
    program = script(tmp_path / "p", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)")
    pid = tmp_path / "pid"

    def interrupted(*_: object) -> None:
        if pid.exists() and pid.read_text(encoding="utf-8"):
            raise KeyboardInterrupt

    monkeypatch.setattr(selectors.DefaultSelector, "select", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch.run([program], tmp_path, 30)
    assert gone(int(pid.read_text(encoding="utf-8")))


def test_output_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that never stops printing fills no memory."""
    monkeypatch.setattr(launch, "MOST_OUTPUT_BYTES", 1000)
    run = launch.run([script(tmp_path / "p", "print('x' * 100000)")], tmp_path, 10)
    assert run.truncated
    assert len(run.output) == 1000


def test_what_cannot_be_started_is_named(tmp_path: Path) -> None:
    """A text file that is executable by permission only."""
    path = tmp_path / "p"
    path.write_bytes(b"\0\0\0")
    path.chmod(0o755)
    with pytest.raises(launch.ProgramNotFoundError, match="cannot start"):
        launch.run([path], tmp_path, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/no/such/interpreter\n", "it, or the interpreter or loader that it names, is not there"),
        (b"\x7fELF" + bytes(200), "it is no program of this machine"),
    ],
)
def test_why_a_program_cannot_be_started_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    """The system's own words ("No such file") name a file that is there."""
    path = tmp_path / "p"
    path.write_bytes(content)
    path.chmod(0o755)
    with pytest.raises(launch.ProgramNotFoundError, match=said):
        launch.run([path], tmp_path, 1)


def test_why_a_place_holds_no_program_is_said(tmp_path: Path) -> None:
    """A folder of that name, a file without permission, a device."""
    (tmp_path / launch.PROGRAM_NAMES["aware"]).mkdir()
    (tmp_path / "text").write_text("", encoding="utf-8")
    for given, said in (
        (tmp_path, "a folder"),
        (tmp_path / "text", r"not executable \(chmod"),
        ("/dev/null", "not a file"),
    ):
        with pytest.raises(launch.ProgramNotFoundError, match=said):
            launch.find_program(str(given), "aware", {})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children that their parent died")
def test_the_program_dies_with_versim(tmp_path: Path) -> None:
    """Also if versim is killed outright and can do nothing about it."""
    program = script(tmp_path / "p", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)")
    code = (
        "from pathlib import Path; from versim_astrasim.program import launch; "
        f"launch.run([{str(program)!r}], Path.cwd(), 60)"
    )
    versim = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    pid = tmp_path / "pid"
    deadline = time.monotonic() + 30
    while not (pid.exists() and pid.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(0.01)
    versim.kill()
    versim.wait()
    assert gone(int(pid.read_text(encoding="utf-8")))


def test_the_program_is_found_by_option_then_variables(tmp_path: Path) -> None:
    """The option wins over ASTRA_SIM_BIN, which wins over ASTRA_SIM_HOME; the congestion chooses between the two."""
    built = tmp_path / "astra-sim" / "build/astra_analytical/build/bin"
    aware = script(built / launch.PROGRAM_NAMES["aware"], "")
    unaware = script(built / launch.PROGRAM_NAMES["unaware"], "")
    own = script(tmp_path / "my-build", "")
    home = {"ASTRA_SIM_HOME": str(tmp_path / "astra-sim")}
    assert launch.find_program("", "aware", home) == aware
    assert launch.find_program("", "unaware", home) == unaware
    assert launch.find_program("", "unaware", {**home, "ASTRA_SIM_BIN": str(aware)}) == unaware
    assert launch.find_program("", "aware", {**home, "ASTRA_SIM_BIN": str(own)}) == own
    assert launch.find_program(str(built), "aware", {"ASTRA_SIM_BIN": str(own)}) == aware


def test_a_program_that_is_not_there_is_looked_for_in_named_places(tmp_path: Path) -> None:
    """The message says which variable and which paths."""
    with pytest.raises(launch.ProgramNotFoundError, match=r"(?s)ASTRA_SIM_HOME is .*looked for\n  - "):
        launch.find_program("", "aware", {"ASTRA_SIM_HOME": str(tmp_path)})
    with pytest.raises(launch.ProgramNotFoundError, match="engine: embedded"):
        launch.find_program("", "aware", {})


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "~nobody-of-that-name/x"])
def test_what_names_no_program_is_said_in_a_line(name: str) -> None:
    """It was called a fault of the plugin."""
    with pytest.raises(launch.ProgramNotFoundError, match="the option binary is '") as found:
        launch.find_program(name, "aware", {})
    assert len(str(found.value)) < 600


def test_a_program_may_take_no_more_memory_than_it_is_given(tmp_path: Path) -> None:
    """What goes beyond fails in the program, not on the machine."""
    program = script(tmp_path / "p", "x = bytearray(1 << 31)\nprint('had it')")
    run = launch.run([program], tmp_path, 10, 1 << 30)
    assert "MemoryError" in run.output
    assert run.exit_status == 1


def test_the_usual_limit_is_a_share_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is no limit, and where the machine does not say how much it has there is none."""
    sizes = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert launch.memory_limit_bytes() == 3_276_800
    assert launch.memory_limit_bytes(0.5) == 1 << 29
    assert launch.memory_limit_bytes(0) is None

    def unknown(_: str) -> int:
        raise ValueError

    monkeypatch.setattr(os, "sysconf", unknown)
    assert launch.memory_limit_bytes() is None


def test_who_watches_sees_the_log_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program says nothing of how far it is, but its log has a line for each node that ended."""
    shares: list[float] = []
    monkeypatch.setattr(node_log, "share_done", shares.append)
    monkeypatch.setattr(launch, "_POLL_S", 0.02)
    line = "[t] [workload] [debug] callback,sys->id=0, tick=5, node->id={}, node->name=a"
    (tmp_path / node_log.LOG_FOLDER).mkdir()
    log = f"{node_log.LOG_FOLDER}/{node_log.NODES_FILE}"
    lines = [line.format(node) for node in range(3)]
    body = (
        f"import time\nfor line in {lines!r}:\n"
        f"    with open({log!r}, 'a') as log:\n        print(line, file=log)\n    time.sleep(0.4)"
    )
    watch = node_log.LoggedShare(tmp_path, 4).tell
    launch.run([script(tmp_path / "program", body)], tmp_path, 60, watch=watch)
    assert {0.25, 0.5, 0.75} <= set(shares)
    (tmp_path / log).write_text(line.format(0) + "\nhalf a line")
    watch()
    assert shares[-1] == 0.25
