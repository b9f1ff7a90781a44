"""Ranks, coordinates and placements."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import meshes, placements
from versim import Mesh


@given(mesh=meshes())
def test_ranks_are_row_major_indices_of_coordinates(mesh: Mesh) -> None:
    """The last axis varies fastest: simulators that read per-rank files depend on it."""
    every = list(itertools.product(*(range(size) for size in mesh.sizes)))
    assert [mesh.rank(coordinates) for coordinates in every] == list(range(mesh.world_size))
    assert [mesh.coordinates(rank) for rank in range(mesh.world_size)] == every


@given(data=st.data())
def test_a_placement_is_the_product_of_its_indices(data: st.DataObject) -> None:
    """Its ranks are those whose every coordinate is among the indices, ascending."""
    mesh = data.draw(meshes())
    placement = data.draw(placements(mesh))
    allowed = mesh.occupied(placement)
    expected = [
        rank
        for rank in range(mesh.world_size)
        if all(index in axis for index, axis in zip(mesh.coordinates(rank), allowed, strict=True))
    ]
    assert mesh.ranks(placement).tolist() == expected
    assert mesh.rank_count(placement) == len(expected)


@given(data=st.data())
def test_what_two_placements_share_is_the_intersection_of_their_ranks(data: st.DataObject) -> None:
    """Dependencies hold on exactly these ranks."""
    mesh = data.draw(meshes())
    one, other = data.draw(placements(mesh)), data.draw(placements(mesh))
    shared = set(mesh.ranks(one).tolist()) & set(mesh.ranks(other).tolist())
    common = one.common(other)
    assert (set() if common is None else set(mesh.ranks(common).tolist())) == shared
    assert (common is None) == (other.common(one) is None)


@given(data=st.data())
def test_groups_divide_the_ranks_of_a_placement(data: st.DataObject) -> None:
    """Every rank is in one group, and the members of one differ along the given axes only."""
    mesh = data.draw(meshes())
    placement = data.draw(placements(mesh))
    axes = data.draw(st.sets(st.sampled_from(mesh.names)))
    groups = [group.tolist() for group in mesh.groups(placement, axes)]
    assert sorted(itertools.chain(*groups)) == mesh.ranks(placement).tolist()
    assert groups == sorted(sorted(group) for group in groups)
    off = [position for position, name in enumerate(mesh.names) if name not in axes]
    for group in groups:
        assert len({tuple(mesh.coordinates(rank)[position] for position in off) for rank in group}) == 1


def test_groups_along_an_axis_are_what_a_reader_expects() -> None:
    """Data-parallel groups of (dp=2, pp=3) join ranks that are one pipeline apart."""
    mesh = Mesh.of(dp=2, pp=3)
    assert [group.tolist() for group in mesh.groups(mesh.placement(), ["dp"])] == [[0, 3], [1, 4], [2, 5]]
    assert [group.tolist() for group in mesh.groups(mesh.placement({"pp": 1}), ["dp"])] == [[1, 4]]


@given(mesh=meshes())
def test_a_whole_axis_has_one_spelling(mesh: Mesh) -> None:
    """Equal placements have to compare equal, or folding and digests would tell them apart."""
    spelt_out = {name: range(size) for name, size in zip(mesh.names, mesh.sizes, strict=True)}
    assert mesh.placement(spelt_out) == mesh.placement()
    repeated = {name: [*range(size), 0] for name, size in zip(mesh.names, mesh.sizes, strict=True)}
    assert mesh.placement(repeated) == mesh.placement()


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ({"pp": 4}, "index 4 is outside axis pp, which has 4"),
        ({"pp": [-1, 0]}, "index -1 is outside axis pp"),
        ({"pp": []}, "at least one index on axis pp"),
        ({"tp": 0}, "has no axis 'tp'"),
    ],
)
def test_places_outside_the_mesh_are_named(on: dict[str, Any], said: str) -> None:
    """A wrong stage number is the commonest slip of a producer."""
    with pytest.raises(ValueError, match=said):
        Mesh.of(dp=2, pp=4).placement(on)


@pytest.mark.parametrize("sizes", [{"dp": 0}, {"dp": -1}, {"dp": True}, {"dp": 1.5}, {}])
def test_impossible_meshes_are_refused(sizes: dict[str, Any]) -> None:
    """Every axis holds at least one rank, in whole numbers."""
    with pytest.raises(ValueError, match="axis"):
        Mesh.of(**sizes)


def test_an_axis_stands_once() -> None:
    """Its name is how everything refers to it."""
    with pytest.raises(ValueError, match="distinct axis names"):
        Mesh(("dp", "dp"), (2, 2))


@pytest.mark.parametrize("rank", [-1, 8])
def test_a_rank_outside_the_mesh_has_no_coordinates(rank: int) -> None:
    """Wrapping round would point at an innocent rank."""
    with pytest.raises(ValueError, match=f"rank {rank} is outside the mesh"):
        Mesh.of(dp=2, pp=4).coordinates(rank)


@pytest.mark.parametrize("coordinates", [(5, 5), (0, 2), (-1, 0)])
def test_coordinates_outside_the_mesh_have_no_rank(coordinates: tuple[int, ...]) -> None:
    """The inverse refuses ranks outside; this one points at an innocent rank, or at none."""
    with pytest.raises(ValueError, match="outside"):
        Mesh.of(a=2, b=2).rank(coordinates)
