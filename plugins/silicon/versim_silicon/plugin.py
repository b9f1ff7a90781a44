"""What this plugin offers to versim.

Components are imported when somebody asks for them by name.
"""

from __future__ import annotations

from versim import hookimpl

VERSIM_API_VERSION = 1


@hookimpl
def versim_timing_models() -> dict[str, str]:
    """Measured silicon, and NCCL's own model."""
    return {
        "silicon": "versim_silicon.timing:Silicon",
        "nccl": "versim_silicon.nccl.timing:Nccl",
    }


@hookimpl
def versim_commands() -> dict[str, str]:
    """What was measured, and importing more of it."""
    return {"silicon": "versim_silicon.commands:silicon  Measured operators and collectives, and NCCL's own model."}
