"""Standard output is the answer's: nobody else writes there, and where it leads nowhere that is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from versim.storage.database import Store

HERE = Path(__file__).parent
VERSIM = [sys.executable, "-c", "from versim.cli import main; main()"]
PLUGINS = ["-p", str(HERE / "lab.py"), "-p", str(HERE / "rude.py")]


def run(*arguments: str, redirect: str = "") -> subprocess.CompletedProcess[str]:
    """A real process, its streams redirected as a shell does it."""
    script = f'exec "$@" {redirect}'
    command = ["sh", "-c", script, "sh", *VERSIM, *PLUGINS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("how", ["prints", "writes", "starts"])
def test_a_document_is_whole_whatever_plugins_write(how: str) -> None:
    """One line in front of JSON makes it unreadable; it goes to standard error instead, also from a child's hands."""
    done = run("compare", "lab", "-b", "once", "-b", f"rude:how={how}", "-f", "json")
    document = json.loads(done.stdout)
    assert [result["label"] for result in document["workloads"][0]["comparisons"][0]["results"]] == ["once", "rude"]
    assert "imported" in done.stderr
    assert "a line of" in done.stderr


@pytest.mark.parametrize("how", ["exits", "raises"])
def test_one_that_breaks_costs_no_other_its_answer(how: str, tmp_path: Path) -> None:
    """Its own column says aborted, with where it was raised; the status tells."""
    output = tmp_path / "out.json"
    done = run("--debug", "compare", "lab", "-b", "once", "-b", f"rude:how={how}", "-f", "json", "-o", str(output))
    assert done.returncode == 4
    assert "Not completed: small / given / rude" in done.stderr
    assert "Traceback" in done.stderr
    once, rude = json.loads(output.read_text())["workloads"][0]["comparisons"][0]["results"]
    assert (once["status"], rude["status"]) == ("completed", "aborted")
    assert "rude.py" in " ".join(rude["diagnosis"])


def test_a_reporter_that_fails_costs_no_other_its_file(tmp_path: Path) -> None:
    """Each document is written as soon as it is rendered; the status tells."""
    first, last = tmp_path / "first.json", tmp_path / "last.txt"
    arguments = ["-f", "json", "-o", str(first), "-f", "failing", "-o", str(tmp_path / "f"), "-f", "names"]
    done = run("compare", "lab", *arguments, "-o", str(last))
    assert done.returncode == 1
    assert "Error: reporter 'failing' failed: KeyError" in done.stderr
    assert json.loads(first.read_text())["scenario"] == "lab"
    assert last.read_text().startswith("small / given / once")


