"""What the plugin offers, and at what cost."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest
from versim import API_VERSION, GraphProducer, Registry, SimulatorBackend, TimingModel
from versim_basics import plugin
from versim_basics.alpha_beta import AlphaBetaOptions
from versim_basics.collective import CollectiveOptions
from versim_basics.measurement import MeasurementOptions
from versim_basics.roofline import RooflineOptions


def test_it_offers_a_producer_timings_and_a_backend() -> None:
    """By the names that scenarios use."""
    registry = Registry.of({"basics": plugin})
    producer, traffic = registry.producers()
    timing, roofline = registry.timings()
    assert isinstance(producer, GraphProducer)
    assert isinstance(traffic, GraphProducer)
    (backend,) = registry.backends()
    assert isinstance(timing, TimingModel)
    assert isinstance(roofline, TimingModel)
    assert isinstance(backend, SimulatorBackend)
    assert (producer.name, traffic.name, timing.name, roofline.name, backend.name) == (
        "collective",
        "traffic",
        "alpha-beta",
        "roofline",
        "measurement",
    )


def test_it_is_written_for_this_version_of_the_hooks() -> None:
    """A house plugin that lags behind would be refused."""
    assert plugin.VERSIM_API_VERSION == API_VERSION


def test_it_ships_its_scenarios() -> None:
    """``versim compare`` without a file takes one of them."""
    assert list(plugin.VERSIM_SCENARIOS.glob("*.yaml"))


@pytest.mark.parametrize("options", [CollectiveOptions, AlphaBetaOptions, MeasurementOptions, RooflineOptions])
def test_every_option_says_what_it_means(options: type) -> None:
    """``versim plugins`` and the documentation print this."""
    assert all(field.metadata.get("help") for field in attrs.fields(options))


def test_importing_it_loads_nothing_heavy() -> None:
    """``versim --help`` asks every plugin for its commands and must not wait for numpy."""
    code = "import sys, versim_basics.plugin; print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
