"""What this plugin offers; importing it loads neither numpy nor the trace schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import hookimpl

from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.importing.producer import ChakraProducer
from versim_astrasim.options import TimingOptions

if TYPE_CHECKING:
    from versim import ComputeTiming, NetworkTiming

VERSIM_API_VERSION = 1


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
        from versim_astrasim.timing import AstraSimNetworkTiming  # noqa: PLC0415 - loads the engine

        return AstraSimNetworkTiming(options)


@hookimpl
def versim_graph_producers() -> list[ChakraProducer]:
    """The reader of traces."""
    return [ChakraProducer()]


@hookimpl
def versim_backends() -> list[AstraSimBackend]:
    """The simulator."""
    return [AstraSimBackend()]


@hookimpl
def versim_timing_models() -> list[AstraSimTiming]:
    """The network timing."""
    return [AstraSimTiming()]


@hookimpl
def versim_commands() -> dict[str, str]:
    """Commands about traces and the real program."""
    return {
        "cache": "versim_astrasim.commands.cache:cache  Show or clear what the real ASTRA-sim answered before.",
        "import": "versim_astrasim.commands.importing:import_  Make Chakra traces of other traces.",
        "show": "versim_astrasim.commands.show:show  List, count or draw the nodes of a Chakra trace.",
        "lint": "versim_astrasim.lint.command:lint  Find what makes ASTRA-sim hang or lie in a trace.",
    }
