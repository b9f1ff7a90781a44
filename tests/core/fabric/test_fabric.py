"""The network as an object: paths, what a group crosses, where it is narrowest, who lies alike."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import fabric_of, fabrics
from versim import Cut, Device, Fabric, Kind, Level, System

GB = 1e9


NODES = fabric_of(("switch", 8, 450), ("switch", 8, 50))


@st.composite
def grouped(draw: st.DrawFn, *, partly: bool = True) -> tuple[Fabric, list[int]]:
    """A fabric of at least two endpoints and a group of at least two of them, in any order."""
    fabric = draw(fabrics(partly=partly).filter(lambda made: made.world_size > 1))
    everyone = range(fabric.world_size)
    return fabric, draw(st.lists(st.sampled_from(everyone), min_size=2, max_size=8, unique=True))


@pytest.mark.parametrize(
    ("ranks", "levels", "regular"),
    [
        (range(8), [Level(0, 8)], True),
        (range(0, 64, 8), [Level(1, 8)], True),
        (range(64), [Level(0, 8), Level(1, 8)], True),
        ([0, 1, 8, 9], [Level(0, 2), Level(1, 2)], True),
        ([0, 1, 8], [Level(0, 2), Level(1, 2)], False),
        ([0, 9], [Level(0, 2), Level(1, 2)], False),
        ([5], [], True),
    ],
)
def test_a_group_crosses_the_dimensions_its_members_differ_in(
    ranks: list[int], levels: list[Level], regular: bool
) -> None:
    """A hierarchical collective needs a grid; what is none has to be told apart."""
    spread = NODES.spread(ranks)
    assert (list(spread.levels), spread.regular) == (levels, regular)


@pytest.mark.parametrize(
    ("fabric", "ranks", "cut"),
    [
        (NODES, range(8), Cut(0, 1, 7, 450 * GB, 450 * GB)),
        (NODES, range(0, 64, 8), Cut(1, 1, 7, 50 * GB, 50 * GB)),
        (NODES, range(64), Cut(1, 8, 56, 400 * GB, 400 * GB)),
        # Seven ranks of one node and one of another: its own network card is the narrowest.
        (NODES, [*range(7), 8], Cut(1, 7, 1, 50 * GB, 350 * GB)),
        (NODES, [0, 9], Cut(1, 1, 1, 50 * GB, 50 * GB)),
        # Eight endpoints of a node share four network cards.
        (fabric_of(("switch", 8, 450), ("switch", 4, 50, 2.0)), range(32), Cut(1, 8, 24, 200 * GB, 200 * GB)),
        (fabric_of(("switch", 8, 450), ("switch", 4, 50, 2.0)), range(0, 32, 8), Cut(1, 1, 3, 50 * GB, 50 * GB)),
        (fabric_of(("ring", 8, 10)), range(8), Cut(0, 4, 4, 20 * GB, 20 * GB)),
        (fabric_of(("ring", 2, 10)), range(2), Cut(0, 1, 1, 10 * GB, 10 * GB)),
        # Between two ranks of a ring one way is taken.
        (fabric_of(("ring", 8, 10)), [0, 3], Cut(0, 1, 1, 10 * GB, 10 * GB)),
        (fabric_of(("fully_connected", 4, 10)), range(4), Cut(0, 1, 3, 30 * GB, 30 * GB)),
        (fabric_of(("fully_connected", 8, 10)), [1, 5], Cut(0, 1, 1, 10 * GB, 10 * GB)),
        # A torus with one slow direction: the slab across it, not the endpoint.
        (fabric_of(("ring", 4, 10), ("ring", 4, 1)), range(16), Cut(1, 8, 8, 8 * GB, 8 * GB)),
    ],
)
def test_the_narrowest_cut_of_a_group(fabric: Fabric, ranks: list[int], cut: Cut) -> None:
    """Worked by hand: links of the side with fewer ends, in the dimension that carries least."""
    found = fabric.narrowest_cut(ranks)
    assert found == cut or found == Cut(
        cut.dimension, cut.outside, cut.inside, cut.bandwidth_bytes_per_s, cut.widest_bytes_per_s
    )


@given(grouped())
def test_no_cut_carries_less_than_what_paths_take_across_it(case: tuple[Fabric, list[int]]) -> None:
    """An all-to-all along the fabric's own paths loads no link so little that it would beat the least time."""
    fabric, ranks = case
    size_bytes = 1_000_000 * len(ranks)
    for reverse in (False, True):
        load: Counter[str] = Counter()
        rate: dict[str, float] = {}
        for source, target in itertools.permutations(ranks, 2):
            # The same walked from the target's side is the path of someone who corrects the outermost first.
            for hop in fabric.path(target, source) if reverse else fabric.path(source, target):
                load[hop.name] += 1_000_000
                rate[hop.name] = hop.link.bandwidth_bytes_per_s
        busiest_s = max(count / rate[name] for name, count in load.items())
        assert busiest_s >= fabric.least_time_s(Kind.ALL_TO_ALL, size_bytes, ranks) * (1 - 1e-9)


