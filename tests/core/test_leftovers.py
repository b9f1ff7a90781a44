"""What a killed process leaves half-written is removed by the next one; what a living one writes is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from versim.atomic import new_folder, writing
from versim.leftovers import beside, claim_folder, release_folder, remove_abandoned, remove_leftovers, runs


def left_by(process: int, target: Path) -> Path:
    """A leftover as that process would have named it."""
    return target.with_name(beside(target).name.replace(f"-{os.getpid()}-", f"-{process}-"))


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_the_next_writer_removes_what_the_dead_left(tmp_path: Path, dead: int) -> None:
    """Files and folders; of the living, of other machines and of other programs nothing."""
    for name in ("out.json", "export"):
        left_by(dead, tmp_path / name).mkdir() if name == "export" else left_by(dead, tmp_path / name).touch()
    mine, foreign, other = beside(tmp_path / "x"), tmp_path / ".x.000000-1-12345678.partial", tmp_path / ".x.partial"
    for path in (mine, foreign, other):
        path.touch()
    with writing(tmp_path / "out.json") as stream:
        stream.write("{}")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "out.json", mine, foreign, other])
    with new_folder(tmp_path / "export") as folder:
        (folder / "a").touch()
    assert (tmp_path / "export" / "a").exists()


def test_what_does_not_say_whose_it_is_is_removed_a_day_later(tmp_path: Path) -> None:
    """As of another machine on a shared disk, or of an older version."""
    old, new = tmp_path / ".a.12345678.partial", tmp_path / ".b.12345678.partial"
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    assert remove_leftovers(tmp_path) == 1
    assert not old.exists()


def test_a_folder_for_temporary_files_is_removed_after_its_process(tmp_path: Path, dead: int) -> None:
    """Unless it was meant to stay."""
    folders = [tmp_path / f"run-{name}" for name in ("dead", "kept", "mine", "foreign")]
    for folder in folders:
        folder.mkdir()
        claim_folder(folder)
    for folder in folders[:2]:
        claim = folder / ".versim-process"
        claim.write_text(claim.read_text().replace(str(os.getpid()), str(dead)))
    release_folder(folders[1])
    (folders[3] / ".versim-process").write_text("nonsense")
    assert remove_abandoned(tmp_path, "run-") == 1
    assert [folder.exists() for folder in folders] == [False, True, True, True]


def test_a_long_name_leaves_room(tmp_path: Path) -> None:
    """The name beside it may not be longer than a file system takes."""
    with writing(tmp_path / ("x" * 250)) as stream:
        stream.write("long")
    assert (tmp_path / ("x" * 250)).read_text() == "long"
    assert runs(os.getpid())
