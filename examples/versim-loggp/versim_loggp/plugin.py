"""What this plugin offers to versim."""

from __future__ import annotations

from pathlib import Path

from versim import TimingModel, hookimpl

from versim_loggp.timing import LogGP

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"


@hookimpl
def versim_timing_models() -> list[TimingModel]:
    """LogGP."""
    return [LogGP()]
