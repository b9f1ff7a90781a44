"""What ships beside versim as distributions of their own installs, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[3]
LOGGP = HOUSE / "examples" / "versim-loggp"
SIMGRID = HOUSE / "plugins" / "simgrid"


def _run(*command: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "VERSIM", "ASTRA_SIM", "SIMGRID"))
    }
    words = list(map(str, command))
    return subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=cwd, env={**kept, **more}, timeout=300
    )


def test_loggp_passes_its_own_tests() -> None:
    """Without installing it: found as a plugin that the environment names."""
    named = {"PYTHONPATH": str(LOGGP), "VERSIM_PLUGINS": "versim_loggp.plugin"}
    result = _run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=LOGGP, **named)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout


@pytest.mark.distribution
@pytest.mark.skipif(os.name == "nt", reason="the environment's programs are looked for in bin")
def test_both_install_beside_versim(tmp_path: Path, house_wheel: Path) -> None:
    """From wheels that hold all they need; both are found, and the plugin that drives SimGrid runs its own tests."""
    root = tmp_path / "environment"
    venv.create(root, with_pip=False)
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(root), "installed_base": str(root)}))
    lent = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (own / "lent.pth").write_text("".join(f"{path}\n" for path in lent), encoding="utf-8")
    for source in (LOGGP, SIMGRID):
        built = _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "wheels", cwd=source)
        assert built.returncode == 0, built.stderr
    wheels = [house_wheel, *sorted((tmp_path / "wheels").glob("*.whl"))]
    (simgrid,) = [wheel for wheel in wheels if wheel.name.startswith("versim_simgrid-")]
    held = set(zipfile.ZipFile(simgrid).namelist())
    assert {f"versim_simgrid/{name}" for name in ("worker.py", "py.typed", "scenarios/simgrid.yaml")} <= held
    pip = [sys.executable, "-m", "pip", "--python", root / "bin" / "python", "--disable-pip-version-check", "install"]
    options = ["--quiet", "--no-cache-dir", "--no-index", "--no-deps", "--ignore-installed"]
    installed = _run(*pip, *options, *wheels, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    versim = root / "bin" / "versim"
    shown = _run(versim, "plugins", cwd=tmp_path).stdout
    assert "timing loggp" in shown
    assert "backend simgrid (diagnose)" in shown
    assert _run(versim, "compare", "loggp", cwd=tmp_path).returncode == 0
    tested = _run(root / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=SIMGRID)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout
