"""What the plugin offers, and at what cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from versim import API_VERSION, GraphProducer, ProposesSystem, Registry, SimulatorBackend, TimingModel
from versim_deepflow import plugin
from versim_deepflow.backend import DeepFlowOptions
from versim_deepflow.corrections import Corrections
from versim_deepflow.options import GemmOptions, LlmOptions
from versim_deepflow.timing import DeepFlowTimingOptions


def test_it_offers_producers_a_timing_and_a_backend() -> None:
    """By the names that scenarios use, with what each can do besides."""
    registry = Registry.of({"deepflow": plugin})
    product, producer = registry.producers()
    (timing,) = registry.timings()
    (backend,) = registry.backends()
    assert isinstance(producer, GraphProducer)
    assert isinstance(product, GraphProducer)
    assert isinstance(producer, ProposesSystem)
    assert isinstance(product, ProposesSystem)
    assert isinstance(timing, TimingModel)
    assert isinstance(backend, SimulatorBackend)
    assert product.name == "deepflow-gemm"
    assert (producer.name, timing.name, backend.name) == ("deepflow-llm", "deepflow", "deepflow")


def test_it_is_written_for_this_version_of_the_hooks() -> None:
    """A house plugin that lags behind would be refused."""
    assert plugin.VERSIM_API_VERSION == API_VERSION


@pytest.mark.parametrize("options", [LlmOptions, GemmOptions, DeepFlowTimingOptions, DeepFlowOptions])
def test_every_option_says_what_it_means(options: type) -> None:
    """``versim plugins`` and the documentation print this."""
    assert all(field.metadata.get("help") for field in attrs.fields(options))


def test_importing_it_loads_nothing_heavy() -> None:
    """``versim --help`` asks every plugin for its commands and must not wait for numpy."""
    code = "import sys, versim_deepflow.plugin; print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_the_readme_runs_and_names_every_correction(capsys: pytest.CaptureFixture[str]) -> None:
    """Its example prints what it says, its table is complete."""
    readme = (Path(__file__).parents[2] / "plugins" / "deepflow" / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    assert f"# {capsys.readouterr().out.strip()}" in code
    assert all(f"| `{name}` |" in readme for name in Corrections.names())
