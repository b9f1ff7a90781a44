"""versim: one execution graph, several simulators, and where and why their answers differ."""

from versim.errors import (
    FaultsError,
    SimulationError,
    UnknownNameError,
    UnsupportedGraphError,
    VersimError,
    did_you_mean,
)

__all__ = [
    "FaultsError",
    "SimulationError",
    "UnknownNameError",
    "UnsupportedGraphError",
    "VersimError",
    "did_you_mean",
]
