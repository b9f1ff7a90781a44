"""What the pages say is so: every block of code is run, loaded or compared. VERSIM_UPDATE_DOCS=1 rewrites outputs."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from execution import PageError, Reader
from fences import commands_of, fences_of, matches, renewed
from versim.registry import plugins

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


WIDEST = 100
"""Columns of code; versim's own output has as many."""


def page_name(page: Path) -> str:
    """For the test's name."""
    return str(page.relative_to(DOCS))


TEACHING = {
    *("index.md", "tutorial.md", "binding.md", "contributing.md"),
    *(page_name(page) for page in (DOCS / "hooks").glob("*.md")),
}
"""Pages with examples that are made to be read on the screen."""

RUN_ELSEWHERE = dict.fromkeys(
    ("conformance.md", "simgrid.md", "write-a-backend.md", "write-a-timing.md"), "tests/core/testing/test_pages.py"
)
"""Pages whose blocks are parts of a project, or need another distribution, by the test that runs them."""


def test_a_page_that_is_run_elsewhere_is() -> None:
    """No page gets away."""
    for page, test in RUN_ELSEWHERE.items():
        assert f'"{page}"' in (ROOT / test).read_text("utf-8")


def _of_versim_alone(group: str) -> list[EntryPoint]:
    """The pages show what versim has by itself; another distribution's simulator would be one more row in them."""
    return [point for point in entry_points(group=group) if point.dist is None or point.dist.name == "versim"]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in RUN_ELSEWHERE], ids=page_name)
def test_the_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who types what stands there sees what stands there."""
    for name in [name for name in os.environ if name.startswith(("VERSIM_", "ASTRA_SIM")) and "UPDATE" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(plugins, "entry_points", _of_versim_alone)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    reader = Reader(page, tmp_path)
    update = bool(os.environ.get("VERSIM_UPDATE_DOCS"))
    before = set(sys.modules)
    try:
        reader.follow(update=update)
    finally:
        for name in set(sys.modules) - before:  # a page's files are forgotten with it
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]
    if update and reader.renewed:
        page.write_text(reader.updated(), "utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if page_name(page) in TEACHING], ids=page_name)
def test_code_fits_the_page(page: Path) -> None:
    """What is wider is cut off on the screen."""
    lines = [line for fence in fences_of(page.read_text("utf-8")) for line in fence.body.split("\n")]
    assert [line for line in lines if len(line) > WIDEST] == []


def test_every_page_can_be_found() -> None:
    """A page that stands nowhere in the navigation is read by nobody."""
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "docs" / "index.md").read_text("utf-8")))
    assert {str(page.relative_to(DOCS)) for page in PAGES} <= listed | {"index.md"}


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```python\nassert 1 == 2\n```\n", AssertionError),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", PageError),
        ("```python\nx = 1\n```\n\n```text\n1\n```\n", PageError),
        ("```console\n$ versim --version\nversim 99\n```\n", PageError),
        ("```console\n$ versim graph nowhere.yaml\n```\n", PageError),
        ("```console\n$ versim graph nowhere.yaml\n…\n```\n", PageError),
        ("```\nversim graph \\\n  nowhere.yaml\n```\n", PageError),
        ("```console\n$ rm important\n```\n", PageError),
        ("```yaml\nworkloads: []\n```\n", Exception),
        ("```fortran\nEND\n```\n", PageError),
        ('```python title="plugin.py"\n```\n', PageError),
    ],
)
def test_a_page_that_is_wrong_is_found_out(
    block: str, complaint: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that cannot fail shows nothing."""
    page = tmp_path / "page.md"
    page.write_text(block, "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(complaint):
        Reader(page, tmp_path).follow()


def test_what_is_elided_may_be_anything_and_nothing_else_may() -> None:
    """An elision stands where it stands."""
    printed = ["first", "second 0.123", "third", "last"]
    assert matches(["first", "…", "last"], printed)
    assert matches(["first", "second -.---", "…"], printed)
    assert matches(["fi…", "second 0.123", "third", "last"], printed)
    assert not matches(["second 0.123", "…"], printed)
    assert not matches(["first", "…", "third"], printed)
    assert renewed(["first", "…", "third 1", "…"], ["FIRST", "x", "third 1 a", "y"]) == ["FIRST", "…", "third 1 a", "…"]


def test_commands_are_read_with_their_continuations() -> None:
    """What is typed over several lines is one command."""
    (fence,) = fences_of("```console\n$ versim graph \\\n    bundled\nout\n$ ls\n```\n")
    first, second = commands_of(fence.body)
    assert (first.command, first.output) == ("versim graph bundled", ("out",))
    assert (second.command, second.output) == ("ls", ())
