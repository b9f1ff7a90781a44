"""Writing whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TextIO

import pytest
from versim import atomic
from versim.atomic import (
    UnwritableError,
    check_new_folder,
    check_writable,
    new_files,
    new_folder,
    put,
    writing,
    written_beside,
)
from versim.leftovers import _LEFTOVER, _host


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    """Not before."""
    file = tmp_path / "f"
    file.write_text("old")
    file.chmod(0o640)
    with writing(file) as stream:
        stream.write("new ×\n")
        assert file.read_text() == "old"
    assert file.read_bytes() == "new ×\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    """Also an interrupt."""
    file = tmp_path / "f"
    file.write_text("old")

    def write_half(place: TextIO) -> None:
        place.write("half")
        raise error

    def make_half(folder: Path) -> None:
        (folder / "half").touch()
        raise error

    with pytest.raises(error), writing(file) as stream:
        write_half(stream)
    with pytest.raises(error), new_folder(tmp_path / "d") as folder:
        make_half(folder)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    file, link = tmp_path / "f", tmp_path / "link"
    link.symlink_to(file)
    with writing(link) as stream:
        stream.write("new")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_a_device_is_written_in_place() -> None:
    """`-o /dev/null`."""
    with writing(Path(os.devnull)) as stream:
        stream.write("gone")
    assert not Path(os.devnull).is_file()


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    """Others may read it as the user's umask says."""
    (tmp_path / "plain").touch()
    with writing(tmp_path / "f") as stream:
        stream.write("")
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    """With the cause."""
    with pytest.raises(UnwritableError, match="there is no folder"):
        check_writable(tmp_path / "a" / "f")
    with pytest.raises(UnwritableError, match="it is a folder"):
        check_writable(tmp_path)
    (tmp_path / "f").touch()
    with pytest.raises(UnwritableError, match="there is no folder"):
        check_writable(tmp_path / "f" / "g")
    with pytest.raises(UnwritableError, match="not empty"):
        check_new_folder(tmp_path)
    with pytest.raises(UnwritableError, match="it is a file"):
        check_new_folder(tmp_path / "f")
    with pytest.raises(UnwritableError, match="null"):
        check_writable(Path("a\0b"))


def test_several_files_take_their_places_when_all_are_written(tmp_path: Path) -> None:
    """Also what a killed writer left is gone then; on an error nothing is touched."""
    (tmp_path / "a").write_text("old")
    left = tmp_path / f".files.{_host()}-{2**22 + 1}-00000000.partial"  # more than processes are numbered
    left.mkdir()
    (left / "a").write_text("half")

    def interrupted() -> None:
        with new_files(tmp_path) as folder:
            (folder / "a").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"
    with new_files(tmp_path) as folder:
        assert _LEFTOVER.fullmatch(folder.name)
        (folder / "a").write_text("new")
        (folder / "b").write_text("other")
        assert (tmp_path / "a").read_text() == "old"
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a": "new", "b": "other"}
    with pytest.raises(UnwritableError, match="there is no folder"), new_files(tmp_path / "none"):
        pass


@pytest.mark.parametrize("content", ["äöü€" * 5 + "e", b"0123456789" * 3])
def test_what_is_long_is_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes
) -> None:
    """Each goes to the disk before the next: an interrupt waits for one of them, and leaves nothing."""
    monkeypatch.setattr(atomic, "AT_ONCE", 8)
    file, synchronise, after = tmp_path / "f", os.fsync, 9

    def interrupted(descriptor: int) -> None:
        nonlocal after
        after -= 1
        if not after:
            raise KeyboardInterrupt
        synchronise(descriptor)

    def write() -> None:
        with writing(file) as stream:
            put(stream, content)

    monkeypatch.setattr(os, "fsync", interrupted)
    write()
    assert file.read_bytes() == (content.encode() if isinstance(content, str) else content)
    file.unlink()
    after = 2
    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []
    with writing(Path(os.devnull)) as stream:
        put(stream, content)


def test_what_stands_beside_a_document_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the document nobody would ask for it; with the document it stays, whatever happens then."""
    document, old = tmp_path / "d.json", tmp_path / "old.npz"
    old.write_bytes(b"same")
    attachments = {"old.npz": b"same", "new.npz": b"new"}

    def write(error: type[BaseException] | None = None) -> None:
        with written_beside(document, attachments) as places, writing(document) as stream:
            assert [place.read_bytes() for place in places] == [b"same", b"new"]
            put(stream, "text")
            if error is not None:
                raise error

    with pytest.raises(KeyboardInterrupt):
        write(KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == [old]
    synchronise = atomic._sync_folder

    def interrupted(folder: Path) -> None:
        synchronise(folder)
        if document.exists():  # replaced, and not yet told
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_sync_folder", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["d.json", "new.npz", "old.npz"]
    write()
    assert document.read_text() == "text"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused_beforehand(tmp_path: Path) -> None:
    """With what is missing."""
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(UnwritableError, match="you may not write in the folder"):
        check_writable(tmp_path / "closed" / "f")
    file = tmp_path / "f"
    file.touch(mode=0o400)
    with pytest.raises(UnwritableError, match="you may not write to it"):
        check_writable(file)
