"""Which links a message crosses."""

from __future__ import annotations

import pytest
from cases import network_of
from versim import System

from versim_simgrid.fabric import Fabric


def crossed(system: System, source: int, target: int) -> list[str]:
    """Names of the links of one route."""
    fabric = Fabric(system)
    fabric.route(source, target)
    return [fabric.links[link].name for link in fabric.routes[0][2]]


@pytest.mark.parametrize(
    ("source", "target", "links"),
    [
        (0, 1, ["d0 0→1"]),
        (0, 5, ["d0 0→5"]),
        (4, 1, ["d0 4→5", "d0 5→0", "d0 0→1"]),
        (1, 5, ["d0 1→0", "d0 0→5"]),
    ],
)
def test_a_ring_is_walked_the_shorter_way(source: int, target: int, links: list[str]) -> None:
    """Both ways, and upwards where both are equally long."""
    assert crossed(network_of(("ring", 6)), source, target) == links


def test_other_topologies() -> None:
    """A switch has a link up and one down, fully connected ranks one for each pair."""
    assert crossed(network_of(("switch", 4)), 3, 1) == ["d0 3→switch", "d0 switch→1"]
    assert crossed(network_of(("fully_connected", 4)), 3, 1) == ["d0 3→1"]


def test_dimensions_are_corrected_outermost_first() -> None:
    """Rank 1 is (1, 0), rank 10 is (2, 2) on 4 × 3."""
    assert crossed(network_of(("fully_connected", 4), ("ring", 3)), 1, 10) == ["d1 1→9", "d0 9→10"]


def test_idle_parts_of_a_network_cost_nothing() -> None:
    """A million ranks, two of which talk."""
    fabric = Fabric(network_of(("fully_connected", 1000), ("switch", 1000)))
    assert fabric.route(0, 999_999) == fabric.route(0, 999_999) == 0
    assert len(fabric.links) == 3
    assert fabric.latency_s(0) == pytest.approx(3e-6)
