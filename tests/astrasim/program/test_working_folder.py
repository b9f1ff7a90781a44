"""The folder of one run: gone afterwards, whatever ends the run, unless there is reason to keep it."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from versim import VersimError
from versim_astrasim.program.working_folder import working_folder

STAYS = """
import signal, sys, tempfile, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from versim_astrasim.program.working_folder import working_folder
tempfile.tempdir = sys.argv[1]
with working_folder(keep=sys.argv[2] == "keep") as folder:
    (folder.path / "file").write_text("")
    print("there", flush=True)
    for _ in range(600):  # a signal that comes just before a sleep is heard behind it
        time.sleep(0.1)
"""


def test_it_is_removed_unless_it_is_to_be_kept() -> None:
    """Which may turn out on the way."""
    with working_folder() as folder:
        (folder.path / "file").write_text("", encoding="utf-8")
    assert not folder.path.exists()
    with working_folder() as folder:
        folder.keep = True
    assert folder.path.is_dir()
    with pytest.raises(KeyboardInterrupt), working_folder() as folder:
        raise KeyboardInterrupt
    assert not folder.path.exists()


def test_a_full_disk_is_the_users_to_mend() -> None:
    """The folder is named, the reason and what to do; nothing is left."""
    with (
        pytest.raises(VersimError, match=r"No space left on device \(trace.0.et\); set TMPDIR"),
        working_folder() as it,
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "trace.0.et")
    assert not it.path.exists()


def test_no_folder_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for temporary files is not there."""
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    with pytest.raises(VersimError, match=r"cannot make a working folder .* set TMPDIR"), working_folder():
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("keep", ["keep", "remove"])
def test_a_signal_that_ends_versim_ends_it_tidily(tmp_path: Path, number: signal.Signals, keep: str) -> None:
    """The folder is gone, and whoever waits for versim sees the signal."""
    versim = subprocess.Popen([sys.executable, "-c", STAYS, tmp_path, keep], stdout=subprocess.PIPE, text=True)
    assert versim.stdout is not None
    assert versim.stdout.readline() == "there\n"
    versim.send_signal(number)
    versim.communicate(timeout=30)
    assert versim.returncode == -number
    assert len(list(tmp_path.iterdir())) == (keep == "keep")


def test_signals_that_somebody_else_handles_are_left_to_them() -> None:
    """And those that versim handled are as before afterwards."""
    seen: list[int] = []
    other = signal.getsignal(signal.SIGHUP)
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with working_folder():
            signal.raise_signal(signal.SIGTERM)
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.getsignal(signal.SIGHUP) is other
