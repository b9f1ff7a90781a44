"""What this plugin offers.

Components are imported when somebody asks for them by name.
"""

from __future__ import annotations

from versim import hookimpl

VERSIM_API_VERSION = 1


@hookimpl
def versim_graph_producers() -> dict[str, str]:
    """The reader of traces."""
    return {"chakra": "versim_astrasim.importing.producer:ChakraProducer"}


@hookimpl
def versim_backends() -> dict[str, str]:
    """The simulator."""
    return {"astrasim": "versim_astrasim.backend:AstraSimBackend"}


@hookimpl
def versim_timing_models() -> dict[str, str]:
    """The network timing."""
    return {"astrasim": "versim_astrasim.isolation.timing_model:AstraSimTiming"}


@hookimpl
def versim_commands() -> dict[str, str]:
    """Commands about traces and the real program."""
    return {
        "cache": "versim_astrasim.commands.cache:cache  Show or clear what the real ASTRA-sim answered before.",
        "import": "versim_astrasim.commands.importing:import_  Make Chakra traces of other traces.",
        "show": "versim_astrasim.commands.show:show  List, count or draw the nodes of a Chakra trace.",
        "lint": "versim_astrasim.lint.command:lint  Find what makes ASTRA-sim hang or lie in a trace.",
    }
