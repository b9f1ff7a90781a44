"""What this plugin offers to versim; importing it loads neither numpy nor SimGrid."""

from __future__ import annotations

from pathlib import Path

from versim import hookimpl

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"


@hookimpl
def versim_backends() -> dict[str, str]:
    """SimGrid."""
    return {"simgrid": "versim_simgrid.backend:SimGrid"}
