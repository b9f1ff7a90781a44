"""The fork's networks and algorithms against what can be drawn and worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim_astrasim.engine import NetworkConfig
from versim_astrasim.engine.failures import Abort, EndlessLoop, Refusal
from versim_astrasim.engine.rapid_llm.algorithms import ring_rounds
from versim_astrasim.engine.rapid_llm.faults import Faults
from versim_astrasim.engine.rapid_llm.network import wiring_of
from versim_astrasim.engine.rapid_llm.shapes import FullyConnected, KingMesh2D, Mesh, Mesh2D, Ring, Shape, Torus2D
from versim_astrasim.engine.rapid_llm.trees import BinaryTree, DoubleBinaryTree
from versim_astrasim.engine.system_config import CollectiveKind
from versim_astrasim.engine.variant import Variant
from versim_astrasim.engine.wiring import Wiring

SHAPES: dict[str, Callable[[int], Shape]] = {
    "Ring": Ring,
    "FullyConnected": FullyConnected,
    "Mesh": Mesh,
    "Torus2D": Torus2D,
    "Mesh2D": Mesh2D,
    "KingMesh2D": KingMesh2D,
    "BinaryTree": BinaryTree,
    "DoubleBinaryTree": DoubleBinaryTree,
}
SQUARES = ("Torus2D", "Mesh2D", "KingMesh2D")


def wired(topology: list[str], sizes: list[int], faulty_links: list[list[float]] | None = None) -> Wiring:
    """A network of the fork with links of 50 GiB/s and 500 ns."""
    mapping = {
        "topology": topology,
        "npus_count": sizes,
        "bandwidth": [50.0] * len(sizes),
        "latency": [500.0] * len(sizes),
        "faulty_links": faulty_links or [],
    }
    return wiring_of(NetworkConfig.from_mapping(mapping, variant=Variant.RAPID_LLM))


@given(name=st.sampled_from(sorted(SHAPES)), data=st.data())
def test_every_step_of_a_whole_shape_is_over_a_link(name: str, data: st.DataObject) -> None:
    """Between any two devices there is a way, over neighbours only, that visits none twice."""
    size = data.draw(st.sampled_from([4, 9, 16, 25]) if name in SQUARES else st.integers(2, 33))
    shape = SHAPES[name](size)
    source, destination = data.draw(st.permutations(range(size)))[:2]
    path = shape.path(source, destination)
    assert (path[0], path[-1]) == (source, destination)
    assert len(set(path)) == len(path)
    assert all(shape.joined(here, there) for here, there in pairwise(path))


@pytest.mark.parametrize(
    ("name", "source", "destination", "path"),
    [
        ("Ring", 1, 7, [1, 0, 8, 7]),
        ("Mesh", 7, 4, [7, 6, 5, 4]),
        ("Torus2D", 0, 8, [0, 2, 8]),  # left over the edge, then up over the edge
        ("Mesh2D", 0, 8, [0, 1, 2, 5, 8]),
        ("KingMesh2D", 0, 7, [0, 4, 7]),
        ("BinaryTree", 0, 6, [0, 1, 3, 5, 6]),
        ("DoubleBinaryTree", 0, 8, [0, 1, 3, 8]),  # the tree whose root is 8; the other one takes 0, 4, 6, 7, 8
    ],
)
def test_ways_among_nine_devices(name: str, source: int, destination: int, path: list[int]) -> None:
    """Drawn by hand. The tree of nine: 7 over 3 and 8, 3 over 1 and 5, and those over 0, 2, 4 and 6."""
    assert SHAPES[name](9).path(source, destination) == path


def test_a_broken_link_is_gone_round() -> None:
    """Over the next row in the torus and the mesh, and straight over it on a ring, which knows no faults."""
    broken = Faults(((0, 1, 0.0),))
    assert Torus2D(16, broken).path(0, 1) == [0, 4, 5, 1]
    assert Mesh2D(16, broken).path(0, 1) == [0, 4, 5, 1]
    assert Ring(16, broken).path(0, 1) == [0, 1]


def test_a_broken_link_of_the_own_column_is_never_got_round() -> None:
    """One column aside, the way leads back to where it came from: the program never comes back."""
    with pytest.raises(EndlessLoop, match="comes back to device 0 for ever"):
        Torus2D(16, Faults(((0, 4, 0.0),))).path(0, 4)


def test_a_product_is_crossed_from_the_outermost_dimension_inwards() -> None:
    """From (0, 0) to (2, 1) of 4 × 4: first along dimension 1, then two steps along dimension 0."""
    assert wired(["Ring", "Ring"], [4, 4]).path(0, 6) == (0, 4, 5, 6)


def test_a_product_avoids_a_broken_link_over_the_next_dimension() -> None:
    """Before the broken link 0-1, one step up in dimension 1, and on from there in the other order."""
    assert wired(["Ring", "Ring"], [4, 4], [[0, 1, 0.0]]).path(0, 1) == (0, 4, 5, 1)


def test_a_product_looks_at_its_first_faulty_link_only() -> None:
    """Of two faulty links the second is whole (measured on the fork)."""
    wiring = wired(["Ring", "Ring"], [4, 4], [[0, 1, 0.5], [1, 2, 0.5]])
    bandwidths = [(wire or pytest.fail("no wire")).bandwidth_gib_per_s for wire in map(wiring.wire, (0, 1), (1, 2))]
    assert bandwidths == [25.0, 50.0]


@pytest.mark.parametrize(
    ("topology", "sizes", "failure", "text"),
    [
        (["Switch"], [4], Abort, "device 4 that is not there"),
        (["Bus"], [4], Refusal, "Bus is not supported as a network"),
        (["Mesh2D"], [8], Abort, "no square"),
        (["KingMesh2D", "Ring"], [4, 4], Refusal, "KingMesh2D is not supported as a dimension"),
        (["BinaryTree", "Ring"], [4, 4], Abort, "no wires"),
    ],
)
def test_networks_the_fork_does_not_survive(
    topology: list[str], sizes: list[int], failure: type[Exception], text: str
) -> None:
    """It dies building some and refuses others."""
    with pytest.raises(failure, match=text):
        wired(topology, sizes)


def test_ring_messages_are_halved_and_all_to_all_messages_are_not_cut() -> None:
    """Of 1,000 bytes among four: 125 in an all-reduce, 500 in an all-gather, 250 in a reduce-scatter."""
    sizes = {kind: ring_rounds(kind, 1000, 4).message_bytes for kind in CollectiveKind}
    assert sizes == {
        CollectiveKind.ALL_REDUCE: 125,
        CollectiveKind.ALL_GATHER: 500,
        CollectiveKind.REDUCE_SCATTER: 250,
        CollectiveKind.ALL_TO_ALL: 1000,
    }
