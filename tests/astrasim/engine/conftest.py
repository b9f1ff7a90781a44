"""Small machines and traces the engine's tests run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")


def _network(topology: str = "Ring", npus: int = 4, bandwidth: float = 50.0, latency: float = 500.0) -> NetworkConfig:
    return NetworkConfig.from_mapping(
        {"topology": [topology], "npus_count": [npus], "bandwidth": [bandwidth], "latency": [latency]}
    )


def _system(algorithm: str | list[str] = "ring", options: dict[str, Any] | None = None, **keys: Any) -> SystemConfig:
    names = [algorithm] if isinstance(algorithm, str) else algorithm
    mapping: dict[str, Any] = {f"{kind}-implementation": names for kind in KINDS}
    mapping |= {
        "endpoint-delay": 10,
        "active-chunks-per-dimension": 1,
        "preferred-dataset-splits": 4,
        "collective-optimization": "localBWAware",
        "scheduling-policy": "LIFO",
        "local-mem-bw": 1600,
    }
    mapping |= {key.replace("_", "-"): value for key, value in keys.items()}
    return SystemConfig.from_mapping(
        {key: value for key, value in mapping.items() if value is not None}, **(options or {})
    )


def _compute(node_id: int, micros: int, *deps: int) -> dict[str, Any]:
    return {"id": node_id, "type": "COMP_NODE", "duration_micros": micros, "ctrl_deps": list(deps)}


def _collective(node_id: int, comm_type: str, size_bytes: int, *deps: int, group: str = "") -> dict[str, Any]:
    attributes = {"comm_type": comm_type, "comm_size": size_bytes} | ({"pg_name": group} if group else {})
    return {"id": node_id, "type": "COMM_COLL_NODE", "ctrl_deps": list(deps), "attr": attributes}


def _send(node_id: int, destination: int, size_bytes: int, *deps: int, tag: int = 0) -> dict[str, Any]:
    attributes = {"comm_dst": destination, "comm_size": size_bytes, "comm_tag": tag}
    return {"id": node_id, "type": "COMM_SEND_NODE", "ctrl_deps": list(deps), "attr": attributes}


def _receive(node_id: int, source: int, size_bytes: int, *deps: int, tag: int = 0) -> dict[str, Any]:
    attributes = {"comm_src": source, "comm_size": size_bytes, "comm_tag": tag}
    return {"id": node_id, "type": "COMM_RECV_NODE", "ctrl_deps": list(deps), "attr": attributes}


@pytest.fixture(scope="session")
def network() -> Callable[..., NetworkConfig]:
    """Makes a congestion-aware network: topology, ranks, GiB/s, ns."""
    return _network


@pytest.fixture(scope="session")
def system() -> Callable[..., SystemConfig]:
    """Makes a system that runs one algorithm for everything; keyword arguments are keys of the system file."""
    return _system


@pytest.fixture(scope="session")
def trace() -> Callable[..., RankTrace]:
    """Makes a trace from nodes."""
    return lambda *nodes: RankTrace.from_nodes(nodes)


@pytest.fixture(scope="session")
def compute() -> Callable[..., dict[str, Any]]:
    """Makes a compute node: id, microseconds, predecessors."""
    return _compute


@pytest.fixture(scope="session")
def collective() -> Callable[..., dict[str, Any]]:
    """Makes a collective node: id, type, bytes, predecessors."""
    return _collective


@pytest.fixture(scope="session")
def send() -> Callable[..., dict[str, Any]]:
    """Makes a send node: id, destination, bytes, predecessors."""
    return _send


@pytest.fixture(scope="session")
def receive() -> Callable[..., dict[str, Any]]:
    """Makes a receive node: id, source, bytes, predecessors."""
    return _receive
