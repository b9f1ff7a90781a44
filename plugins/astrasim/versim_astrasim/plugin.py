"""What this plugin offers.

Components are imported when versim asks for their kind, so that ``versim --help`` need not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import GraphProducer, SimulatorBackend, TimingModel

VERSIM_API_VERSION = 1


@hookimpl
def versim_graph_producers() -> list[GraphProducer]:
    """The reader of traces."""
    from versim_astrasim.importing.producer import ChakraProducer  # noqa: PLC0415 - `versim --help` need not wait

    return [ChakraProducer()]


@hookimpl
def versim_backends() -> list[SimulatorBackend]:
    """The simulator."""
    from versim_astrasim.backend import AstraSimBackend  # noqa: PLC0415

    return [AstraSimBackend()]


@hookimpl
def versim_timing_models() -> list[TimingModel]:
    """The network timing."""
    from versim_astrasim.isolation.timing_model import AstraSimTiming  # noqa: PLC0415

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