@given(grouped())
def test_a_message_takes_as_long_as_its_slowest_link_at_least(case: tuple[Fabric, list[int]]) -> None:
    """Between two endpoints the cut is the path."""
    fabric, (source, target, *_) = case
    least_s = fabric.least_time_s(Kind.POINT_TO_POINT, 10**9, [source, target])
    assert 10**9 / fabric.path_link(source, target).bandwidth_bytes_per_s >= least_s * (1 - 1e-9)


@given(grouped(partly=False), st.data())
def test_groups_that_lie_alike_have_equal_answers(case: tuple[Fabric, list[int]], data: st.DataObject) -> None:
    """A group moved by a symmetry of the network keeps its signature, its cuts and its paths."""
    fabric, ranks = case
    moved = np.zeros(len(ranks), dtype=np.int64)
    for column, dimension, stride in zip(fabric.coordinates(ranks).T, fabric.dimensions, fabric.strides, strict=True):
        if dimension.topology == "ring":
            places = (np.arange(dimension.size) + data.draw(st.integers(0, dimension.size - 1))) % dimension.size
        else:
            places = np.array(data.draw(st.permutations(range(dimension.size))))
        moved += places[column] * stride
    assert fabric.signature(moved) == fabric.signature(ranks)
    fresh = Fabric(fabric.dimensions)
    assert fresh.cuts(moved) == fabric.cuts(ranks)
    for (a, b), (c, d) in zip(itertools.pairwise(ranks), itertools.pairwise(moved.tolist()), strict=True):
        assert [hop.link for hop in fabric.path(a, b)] == [hop.link for hop in fabric.path(c, d)]


@given(fabrics().filter(lambda made: made.world_size > 1), st.data())
def test_equal_signatures_mean_equal_paths(fabric: Fabric, data: st.DataObject) -> None:
    """What is asked once for groups that lie alike has to hold for each of them."""
    pairs = st.lists(st.integers(0, fabric.world_size - 1), min_size=3, max_size=3)
    one, other = data.draw(pairs), data.draw(pairs)
    if fabric.signature(one) == fabric.signature(other):
        for mine, theirs in zip(itertools.permutations(one, 2), itertools.permutations(other, 2), strict=True):
            assert [hop.link for hop in fabric.path(*mine)] == [hop.link for hop in fabric.path(*theirs)]


def test_group_order_is_part_of_lying_alike() -> None:
    """A ring algorithm sends to the next in the group, so another order is another question."""
    assert NODES.signature([0, 1, 8, 9]) != NODES.signature([0, 8, 1, 9])
    assert NODES.signature([0, 1, 8, 9]) == NODES.signature([7, 3, 23, 19])
    ring = fabric_of(("ring", 8, 1))
    assert ring.signature([0, 1]) != ring.signature([1, 0])
    assert ring.signature([0, 1]) == ring.signature([7, 0])


