"""What a process may still take is the least of what anybody grants it: machine, limits, and the groups it is in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from versim.graph import room
from versim.graph.room import available_bytes

GB = 10**9


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the system's files; of a machine with 100 GB free and no groups."""
    (tmp_path / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {100 * GB // 1024} kB\n")
    monkeypatch.setattr(room, "_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(room, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(room, "_GROUP_FILES", tmp_path / "cgroup")
    return tmp_path


def _write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_a_machine_alone_says_what_is_free(system: Path) -> None:
    """Without swapping."""
    assert system.is_dir()
    assert available_bytes() == 100 * GB // 1024 * 1024


def test_a_group_is_held_to_those_around_it(system: Path) -> None:
    """A batch job's limit stands above the group of its step; what was read from files is given up first."""
    (system / "groups").write_text("0::/job/step\n")
    stat = f"anon 1\ninactive_file {2 * GB}\nactive_file {1 * GB}\nfile 1"
    _write(system / "cgroup" / "job" / "step", memory__max="max", memory__current=GB, memory__stat=stat)
    assert available_bytes() == 100 * GB // 1024 * 1024
    _write(system / "cgroup" / "job", memory__max=8 * GB, memory__current=5 * GB, memory__stat=stat)
    assert available_bytes() == 6 * GB
    _write(system / "cgroup", memory__max=4 * GB, memory__current=9 * GB, memory__stat=stat)
    assert available_bytes() == 0


def test_groups_of_version_1_and_of_a_container(system: Path) -> None:
    """A container finds its own group at the root; the path is one that only the machine around it knows."""
    (system / "groups").write_text("5:cpu,cpuacct:/\n4:memory:/docker/0123\n0::/\n")
    stat = f"inactive_file 7\ntotal_inactive_file {GB}\ntotal_active_file 0"
    files = {"memory__usage_in_bytes": 2 * GB, "memory__stat": stat}
    root = system / "cgroup" / "memory"
    _write(root, memory__limit_in_bytes=2**63 - 4096, **files)
    assert available_bytes() == 100 * GB // 1024 * 1024
    _write(root, memory__limit_in_bytes=3 * GB, **files)
    assert available_bytes() == 2 * GB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a process takes is read where Linux says it")
@pytest.mark.parametrize("kind", ["AS", "DATA"])
def test_a_limit_of_the_process_counts(kind: str) -> None:
    """``ulimit -v`` and ``ulimit -d``: less what the process takes already."""
    limit = 600 << 20
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                f"import resource; resource.setrlimit(resource.RLIMIT_{kind}, ({limit}, {limit}))\n"
                "from versim.graph.room import available_bytes\n"
                "before = available_bytes()\n"
                "held = bytearray(100 << 20)\n"
                "print(before, before - available_bytes())"
            ),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"OPENBLAS_NUM_THREADS": "1"},
    )
    room_bytes, held_bytes = map(int, done.stdout.split())
    assert 100 << 20 < room_bytes < limit
    assert 99 << 20 < held_bytes < 110 << 20
