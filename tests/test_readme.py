"""The documents show what versim prints. Run with VERSIM_UPDATE_DOCS=1 to rewrite them, and review the difference."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WHOLE_OUTPUT = ROOT / "docs" / "bundled-output.txt"
BLOCK = re.compile(r"(?<=<!-- The output)(?P<about>[^\n]*\n)```\n(?P<shown>.*?)```", re.DOTALL)
MOST_PAGE_BYTES = 1_500_000
MOST_LINES = 40


def masked(output: str) -> str:
    """Output without what changes from run to run: wall times, and the versions at its end."""
    without_wall = re.sub(r"(?m)  +\d+\.\d{3}$", "  -.---", output)
    # From ten seconds on, on a loaded machine, the column is wider.
    wall = r"(?m)^(.*?) +wall\n(.*?) +\[s\]\n(.*)  -+$"
    without_wall = re.sub(wall, r"\1   wall\n\2    [s]\n\3  -----", without_wall)
    return re.sub(r"(?s)\nMade by: .*", "\n", without_wall)


def _compare(*arguments: str) -> str:
    command = Path(sysconfig.get_path("scripts")) / "versim"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("VERSIM_", "ASTRA_SIM"))}
    # README shows what a newcomer sees who has no SimGrid.
    environment["SIMGRID_PYTHON"] = str(ROOT / "no-python-has-simgrid")
    run = subprocess.run(
        [str(command), "compare", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env=environment,
    )
    return masked(run.stdout)


@pytest.fixture(scope="module")
def printed() -> str:
    """What `versim compare` prints."""
    return _compare()


@pytest.fixture(scope="module")
def whole() -> str:
    """All of the bundled comparison, masked."""
    return _compare("bundled", "--full")


@pytest.fixture(scope="module", autouse=True)
def _update(printed: str, whole: str) -> None:
    if os.environ.get("VERSIM_UPDATE_DOCS"):
        README.write_text(BLOCK.sub(lambda found: f"{found['about']}```\n{printed}```", README.read_text("utf-8")))
        WHOLE_OUTPUT.write_text(whole, "utf-8")


def test_the_readme_shows_the_real_output(printed: str) -> None:
    """The first thing anybody reads is true, and fits on a screen."""
    found = BLOCK.search(README.read_text("utf-8"))
    assert found is not None
    assert found["shown"] == printed
    assert len(printed.splitlines()) <= MOST_LINES


def test_what_make_compare_prints_begins_with_the_verdict() -> None:
    """The commands that lead to it are not echoed."""
    rules = re.split(r"(?m)^(?=\S)", (ROOT / "Makefile").read_text("utf-8"))
    for target in ("compare:", "$(VENV)/bin/python:", "$(VENV)/installed:"):
        (rule,) = (rule for rule in rules if rule.startswith(target))
        recipe = re.findall(r"(?m)^\t(.*)", rule)
        assert recipe
        assert all(line.startswith("@") for line in recipe)


def test_the_whole_output_is_the_real_output(whole: str) -> None:
    """What the README links to is true as well."""
    assert WHOLE_OUTPUT.read_text("utf-8") == whole


def test_every_figure_that_is_explained_is_printed(whole: str) -> None:
    """docs/bundled.md explains figures of this version, not of an older one."""
    text = (ROOT / "docs" / "bundled.md").read_text("utf-8")
    explained = re.findall(r"(?m)^\| `(?:deepflow|hybrid|astrasim|original)` \| ([\d.]+) s \| ([\d.]+) s \|", text)
    assert len(explained) == 8
    for figures in explained:
        for figure in figures:
            assert figure.rstrip("0") in whole, figure


def test_the_parts_of_the_explained_difference_add_up() -> None:
    """A derivation that does not add up explains nothing."""
    text = (ROOT / "docs" / "bundled.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| .*? \| ([+−][\d ]+) ns \|", text)
    *parts, total = (int(row.replace("−", "-").replace(" ", "")) for row in rows)
    assert len(parts) == 3
    assert sum(parts) == total
    original, default = 323_880_201_617, 323_767_516_953
    assert total == original - default


def _chains() -> list[list[list[str]]]:
    """The commands of the README as words, those that read what others write behind them."""
    use = README.read_text("utf-8").split("## Use")[1]
    chains: list[list[list[str]]] = []
    written: dict[str, list[list[str]]] = {}
    for line in use.split("```")[1].strip().splitlines():
        words = shlex.split(line, comments=True)
        if "--hardware" in words:
            continue  # on a file that only he has who types it
        chain = next((written[name] for word in words if (name := word.split("/")[0]) in written), [])
        if not chain:
            chains.append(chain)
        chain.append(words)
        written.update(dict.fromkeys(_written(words), chain))
    return chains


def _written(words: list[str]) -> list[str]:
    """The files and folders that a command writes."""
    named = [words[place + 1] for place, word in enumerate(words) if word == "-o"]
    return [*named, words[2]] if words[1] == "init" else named


def test_the_readme_shows_commands() -> None:
    """And some that build on one another."""
    chains = _chains()
    assert sum(map(len, chains)) > 10
    assert max(map(len, chains)) > 2


@pytest.mark.parametrize("chain", _chains(), ids=lambda chain: " ".join(chain[0][1:3]))
def test_the_commands_of_the_readme_work(chain: list[list[str]], tmp_path: Path) -> None:
    """In their order, as a newcomer types them."""
    scripts = Path(sysconfig.get_path("scripts"))
    for words in chain:
        run = subprocess.run(
            [str(scripts / words[0]), *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{shlex.join(words)}: {run.stderr}"
        for name in _written(words):
            made = tmp_path / name
            assert any(made.iterdir()) if made.is_dir() else made.stat().st_size
            assert made.suffix != ".html" or made.stat().st_size < MOST_PAGE_BYTES


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """What a notebook does first."""
    code = README.read_text("utf-8").split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    assert "pipeline folded by deepflow deepflow 323497265664108" in capsys.readouterr().out