def test_a_hundred_thousand_endpoints_are_one_answer() -> None:
    """Groups that lie alike are answered once, and all at once."""
    fabric = fabric_of(("switch", 8, 450), ("switch", 32, 50), ("switch", 400, 25))
    tensor = np.arange(fabric.world_size).reshape(-1, 8)
    data = np.arange(fabric.world_size).reshape(-1, 64).T
    assert len(set(fabric.signatures(tensor))) == 1
    assert len(set(fabric.signatures(data))) == 1
    everyone = range(fabric.world_size)
    assert fabric.narrowest_cut(everyone) == Cut(0, 1, 102_399, 525 * GB, 525 * GB)
    assert Cut(2, 256, 102_144, 6400 * GB, 6400 * GB) in fabric.cuts(everyone)


@pytest.mark.parametrize("ranks", [[], [0, 64], [-1], [3, 3]])
def test_what_is_no_group_is_refused(ranks: list[int]) -> None:
    """A wrong rank would read another endpoint's coordinates."""
    with pytest.raises(ValueError, match="rank"):
        NODES.spread(ranks)


def test_a_system_keeps_its_fabric_and_can_be_sent_elsewhere() -> None:
    """Asked thousands of times per step; and sweeps send systems to other processes."""
    system = System(dimensions=NODES.dimensions, device=Device(name="any"))
    assert system.fabric is system.fabric
    assert system.fabric.bisection_bytes_per_s(1) == 32 * 50 * GB
    for other in (copy.deepcopy(system), pickle.loads(pickle.dumps(system))):
        assert other == system
        assert other.fabric.narrowest_cut(range(8)) == system.fabric.narrowest_cut(range(8))


RACKS = fabric_of(("switch", 72, 900), ("switch", 2, 50), endpoints=76)


@given(grouped())
def test_a_way_passes_no_place_without_an_endpoint(case: tuple[Fabric, list[int]]) -> None:
    """Of a block that is partly filled, what is not there passes nothing on."""
    fabric, ranks = case
    for source, target in itertools.permutations(ranks, 2):
        assert all(end < fabric.world_size for hop in fabric.path(source, target) for end in hop.ends)


def test_out_of_a_filled_block_a_message_leaves_over_a_card_that_faces_one() -> None:
    """The card of rank 71 faces no card in the last block, so a rank that has one passes its message on."""
    assert [hop.name for hop in RACKS.path(71, 73)] == [
        "d0 71→switch", "d0 switch→1", "d1 1→switch", "d1 switch→73"
    ]  # fmt: skip
    assert [hop.name for hop in RACKS.path(73, 71)] == [
        "d1 73→switch", "d1 switch→1", "d0 1→switch", "d0 switch→71"
    ]  # fmt: skip
    assert RACKS.narrowest_cut(range(76)) == Cut(1, 4, 72, 200 * GB, 200 * GB)
    assert RACKS.bisection_bytes_per_s(1) == 200 * GB
    assert not RACKS.spread(range(76)).regular
    assert RACKS.signature([0, 1, 2, 3]) == RACKS.signature([72, 73, 74, 75])
    assert RACKS.signature([0, 72]) != RACKS.signature([71, 72])


def test_a_block_that_is_partly_filled_shares_less() -> None:
    """Four endpoints with a card each, two to one: the block of four has two cards' worth, a full one 36."""
    shared = fabric_of(("switch", 72, 900), ("switch", 2, 50, 2.0), endpoints=76)
    rates = [hop.link.bandwidth_bytes_per_s / GB for hop in shared.path(0, 72)]
    assert rates == [50, 36 * 50, 2 * 50, 50]


@pytest.mark.parametrize(
    ("dimensions", "endpoints", "message"),
    [
        ([("switch", 8, 1), ("switch", 3, 1)], 16, "endpoints must be from 17 to 24"),
        ([("switch", 8, 1), ("switch", 3, 1)], 25, "endpoints must be from 17 to 24"),
        ([("ring", 8, 1), ("switch", 3, 1)], 20, "a ring has to be filled"),
    ],
)
def test_a_network_that_is_partly_filled_has_no_empty_block_and_no_open_ring(
    dimensions: list[tuple[str, int, float]], endpoints: int, message: str
) -> None:
    """A whole block fewer is a smaller dimension, and an open ring another network."""
    with pytest.raises(ValueError, match=message):
        fabric_of(*dimensions, endpoints=endpoints)
