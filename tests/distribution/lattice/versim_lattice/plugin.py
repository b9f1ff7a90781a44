"""What this plugin offers to versim."""

from __future__ import annotations

from pathlib import Path

from versim import GraphProducer, Reporter, SimulatorBackend, TimingModel, hookimpl

from versim_lattice.backend import Lattice
from versim_lattice.lines import LatticeLines
from versim_lattice.links import LatticeLinks
from versim_lattice.stencil import LatticeStencil

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"


@hookimpl
def versim_graph_producers() -> list[GraphProducer]:
    """Stencil codes."""
    return [LatticeStencil()]


@hookimpl
def versim_timing_models() -> list[TimingModel]:
    """Messages by their hops."""
    return [LatticeLinks()]


@hookimpl
def versim_backends() -> list[SimulatorBackend]:
    """Ranks in program order."""
    return [Lattice()]


@hookimpl
def versim_reporters() -> list[Reporter]:
    """A line per prediction."""
    return [LatticeLines()]
