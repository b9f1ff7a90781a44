"""The cache of the real program's answers: whole entries or none, whoever else writes, crashes or damages them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from versim.plain import UnreadableError
from versim_astrasim.commands.cache import cache as cache_command
from versim_astrasim.program.cache import Cache, cache_folder, key_of

WRITER = """
import sys
from collections.abc import Callable
from pathlib import Path
from versim_astrasim.program.cache import Cache
store = Cache(Path(sys.argv[1]))
for number in range(200):
    key = f"{number % 10:064x}"
    store.put(key, [number % 10] * 1000)
    found = store.get(key)
    assert found == (number % 10,) * 1000, found
"""

STUCK = """
import os, sys, time
from collections.abc import Callable
from pathlib import Path
from versim_astrasim.program.cache import Cache
def stay(descriptor):
    print("writing", flush=True)
    time.sleep(60)
os.fsync = stay
Cache(Path(sys.argv[1])).put(f"{3:064x}", [3] * 1000)
"""


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    """A cache of its own."""
    return Cache(tmp_path / "cache")


def test_processes_side_by_side_and_one_killed_while_writing_leave_sound_entries(store: Cache) -> None:
    """Eight write and read the same entries; the ninth is killed with half an entry beside the others."""
    stuck = subprocess.Popen([sys.executable, "-c", STUCK, store.folder], stdout=subprocess.PIPE, text=True)
    assert stuck.stdout is not None
    assert stuck.stdout.readline() == "writing\n"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, store.folder], stderr=subprocess.PIPE) for _ in range(8)]
    stuck.send_signal(signal.SIGKILL)
    stuck.communicate()
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert (writer.returncode, said) == (0, b"")
    assert [store.get(path.stem) for path in store.entries()] == [(number,) * 1000 for number in range(10)]
    # Whoever writes into the same folder of entries removes what the killed one left there; clearing removes the rest.
    assert {path.suffix for path in store.damaged()} <= {".partial"}
    assert store.clear() == 10
    assert not list(store.folder.glob("*/*"))
    assert not list(store.folder.glob("*/.*"))


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '{"format": 1}', "\0\1\2"])
def test_what_is_no_entry_is_removed_with_a_note(store: Cache, content: str, caplog: pytest.LogCaptureFixture) -> None:
    """And then asked for again, and written anew."""
    key = "ab" * 32
    store.put(key, [1, 2, 3])
    (path,) = store.entries()
    path.write_text(content, encoding="utf-8")
    assert store.damaged() == [path]
    with caplog.at_level(logging.WARNING):
        assert store.get(key) is None
    assert "is damaged; removing it" in caplog.text
    assert not path.exists()
    store.put(key, [1, 2, 3])
    assert store.get(key) == (1, 2, 3)


@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path)]
)
def test_what_is_no_file_is_no_entry(store: Cache, make: Callable[[Path], None]) -> None:
    """A pipe that nobody writes to was waited for, a device read without end."""
    key = "ab" * 32
    store.put(key, [1, 2, 3])
    (path,) = store.entries()
    path.unlink()
    make(path)
    assert store.damaged() == [path]
    assert store.get(key) is None


def test_a_program_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    """Its bytes are part of every key."""
    os.mkfifo(tmp_path / "program")
    with pytest.raises(UnreadableError, match="is a device, a pipe or a socket"):
        key_of(tmp_path / "program", [])


@pytest.mark.parametrize(
    "changed",
    [
        {"finish_ns": [1, 2, 4]},
        {"finish_ns": [1, 2]},
        {"finish_ns": [1, 2, -3]},
        {"finish_ns": [1, 2, True]},
        {"sha256": hashlib.sha256(b"").hexdigest()},
        {"sha256": None},
        {"key": "cd" * 32},
        {"format": 0},
    ],
)
def test_an_entry_that_was_changed_is_not_believed(store: Cache, changed: dict[str, object]) -> None:
    """One wrong digit is enough; so is another key's entry."""
    key = "ab" * 32
    store.put(key, [1, 2, 3])
    (path,) = store.entries()
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changed}), encoding="utf-8")
    assert store.get(key) is None


def test_a_key_depends_on_everything(tmp_path: Path) -> None:
    """The program's bytes, not its place, and where one part ends and the next begins."""
    program, moved = tmp_path / "program", tmp_path / "moved"
    program.write_bytes(b"one")
    key = key_of(program, [b"a", b"bc"])
    assert key != key_of(program, [b"ab", b"c"])
    moved.write_bytes(b"one")
    assert key == key_of(moved, [b"a", b"bc"])
    moved.write_bytes(b"two")
    assert key != key_of(moved, [b"a", b"bc"])


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file stands where the folder should."""
    (tmp_path / "cache").write_text("", encoding="utf-8")
    store = Cache(tmp_path / "cache")
    with caplog.at_level(logging.WARNING):
        store.put("ab" * 32, [1])
    assert "cannot write to the cache" in caplog.text
    assert store.get("ab" * 32) is None
    assert store.entries() == []


def test_the_command_shows_and_clears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries, their size, and what is damaged."""
    monkeypatch.setenv("VERSIM_CACHE_DIR", str(tmp_path))
    store = Cache(cache_folder({"VERSIM_CACHE_DIR": str(tmp_path)}))
    store.put("ab" * 32, [1])
    store.put("cd" * 32, [1])
    store.entries()[0].write_text("{", encoding="utf-8")
    runner = CliRunner()
    shown = json.loads(runner.invoke(cache_command, ["-f", "json"]).output)
    assert (shown["entries"], shown["damaged"], shown["removed"]) == (2, 1, 0)
    assert "1 files of it are damaged" in runner.invoke(cache_command, []).output
    assert "2 entries removed" in runner.invoke(cache_command, ["--clear"]).output
    assert "0 entries, 0 bytes" in runner.invoke(cache_command, []).output
