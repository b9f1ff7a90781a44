"""``versim new-plugin``: what it writes installs, passes its own tests and shows up, without any change."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from versim.testing.scaffold import KINDS, project

HOUSE = Path(__file__).parents[2]

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]

CHOICES = [kinds for count in range(1, len(KINDS) + 1) for kinds in itertools.combinations(KINDS, count)]


@pytest.mark.parametrize("kinds", CHOICES, ids="+".join)
def test_every_choice_is_whole(kinds: tuple[str, ...]) -> None:
    """Modules compile and import nothing that was not written; the scenario names nothing that is not there."""
    files = project("my-net", kinds)
    for place, text in files.items():
        assert "$" not in text.replace("```console\n$ ", "").replace("\n$ ", ""), place
        if place.endswith(".py"):
            compile(text, place, "exec")
            for line in text.splitlines():
                if "versim_my_net." in line and "import" in line:
                    assert f"versim_my_net/{line.split('versim_my_net.')[1].split()[0]}.py" in files, line
    scenario = yaml.safe_load(files["versim_my_net/scenarios/my-net.yaml"])
    named = {instance["backend"] for instance in scenario["backends"]}
    assert named == {"deepflow", *(["my-net"] if "backend" in kinds else [])}


def test_it_is_written_in_the_houses_style(tmp_path: Path) -> None:
    """Formatted and without a finding of the linter: a beginning that is not to be tidied first."""
    for place, text in project("my-net").items():
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    settings = ["--config", str(HOUSE / "pyproject.toml"), str(tmp_path)]
    for command in (["format", "--check", "--diff"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, *settings]
        result = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_folder(versim: Versim, tmp_path: Path) -> None:
    """Named after the plugin unless told otherwise, whole or not at all, and never over something."""
    result = versim("new-plugin", "my-net", plugins=())
    assert result.exit_code == 0, result.output
    assert "Wrote versim-my-net" in result.output
    assert (tmp_path / "versim-my-net" / "versim_my_net" / "plugin.py").is_file()
    again = versim("new-plugin", "my-net", plugins=())
    assert again.exit_code == 1
    assert "not empty" in again.output
    elsewhere = versim("new-plugin", "versim-my-net", "--with", "timing", "-o", "there", plugins=())
    assert elsewhere.exit_code == 0, elsewhere.output
    assert not (tmp_path / "there" / "versim_my_net" / "backend.py").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["My_Net"], "small letters, digits and single hyphens"),
        (["deepflow"], "offers a producer|offers a timing|offers a backend 'deepflow'"),
        (["net", "--with", "backnd"], "did you mean 'backend'?"),
        (["net", "--with", ","], "a plugin has to offer something"),
    ],
)
def test_what_is_refused(versim: Versim, arguments: list[str], told: str, tmp_path: Path) -> None:
    """With what would do; nothing is written."""
    result = versim("new-plugin", *arguments, plugins=())
    assert result.exit_code == 1
    assert any(part in result.output for part in told.split("|")), result.output
    assert list(tmp_path.iterdir()) == []


def _run(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VERSIM", "ASTRA_SIM"))}
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, cwd=cwd, env=kept, timeout=300
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, house_wheel: Path) -> Path:
    """A throw-away environment with versim's wheel; what both depend on is lent by the one that runs the tests."""
    folder = tmp_path_factory.mktemp("new-plugin")
    root = folder / "environment"
    venv.create(root, with_pip=False)
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(root), "installed_base": str(root)}))
    lent = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (own / "lent.pth").write_text("".join(f"{path}\n" for path in lent), encoding="utf-8")
    _install(root, house_wheel)
    return root


def _built(source: Path, root: Path) -> list[Path]:
    wheels = root / "wheels" / source.name
    built = _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=source)
    assert built.returncode == 0, built.stderr
    return list(wheels.glob("*.whl"))


def _install(root: Path, *wheels: Path) -> None:
    """Without network."""
    pip = [sys.executable, "-m", "pip", "--python", root / "bin" / "python", "--disable-pip-version-check"]
    options = ["--quiet", "--no-cache-dir", "--no-index", "--no-deps", "--ignore-installed"]
    installed = _run(*pip, "install", *options, *wheels)
    assert installed.returncode == 0, installed.stderr


@pytest.mark.distribution
@pytest.mark.skipif(os.name == "nt", reason="the environment's programs are looked for in bin")
@pytest.mark.parametrize("kinds", [",".join(KINDS), "timing", "reporter"])
def test_it_installs_and_passes_its_own_tests(environment: Path, tmp_path: Path, kinds: str) -> None:
    """As generated, by the installed versim, in an environment of its own."""
    name = f"net-{kinds[:4].strip(',')}"
    versim = environment / "bin" / "versim"
    written = _run(versim, "new-plugin", name, "--with", kinds, cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    folder = tmp_path / f"versim-{name}"
    _install(environment, *_built(folder, environment))
    tested = _run(environment / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout
    compared = _run(versim, "compare", name, cwd=tmp_path)
    assert compared.returncode == 0, compared.stderr
