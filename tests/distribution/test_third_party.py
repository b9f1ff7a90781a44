"""A plugin of somebody else's, installed as its users would, works beside the house's without any change in core.

Both distributions are built into wheels and installed into a throw-away environment. Their dependencies are lent by the
environment that runs the tests, so nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

pytestmark = pytest.mark.distribution

LATTICE = Path(__file__).parent / "lattice"
LABELS = (
    "lattice",
    "waiting",
    "deepflow on lattice-links",
    "deepflow on alpha-beta",
    "lattice on alpha-beta",
    "astrasim",
)


@attrs.frozen
class Environment:
    """An environment with both distributions installed."""

    root: Path
    variables: Mapping[str, str]

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, away from any source tree."""
        program = self.root / ("Scripts" if os.name == "nt" else "bin") / command
        return subprocess.run(
            [str(program), *arguments],
            capture_output=True,
            text=True,
            cwd=self.root,
            env=dict(self.variables),
            check=False,
            timeout=120,
        )

    def versim(self, *arguments: str) -> str:
        """What ``versim`` prints; it has to succeed."""
        result = self.run("versim", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, house_wheel: Path) -> Environment:
    """Wheels built, environment made, wheels installed."""
    folder = tmp_path_factory.mktemp("distribution")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheels")]
    subprocess.run(build, cwd=LATTICE, check=True, capture_output=True)
    root = folder / "environment"
    venv.create(root, with_pip=False)
    python = root / ("Scripts" if os.name == "nt" else "bin") / "python"
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(root), "installed_base": str(root)}))
    # Plain lines only add to the end of the path, so what is installed in the environment itself comes first.
    lent = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (own / "lent.pth").write_text("".join(f"{path}\n" for path in lent), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--no-cache-dir"]
    wheels = map(str, [house_wheel, *(folder / "wheels").glob("*.whl")])
    install = [*pip, "install", "--quiet", "--no-index", "--no-deps", "--ignore-installed", *wheels]
    subprocess.run(install, check=True, capture_output=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VERSIM", "ASTRA_SIM"))}
    return Environment(root, kept)


@pytest.fixture(scope="module")
def report(environment: Environment) -> Any:
    """The comparison of the plugin's own scenario, as JSON."""
    return json.loads(environment.versim("compare", "lattice", "-f", "json"))


def _makespans_ps(report: Any) -> dict[str, int]:
    (workload,) = report["workloads"]
    (comparison,) = workload["comparisons"]
    return {result["label"]: result["makespan_ps"] for result in comparison["results"]}


def test_both_come_from_their_wheels(environment: Environment) -> None:
    """Otherwise the tests would prove something about the source tree."""
    code = "import versim, versim_lattice; print(versim.__file__); print(versim_lattice.__file__)"
    places = environment.run("python", "-c", code).stdout.split()
    assert len(places) == 2
    assert all(Path(place).is_relative_to(environment.root) for place in places)


def test_the_plugin_is_listed_with_its_distribution(environment: Environment) -> None:
    """Its components and the help of their options too, as if they were the house's."""
    shown = environment.versim("plugins")
    for word in (
        "versim-lattice",
        "0.3.0",
        "lattice-stencil",
        "lattice-links",
        "lattice-lines",
        "sweeps over the domain",
    ):
        assert word in " ".join(shown.split())


def test_its_simulator_is_compared_with_the_houses(report: Any) -> None:
    """Its graph, its timing under the house's backend, the house's timing under its backend: all complete and sound."""
    makespans_ps = _makespans_ps(report)
    assert tuple(makespans_ps) == LABELS
    assert all(makespans_ps.values())
    (comparison,) = report["workloads"][0]["comparisons"]
    for result in comparison["results"]:
        assert [check["name"] for check in result["checks"] if check["passed"] is not True] == []


def test_equal_inputs_give_equal_answers_whoever_schedules(report: Any) -> None:
    """Where program order and arrival order coincide, two schedulers with one timing agree to the picosecond."""
    makespans_ps = _makespans_ps(report)
    assert makespans_ps["lattice"] == makespans_ps["deepflow on lattice-links"]
    assert makespans_ps["lattice on alpha-beta"] == makespans_ps["deepflow on alpha-beta"]


def test_its_options_change_its_answer(environment: Environment, report: Any) -> None:
    """From the scenario and from the command line alike."""
    waiting_ps = _makespans_ps(report)["waiting"]
    assert waiting_ps > _makespans_ps(report)["lattice"]
    again = environment.versim("compare", "lattice", "-O", "lattice.overlap=false", "-f", "json")
    assert _makespans_ps(json.loads(again))["lattice"] == waiting_ps
    asked = environment.versim("compare", "lattice", "-b", "only=lattice:overlap=false", "-f", "json")
    assert _makespans_ps(json.loads(asked)) == {"only": waiting_ps}


def test_its_reporter_formats_the_comparison(environment: Environment, report: Any) -> None:
    """With an option of its own."""
    lines = environment.versim("compare", "lattice", "-f", "lattice-lines:digits=3").splitlines()
    makespans_ps = _makespans_ps(report)
    assert lines == [f"stencil / as given / {label}: {makespans_ps[label] / 1e9:.3f} ms" for label in LABELS]


def test_its_faults_are_told_like_the_houses(environment: Environment, tmp_path: Path) -> None:
    """By place and remedy, without a traceback."""
    scenario = tmp_path / "wrong.yaml"
    scenario.write_text(
        "workloads: [{label: stencil, producer: lattice-stencil, options: {ranks: 1, halo: 8}}]\n"
        "system: {dimensions: [{topology: ring, size: 4, bandwidth: 1 GB/s, latency: 0 s}]}\n"
        "backends: [{label: lattice, backend: lattice, options: {overlapp: false}}]\n",
        encoding="utf-8",
    )
    result = environment.run("versim", "compare", str(scenario))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for place in (
        r"\$\.workloads\[0\]\.options\.halo",
        r"\$\.backends\[0\]\.options\.overlapp: .*did you mean 'overlap'",
    ):
        assert re.search(place, result.stderr), result.stderr


def test_what_its_timing_does_not_model_is_refused_by_name(environment: Environment, tmp_path: Path) -> None:
    """An all-to-all of the house's producer on the plugin's timing: told, not guessed."""
    scenario = tmp_path / "unsupported.yaml"
    scenario.write_text(
        "workloads:\n"
        "  - {label: w, producer: collective, options: {kind: all_to_all, participants: 4, count: 2}}\n"
        "system: {dimensions: [{topology: ring, size: 4, bandwidth: 1 GB/s, latency: 0 s}]}\n"
        "backends: [{label: lattice, backend: lattice}]\n",
        encoding="utf-8",
    )
    result = environment.run("versim", "compare", str(scenario))
    assert result.returncode == 4
    assert "lattice-links does not time all_to_all" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
