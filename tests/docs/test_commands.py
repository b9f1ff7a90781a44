"""Every command that README and pages show is typed by a test, or stands here with the reason why it is not."""

from __future__ import annotations

import re
import shlex
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from execution import LONG, NOT_RUN
from fences import Fence, commands_of, fences_of
from test_pages import RUN_ELSEWHERE
from versim.cli.group import cli

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

NOT_TYPED = {
    "make ": "continuous integration does",
    "pip install": "it changes the environment that the tests run in",
    "pip download": "it fetches a package of 400 MB",
    "apt-get": "it changes the machine",
    "pytest ": "tests/cli/test_new_plugin.py runs the suite of a new plugin's project",
    "versim measured runs/": "records of the reader's own",
    "versim measured my_run.csv": "a record of the reader's own",
    "versim silicon import": "it reads the package that was fetched",
    "versim verify": "tests/proof goes through all tables",
    "python tests/fuzz/": "tests/fuzz has fewer inputs in the suite",
    "python benchmarks/": "it measures for minutes",
}
"""How commands begin that nobody types here, and why."""

COMMAND = re.compile(r"^(?:versim|make|pip|python|git|pytest|apt-get|docker) .*")
SYNOPSIS = re.compile(r"\[OPTIONS\]")
SPAN = re.compile(r"(?<!`)`(versim [^`]+)`(?!`)")


def typed_by_the_readme() -> set[str]:
    """Its block under "Use", which tests/test_readme.py types."""
    block = PAGES[0].read_text("utf-8").split("## Use")[1].split("```")[1]
    return {line.split("   #")[0].strip() for line in block.strip().splitlines()}


def untyped(page: Path) -> Iterator[tuple[Fence, str]]:
    """Commands in blocks of a page that its own test does not type."""
    readme = page.name == "README.md"
    for fence in fences_of(page.read_text("utf-8")):
        lines = fence.body.replace("\\\n", " ").split("\n")
        if fence.language == "console":
            for shown in commands_of(fence.body):
                if shown.command.split(maxsplit=1)[0] in NOT_RUN:
                    yield fence, shown.command
            continue
        bare = not fence.language and fence.body.startswith("versim ")
        if bare and page.name not in LONG | set(RUN_ELSEWHERE):
            continue
        # Of the README tests/test_readme.py types the block under "Use", which is such a block.
        if bare and readme:
            continue
        commands = [line.split("   #")[0].strip() for line in lines if not SYNOPSIS.search(line)]
        elsewhere = typed_by_the_readme()
        yield from ((fence, line) for line in commands if COMMAND.match(line) and line not in elsewhere)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_typed_has_a_reason(page: Path) -> None:
    """A command that nobody types stops working one day."""
    for fence, command in untyped(page):
        assert any(command.startswith(start) for start in NOT_TYPED), f"{page.name}, line {fence.line}: {command}"


def test_no_reason_is_left_over() -> None:
    """Nor a reason for what nobody shows."""
    shown = [command for page in PAGES for _, command in untyped(page)]
    for start in NOT_TYPED:
        assert any(command.startswith(start) for command in shown), start


def spans() -> list[str]:
    """Commands in running text, each once."""
    found: dict[str, None] = {}
    for page in PAGES:
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        found |= dict.fromkeys(" ".join(span.split()) for span in SPAN.findall(text))
    return sorted(found)


@pytest.mark.parametrize("command", spans())
def test_commands_in_running_text_exist(command: str) -> None:
    """With every option that stands behind them; what is in capitals stands for something of the reader's."""
    words = shlex.split(command.replace("[", " ").replace("]", " "))[1:]
    found: click.Command = cli
    context = click.Context(cli, info_name="versim")
    rest = list(words)
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        sub = found.get_command(context, rest[0])
        assert sub is not None, f"{command}: no command {rest[0]!r}"
        found, context = sub, click.Context(sub, info_name=rest.pop(0), parent=context)
    options = {name for parameter in found.get_params(context) for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            assert word.split("=")[0] in options, f"{command}: no option {word}"


PLAN = ROOT / "docs" / "trust.md"


def plan() -> list[tuple[str, list[str]]]:
    """The commands of the comparison plan, and the figures that stand beside them."""
    rows = re.findall(r"(?m)^\| .*? \| `(versim [^`]+)` \| (.*?) \|$", PLAN.read_text("utf-8"))
    found: dict[str, list[str]] = {}
    for command, said in rows:
        found.setdefault(command, []).extend(re.findall(r"[+-]?\d+\.\d+ (?:s|%)", said))
    return list(found.items())


@pytest.mark.parametrize(("command", "figures"), plan(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_comparison_plan_can_be_walked(command: str, figures: list[str]) -> None:
    """Each point's command ends well, and prints the figures that stand beside it."""
    scripts = Path(sysconfig.get_path("scripts"))
    done = subprocess.run(
        [str(scripts / "versim"), *shlex.split(command)[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for figure in figures:
        assert figure in done.stdout, figure


def test_the_plan_has_its_points() -> None:
    """The table is found, and figures with it."""
    assert len(plan()) >= 5
    assert sum(len(figures) for _, figures in plan()) >= 3
