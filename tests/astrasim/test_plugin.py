"""The plugin is found, offers its components, and is cheap to import."""

from __future__ import annotations

import subprocess
import sys

from versim import API_VERSION, Registry, SimulatorBackend, TimingModel
from versim_astrasim import plugin


def test_the_components_are_named_and_follow_their_protocols() -> None:
    """Scenarios say ``backend: astrasim`` and ``timing: astrasim``."""
    registry = Registry.of({"astrasim": plugin})
    (backend,) = registry.backends()
    (timing,) = registry.timings()
    assert [producer.name for producer in registry.producers()] == ["chakra"]
    assert (backend.name, timing.name) == ("astrasim", "astrasim")
    assert isinstance(backend, SimulatorBackend)
    assert isinstance(timing, TimingModel)
    assert plugin.VERSIM_API_VERSION == API_VERSION


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    """``versim --help`` imports every plugin."""
    code = (
        "import sys, versim_astrasim.plugin as plugin; plugin.versim_backends(); plugin.versim_timing_models(); "
        "print([name for name in ('numpy', 'google.protobuf', 'chakra', 'yaml', 'subprocess') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
