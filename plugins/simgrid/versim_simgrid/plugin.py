"""What this plugin offers to versim; importing it loads neither numpy nor SimGrid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import SimulatorBackend

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"


@hookimpl
def versim_backends() -> list[SimulatorBackend]:
    """SimGrid."""
    from versim_simgrid.backend import SimGrid  # noqa: PLC0415

    return [SimGrid()]
