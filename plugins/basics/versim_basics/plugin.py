"""What this plugin offers to versim.

Components are imported when versim asks for their kind, so that ``versim --help`` does not wait for numpy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import GraphProducer, SimulatorBackend, TimingModel

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"
"""Scenarios that compare what is offered here with other plugins' simulators."""


@hookimpl
def versim_graph_producers() -> list[GraphProducer]:
    """Collectives by themselves, and patterns in which messages meet."""
    from versim_basics.collective import CollectiveBenchmark  # noqa: PLC0415
    from versim_basics.traffic import Traffic  # noqa: PLC0415

    return [CollectiveBenchmark(), Traffic()]


@hookimpl
def versim_timing_models() -> list[TimingModel]:
    """Latency and bandwidth in closed form; compute by a device's data sheet."""
    from versim_basics.alpha_beta import AlphaBeta  # noqa: PLC0415
    from versim_basics.roofline import Roofline  # noqa: PLC0415

    return [AlphaBeta(), Roofline()]


@hookimpl
def versim_backends() -> list[SimulatorBackend]:
    """Recorded times beside simulated ones."""
    from versim_basics.measurement import Measurement  # noqa: PLC0415

    return [Measurement()]
