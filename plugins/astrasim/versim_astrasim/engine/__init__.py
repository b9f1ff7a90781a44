"""The embedded ASTRA-sim engine."""

from versim_astrasim.engine.config import NetworkConfig, RemoteMemoryConfig, SystemConfig
from versim_astrasim.engine.outcome import Finding, LinkUse, Outcome, RankStatistics, RooflineAverages, Spans, Status
from versim_astrasim.engine.simulation import simulate
from versim_astrasim.engine.trace import RankTrace

__all__ = [
    "Finding",
    "LinkUse",
    "NetworkConfig",
    "Outcome",
    "RankStatistics",
    "RankTrace",
    "RemoteMemoryConfig",
    "RooflineAverages",
    "Spans",
    "Status",
    "SystemConfig",
    "simulate",
]
