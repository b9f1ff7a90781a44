"""Links that are slower than they should be, or down."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import fabric_of, fabrics
from versim import Degradation, Device, Fabric, Kind, System, VersimError
from versim.fabric.degradation import faults_of

GB = 1e9
NODES = fabric_of(("switch", 4, 400), ("switch", 3, 50))
SLOW_CARD = Degradation(dimension=1, ranks=[5], bandwidth_factor=0.1, added_latency_s=1e-6)


def degraded(fabric: Fabric, *what: Degradation) -> Fabric:
    """The same with something at fault."""
    return Fabric(fabric.dimensions, what, fabric.world_size)


def test_a_card_is_both_of_its_links() -> None:
    """Up and down, and no other's."""
    fabric = degraded(NODES, SLOW_CARD)
    up, down = fabric.path(5, 9)
    assert (up.link.bandwidth_bytes_per_s, up.link.latency_s) == (pytest.approx(5 * GB), pytest.approx(2e-6))
    assert down.link == NODES.path(5, 9)[1].link
    assert fabric.path_link(1, 5).bandwidth_bytes_per_s == pytest.approx(5 * GB)
    assert fabric.path(4, 8) == NODES.path(4, 8)


def test_a_node_is_the_cards_of_all_its_ranks_and_a_link_is_one() -> None:
    """Degradations of the same link add up."""
    fabric = degraded(NODES, Degradation(dimension=1, node=1, bandwidth_factor=0.5), SLOW_CARD)
    assert [fabric.path_link(rank, rank + 4).bandwidth_bytes_per_s / GB for rank in range(4, 8)] == pytest.approx(
        [25, 2.5, 25, 25]
    )
    ring = degraded(fabric_of(("ring", 4, 10)), Degradation(dimension=0, link=[0, 1], bandwidth_factor=0.5))
    assert [ring.path_link(rank, (rank + 1) % 4).bandwidth_bytes_per_s / GB for rank in range(4)] == [5, 10, 10, 10]
    assert ring.path_link(1, 0).bandwidth_bytes_per_s == 5 * GB


def test_groups_that_are_touched_lie_like_no_other() -> None:
    """One slow link unfolds what it touches and nothing else."""
    fabric = degraded(NODES, SLOW_CARD)
    data = [[rank, rank + 4, rank + 8] for rank in range(4)]
    tensor = [[4 * node + rank for rank in range(4)] for node in range(3)]
    assert fabric.touched(data).tolist() == [False, True, False, False]
    assert not fabric.touched(tensor).any()
    keys = fabric.signatures(data)
    assert len(set(keys)) == 2
    assert keys[0] == keys[2] == keys[3] == NODES.signature(data[0])


def test_a_group_pays_for_its_worst_member() -> None:
    """In the legs that analytical timings charge, in the cut that nobody can beat, and in the one link of DeepFlow."""
    fabric = degraded(NODES, SLOW_CARD)
    group = [1, 5, 9]
    assert fabric.legs(group)[0].link.bandwidth_bytes_per_s == pytest.approx(5 * GB)
    assert fabric.legs([0, 4, 8]) == NODES.legs([0, 4, 8])
    assert fabric.legs(range(12))[1].link.bandwidth_bytes_per_s == pytest.approx(5 * GB)
    assert fabric.narrowest_cut(group).bandwidth_bytes_per_s == pytest.approx(5 * GB)
    assert fabric.narrowest_cut(range(12)).bandwidth_bytes_per_s == pytest.approx(155 * GB)
    system = System(dimensions=NODES.dimensions, device=Device(name="any"), degraded=[SLOW_CARD])
    link = system.link("dp", group)
    assert (link.bandwidth_bytes_per_s, link.latency_s) == (pytest.approx(5 * GB), pytest.approx(2e-6))
    assert system.link("dp", [0, 4, 8]) == attrs.evolve(system, degraded=()).link("dp", group)


def test_a_link_that_is_down_is_gone_round() -> None:
    """A ring the other way, a card over a neighbour's, a full mesh over a third rank."""
    ring = degraded(fabric_of(("ring", 5, 10)), Degradation(dimension=0, link=[0, 1], down=True))
    assert [hop.name for hop in ring.path(0, 1)] == ["d0 0→4", "d0 4→3", "d0 3→2", "d0 2→1"]
    cards = degraded(NODES, Degradation(dimension=1, ranks=[5], down=True))
    names = [hop.name for hop in cards.path(5, 9)]
    assert names == ["d0 5→switch", "d0 switch→4", "d1 4→switch", "d1 switch→8", "d0 8→switch", "d0 switch→9"]
    mesh = degraded(fabric_of(("fully_connected", 3, 10)), Degradation(dimension=0, link=[0, 2], down=True))
    assert [hop.name for hop in mesh.path(0, 2)] == ["d0 0→1", "d0 1→2"]


