"""What the pages for plugin authors say is true: blocks run, commands print it, files are those that are written."""

from __future__ import annotations

import importlib.util
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pages import DOCS, blocks, commands, printed, squeezed
from versim import VersimError
from versim.testing.scaffold import project
from versim.testing.suite import all_checks

PAGES = ("write-a-timing.md", "write-a-backend.md", "conformance.md", "simgrid.md")


def _needs_simgrid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMGRID_PYTHON", raising=False)
    if importlib.util.find_spec("versim_simgrid") is None:
        pytest.skip("versim-simgrid is not installed: pip install ./plugins/simgrid")
    from versim_simgrid import launch  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    try:
        launch.version(os.environ)
    except VersimError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("page", PAGES)
def test_python_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block after the other, as a reader would type them; those that quote the generated project are held below."""
    if page == "simgrid.md":
        _needs_simgrid(monkeypatch)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "page"}
    ran = 0
    for block in blocks(page):
        if block.file and page != "write-a-backend.md":
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        if block.language == "python" and not (block.file and page == "write-a-backend.md"):
            exec(compile("\n" * (block.line - 1) + block.text, str(DOCS / page), "exec"), namespace)
            ran += 1
    assert ran


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_is_shown(page: str, tmp_path: Path) -> None:
    """Each line that stands under a command is printed by it; commands that install something are only read."""
    if page == "simgrid.md":
        pytest.skip("its commands install something; the plugin's own tests run the comparison")
    for block in blocks(page):
        if block.file:
            file = tmp_path / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        if block.language != "console":
            continue
        for command, lines in commands(block):
            if "compare my-sim" in command:
                continue  # needs the generated project installed, which the tests of new-plugin do
            said = printed(command, tmp_path)
            for line in lines if said is not None else ():
                assert line == "…" or squeezed(line) in squeezed(said or ""), f"{page}, {command}: {line}\n{said}"


def test_the_backends_page_quotes_the_generated_project() -> None:
    """Every quoted part is in the file it is said to be in, and the tree is the project's."""
    files = project("my-sim", ["backend"])
    quoted = 0
    for block in blocks("write-a-backend.md"):
        if block.file:
            assert block.text in files[block.file], f"line {block.line}: not in {block.file}"
            quoted += 1
        if block.language == "text":
            named = (re.split(r"\s{2,}", line.lstrip("│├└─ "))[0] for line in block.text.splitlines())
            shown = {Path(name).name for name in named if not name.endswith("/")}
            assert shown == {Path(place).name for place in files}
    assert quoted >= 5


@pytest.mark.parametrize("page", PAGES)
def test_toml_is_toml(page: str) -> None:
    """And nothing else."""
    for block in blocks(page):
        if block.language == "toml":
            tomllib.loads(block.text)


def test_every_check_is_described() -> None:
    """With the words that the kit itself prints."""
    text = (DOCS / "conformance.md").read_text(encoding="utf-8")
    for check in all_checks():
        assert f"| {check.name} | {check.shows} |" in text
    assert len(re.findall(r"^\| [a-z]", text, re.MULTILINE)) >= len(all_checks())
