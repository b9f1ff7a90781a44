"""What a step does, as values."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import (
    Attention,
    FaultsError,
    Folded,
    Gemm,
    GraphBuilder,
    GroupedGemm,
    Kind,
    Mesh,
    Pass,
    shard_bytes,
)


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


def test_a_kind_of_folded_communication_is_open_text() -> None:
    """Whoever times it may know more kinds than versim; what cannot be shown is none."""
    assert Folded("gossip", 8, "tp", 2).kind == Kind("gossip")
    with pytest.raises(ValueError, match="is no kind"):
        Folded("\x1b", 8, "tp", 2)


def test_operations_of_products_count_a_multiplication_with_its_addition_twice() -> None:
    """All timings and model FLOP utilisation stand on one count."""
    assert Gemm(2, 3, 5, 2, batch=7).flop == 2 * 2 * 3 * 5 * 7
    assert GroupedGemm(m=8, k=3, n=5, groups=4, element_bytes=2).flop == Gemm(2, 3, 5, 2, batch=4).flop


def test_attention_is_two_products_forward_and_five_backward_and_half_of_them_under_a_causal_mask() -> None:
    """A kernel that skips the mask executes half; utilisation counts attention in full."""
    full = Attention(2, 8, 2, 128, 256, 64, causal=False, element_bytes=2)
    products = Gemm(128, 64, 256, 2, batch=16).flop + Gemm(128, 256, 64, 2, batch=16).flop
    assert full.flop == full.full_flop == products
    backward = attrs.evolve(full, of_pass=Pass.DATA_GRADIENT, causal=True)
    assert backward.full_flop == 2.5 * products
    assert backward.flop == backward.full_flop / 2


def test_values_narrower_than_keys_move_and_compute_less() -> None:
    """Latent attention has keys of 192 and values of 128 elements."""
    term = Attention(1, 4, 4, 64, 64, 192, causal=False, element_bytes=2, value_size=128)
    assert term.flop == 2 * 4 * 64 * 64 * (192 + 128)
    assert term.access_bytes == 2 * 2 * 4 * 64 * (192 + 128)


@pytest.mark.parametrize("term", [Gemm(1, 1, 1, 2, dtype="bf15"), Attention(1, 1, 1, 0, 1, 1, True, 2)])
def test_an_impossible_term_is_refused_where_it_stands(term: Gemm | Attention) -> None:
    """A timing must not be the first to notice."""
    builder = GraphBuilder(Mesh.of(dp=2))
    builder.compute("work", [(term, 1)])
    with pytest.raises(FaultsError, match=r"node 0 \('work'\)"):
        builder.build()
