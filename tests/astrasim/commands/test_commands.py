"""``versim show``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from chakra_files import coll, comp, written
from click.testing import CliRunner, Result
from versim import VersimError
from versim_astrasim.commands.show import show
from versim_astrasim.plugin import versim_commands


def run(command: Any, *arguments: object) -> Result:
    """A command's result; errors of versim pass through."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, VersimError):
        raise result.exception
    return result


def test_commands_are_offered_without_being_imported() -> None:
    """Each target says module, attribute and one line of help."""
    assert set(versim_commands()) == {"cache", "import", "lint", "show"}


def test_a_trace_is_listed_and_counted(tmp_path: Path) -> None:
    """Attributes by name, dependencies, and what was left out; control characters stay out of the terminal."""
    nodes = [{**comp(0), "name": "a\x1b[2J\nb"}, coll(7, 0, pg_name="3"), *[comp(n, 7) for n in range(8, 30)]]
    file = Path(f"{written(tmp_path, [nodes])}.0.et")
    listed = run(show, file, "--limit", 2).output
    assert "a\ufffd[2J\ufffdb" in listed
    assert "[comm_type=ALL_REDUCE comm_size=1048576 pg_name=3] after 0" in listed
    assert "… and 22 more nodes" in listed
    counted = run(show, file, "-f", "count").output
    assert "COMM_COLL_NODE ALL_REDUCE      1" in counted
    assert json.loads(run(show, file, "-f", "json").output)["nodes"][1]["comm_type"] == "ALL_REDUCE"
    with pytest.raises(VersimError, match="is a folder"):
        run(show, tmp_path)


def test_a_trace_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphviz text always; quotes of names are escaped; without ``dot`` a drawing says what it needs."""
    nodes = [{**comp(0), "name": 'a"];b'}, {**comp(1), "data_deps": [0]}]
    file = Path(f"{written(tmp_path, [nodes])}.0.et")
    text = run(show, file, "-f", "dot", "-o", tmp_path / "t.dot")
    assert not text.output
    drawn = (tmp_path / "t.dot").read_text(encoding="utf-8")
    assert '"0" -> "1" [style=dashed];' in drawn
    assert 'label="0 a\\"];b\\nCOMP' in drawn
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(VersimError, match="Graphviz's program dot"):
        run(show, file, "-f", "svg")
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\necho '<svg/>'\n")
    fake.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(fake))
    assert run(show, file, "-f", "svg").output == "<svg/>\n"
