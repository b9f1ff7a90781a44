"""The reading order for contributors knows every room, folder, script and target."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "contributing.md").read_text("utf-8")


def rooms() -> list[str]:
    """The rooms of core."""
    core = ROOT / "core" / "versim"
    return sorted(
        path.stem
        for path in core.iterdir()
        if not path.name.startswith("_") and (path.suffix == ".py" or (path / "__init__.py").is_file())
    )


def test_every_room_of_core_is_on_the_page() -> None:
    """A room that is added gets a line that says what it is."""
    first_column = set(re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\|([^|]*)\|", TEXT))))
    assert [room for room in rooms() if room not in first_column] == []


def test_rooms_stand_in_the_order_that_is_checked() -> None:
    """The table reads from the ground up, as import-linter has it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("containers") == ["versim"])
    section = TEXT[TEXT.index("## Rooms of core") : TEXT.index("## Plugins")]
    row_of = {
        room: number for number, row in enumerate(section.splitlines()) for room in re.findall(r"`(\w+)`", row[:60])
    }
    listed = [min(row_of[room] for room in re.findall(r"\w+", layer)) for layer in reversed(layers)]
    assert listed == sorted(listed)


def test_every_plugin_test_folder_and_benchmark_is_on_the_page() -> None:
    """What is not on the map is not found."""
    found = [path for path in (ROOT / "plugins").iterdir() if (path / f"versim_{path.name}").is_dir()]
    found += [path for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith(("_", "."))]
    found += list((ROOT / "benchmarks").glob("*.py"))
    assert [str(path.relative_to(ROOT)) for path in found if f"`{path.relative_to(ROOT)}`" not in TEXT] == []


def test_every_folder_is_on_the_map() -> None:
    """What is kept in the repository, not what tools leave behind."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git repository")
    folders = {line.split("/")[0] for line in listed.stdout.splitlines() if "/" in line and not line.startswith(".")}
    assert [folder for folder in sorted(folders) if not re.search(rf"(?m)^{folder}/", TEXT)] == []


def test_every_make_target_is_on_the_page() -> None:
    """As they are declared in the Makefile."""
    targets = re.search(r"(?m)^\.PHONY:(.*)$", (ROOT / "Makefile").read_text("utf-8"))
    assert targets is not None
    assert [target for target in targets[1].split() if f"| `make {target}` |" not in TEXT] == []


def test_what_the_page_names_exists() -> None:
    """Files that are named are there."""
    named = re.findall(r"`((?:core|plugins|tests|benchmarks|tools|docs)/[\w/.-]*)`", TEXT)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
