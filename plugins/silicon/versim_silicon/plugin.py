"""What this plugin offers to versim.

Components are imported when versim asks for their kind, so that ``versim --help`` does not wait for numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import TimingModel

VERSIM_API_VERSION = 1


@hookimpl
def versim_timing_models() -> list[TimingModel]:
    """Measured silicon, and NCCL's own model."""
    from versim_silicon.nccl.timing import Nccl  # noqa: PLC0415
    from versim_silicon.timing import Silicon  # noqa: PLC0415

    return [Silicon(), Nccl()]


@hookimpl
def versim_commands() -> dict[str, str]:
    """What was measured, and importing more of it."""
    return {"silicon": "versim_silicon.commands:silicon  Measured operators and collectives, and NCCL's own model."}
