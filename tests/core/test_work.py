"""What a step does, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Folded, Gemm, Kind, shard_bytes


@given(size_bytes=st.integers(1, 1 << 50), participants=st.integers(2, 4096))
def test_shards_cover_the_tensor_with_less_than_a_byte_each_to_spare(size_bytes: int, participants: int) -> None:
    """Whoever converts full tensors to shards and back must not lose a byte."""
    for kind in (Kind.ALL_GATHER, Kind.REDUCE_SCATTER):
        shard = shard_bytes(kind, size_bytes, participants)
        assert size_bytes <= shard * participants < size_bytes + participants


@pytest.mark.parametrize("kind", [Kind.ALL_REDUCE, Kind.ALL_TO_ALL, Kind.BROADCAST, Kind.POINT_TO_POINT])
def test_other_kinds_contribute_the_full_tensor(kind: Kind) -> None:
    """Only gathering and scattering have ranks hold less than the tensor."""
    assert shard_bytes(kind, 1001, 8) == 1001


def test_terms_are_values() -> None:
    """Equal work is timed once, whoever made it."""
    assert Gemm(1, 2, 3, 2) == Gemm(1, 2, 3, 2)
    assert len({Folded("all_reduce", 8, "tp", 2), Folded(Kind.ALL_REDUCE, 8, "tp", 2)}) == 1


def test_an_unknown_kind_of_folded_communication_is_refused_at_once() -> None:
    """It would otherwise be timed as nothing."""
    with pytest.raises(ValueError, match="allreduce"):
        Folded("allreduce", 8, "tp", 2)
