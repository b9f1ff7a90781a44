"""What this plugin offers to versim.

Components are imported when somebody asks for them by name.
"""

from __future__ import annotations

from pathlib import Path

from versim import hookimpl

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"
"""Scenarios that compare what is offered here with other plugins' simulators."""


@hookimpl
def versim_graph_producers() -> dict[str, str]:
    """Collectives by themselves, and patterns in which messages meet."""
    return {
        "collective": "versim_basics.collective:CollectiveBenchmark",
        "traffic": "versim_basics.traffic:Traffic",
    }


@hookimpl
def versim_timing_models() -> dict[str, str]:
    """Latency and bandwidth in closed form; compute by a device's data sheet."""
    return {
        "alpha-beta": "versim_basics.alpha_beta:AlphaBeta",
        "roofline": "versim_basics.roofline:Roofline",
    }


@hookimpl
def versim_backends() -> dict[str, str]:
    """Recorded times beside simulated ones."""
    return {"measurement": "versim_basics.measurement:Measurement"}