def test_ranks_that_are_cut_off_are_named() -> None:
    """Nobody can send to them."""
    lone = degraded(
        NODES, Degradation(dimension=0, ranks=[7], down=True), Degradation(dimension=1, ranks=[7], down=True)
    )
    assert lone.separated() == (7,)
    with pytest.raises(VersimError, match="ranks 0 and 7 are cut off from one another"):
        lone.path(0, 7)
    node = degraded(NODES, Degradation(dimension=1, node=2, down=True))
    assert node.separated() == (8, 9, 10, 11)
    assert degraded(NODES, SLOW_CARD).separated() == ()
    assert degraded(NODES, Degradation(dimension=1, ranks=[5], down=True)).separated() == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dimension": 1}, "one of ranks, node and link"),
        ({"dimension": 1, "ranks": [1], "node": 2, "down": True}, "one of ranks, node and link"),
        ({"dimension": 1, "ranks": [1]}, "needs a bandwidth_factor"),
        ({"dimension": 1, "ranks": [1], "bandwidth_factor": 0.0}, "for no bandwidth say down"),
        ({"dimension": 1, "ranks": [1], "bandwidth_factor": 2.0}, "at most 1"),
        ({"dimension": 0, "link": [1], "down": True}, "between two ranks"),
        ({"dimension": 2, "ranks": [1], "down": True}, "there is no dimension 2"),
        ({"dimension": 1, "node": 3, "down": True}, "there is no node 3"),
        ({"dimension": 1, "ranks": [12], "down": True}, "rank 12 is outside"),
        ({"dimension": 1, "link": [1, 5], "down": True}, "a switch, has no link between 1 and 5"),
        ({"dimension": 1, "ranks": [1], "bandwidth_factor": 1e-320}, "less than 1e-30 bytes/s may be left of a link"),
        ({"dimension": 1, "ranks": [1], "bandwidth_factor": 1e-21}, "less than 1e-30 bytes/s may be left of a link"),
        ({"dimension": 1, "ranks": [1], "added_latency_s": 1e30}, "a link may take longer than 1e[+]30 s"),
    ],
)
def test_what_the_network_does_not_have_cannot_be_at_fault(wrong: dict[str, Any], message: str) -> None:
    """A mistyped rank would degrade nothing in silence."""
    with pytest.raises(ValueError, match=message):
        System(dimensions=NODES.dimensions, device=Device(name="any"), degraded=[Degradation(**wrong)])


@given(
    fabric=fabrics().filter(lambda made: made.world_size > 1),
    factor=st.floats(0.01, 1.0, exclude_max=True),
    data=st.data(),
)
def test_nothing_is_faster_over_degraded_links(fabric: Fabric, factor: float, data: st.DataObject) -> None:
    """Neither a path nor a leg nor a cut; and untouched groups have the answers that they had."""
    everyone = range(fabric.world_size)
    rank = data.draw(st.sampled_from(everyone))
    dimension = data.draw(st.integers(0, len(fabric.dimensions) - 1))
    slow = degraded(fabric, Degradation(dimension=dimension, ranks=[rank], bandwidth_factor=factor))
    group = data.draw(st.lists(st.sampled_from(everyone), min_size=2, max_size=6, unique=True))
    for before, after in zip(fabric.legs(group), slow.legs(group), strict=True):
        assert after.link.bandwidth_bytes_per_s <= before.link.bandwidth_bytes_per_s
    least_s, slower_s = (one.least_time_s(Kind.ALL_REDUCE, 10**9, group) for one in (fabric, slow))
    assert slower_s >= least_s * (1 - 1e-12)
    assert fabric.path_link(*group[:2]).bandwidth_bytes_per_s >= slow.path_link(*group[:2]).bandwidth_bytes_per_s
    if not slow.touched([group])[0]:
        assert (slow.cuts(group), slow.legs(group)) == (fabric.cuts(group), fabric.legs(group))
        assert slow.path(*group[:2]) == fabric.path(*group[:2])


