"""What a step runs on, as values."""

from __future__ import annotations

import math
from typing import Any

import pytest
from versim import Device, Dimension, Link, System, Topology

INNER = Link(bandwidth_bytes_per_s=100e9, latency_s=1e-6)
OUTER = Link(bandwidth_bytes_per_s=10e9, latency_s=0.0)


def _system(**changes: Any) -> System:
    dimensions = (Dimension(topology="ring", size=4, link=INNER), Dimension(topology="switch", size=2, link=OUTER))
    return System(**{"dimensions": dimensions, "device": Device(name="any"), **changes})


def test_endpoints_are_the_product_of_the_dimensions() -> None:
    """A scenario's world size is held against it."""
    assert _system().world_size == 8


def test_an_axis_sees_its_own_link_or_the_innermost() -> None:
    """DeepFlow knows bandwidth per parallelism, ASTRA-sim per dimension; one system serves both."""
    system = _system(axis_links={"dp": OUTER})
    assert system.link("dp") == OUTER
    assert system.link("pp") == INNER


def test_topologies_may_be_spelt() -> None:
    """Scenarios write text."""
    assert _system().dimensions[0].topology is Topology.RING


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, math.inf, math.nan])
def test_a_link_needs_a_finite_bandwidth(bandwidth: float) -> None:
    """Zero divides and infinity hides a missing figure."""
    with pytest.raises(ValueError, match="bandwidth_bytes_per_s must be a finite number above 0"):
        Link(bandwidth_bytes_per_s=bandwidth, latency_s=0.0)


@pytest.mark.parametrize("latency_s", [-1e-9, math.inf, math.nan])
def test_a_link_needs_a_finite_latency(latency_s: float) -> None:
    """Zero is a value here."""
    with pytest.raises(ValueError, match="latency_s must be a finite number of at least 0"):
        Link(bandwidth_bytes_per_s=1.0, latency_s=latency_s)


@pytest.mark.parametrize("beyond", [1e31, 1e-31, 1.7e308, 5e-324])
def test_figures_beyond_all_machines_are_refused(beyond: float) -> None:
    """Sums and products of several would be infinite or 0."""
    with pytest.raises(ValueError, match=r"bandwidth_bytes_per_s must be from 1e-30 to 1e\+30"):
        Link(bandwidth_bytes_per_s=beyond, latency_s=0)


def test_a_network_needs_a_dimension_with_ranks() -> None:
    """An empty one would have one endpoint by accident of the empty product."""
    with pytest.raises(ValueError, match="dimensions"):
        _system(dimensions=())
    with pytest.raises(ValueError, match="size"):
        Dimension(topology="ring", size=0, link=INNER)


def test_systems_differ_by_their_networks_not_by_what_timings_know_of_the_device() -> None:
    """Device parameters are plain data of any kind, so they take no part in comparison."""
    one = Device(name="a", parameters={"any": [1]})
    assert _system(device=one) == _system(device=Device(name="a"))
    assert _system() != _system(axis_links={"dp": OUTER})


def test_what_a_node_shares_is_whole_for_a_ring_through_it() -> None:
    """Four cards' worth for eight: one member at a time has a whole card, all at once half of one each."""
    inner = Dimension(topology="switch", size=8, link=INNER)
    outer = Dimension(topology="switch", size=2, link=OUTER, oversubscription=2)
    system = _system(dimensions=(inner, outer))
    assert system.link("dp", range(16)) == OUTER
    _, across = system.fabric.legs(range(16))
    assert across.link.bandwidth_bytes_per_s == OUTER.bandwidth_bytes_per_s / 2
    assert across.alone.bandwidth_bytes_per_s == OUTER.bandwidth_bytes_per_s
