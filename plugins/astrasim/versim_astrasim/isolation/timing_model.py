"""The timing model ``astrasim``, cheap to import: the engine loads when something is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from versim_astrasim.options import TimingOptions

if TYPE_CHECKING:
    from versim import ComputeTiming, NetworkTiming


@attrs.frozen
class AstraSimTiming:
    """The timing model ``astrasim``: communication only."""

    name: str = "astrasim"
    options: type = TimingOptions

    def compute(self, options: TimingOptions) -> ComputeTiming | None:  # noqa: ARG002 - the protocol's
        """None: ASTRA-sim times no compute."""
        return None

    def network(self, options: TimingOptions) -> NetworkTiming | None:
        """Communications alone, simulated by the embedded engine."""
        from versim_astrasim.isolation.network_timing import AstraSimNetworkTiming  # noqa: PLC0415 - loads the engine

        return AstraSimNetworkTiming(options)