RING = fabric_of(("ring", 8, 10))


@pytest.mark.parametrize(
    ("group", "gb_per_s"),
    [
        ([0, 1], 1),
        ([1, 0], 1),
        # On the way between the two, though neither has it.
        ([7, 2], 1),
        # The other way is the shorter.
        ([2, 7], 1),
        ([1, 3], 10),
        # Equally long ways are walked upwards, so of one of the two messages.
        ([0, 4], 10),
        # An arc that begins at the slow link has that one and a whole one.
        (range(8), 11),
        ([0, 2, 4], 11),
    ],
)
def test_a_single_slow_link_of_a_ring_narrows_the_cut_that_it_is_in(group: list[int], gb_per_s: float) -> None:
    """Its two ranks have another link each, which helps only where that is on a way."""
    slow = degraded(RING, Degradation(dimension=0, link=[0, 1], bandwidth_factor=0.1))
    assert slow.narrowest_cut(group).bandwidth_bytes_per_s == pytest.approx(gb_per_s * GB)


def test_two_slow_links_of_a_ring_cut_off_what_lies_between() -> None:
    """However many members there are on either side."""
    slow = degraded(RING, *(Degradation(dimension=0, link=link, bandwidth_factor=0.1) for link in ([0, 1], [3, 4])))
    cut = slow.narrowest_cut(range(8))
    assert cut.bandwidth_bytes_per_s == pytest.approx(2 * GB)
    assert sorted([cut.inside, cut.outside]) == [3, 5]


def test_a_slow_link_between_two_that_are_fully_connected_is_theirs() -> None:
    """A message between the two has no other; a collective of four has five others."""
    slow = degraded(fabric_of(("fully_connected", 4, 10)), Degradation(dimension=0, link=[0, 1], bandwidth_factor=0.1))
    assert slow.narrowest_cut([0, 1]).bandwidth_bytes_per_s == pytest.approx(1 * GB)
    assert slow.narrowest_cut([0, 2]).bandwidth_bytes_per_s == pytest.approx(10 * GB)
    assert slow.narrowest_cut(range(4)).bandwidth_bytes_per_s == pytest.approx(21 * GB)


@given(fabric=fabrics().filter(lambda made: made.world_size > 1), data=st.data())
def test_no_cut_carries_less_than_what_ways_take_across_slow_links(fabric: Fabric, data: st.DataObject) -> None:
    """Cards and single links at any share: an all-to-all along the fabric's ways is never below the least time."""
    everyone = range(fabric.world_size)
    what = []
    for _ in range(data.draw(st.integers(1, 4))):
        dimension = data.draw(st.integers(0, len(fabric.dimensions) - 1))
        factor = data.draw(st.sampled_from([0.01, 0.5]))
        ends = data.draw(st.sampled_from(everyone)), data.draw(st.sampled_from(everyone))
        one = Degradation(dimension=dimension, ranks=ends[:1], bandwidth_factor=factor)
        if ends[0] != ends[1]:
            pair = Degradation(dimension=dimension, link=ends, bandwidth_factor=factor)
            one = one if faults_of([pair], fabric.dimensions, fabric.world_size) else pair
        what.append(one)
    slow = degraded(fabric, *what)
    group = data.draw(st.lists(st.sampled_from(everyone), min_size=2, max_size=6, unique=True))
    load: Counter[str] = Counter()
    rate: dict[str, float] = {}
    for source, target in itertools.permutations(group, 2):
        for hop in slow.path(source, target):
            load[hop.name] += 1_000_000
            rate[hop.name] = hop.link.bandwidth_bytes_per_s
        alone_s = 1_000_000 / slow.path_link(source, target).bandwidth_bytes_per_s
        assert alone_s >= slow.least_time_s(Kind.POINT_TO_POINT, 1_000_000, [source, target]) * (1 - 1e-9)
    busiest_s = max(count / rate[name] for name, count in load.items())
    assert busiest_s >= slow.least_time_s(Kind.ALL_TO_ALL, 1_000_000 * len(group), group) * (1 - 1e-9)


def test_many_slow_cards_are_no_slow_link() -> None:
    """A link has two ends: what is said of others does not make it slower."""
    cards = [Degradation(dimension=1, ranks=[rank], bandwidth_factor=1e-6) for rank in range(12)]
    hop = degraded(NODES, *cards).path(0, 4)[-1]
    assert hop.link.bandwidth_bytes_per_s > 0
