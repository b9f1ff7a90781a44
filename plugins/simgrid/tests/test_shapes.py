"""Fat trees, tori and broken links, as SimGrid simulates them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from versim import Degradation, Device, Dimension, GraphBuilder, Kind, Link, Mesh, Prediction, System

from versim_simgrid.fabric import Fabric

GB = 1e9
SIZE = 160_000_000


def system_of(*dimensions: tuple[str, int, float, float], degraded: tuple[Degradation, ...] = ()) -> System:
    """Dimensions of (topology, size, GB/s, oversubscription), without latency."""
    made = [
        Dimension(
            topology=topology,
            size=size,
            link=Link(bandwidth_bytes_per_s=rate * GB, latency_s=0.0),
            oversubscription=shared,
        )
        for topology, size, rate, shared in dimensions
    ]
    return System(dimensions=made, device=Device(name="any"), degraded=degraded)


FAT_TREE = system_of(("switch", 4, 50, 1), ("switch", 2, 50, 4))
TORUS = system_of(("ring", 3, 10, 1), ("ring", 3, 10, 1), ("ring", 2, 10, 1))
CARD = Degradation(dimension=1, ranks=[1], bandwidth_factor=0.1)


def all_to_all(world_size: int) -> GraphBuilder:
    """Everybody to everybody."""
    builder = GraphBuilder(Mesh.of(rank=world_size))
    builder.collective("all", Kind.ALL_TO_ALL, SIZE, axes=("rank",))
    return builder


def test_uplinks_of_a_leaf_are_one_link_that_its_ranks_share() -> None:
    """Four endpoints with a card each, and a quarter of that out of the leaf."""
    fabric = Fabric(FAT_TREE)
    route = fabric.route(0, 5)
    names = [fabric.links[link].name for link in fabric.routes[route][2]]
    assert "d1 block 0→switch" in names
    (uplink,) = [link for link in fabric.links if link.name == "d1 block 0→switch"]
    assert uplink.bandwidth_bytes_per_s == 50 * GB


@pytest.mark.parametrize("system", [FAT_TREE, TORUS], ids=["fat tree", "torus"])
def test_an_all_to_all_takes_what_the_narrowest_cut_takes(simulate: Callable[..., Prediction], system: System) -> None:
    """At least; and of a fat tree just that, for its uplinks are all there is to wait for."""
    prediction = simulate(all_to_all(system.world_size).build(), system)
    assert prediction.makespan_ps is not None
    takes_s = prediction.makespan_ps / 1e12
    least_s = system.fabric.least_time_s(Kind.ALL_TO_ALL, SIZE, range(system.world_size))
    assert takes_s >= least_s * (1 - 1e-6)
    if system is FAT_TREE:
        assert takes_s == pytest.approx(least_s, rel=0.35)


def test_a_slow_card_slows_what_goes_over_it(simulate: Callable[..., Prediction]) -> None:
    """And nothing else."""
    nodes = system_of(("switch", 2, 100, 1), ("switch", 2, 10, 1))
    slow = attrs.evolve(nodes, degraded=[CARD])
    for source, target, factor in ((1, 3, 10), (0, 2, 1), (0, 1, 1)):
        builder = GraphBuilder(Mesh.of(rank=4))
        builder.transfer("message", SIZE, source={"rank": source}, target={"rank": target})
        before, after = (simulate(builder.build(), system).makespan_ps for system in (nodes, slow))
        assert before is not None
        assert after == pytest.approx(factor * before, rel=1e-6)


def test_a_card_that_is_down_is_gone_round(simulate: Callable[..., Any]) -> None:
    """Over the neighbour's card, which then carries both."""
    nodes = system_of(("switch", 2, 100, 1), ("switch", 2, 10, 1))
    down = attrs.evolve(nodes, degraded=[attrs.evolve(CARD, bandwidth_factor=1.0, down=True)])
    builder = GraphBuilder(Mesh.of(rank=4))
    for source in (0, 1):
        builder.transfer(f"from {source}", SIZE, source={"rank": source}, target={"rank": source + 2})
    before, after = (simulate(builder.build(), system).makespan_ps for system in (nodes, down))
    assert before is not None
    assert after == pytest.approx(2 * before, rel=1e-6)