def test_a_closed_standard_output_is_said() -> None:
    """Silence with status 0 would say that somebody was told."""
    done = run("compare", "lab", "-f", "names", redirect=">&-")
    assert done.returncode == 1
    assert "standard output is closed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize(
    "arguments", [("compare", "lab", "-f", "names"), ("compare", "lab", "-f", "json"), ("presets",)]
)
def test_a_full_disk_under_standard_output_is_said_once(arguments: tuple[str, ...]) -> None:
    """It is nobody's fault, and nothing is written a second time when Python ends."""
    done = run(*arguments, redirect="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.count("cannot write standard output: No space left on device") == 1
    assert "Traceback" not in done.stderr


def test_a_closed_standard_error_takes_nothing_away() -> None:
    """What would be said there is said to nobody."""
    done = run("compare", "lab", "-f", "names", redirect="2>&-")
    assert (done.returncode, done.stdout.count("\n")) == (0, 2)


@pytest.mark.parametrize(
    "arguments", [["compare", "x" * 5000], ["compare", "lab", "-o", "x" * 5000], ["report", "x" * 5000]]
)
def test_a_name_of_thousands_of_letters_is_a_message(arguments: list[str]) -> None:
    """A slip of a script, not a bug of versim."""
    done = run(*arguments)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 6000


def test_a_label_with_a_tag_is_a_message(tmp_path: Path) -> None:
    """``!!bool x`` is no truth value; PyYAML raises KeyError."""
    (tmp_path / "s.yaml").write_text("label: !!bool x\n")
    done = run("compare", str(tmp_path / "s.yaml"))
    assert done.returncode == 1
    assert "line 1, column 8: 'x' is not true or false" in done.stderr


def test_devices_and_pipes_are_refused_in_place_of_files(tmp_path: Path) -> None:
    """``/dev/zero`` has no end and a FIFO no beginning: each reader of files refuses them within a moment."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    record = tmp_path / "s.yaml"
    record.write_text(
        "workloads: [{label: w, producer: line}]\n"
        f"backends: [{{label: m, backend: measurement, options: {{file: {fifo}}}}}]\n"
    )
    for path in ("/dev/zero", str(fifo)):
        for command in ("compare", "report", "graph"):
            done = run(command, path)
            assert done.returncode in (1, 2), done
            assert "a device, a pipe or a socket" in done.stderr or "is a" in done.stderr
    done = run("compare", str(record))
    assert done.returncode == 4
    assert "is a device, a pipe or a socket" in " ".join(done.stdout.split())


def test_a_hang_and_a_crash_cost_no_other_its_answer() -> None:
    """With a time limit each answers in a process of its own; the column says what became of it."""
    hanging, dying = "hanging=rude:how=hangs", "dying=rude:how=dies"
    done = run("compare", "lab", "-b", "once", "-b", hanging, "-b", dying, "--time-limit", "2", "-f", "json")
    assert done.returncode == 4
    results = json.loads(done.stdout)["workloads"][0]["comparisons"][0]["results"]
    assert [result["status"] for result in results] == ["completed", "timed_out", "aborted"]
    assert results[1]["diagnosis"] == ["stopped at its time limit of 2 s; --time-limit gives more"]
    assert results[2]["diagnosis"] == ["its process was ended by signal 6 (SIGABRT)"]
    assert run("compare", "lab", "--time-limit", "0").returncode == 2


def test_what_ran_out_of_time_is_asked_again_of_a_store(tmp_path: Path) -> None:
    """A comparison's answers are kept; that somebody was too slow is no answer."""
    store = tmp_path / "answers.db"
    hanging = "hanging=rude:how=hangs"
    run("compare", "lab", "-b", "once", "-b", hanging, "--time-limit", "2", "--store", str(store), "-f", "names")
    with Store(store) as opened:
        statuses = [row["status"] for row in opened.rows()]
    assert sorted(statuses) == ["completed", "failed"]


@pytest.mark.parametrize(
    ("part", "culprit"),
    [
        ("workloads: [{label: w, producer: hanging}]", "producer 'hanging'"),
        ("workloads: [{label: w, producer: hanging, options: {nap: 1}}]", "options of 'hanging'"),
        ("pins: [{label: p, compute: {timing: hanging}}]", "timing 'hanging'"),
        ("pins: [{label: p, folded: {timing: hanging}}]", "timing 'hanging'"),
        ("backends: [{label: b, backend: ideal, network: {timing: hanging}}]", ""),
    ],
)
def test_whatever_hangs_before_an_answer_is_stopped_and_named(part: str, culprit: str, tmp_path: Path) -> None:
    """Producers, timings and options run in versim's own process, where the limit interrupts them."""
    parts = {
        "workloads": "workloads: [{label: w, producer: transferring}]",
        "pins": "pins: [{label: p, compute: {timing: constant}}]",
        "backends": "backends: [{label: b, backend: ideal}]",
    }
    parts[part.partition(":")[0]] = part
    (tmp_path / "s.yaml").write_text("\n".join(parts.values()))
    done = run("-p", str(HERE / "endless.py"), "compare", str(tmp_path / "s.yaml"), "--time-limit", "1", "-f", "names")
    if culprit:
        assert done.returncode == 1
        assert f"Error: {culprit} was stopped at its time limit of 1 s; --time-limit gives more" in done.stderr
    else:
        assert done.returncode == 4
        assert "Not completed: w / p / b" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reporter_that_hangs_costs_no_other_its_file(tmp_path: Path) -> None:
    """It is stopped and named, and what comes after it is written."""
    last = tmp_path / "last.txt"
    arguments = ["-f", "hanging", "-o", str(tmp_path / "h"), "-f", "names", "-o", str(last)]
    done = run("-p", str(HERE / "endless.py"), "compare", "lab", "--time-limit", "1", *arguments)
    assert done.returncode == 1
    assert "Error: reporter 'hanging' was stopped at its time limit of 1 s" in done.stderr
    assert last.read_text().startswith("small / given / once")


def test_a_configuration_whose_producer_hangs_is_no_answer(tmp_path: Path) -> None:
    """A sweep says who was too slow, goes on, and asks again next time."""
    store = tmp_path / "answers.db"
    (tmp_path / "s.yaml").write_text(
        "workloads: [{label: w, producer: hanging}]\nbackends: [{label: b, backend: ideal}]\n"
    )
    arguments = ["sweep", str(tmp_path / "s.yaml"), "--vary", "b.factor=1,2", "--store", str(store), "-j", "2"]
    done = run("-p", str(HERE / "endless.py"), *arguments, "--time-limit", "1")
    assert "producer 'hanging' was stopped at its time limit of 1 s" in " ".join(done.stdout.split())
    with Store(store) as opened:
        assert [row["status"] for row in opened.rows()] == ["failed", "failed"]
