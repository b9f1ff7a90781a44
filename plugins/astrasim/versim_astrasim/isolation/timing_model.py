"""The timing model ``astrasim``, cheap to import: the engine loads when something is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from versim_astrasim.options import TimingOptions

if TYPE_CHECKING:
    from versim import ComputeTiming, NetworkTiming


@attrs.frozen
class AstraSimTiming:
    """The timing model ``astrasim``: communications simulated alone, plain compute by the program's roofline."""

    name: str = "astrasim"
    options: type = TimingOptions

    def compute(self, options: TimingOptions) -> ComputeTiming | None:
        """Operations and bytes by the program's roofline; declines everything else."""
        from versim_astrasim.isolation.compute_timing import AstraSimComputeTiming  # noqa: PLC0415 - loads the engine

        return AstraSimComputeTiming(options)

    def network(self, options: TimingOptions) -> NetworkTiming | None:
        """Communications alone, simulated by the embedded engine."""
        from versim_astrasim.isolation.network_timing import AstraSimNetworkTiming  # noqa: PLC0415 - loads the engine

        return AstraSimNetworkTiming(options)
