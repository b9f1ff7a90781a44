"""Where renderings go: text, bytes, folders and what stands beside a document."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from versim import Rendering, VersimError
from versim.cli.rendering import check_output, paired, write_rendering


def test_outputs_belong_to_reporters_in_order() -> None:
    """The first -o is for the first -f; a hyphen and what is missing are standard output."""
    assert paired(("table", "json", "html"), ("-", "a.json"), {}) == (
        ("table", None),
        ("json", Path("a.json")),
        ("html", None),
    )


@pytest.mark.parametrize("outputs", [("a", "b"), ("a", "a")])
def test_outputs_without_a_reporter_or_given_twice_are_refused(outputs: tuple[str, ...]) -> None:
    """Nobody can tell what was meant."""
    reporters = ("table",) if outputs[0] != outputs[1] else ("table", "json")
    with pytest.raises(click.UsageError):
        paired(reporters, outputs, {})


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    """A binary trace is no text."""
    write_rendering(Rendering(content=b"\x00\xff"), tmp_path / "trace", "bytes")
    assert (tmp_path / "trace").read_bytes() == b"\x00\xff"


def test_attachments_stand_beside_the_document_by_name_only(tmp_path: Path) -> None:
    """A reporter names files; it cannot climb out of the folder."""
    (tmp_path / "out").mkdir()
    rendering = Rendering(content="text", attachments={"../columns.npz": b"data"})
    write_rendering(rendering, tmp_path / "out" / "report.json", "json")
    assert (tmp_path / "out" / "columns.npz").read_bytes() == b"data"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_is_made_whole(tmp_path: Path) -> None:
    """One file per table; a folder that holds something is left alone."""
    rendering = Rendering(content={"totals.csv": "a,b\n", "spans.csv": b"c\n"})
    write_rendering(rendering, tmp_path / "tables", "csv")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["spans.csv", "totals.csv"]
    with pytest.raises(VersimError, match="not empty"):
        write_rendering(rendering, tmp_path / "tables", "csv")


def test_a_folder_needs_a_name() -> None:
    """Standard output holds no folder."""
    with pytest.raises(click.UsageError, match="-o FOLDER"):
        write_rendering(Rendering(content={"a": "b"}), None, "csv")


def test_a_folder_with_something_in_it_is_refused_beforehand(tmp_path: Path) -> None:
    """Before minutes of simulation, not after."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(VersimError, match="it is a folder"):
        check_output(tmp_path)
