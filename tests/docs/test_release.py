"""What is released is of one version, described, and whole."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="release")
def _release() -> ModuleType:
    specification = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_all_distributions_have_one_version_that_the_changelog_describes(release: ModuleType) -> None:
    """Whether it is released already is another question."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace(" (unreleased)", "")
    assert release.faults(release.versions(ROOT), changelog) == []


def test_what_is_not_ready_is_told(release: ModuleType) -> None:
    """All of it at once."""
    versions = {".": "1.2.0", "proof": "1.1.0"}
    assert release.faults(versions, "## 1.2\n") == [
        "versions differ: . 1.2.0, proof 1.1.0",
        "CHANGELOG.md has no section 1.2.0",
    ]
    assert release.faults({".": "1.2.0"}, "# Changelog\n\n## 1.2.0 (unreleased)\n") == [
        "CHANGELOG.md calls 1.2.0 unreleased"
    ]


def test_an_archive_without_its_licence_is_found(release: ModuleType, tmp_path: Path) -> None:
    """Apache-2.0 asks for both files."""
    archive = tmp_path / "versim-1.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("versim-1.dist-info/licenses/LICENSE", "")
    assert release.missing(archive) == ["NOTICE"]


@pytest.mark.distribution
def test_sources_and_wheels_are_built(tmp_path: Path) -> None:
    """Of all three, with their sums; a folder that holds something is left alone."""
    command = [sys.executable, str(ROOT / "tools" / "release.py"), "--draft", str(tmp_path / "dist")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    names = sorted(path.name for path in (tmp_path / "dist").iterdir())
    assert [name.split("-")[0] for name in names] == ["versim"] * 2 + ["versim_proof"] * 2 + ["versim_simgrid"] * 2
    assert all(f"  {name}  " in built.stdout for name in names)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert "is not empty" in again.stderr
